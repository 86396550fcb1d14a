"""Impact, plans and receipts from Python."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

import lineage
from lineage.client import deletions, progress
from lineage.errors import Invalid, NotFound
from tests.services.proxy import Proxy


def log(name: str, text: str, *, uses: str | None = None, run_name: str = "", **init: Any) -> str:
    Path("file").write_text(text)
    with lineage.init(name=run_name or None, **init) as run:
        if uses is not None:
            run.use_artifact(uses)
        run.log_artifact("file", name=name, type="dataset")
    return run.path


def import_file(name: str, text: str) -> lineage.Artifact:
    """A version that no run made."""
    Path("file").write_text(text)
    artifact = lineage.Artifact(name, type="dataset")
    artifact.add_file("file")
    return lineage.Api().log_artifact(artifact)


def test_an_impact_is_a_table_that_knows_what_could_not_be_made_again(project: str) -> None:
    raw = import_file("raw", f"raw {project}")
    first = log("data", f"data {project}", uses="raw:v0", run_name="=HYPERLINK(1)")
    second = log("model", f"model {project}", uses="data:v0")
    path = f"local/{project}"
    found = raw.impact()
    assert (found.versions, found.runs) == ((f"{path}/raw:v0",), ())
    assert [(row.hop, row.is_run, row.path, row.is_irreproducible) for row in found] == [
        (1, True, first, True),
        (2, False, f"{path}/data:v0", True),
        (3, True, second, False),
        (4, False, f"{path}/model:v0", False),
    ]
    assert len(found) == len(found.rows) == 4
    assert (found.n_runs, found.n_versions, found.n_hidden) == (2, 2, 0)
    assert found.irreproducible_runs == (first,)
    assert found.irreproducible_versions == (f"{path}/data:v0",)
    assert found.lost == (f"{path}/raw:v0",)
    assert [(share.name, share.n_versions) for share in found.collections] == [
        (f"{path}/data", 1),
        (f"{path}/model", 1),
    ]
    assert [(s.name, s.n_runs, s.n_versions) for s in found.owners] == [("local", 2, 2)]
    text = str(found)
    assert text.splitlines()[0] == f"{path}/raw:v0 reaches 2 runs and 2 versions"
    assert text.count("could not be made again") == 2
    assert text.splitlines()[-1] == f"Lost for good: {path}/raw:v0"
    table = list(csv.DictReader(found.to_csv("impact.csv").read_text().splitlines()))
    assert [row["irreproducible"] for row in table] == ["yes", "yes", "no", "no"]
    assert table[0]["name"] == "'=HYPERLINK(1)"
    assert [row["kind"] for row in table] == ["run", "version", "run", "version"]
    assert lineage.Api().run(first).impact().irreproducible_versions == (f"{path}/data:v0",)


def test_an_impact_is_asked_for_by_names_or_chosen(project: str) -> None:
    for n in range(3):
        import_file("data", f"{n} {project}")
    run = log("model", f"model {project}", uses="data:v0")
    api = lineage.Api()
    names = api.impact("data:v0", api.artifact("data:v1"), api.run(run), run)
    assert [name.rpartition("/")[2] for name in names.versions] == ["data:v0", "data:v1"]
    assert names.runs == (run,)
    chosen = api.impact(collection="data", keep_last=1, filters="not exists aliases")
    assert chosen.versions == names.versions
    assert api.impact(project=project).runs == (run,)
    assert api.impact(project=f"local/{project}", filters={"type": "dataset"}).runs == ()
    entry = api.artifact("data:v1").get_entry("file")
    assert api.impact(digest=str(entry.digest)).versions == (f"local/{project}/data:v1",)
    with pytest.raises(Invalid, match="nothing is named"):
        api.impact()
    with pytest.raises(Invalid, match="another is named"):
        api.impact(collection="data", project=project)
    with pytest.raises(NotFound, match="empty"):
        api.impact(collection="data", keep_last=3)


def test_a_plan_is_made_for_whatever_is_chosen(project: str) -> None:
    for n in range(4):
        import_file("data", f"{n} {project}")
    api = lineage.Api()
    kept = api.artifact("data:v0")
    kept.aliases.append("prod")
    kept.save()

    def planned(**chosen: Any) -> list[str]:
        return [key.rpartition(":")[2] for key in api.deletion_plan(**chosen).versions]

    assert planned(collection="data", keep_last=2) == ["v0", "v1"]
    assert planned(collection="data", keep_last=2, filters="not exists aliases") == ["v1"]
    assert planned(project=project, keep_last=3) == ["v0"]
    digest = str(api.artifact("data:v2").get_entry("file").digest)
    assert planned(digest=digest) == planned(digest=digest, path="file") == ["v2"]
    with pytest.raises(NotFound):
        planned(digest=digest, path="other")


def test_a_receipt_is_kept_and_can_be_saved(project: str) -> None:
    import_file("data", f"only here {project}")
    api = lineage.Api()
    before = api.receipts(per_page=1)[:1]
    receipt = api.artifact("data:v0").deletion_plan().execute()
    assert (receipt.state, receipt.bytes_freed) == ("finished", len(f"only here {project}"))
    assert receipt.finished_at >= receipt.deleted_at
    assert api.receipt(receipt.id) == receipt
    assert api.receipts(per_page=1)[0] == receipt
    assert api.receipts()[1:2] == before
    saved = orjson.loads(receipt.to_json("receipt.json").read_bytes())
    assert saved == receipt.told
    assert str(receipt) == (
        f"deleted 0 runs and 1 version, freed {receipt.bytes_freed} bytes in 1 blob"
    )
    with pytest.raises(NotFound):
        api.receipt("0" * 32)
    with pytest.raises(Invalid):
        api.receipt("../whoami")


def test_a_plan_whose_answer_was_lost_is_executed_once(proxy: Proxy) -> None:
    import_file("data", f"lost {proxy.url}")
    api = lineage.Api()
    plan = api.artifact("data:v0").deletion_plan()
    proxy.cut_answers(after_bytes=0, times=2)
    receipt = plan.execute()
    assert proxy.n_cut == 2
    assert receipt.bytes_freed == plan.freed_bytes > 0
    assert plan.execute() == receipt
    assert [found.plan for found in api.receipts()].count(plan.digest) == 1


def test_a_deletion_that_goes_on_is_followed_to_its_end(
    project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """501 versions take longer than a request may; a bar shows how far it is on a terminal."""
    monkeypatch.setattr(deletions, "_FIRST_WAIT_S", 0.001)
    for n in range(501):
        import_file("many", f"{n} {project}")
    seen: list[int] = []
    bar = deletions.Progress

    class Watched(bar):  # type: ignore[valid-type, misc]
        def advance(self, amount: int) -> None:
            seen.append(amount)
            super().advance(amount)

    monkeypatch.setattr(deletions, "Progress", Watched)
    plan = lineage.Api().deletion_plan(collection="many")
    receipt = plan.execute()
    assert len(receipt.versions) == 501
    assert (receipt.state, receipt.bytes_freed) == ("finished", plan.freed_bytes)
    assert seen
    assert plan.execute() == receipt


def test_a_bar_shows_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(deletions, "_FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(progress, "_SILENT_S", 0.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    told = {"id": "0" * 32, "state": "running", "versions": ["v"] * 900, "n_done": 0}
    answers = [told | {"n_done": n} for n in (200, 700)] + [told | {"state": "finished"}]

    class Slow:
        def get(self, path: str) -> Any:
            assert path == f"/deletions/{told['id']}"
            return answers.pop(0)

    assert deletions.follow(Slow(), told)["state"] == "finished"
    shown = capsys.readouterr()
    assert all(text in shown.err for text in ("deleting", "700/900", "versions"))
    assert shown.out == ""
