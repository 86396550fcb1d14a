"""Each noun over HTTP: that a request reaches the right verb with the right words."""

from __future__ import annotations

import math
from typing import Any
from uuid import uuid4

import httpx2
import orjson
import pytest

from lineage.digest import Digest
from lineage.values import loads
from tests.api.calls import Rest, assert_problem


def keys(answer: httpx2.Response) -> list[str]:
    return [item["key"] for item in answer.json()["items"]]


def test_a_run_lives_from_start_to_finish(rest: Rest) -> None:
    fields = {
        "job_type": "train",
        "group": "g",
        "notes": "n",
        "tags": ["b", "a"],
        "config": {"lr": 0.1},
    }
    run = rest.post("{P}/runs", {"id": "one", "name": "first", **fields})
    assert run.status_code == 201
    assert run.json() | {**fields, "tags": ["a", "b"]} == run.json()
    assert rest.post("{P}/runs/one/heartbeat").status_code == 204
    done = rest.post("{P}/runs/one/finish", {"exit_code": 3, "error": "it broke"}).json()
    assert (done["state"], done["exit_code"], done["error"]) == ("failed", 3, "it broke")
    resumed = rest.post("{P}/runs", {"id": "one", "resume": "must", "config": {"k": 1}})
    assert resumed.status_code == 200
    assert resumed.json()["config"] == {"lr": 0.1, "k": 1}
    assert rest.post("{P}/runs/one/finish").json()["state"] == "finished"
    assert_problem(rest.post("{P}/runs", {"id": "two", "resume": "must"}), 404, "not_found")


def test_metrics_keep_the_last_the_least_and_the_greatest(rest: Rest) -> None:
    rest.start("m")
    for loss in (0.5, 0.25, {"$float": "NaN"}, {"$float": "Infinity"}):
        rest.ask("PATCH", "{P}/runs/m", json={"metrics": {"loss": loss}})
    run = loads(rest.get("{P}/runs/m").content)
    assert run["summary"] == {"loss": math.inf}
    assert run["summary_min"] == {"loss": 0.25}
    assert run["summary_max"] == {"loss": math.inf}


def test_if_match_lets_through_the_revision_it_names(rest: Rest) -> None:
    rest.start("r")
    tag = rest.get("{P}/runs/r").headers["etag"]
    assert tag == '"1"'
    first = rest.ask("PATCH", "{P}/runs/r", json={"name": "a"}, headers={"If-Match": tag})
    assert first.headers["etag"] == '"2"'
    again = rest.ask("PATCH", "{P}/runs/r", json={"name": "b"}, headers={"If-Match": tag})
    assert_problem(again, 412, "precondition_failed")
    free = rest.ask("PATCH", "{P}/runs/r", json={"name": "c"}, headers={"If-Match": "*"})
    assert free.status_code == 200


def test_versions_have_revisions_too(rest: Rest) -> None:
    path = rest.version_path(rest.log("digits", {"a": uuid4().bytes}))
    tag = rest.get(path).headers["etag"]
    patch = {"description": "mine", "add_tags": ["good"], "add_aliases": ["prod"]}
    first = rest.ask("PATCH", path, json=patch, headers={"If-Match": tag})
    assert first.json()["aliases"] == ["latest", "prod"]
    assert first.json()["tags"] == ["good"]
    again = rest.ask("PATCH", path, json=patch, headers={"If-Match": tag})
    assert_problem(again, 412, "precondition_failed")


@pytest.mark.parametrize(("header", "status"), [('W/"1"', 412), ("1", 422), ('"1", "2"', 422)])
def test_an_if_match_that_is_no_revision_is_refused(rest: Rest, header: str, status: int) -> None:
    rest.start("r")
    answer = rest.ask("PATCH", "{P}/runs/r", json={"name": "a"}, headers={"If-Match": header})
    assert answer.status_code == status
    assert rest.get("{P}/runs/r").json()["name"] == "r"


def test_runs_and_versions_are_filtered_and_ordered(rest: Rest) -> None:
    for id, acc in (("a", 0.7), ("b", 0.9), ("c", 0.8)):
        rest.start(id)
        rest.ask("PATCH", f"{{P}}/runs/{id}", json={"metrics": {"acc": acc}})
    found = rest.get(
        "{P}/runs", params={"filter": "summary.acc >= 0.75", "order": "-summary.acc"}
    ).json()["items"]
    assert [run["id"] for run in found] == ["b", "c"]
    first = rest.log("digits", {"a": b"1"}, tags=["good"])
    rest.log("digits", {"a": b"2"})
    other = rest.log("other", {"a": b"3"}, tags=["good"])
    by_tag = {"filter": 'tags = "good"'}
    assert keys(rest.get("{P}/versions", params=by_tag)) == [other["key"], first["key"]]
    assert keys(rest.get("{P}/collections/digits/versions", params=by_tag)) == [first["key"]]
    bad = assert_problem(rest.get("{P}/runs", params={"filter": "lr ="}), 422, "invalid")
    assert bad["field"] == "filter"


def test_edges_are_recorded_and_asked_for_from_both_ends(rest: Rest) -> None:
    maker, user = rest.start("maker"), rest.start("user")
    version = rest.log("digits", {"a": uuid4().bytes}, run=maker, aliases=["raw"])
    path = rest.version_path(version)
    used = rest.post("{P}/runs/user/used", {"artifact": f"{rest.name}/digits:raw"})
    assert used.json()["key"] == version["key"]
    assert keys(rest.get("{P}/runs/user/used")) == [version["key"]]
    assert keys(rest.get("{P}/runs/maker/logged")) == [version["key"]]
    assert rest.get(f"{path}/logged-by").json()["run"]["key"] == f"run:{maker}"
    assert keys(rest.get(f"{path}/used-by")) == [f"run:{user}"]
    imported = rest.log("imported", {"a": uuid4().bytes})
    assert rest.get(f"{rest.version_path(imported)}/logged-by").json() == {"run": None}
    name = imported["key"].removeprefix("artifact:")
    assert rest.post("{P}/runs/maker/logged", {"artifact": name}).json() == {"created": True}
    assert rest.post("{P}/runs/user/logged", {"artifact": name}).json() == {"created": False}


def lines(answer: httpx2.Response) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in answer.text.splitlines()]


def test_a_trace_goes_by_hops_both_ways(rest: Rest) -> None:
    first = rest.start("first")
    raw = rest.log("raw", {"a": uuid4().bytes}, run=first)
    rest.start("second")
    rest.post("{P}/runs/second/used", {"artifact": f"{rest.name}/raw:latest"})
    model = rest.log("model", {"a": uuid4().bytes}, run=f"{rest.name}/second")
    second = f"run:{rest.name}/second"
    params = {"start": second, "direction": "both", "edges": "true", "nodes": "true"}
    found = rest.get("/trace", params=params).json()
    assert found["starts"] == [second]
    up, down = found["upstream"], found["downstream"]
    assert up["levels"] == [[raw["key"]], [f"run:{first}"]]
    assert down["levels"] == [[model["key"]]]
    assert up["edges"] == [[raw["key"], second, "feeds"], [f"run:{first}", raw["key"], "logged"]]
    assert (up["n_runs"], up["n_versions"], up["complete"], up["n_hidden"]) == (1, 1, True, 0)
    assert set(up["nodes"]) == {second, raw["key"], f"run:{first}"}
    assert up["nodes"][raw["key"]]["type"] == "dataset"
    bare = rest.get("/trace", params={"start": second}).json()
    assert bare["direction"] == "upstream"
    assert "downstream" not in bare
    assert bare["upstream"]["edges"] == []
    near = rest.get("/trace", params={"start": second, "max_hops": 1}).json()["upstream"]
    assert near["levels"] == [[raw["key"]]]
    cut = rest.get("/trace", params={"start": second, "limit": 1}).json()["upstream"]
    assert cut["complete"] is False


def test_a_trace_can_be_had_a_line_a_hop(rest: Rest) -> None:
    run = rest.start("run")
    version = rest.log("raw", {"a": uuid4().bytes}, run=run)
    answer = rest.get(
        "/trace",
        params={"start": version["key"], "edges": "true"},
        headers={"Accept": "application/x-ndjson"},
    )
    assert answer.headers["content-type"] == "application/x-ndjson"
    hop, edges, last = lines(answer)
    assert hop == {"direction": "upstream", "hop": 1, "keys": [f"run:{run}"]}
    assert edges["edges"] == [[f"run:{run}", version["key"], "logged"]]
    assert last["complete"] is True
    assert (last["n_runs"], last["n_versions"]) == (1, 0)


@pytest.mark.parametrize(
    "params", [{}, {"start": "x"}, {"start": "run:a/b/c", "direction": "sideways"}]
)
def test_a_trace_from_nowhere_is_invalid(rest: Rest, params: dict[str, str]) -> None:
    assert_problem(rest.get("/trace", params=params), 422, "invalid")


def test_a_sweep_hands_out_points_until_there_is_none(rest: Rest) -> None:
    body = {
        "id": "s",
        "method": "grid",
        "metric": {"name": "acc", "goal": "maximize"},
        "parameters": {"lr": {"values": [0.1, 0.2]}},
    }
    sweep = rest.post("{P}/sweeps", body).json()
    assert (sweep["metric"], sweep["goal"], sweep["n_points"]) == ("acc", "maximize", 2)
    assert rest.post("{P}/sweeps", body).json() == sweep
    for id, lr in (("a", 0.1), ("b", 0.2)):
        run = rest.post("{P}/sweeps/s/next", {"run": id}).json()
        assert run["config"] == {"lr": lr}
        assert run["sweep"] == f"{rest.name}/s"
        rest.ask("PATCH", f"{{P}}/runs/{id}", json={"metrics": {"acc": lr, "loss": -lr}})
    assert rest.post("{P}/sweeps/s/next", {"run": "a"}).json()["id"] == "a"
    assert rest.post("{P}/sweeps/s/next", {"run": "c"}).status_code == 204
    best = rest.get("{P}/sweeps/s/best").json()
    assert [(item["run"]["id"], item["value"]) for item in best["items"]] == [("b", 0.2)]
    params = {"metric": "loss", "goal": "maximize", "limit": 5}
    by_loss = rest.get("{P}/sweeps/s/best", params=params).json()
    assert [item["run"]["id"] for item in by_loss["items"]] == ["a", "b"]
    assert_problem(rest.get("{P}/sweeps/s/best", params={"metric": "loss"}), 422, "invalid")
    assert rest.post("{P}/sweeps/s/stop").json()["is_stopped"] is True


def test_what_a_deletion_frees_is_gone_from_the_folder(rest: Rest) -> None:
    shared, own = uuid4().bytes, uuid4().bytes * 100
    rest.log("digits", {"shared": shared})
    version = rest.log("digits", {"shared": shared, "own": own})
    assert len(rest.new_objects()) == 2
    name = version["key"].removeprefix("artifact:")
    plan = rest.post("/deletion-plans", {"versions": [name]}).json()
    assert plan["freed_bytes"] == len(own)
    assert plan["shared_bytes"] == len(shared)
    assert [holder["key"] for holder in plan["holders"]] == [f"artifact:{rest.name}/digits:v0"]
    path = rest.version_path(version)
    receipt = rest.ask("DELETE", path, params={"plan": plan["digest"]}).json()
    assert receipt["bytes_freed"] == len(own)
    assert receipt["versions"] == [version["key"]]
    assert receipt["deleted_by"] == "admin"
    assert [stored.stat().st_size for stored in rest.new_objects()] == [len(shared)]
    latest = rest.get("{P}/collections/digits/versions/latest").json()
    assert latest["name"] == "digits:v0"


def test_versions_that_pass_a_filter_are_deleted_together(rest: Rest) -> None:
    for number in range(3):
        tags = ["old"] if number < 2 else []
        rest.log("digits", {"a": uuid4().bytes}, tags=tags)
    body = {"collection": f"{rest.name}/digits", "filter": 'tags = "old"'}
    plan = rest.post("/deletion-plans", body).json()
    assert len(plan["versions"]) == 2
    done = rest.post(f"/deletion-plans/{plan['digest']}/execute").json()
    assert done["versions"] == plan["versions"]
    other = rest.ask(
        "DELETE", "{P}/collections/digits/versions/v2", params={"plan": plan["digest"]}
    )
    assert other.status_code in (404, 422)


def test_a_filter_without_a_collection_is_no_deletion_of_all_that_is_named(rest: Rest) -> None:
    version = rest.log("digits", {"a": uuid4().bytes})
    name = version["key"].removeprefix("artifact:")
    answer = rest.post("/deletion-plans", {"versions": [name], "filter": 'tags = "old"'})
    assert assert_problem(answer, 422, "invalid")["field"] == "filter"


def test_a_run_is_deleted_with_what_it_logged_if_asked(rest: Rest) -> None:
    run = rest.start("gone")
    rest.log("digits", {"a": uuid4().bytes}, run=run)
    assert_problem(rest.ask("DELETE", "{P}/runs/gone"), 409, "blocked")
    rest.post("{P}/runs/gone/finish")
    receipt = rest.ask("DELETE", "{P}/runs/gone", params={"with_logged": "true"}).json()
    assert receipt["runs"] == [f"run:{run}"]
    assert len(receipt["versions"]) == 1
    assert rest.new_objects() == []
    assert rest.get("{P}/runs/gone").json()["state"] == "deleted"


def test_contents_are_found_by_digest_and_by_path(rest: Rest) -> None:
    data, path = uuid4().bytes, f"dir/{uuid4().hex}"
    version = rest.log("digits", {path: data})
    assert keys(rest.get("/contains", params={"digest": Digest.of(data)})) == [version["key"]]
    assert keys(rest.get("/contains", params={"path": path})) == [version["key"]]
    assert keys(rest.get("/contains", params={"path": "nope"})) == []
    assert_problem(rest.get("/contains"), 422, "invalid")


def test_a_project_has_an_access_that_can_be_changed(rest: Rest) -> None:
    assert_problem(rest.get("{P}"), 404, "not_found")
    assert rest.ask("PUT", "{P}", json={"access": "public"}).json()["access"] == "public"
    assert rest.ask("PUT", "{P}", json={"access": "open"}).json()["access"] == "open"
    assert rest.get("{P}").json()["access"] == "open"
    assert_problem(rest.ask("PUT", "{P}", json={"access": "secret"}), 422, "invalid")
    listed = rest.get("/projects", params={"entity": "acme", "limit": 1000}).json()["items"]
    assert rest.name in [project["key"] for project in listed]
    assert rest.get("/projects", params={"entity": "nobody"}).json()["items"] == []


def test_fsck_names_what_is_wrong_and_counts_it(rest: Rest) -> None:
    data = uuid4().bytes
    version = rest.log("digits", {"a": data})
    *_, last = lines(rest.post("/fsck", params={"deep": "true"}))
    assert (last["n_findings"], last["n_repaired"]) == (0, 0)
    assert min(last[f"n_{noun}s"] for noun in ("object", "blob", "page", "version")) > 0
    (stored,) = rest.new_objects()
    stored.unlink()
    *told, last = lines(rest.post("/fsck"))
    (finding,) = [line for line in told if "kind" in line]
    assert finding["kind"] == "blob_without_object"
    assert finding["subject"] == Digest.of(data)
    assert (finding["versions"], finding["drafts"]) == ([version["key"]], [])
    assert last["n_findings"] == 1
    stored.write_bytes(data)
