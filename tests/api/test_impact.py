"""POST /impact: who is downstream and what could not be made again, as JSON and as a table."""

from __future__ import annotations

import csv
import io
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.api.calls import Rest

COLUMNS = [
    "hop", "kind", "key", "project", "state", "type", "name", "created_at", "turns_irreproducible",
]  # fmt: skip


@pytest.fixture
def made(rest: Rest) -> Rest:
    """raw:v0 -> split -> data:v0 -> train (two segments) -> model:v0, model:v1."""

    def log(collection: str, run: str | None = None) -> None:
        path = None if run is None else f"{rest.name}/{run}"
        rest.log(collection, {"x": uuid4().bytes}, run=path)

    def use(run: str, name: str) -> None:
        assert rest.post(f"{{P}}/runs/{run}/used", {"artifact": f"{rest.name}/{name}"}).is_success

    log("raw")
    rest.start("split", name="=SUM(A1:A9)", job_type="-prep")
    use("split", "raw:v0")
    log("data", "split")
    rest.start("train", name="+1\nsecond line")
    use("train", "data:v0")
    log("model", "train")
    use("train", "raw:v0")
    log("model", "train")
    return rest


def impact(rest: Rest, **body: Any) -> dict[str, Any]:
    answer = rest.post("/impact", body)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_an_impact_counts_names_and_describes_what_is_downstream(made: Rest) -> None:
    p = made.name
    found = impact(made, versions=[f"{p}/raw:latest"])
    assert (found["versions"], found["runs"]) == ([f"artifact:{p}/raw:v0"], [])
    below = found["downstream"]
    assert below["levels"] == [
        [f"run:{p}/split", f"run:{p}/train#2"],
        [f"artifact:{p}/data:v0", f"artifact:{p}/model:v1"],
        [f"run:{p}/train"],
        [f"artifact:{p}/model:v0"],
    ]
    assert (below["n_runs"], below["n_versions"], below["n_hidden"]) == (2, 3, 0)
    assert below["edges"] == []
    keys = [key for level in below["levels"] for key in level]
    assert set(below["nodes"]) == {*keys, f"artifact:{p}/raw:v0"}
    told = below["nodes"][f"run:{p}/split"]
    assert (told["state"], told["type"], told["name"]) == ("running", "-prep", "=SUM(A1:A9)")
    assert found["collections"] == [
        {"name": f"{p}/data", "n_runs": 0, "n_versions": 1},
        {"name": f"{p}/model", "n_runs": 0, "n_versions": 2},
    ]
    assert found["owners"] == [{"name": "acme", "n_runs": 2, "n_versions": 3}]
    # Nothing made raw. But the first segment of train can be repeated while data is stored.
    assert found["irreproducible"] == {
        "runs": [f"run:{p}/split", f"run:{p}/train"],
        "versions": [f"artifact:{p}/data:v0", f"artifact:{p}/model:v1"],
    }
    assert found["lost"] == [f"artifact:{p}/raw:v0"]


def test_the_edges_are_told_if_asked_for(made: Rest) -> None:
    p = made.name
    body = {"versions": [f"{p}/data:v0"]}
    below = made.post("/impact", body, params={"edges": "true"}).json()["downstream"]
    assert below["edges"] == [
        [f"artifact:{p}/data:v0", f"run:{p}/train", "feeds"],
        [f"run:{p}/train", f"artifact:{p}/model:v0", "logged"],
        [f"run:{p}/train", f"run:{p}/train#2", "continues"],
        [f"run:{p}/train#2", f"artifact:{p}/model:v1", "logged"],
    ]


def test_what_can_be_made_again_is_not_lost(made: Rest) -> None:
    p = made.name
    found = impact(made, versions=[f"{p}/data:v0"])
    assert found["irreproducible"] == {"runs": [], "versions": []}
    assert found["lost"] == []
    of_run = impact(made, runs=[f"{p}/split"])
    assert of_run["runs"] == [f"run:{p}/split"]
    assert of_run["downstream"]["levels"][0] == [f"artifact:{p}/data:v0"]
    assert of_run["irreproducible"] == {"runs": [], "versions": [f"artifact:{p}/data:v0"]}
    assert of_run["owners"] == [{"name": "acme", "n_runs": 1, "n_versions": 3}]
    both = impact(made, runs=[f"{p}/split"], with_logged=True)
    assert both["versions"] == [f"artifact:{p}/data:v0"]
    assert both["lost"] == [f"artifact:{p}/data:v0"]
    assert both["irreproducible"]["runs"] == [f"run:{p}/train"]


def test_an_impact_of_nothing_downstream_is_an_answer(made: Rest) -> None:
    found = impact(made, versions=[f"{made.name}/model:v1"])
    assert found["downstream"]["levels"] == []
    assert (found["collections"], found["owners"]) == ([], [])


def test_what_is_deleted_already_still_has_an_impact(made: Rest) -> None:
    made.ask("DELETE", "{P}/collections/data/versions/v0")
    found = impact(made, versions=[f"{made.name}/data:v0"])
    assert found["downstream"]["n_runs"] == 1
    assert found["lost"] == []


def table(answer: httpx2.Response) -> list[list[str]]:
    assert answer.headers["content-type"].startswith("text/csv")
    assert 'filename="impact.csv"' in answer.headers["content-disposition"]
    return list(csv.reader(io.StringIO(answer.text, newline="")))


def test_a_table_has_a_line_for_each_node_and_no_formula(made: Rest) -> None:
    p = made.name
    body = {"versions": [f"{p}/raw:v0"]}
    head, *rows = table(made.post("/impact", body, headers={"Accept": "text/csv"}))
    assert head == COLUMNS
    levels = impact(made, **body)["downstream"]["levels"]
    expected = [(str(hop), key) for hop, keys in enumerate(levels, 1) for key in keys]
    assert [(row[0], row[2]) for row in rows] == expected
    by_key = {row[2]: dict(zip(head, row, strict=True)) for row in rows}
    split = by_key[f"run:{p}/split"]
    assert (split["kind"], split["project"], split["state"]) == ("run", p, "running")
    assert (split["name"], split["type"]) == ("'=SUM(A1:A9)", "'-prep")
    assert split["turns_irreproducible"] == "yes"
    assert by_key[f"run:{p}/train#2"]["name"] == "'+1\nsecond line"
    assert by_key[f"run:{p}/train#2"]["turns_irreproducible"] == "yes"
    model = by_key[f"artifact:{p}/model:v0"]
    assert (model["kind"], model["type"], model["name"]) == ("version", "dataset", "model:v0")
    starts = {cell[:1] for row in rows for cell in row}
    assert starts.isdisjoint("=+-@\t\r")


def test_a_table_without_rows_still_has_its_head(made: Rest) -> None:
    body = {"versions": [f"{made.name}/model:v1"]}
    assert table(made.post("/impact", body, headers={"Accept": "text/csv"})) == [COLUMNS]
