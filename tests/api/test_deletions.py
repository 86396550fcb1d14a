"""What is chosen, deletions that go on behind their request, receipts, and dry runs."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import orjson
import pytest

from lineage.digest import Digest
from tests.api.calls import BUNDLE, Rest, assert_problem, bundle, wait_until
from tests.contracts.stores import GRAPHS, empty_graph
from tests.services.server import Server

N_MANY = 501  # versions: one more than are deleted at once


def log_many(rest: Rest, n_versions: int = N_MANY) -> int:
    """So many versions of one file each, and one that contains all of these; bytes of them."""
    files = {f"f{n}": uuid4().bytes for n in range(n_versions)}
    draft = rest.draft("all", files)
    rest.post("/drafts", draft)
    blobs = [(Digest.of(data), data) for data in files.values()]
    headers = {"Content-Type": BUNDLE}
    rest.post(f"/drafts/{draft['id']}/bundle", content=bundle(blobs), headers=headers)
    assert rest.post("/drafts", draft).json()["version"] is not None
    for path, data in files.items():
        rest.log("many", {path: data})
    return sum(map(len, files.values()))


def planned(rest: Rest, **body: Any) -> dict[str, Any]:
    answer = rest.post("/deletion-plans", body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def names(keys: list[str]) -> list[str]:
    """`digits:v0` and `run r` for keys of this test's project."""
    return [key.replace("run:", "run ").rpartition("/")[2] for key in keys]


@pytest.fixture
def chosen_from(rest: Rest) -> Rest:
    """digits v0 to v3, of which v0 is tagged and v1 has an alias; models v0 with v2's file."""
    rest.start("r")
    for n in range(4):
        named = {"tags": ["old"]} if n == 0 else {"aliases": ["prod"]} if n == 1 else {}
        rest.log("digits", {f"dir/{n}": f"{rest.name}{n}".encode()}, **named)
    rest.log("models", {"weights": f"{rest.name}2".encode()})
    return rest


WAYS: list[tuple[dict[str, Any], list[str]]] = [
    ({"collection": "{P}/digits"}, ["digits:v0", "digits:v1", "digits:v2", "digits:v3"]),
    ({"collection": "{P}/digits", "filter": 'tags = "old"'}, ["digits:v0"]),
    ({"collection": "{P}/digits", "keep_last": 3}, ["digits:v0"]),
    (
        {"collection": "{P}/digits", "keep_last": 1, "filter": "not exists aliases"},
        ["digits:v0", "digits:v2"],
    ),
    ({"project": "{P}", "keep_last": 1}, ["digits:v0", "digits:v1", "digits:v2"]),
    ({"project": "{P}", "filter": 'collection = "models"'}, ["models:v0"]),
    ({"digest": "{2}"}, ["digits:v2", "models:v0"]),
    ({"digest": "{2}", "path": "weights"}, ["models:v0"]),
    ({"digest": "{2}", "keep_last": 1}, ["digits:v2"]),
    ({"path": "dir/3", "filter": 'type = "dataset"'}, ["digits:v3"]),
    ({"versions": ["{P}/models:latest"], "collection": "{P}/digits", "keep_last": 3},
     ["digits:v0", "models:v0"]),
]  # fmt: skip


def filled(rest: Rest, value: Any) -> Any:
    if isinstance(value, str):
        digest = Digest.of(f"{rest.name}2".encode())
        return value.replace("{P}", rest.name).replace("{2}", digest)
    if isinstance(value, list):
        return [filled(rest, item) for item in value]
    return value


@pytest.mark.parametrize(("way", "expected"), WAYS)
def test_a_plan_and_an_impact_mean_the_same_by_each_way_to_choose(
    chosen_from: Rest, way: dict[str, Any], expected: list[str]
) -> None:
    body = {field: filled(chosen_from, value) for field, value in way.items()}
    if way.get("path") == "dir/3":  # other tests have such a path, too
        body["filter"] += f' and digest = "{digest_of(chosen_from, "digits", 3)}"'
    plan = planned(chosen_from, **body)
    assert (names(plan["versions"]), plan["runs"]) == (expected, [])
    impact = chosen_from.post("/impact", body).json()
    assert (impact["versions"], impact["runs"]) == (plan["versions"], [])


def digest_of(rest: Rest, collection: str, index: int) -> str:
    answer = rest.get(f"{{P}}/collections/{collection}/versions/v{index}")
    return str(answer.json()["digest"])


def test_a_whole_project_is_its_runs_too(chosen_from: Rest) -> None:
    plan = planned(chosen_from, project=chosen_from.name, delete_aliases=True)
    assert names(plan["versions"]) == [*(f"digits:v{n}" for n in range(4)), "models:v0"]
    assert plan["runs"] == [f"run:{chosen_from.name}/r"]
    assert [blocker["kind"] for blocker in plan["blockers"]] == ["running"]


WRONG: list[tuple[dict[str, Any], int, str]] = [
    ({}, 404, ""),
    ({"filter": 'tags = "old"'}, 422, "filter"),
    ({"keep_last": 2}, 422, "keep_last"),
    ({"collection": "{P}/digits", "project": "{P}"}, 422, "collection"),
    ({"collection": "{P}/digits", "path": "x"}, 422, "collection"),
    ({"project": "{P}", "digest": "sha256:" + "0" * 64}, 422, "collection"),
    ({"collection": "{P}/digits", "keep_last": -1}, 422, "keep_last"),
    ({"collection": "{P}/digits", "filter": "tags ="}, 422, "filter"),
    ({"collection": "{P}/digits", "filter": "summary.acc > 1"}, 422, "filter"),
    ({"collection": "{P}/digits", "filter": 'tags = "none"'}, 404, ""),
    ({"collection": "{P}/digits", "keep_last": 4}, 404, ""),
    ({"collection": "{P}/none"}, 404, ""),
    ({"digest": "sha256:" + "0" * 64}, 404, ""),
    ({"digest": "sha256:0"}, 422, "digest"),
    ({"path": "no/such/file/anywhere"}, 404, ""),
    ({"project": "nobody/has-this"}, 404, ""),
    ({"versions": ["{P}/digits:v9"]}, 404, ""),
    ({"runs": ["{P}/none"]}, 404, ""),
    ({"run": "typo"}, 422, "run"),
]


@pytest.mark.parametrize(("way", "status", "field"), WRONG)
def test_what_cannot_be_meant_is_refused_and_nothing_is_planned(
    chosen_from: Rest, way: dict[str, Any], status: int, field: str
) -> None:
    body = {name: filled(chosen_from, value) for name, value in way.items()}
    for path in ("/deletion-plans", "/impact"):
        code = "invalid" if status == 422 else "not_found"
        problem = assert_problem(chosen_from.post(path, body), status, code)
        assert problem.get("field", "") == field


def test_a_plan_that_is_executed_again_answers_the_same_receipt(rest: Rest) -> None:
    rest.log("digits", {"a": uuid4().bytes})
    plan = planned(rest, collection=f"{rest.name}/digits")
    path = f"/deletion-plans/{plan['digest']}/execute"
    receipt = rest.post(path).json()
    assert (receipt["state"], receipt["plan"]) == ("finished", plan["digest"])
    assert (receipt["n_done"], receipt["bytes_freed"]) == (1, 16)
    assert rest.post(path).json() == receipt
    assert rest.get(f"/deletions/{receipt['id']}").json() == receipt
    version = "{P}/collections/digits/versions/v0"
    assert rest.ask("DELETE", version, params={"plan": plan["digest"]}).json() == receipt


def test_receipts_are_listed_newest_first_page_by_page(rest: Rest) -> None:
    made = []
    for n in range(5):
        rest.log("digits", {"a": f"{rest.name}{n}".encode()})
        made.append(rest.ask("DELETE", f"{{P}}/collections/digits/versions/v{n}").json())
    found: list[dict[str, Any]] = []
    cursor = None
    while len(found) < 5:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = rest.get("/deletions", params=params).json()
        assert 1 <= len(page["items"]) <= 2
        found += page["items"]
        cursor = page["cursor"]
    assert found[:5] == made[::-1]
    wrong = rest.get("/deletions", params={"cursor": "bm9wZQ"})
    assert_problem(wrong, 400, "invalid")


@pytest.mark.parametrize("id", ["0" * 32, "nope", "%2e%2e"])
def test_a_receipt_that_is_not_there_is_not_found(rest: Rest, id: str) -> None:
    assert_problem(rest.get(f"/deletions/{id}"), 404, "not_found")


def test_a_dry_run_tells_the_plan_and_deletes_nothing(rest: Rest) -> None:
    run = rest.start("r")
    rest.post("{P}/runs/r/finish")
    rest.log("digits", {"a": uuid4().bytes}, run=run, aliases=["prod"])
    version = "{P}/collections/digits/versions/v0"
    before = rest.get("/deletions", params={"limit": 1}).json()["items"]
    plan = rest.ask("DELETE", version, params={"dry_run": "true"}).json()
    assert [blocker["kind"] for blocker in plan["blockers"]] == ["alias"]
    assert plan["freed_bytes"] == 16
    params = {"dry_run": "true", "with_logged": "true", "delete_aliases": "true"}
    plan = rest.ask("DELETE", "{P}/runs/r", params=params).json()
    assert (len(plan["versions"]), plan["runs"], plan["blockers"]) == (1, [f"run:{run}"], [])
    assert rest.get(version).json()["state"] == "committed"
    assert rest.get("{P}/runs/r").json()["state"] == "finished"
    assert len(rest.new_objects()) == 1
    assert rest.get("/deletions", params={"limit": 1}).json()["items"] == before
    done = rest.post(f"/deletion-plans/{plan['digest']}/execute").json()
    assert done["bytes_freed"] == 16


@pytest.mark.parametrize("rest", ["sqlite"], indirect=True)  # on both: killed, below
def test_a_long_deletion_goes_on_behind_its_answer_and_comes_to_its_end(rest: Rest) -> None:
    size_bytes = log_many(rest)
    plan = planned(rest, project=rest.name)
    assert (len(plan["versions"]), plan["freed_bytes"]) == (N_MANY + 1, size_bytes)
    answer = rest.post(f"/deletion-plans/{plan['digest']}/execute")
    assert answer.status_code == 202
    told = answer.json()
    assert answer.headers["location"] == f"/api/v1/deletions/{told['id']}"
    assert answer.headers["retry-after"] == "1"
    assert (told["state"], told["finished_at"]) == ("running", None)
    assert told["versions"] == plan["versions"]
    # From the moment of the answer nobody reads what goes.
    gone = rest.get("{P}/collections/many/versions/v0/manifest")
    assert_problem(gone, 410, "gone")
    done = followed(rest, answer)
    assert done["n_done"] == N_MANY + 1
    assert (done["bytes_freed"], done["n_blobs"]) == (size_bytes, N_MANY)
    assert done["n_pages"] == plan["n_pages"]
    assert rest.new_objects() == []
    again = rest.post(f"/deletion-plans/{plan['digest']}/execute")
    assert (again.status_code, again.json()) == (200, done)


def followed(rest: Rest, answer: httpx2.Response) -> dict[str, Any]:
    """The receipt at its end; meanwhile it only ever grows."""
    path = answer.headers["location"].removeprefix("/api/v1")
    told = [answer.json()]

    def is_finished() -> bool:
        told.append(rest.get(path).json())
        for field in ("n_done", "bytes_freed", "n_blobs", "n_pages"):
            assert told[-1][field] >= told[-2][field]
        return bool(told[-1]["state"] == "finished")

    wait_until(is_finished, timeout_s=60)
    return told[-1]


@pytest.mark.parametrize("kind", GRAPHS)
def test_a_deletion_whose_server_is_killed_is_finished_by_the_next(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = empty_graph(kind, tmp_path, request)
    with Server(tmp_path, graph_url=url) as server, closing(Rest(server)) as rest:
        size_bytes = log_many(rest)
        plan = planned(rest, project=rest.name)
        execute = f"/deletion-plans/{plan['digest']}/execute"
        answer = rest.post(execute)
        server.kill9()
        assert answer.status_code == 202
        assert server.objects(), "it was over before it was killed"
        server.start()
        done = followed(rest, answer)
        assert (done["n_done"], done["n_blobs"]) == (N_MANY + 1, N_MANY)
        assert (done["bytes_freed"], done["n_pages"]) == (size_bytes, plan["n_pages"])
        assert rest.new_objects() == []
        assert rest.post(execute).json() == done
        last = rest.post("/fsck").text.splitlines()[-1]
        assert '"n_findings":0' in last


def test_every_file_that_stays_is_told_with_one_who_contains_it(rest: Rest) -> None:
    rest.log("digits", {"a": f"{rest.name} shared".encode(), "b": f"{rest.name} own".encode()})
    rest.log("models", {"weights": f"{rest.name} shared".encode()})
    plan = planned(rest, versions=[f"{rest.name}/digits:v0"])
    answer = rest.get(f"/deletion-plans/{plan['digest']}/kept")
    [line] = [orjson.loads(line) for line in answer.iter_lines()]
    assert line == {
        "version": f"artifact:{rest.name}/digits:v0",
        "path": "a",
        "size_bytes": len(f"{rest.name} shared"),
        "holder": f"artifact:{rest.name}/models:v0",
    }
    assert_problem(rest.get(f"/deletion-plans/{Digest.of(b'none')}/kept"), 404, "not_found")


def test_a_project_tells_what_it_guards_and_a_plan_what_that_blocks(rest: Rest) -> None:
    rest.log("digits", {"a": f"{rest.name} guarded".encode()}, aliases=["prod"])
    rest.start("r")
    rest.post(f"/projects/{rest.name}/runs/r/used", {"artifact": f"{rest.name}/digits:v0"})
    path = f"/projects/{rest.name}"
    told = rest.ask(
        "PATCH", path, json={"protected_aliases": ["prod"], "guards_downstream": True}
    ).json()
    assert (told["protected_aliases"], told["guards_downstream"]) == (["prod"], True)
    assert rest.get(path).json() == told
    plan = planned(rest, versions=[f"{rest.name}/digits:v0"], delete_aliases=True)
    assert [blocker["kind"] for blocker in plan["blockers"]] == ["protected_alias", "downstream"]
    answer = rest.ask(
        "DELETE", f"{path}/collections/digits/versions/v0", params={"delete_aliases": "true"}
    )
    assert_problem(answer, 409, "blocked")
    told = rest.ask(
        "PATCH", path, json={"protected_aliases": [], "guards_downstream": False}
    ).json()
    assert rest.ask("DELETE", f"{path}/collections/digits/versions/v0").status_code == 409
    assert planned(rest, versions=[f"{rest.name}/digits:v0"], delete_aliases=True)["blockers"] == []
    assert_problem(rest.ask("PATCH", path, json={"protected_aliases": ["v3"]}), 422, "invalid")
