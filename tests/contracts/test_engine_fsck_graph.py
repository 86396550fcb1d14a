"""fsck finds what is damaged in the graph itself: pages, versions, drafts, edges."""

from __future__ import annotations

from typing import Any

import pytest

from lineage.digest import Digest
from lineage.engine import DeletionRequest, Engine, Finding
from lineage.errors import Conflict
from lineage.names import ArtifactRef, RunKey
from tests.contracts.damage import NONE, begin_a_draft, damage, digest_of, fsck, set_up
from tests.contracts.lab import ANN, BOB, DIGITS, MODELS, VISION, A, B, C, Lab
from tests.contracts.stores import open_graph


@pytest.fixture(autouse=True)
def work(lab: Lab) -> None:
    set_up(lab)


PAGES = {
    "its body has another digest": (
        "UPDATE page SET body = x'00' WHERE digest = :page",
        "MATCH (p:Page {digest: $page}) SET p.body = 'x'",
    ),
    "it contains other blobs than its body names": (
        "DELETE FROM page_blob WHERE page_id = (SELECT id FROM page WHERE digest = :page)"
        " AND blob_id = (SELECT id FROM blob WHERE digest = :blob)",
        "MATCH (:Page {digest: $page})-[c:CONTAINS]->(:Blob {digest: $blob}) DELETE c",
    ),
    "its facts are not those of its body": (
        "UPDATE page SET n_entries = 7 WHERE digest = :page",
        "MATCH (p:Page {digest: $page}) SET p.n_entries = 7",
    ),
}


@pytest.mark.parametrize("fault", PAGES)
def test_a_damaged_page_names_its_versions(lab: Lab, fault: str) -> None:
    lab.version(A, collection=MODELS)
    sql, cypher = PAGES[fault]
    damage(lab.graph, sql=sql, cypher=cypher, page=digest_of(A), blob=Digest.of(b"one"))
    found = [finding for finding in fsck(lab, repair=True) if finding.kind == "page_damaged"]
    keys = [f"artifact:acme/vision/{name}:v0" for name in ("digits", "models")]
    assert [(f.subject, f.detail, list(f.versions)) for f in found] == [(digest_of(A), fault, keys)]
    assert not found[0].is_repaired


VERSIONS = {
    "its pages do not give its manifest's digest": (
        "DELETE FROM version_page WHERE version_id = (SELECT id FROM node WHERE key = :key)",
        "MATCH (:Node {key: $key})-[h:HAS_PAGE]->() DELETE h",
    ),
    "its pages have 1 files and 3 bytes": (
        "UPDATE version SET size_bytes = 99 WHERE id = (SELECT id FROM node WHERE key = :key)",
        "MATCH (v:Node {key: $key}) SET v.size_bytes = 99",
    ),
}


@pytest.mark.parametrize("fault", VERSIONS)
def test_a_version_whose_pages_are_not_its_manifest_is_named(lab: Lab, fault: str) -> None:
    key = lab.version(A, collection=MODELS).key
    sql, cypher = VERSIONS[fault]
    damage(lab.graph, sql=sql, cypher=cypher, key=key)
    [found] = fsck(lab, deep=True, repair=True)
    assert (found.kind, found.subject, found.versions) == ("version_incomplete", key, (key,))
    assert found.detail == fault


def test_a_version_that_is_gone_without_a_purge_is_missed_and_its_bytes_are_kept(lab: Lab) -> None:
    gone, purged, kept = (lab.version(content).key for content in (A, B, C))
    request = DeletionRequest(versions=(purged,), purge=True)
    lab.engine.deletion.execute(BOB, lab.engine.deletion.plan(BOB, request).digest)
    assert fsck(lab) == NONE
    n_bytes = lab.n_bytes()
    damage(
        lab.graph,
        sql="DELETE FROM version WHERE id = (SELECT id FROM node WHERE key = :key)",
        cypher="MATCH (v:Node {key: $key}) DETACH DELETE v",
        key=gone,
    )
    found = fsck(lab, deep=True, repair=True)
    [missing] = [finding for finding in found if finding.kind == "version_missing"]
    assert (missing.subject, missing.detail) == (gone.collection, "1 of its versions")
    assert not any(finding.is_repaired for finding in found)
    assert lab.n_bytes() == n_bytes
    assert lab.engine.versions.get(BOB, ArtifactRef(DIGITS)).key == kept


DRAFTS = {
    "it holds what is no blob": (
        "INSERT INTO draft_blob SELECT id, 999999 FROM draft WHERE key = :id",
        "MATCH (d:Draft {id: $id}), (p:Page {digest: $page}) CREATE (d)-[:HOLDS]->(p)",
    ),
    "it owns what is no page": (
        "INSERT INTO draft_page SELECT id, 999999 FROM draft WHERE key = :id",
        "MATCH (d:Draft {id: $id})-[:HOLDS]->(b) CREATE (d)-[:HAS_PAGE]->(b)",
    ),
    "it is committed and still owns a page": (
        "INSERT INTO draft_page SELECT d.id, p.id FROM draft AS d, page AS p"
        " WHERE d.key = :id AND p.digest = :page;"
        " UPDATE draft SET version = 'artifact:acme/vision/digits:v0' WHERE key = :id",
        "MATCH (d:Draft {id: $id}), (p:Page {digest: $page}) CREATE (d)-[:HAS_PAGE]->(p)"
        " SET d.version = 'artifact:acme/vision/digits:v0'",
    ),
}


@pytest.mark.parametrize("fault", DRAFTS)
def test_a_draft_with_what_it_cannot_have_is_named(lab: Lab, fault: str) -> None:
    id = begin_a_draft(lab, {"held": b"held"})
    sql, cypher = DRAFTS[fault]
    damage(lab.graph, sql=sql, cypher=cypher, id=id, page=digest_of(A))
    found = fsck(lab, repair=True)
    assert found == [Finding("draft_impossible", f"draft:{id}", drafts=(id,), detail=fault)]


TRAIN_1, EVAL_1 = "run:acme/vision/train", "run:acme/vision/eval"
V0, V1 = "artifact:acme/vision/digits:v0", "artifact:acme/vision/digits:v1"
ADD_FLOW = (
    "INSERT INTO flow SELECT s.id, d.id, :number FROM node AS s, node AS d"
    " WHERE s.key = :src AND d.key = :dst"
)
ADD_REPRODUCED = (
    "INSERT INTO reproduced SELECT s.id, d.id FROM node AS s, node AS d"
    " WHERE s.key = :src AND d.key = :dst"
)
NUMBERS = {"feeds": 0, "logged": 1, "continues": 2}


def add_edge(lab: Lab, src: str, kind: str, dst: str) -> None:
    mirror = ", (d)-[:USED]->(s)" if kind == "feeds" and src.startswith("artifact:") else ""
    damage(
        lab.graph,
        sql=ADD_FLOW if kind in NUMBERS else ADD_REPRODUCED,
        cypher="MATCH (s:Node {key: $src}), (d:Node {key: $dst})"
        f" CREATE (s)-[:{kind.upper()}]->(d){mirror}",
        src=src,
        dst=dst,
        number=NUMBERS.get(kind),
    )


@pytest.mark.parametrize(
    ("src", "kind", "dst"),
    [
        (TRAIN_1, "feeds", EVAL_1),
        (V0, "logged", V1),
        (TRAIN_1, "continues", EVAL_1),
        (TRAIN_1, "reproduced", EVAL_1),
    ],
)
def test_an_edge_that_joins_what_it_must_not_is_named(
    lab: Lab, src: str, kind: str, dst: str
) -> None:
    add_edge(lab, src, kind, dst)
    assert Finding("edge_misplaced", f"{src} {kind} {dst}") in fsck(lab, repair=True)


def test_a_version_with_two_creators_is_named_with_both(lab: Lab) -> None:
    other = RunKey.of(VISION, "train-2")
    lab.start(other)
    add_edge(lab, other, "logged", V0)
    assert fsck(lab) == [
        Finding("edge_misplaced", f"{run} logged {V0}") for run in (TRAIN_1, other)
    ]


def test_a_cycle_is_named(lab: Lab) -> None:
    add_edge(lab, V1, "feeds", TRAIN_1)
    assert fsck(lab) == [Finding("cycle", " ".join(sorted([V0, V1, TRAIN_1, EVAL_1])))]


def test_a_wrong_node_at_the_end_of_an_edge_is_named(
    request: pytest.FixtureRequest, lab: Lab
) -> None:
    """What only one store can get wrong: here a row that is gone, there an edge without mirror."""
    damage(
        lab.graph,
        sql="INSERT INTO flow SELECT 999999, id, 0 FROM node WHERE key = :run",
        cypher="MATCH (:Node)-[f:FEEDS]->(:Node {key: $run}) DELETE f",
        run=EVAL_1,
    )
    is_sqlite = request.node.callspec.params["lab"].startswith("sqlite")
    wanted = f" feeds {EVAL_1}" if is_sqlite else f"{EVAL_1} used {V0}"
    assert fsck(lab) == [Finding("edge_misplaced", wanted)]


def test_feeds_without_used_is_named(request: pytest.FixtureRequest, lab: Lab) -> None:
    if request.node.callspec.params["lab"].startswith("sqlite"):
        return  # which keeps one edge for both
    cypher = "MATCH (:Node {key: $run})-[u:USED]->() DELETE u"
    damage(lab.graph, sql="", cypher=cypher, run=EVAL_1)
    assert fsck(lab) == [Finding("edge_misplaced", f"{V0} feeds {EVAL_1}")]


def test_a_folder_of_another_graph_is_left_alone(lab: Lab, tmp_path: Any) -> None:
    (tmp_path / "other").mkdir()
    other = open_graph(f"sqlite://{tmp_path / 'other' / 'graph.db'}")
    with pytest.raises(Conflict):
        list(Engine(other, lab.blobs, lab.clock).fsck.run(ANN, repair=True))
    other.close()
    assert fsck(lab, deep=True) == NONE
