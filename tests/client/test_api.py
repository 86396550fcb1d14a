from __future__ import annotations

from pathlib import Path

import pytest

import lineage
from lineage.errors import Invalid, NotFound, PlanChanged


def log(name: str, text: str, *, type: str = "dataset", uses: str | None = None) -> str:
    Path("file").write_text(text)
    with lineage.init() as run:
        if uses is not None:
            run.use_artifact(uses)
        run.log_artifact("file", name=name, type=type)
    return run.id


def test_projects_and_collections_tell_what_they_hold(project: str) -> None:
    log("data", "12345")
    log("data", "1234567")
    log("model", "12345", type="model")
    api = lineage.Api()
    assert [(c.name, c.type, c.n_versions) for c in api.collections()] == [
        ("data", "dataset", 2),
        ("model", "model", 1),
    ]
    assert [c.name for c in api.collections(type="model")] == ["model"]
    assert api.artifact_collection("model", "model").name == "model"
    with pytest.raises(Invalid, match="is of type model"):
        api.artifact_collection("dataset", "model")
    stored = api.collection("data").stored_bytes()
    assert (stored.all_bytes, stored.shared_bytes, stored.own_bytes) == (12, 5, 7)
    assert api.project().stored_bytes().own_bytes == 12
    assert project in [found.name for found in api.projects("local")]
    api.project(project).set_access("public")
    assert api.project(project, entity="local").access == "public"
    assert [a.name for a in api.artifacts("dataset", order="created_at")] == ["data:v0", "data:v1"]
    assert [a.name for a in api.artifacts(filters="size_bytes > 6")] == ["data:v1"]
    assert api.whoami()["is_admin"]
    with pytest.raises(NotFound):
        api.collection("none")
    with pytest.raises(Invalid, match="is of type dataset"):
        api.artifact("data", type="model")


def test_a_trace_goes_as_far_as_it_is_told(project: str) -> None:
    first = log("data", "1")
    second = log("model", "2", uses="data:v0")
    third = log("report", "3", uses="model:v0")
    api = lineage.Api()
    up = api.trace("report:v0")
    paths = [f"local/{project}/{name}" for name in (third, second, first)]
    assert up.runs == paths
    assert up.versions == [f"local/{project}/{name}:v0" for name in ("model", "data")]
    assert [len(level) for level in up.levels] == [1] * 5
    assert up.complete
    assert [(node.hop, node.is_run) for node in up.nodes][:2] == [(1, True), (2, False)]
    assert up.nodes[1].type == "dataset"
    near = api.artifact("data").downstream(max_hops=2)
    assert near.runs == [paths[1]]
    assert str(near).splitlines()[-1] == "1 run and 1 version"
    impact = api.run(first).impact()
    assert (impact.n_runs, impact.n_versions) == (2, 3)
    lines = impact.to_csv("impact.csv").read_text().splitlines()
    assert lines[0] == "hop,kind,path,name,type,state,created_at,irreproducible"
    assert len(lines) == 6


def test_a_plan_deletes_just_what_it_names_or_nothing(project: str) -> None:
    for text in ("1", "22", "333"):
        log("data", f"{text} {project}")  # what other tests log is not shared with these
    api = lineage.Api()
    old = api.deletion_plan(collection="data", filters={"index": {"$lt": 2}})
    assert [key.rpartition(":")[2] for key in old.versions] == ["v0", "v1"]
    log("reader", "4", uses="data:v0")
    with pytest.raises(PlanChanged) as caught:
        old.execute()
    assert "consumers" in caught.value.difference
    both = api.deletion_plan(artifacts=["data:v0", api.artifact("data:v1")])
    assert both.execute().bytes_freed == both.freed_bytes == 3 + 2 * len(f" {project}")
    assert [a.version for a in api.artifacts(name="data")] == ["v2"]
    run = log("gone", f"only here {project}")
    plan = api.run(run).deletion_plan(with_logged=True)
    assert plan.execute().bytes_freed == len(f"only here {project}")
    with pytest.raises(Invalid, match="nothing is named"):
        api.deletion_plan()


def test_a_project_that_nobody_named_is_said_to_be_missing(
    project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LINEAGE_PROJECT")
    monkeypatch.setenv("LINEAGE_ENTITY", project)  # where nobody has made one
    with pytest.raises(NotFound, match=r"LINEAGE_PROJECT; `lineage projects ls`"):
        lineage.Api().run("nobody")
    monkeypatch.setenv("LINEAGE_PROJECT", "named")
    with pytest.raises(NotFound) as caught:
        lineage.Api().run("nobody")
    assert "LINEAGE_PROJECT" not in str(caught.value)


def test_a_plan_says_how_to_end_a_run_that_blocks(project: str) -> None:
    run = lineage.init(id="r")
    plan = lineage.Api().run(run.id).deletion_plan()
    assert f"`lineage runs finish local/{project}/r`, or wait" in str(plan)
