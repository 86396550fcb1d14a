"""What the story leaves in the stores, as plain values, and what must hold there at any time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from itertools import groupby
from typing import Any, Final

import networkx as nx

from lineage.digest import Digest
from lineage.engine import Engine
from lineage.manifest import parse_entries, parse_page
from lineage.model import EdgeKind, VersionState
from lineage.names import VersionKey
from lineage.ports import BlobStore, GraphStore, Transaction
from tests.contracts.stores import all_objects
from tests.services.story_contents import COLLECTIONS, CONTENTS, DRAFTS, PURGED, RUNS, SWEEP
from tests.services.teller import ADMIN, BEGAN_AT, StoryClock

__all__ = ["Picture", "check_rules", "expire", "take_picture"]

Picture = dict[str, Any]
FAR: Final = BEGAN_AT + timedelta(days=365)
PAGES: Final = {page.digest: page for p in DRAFTS for page in map(parse_page, p.bodies)}


def take_picture(graph: GraphStore) -> Picture:
    """What the graph says, without what differs from one telling to another: object names, and how
    often an edit was recorded."""
    return graph.read(_picture)


def _picture(tx: Transaction) -> Picture:
    runs = tx.runs.find(RUNS)
    collections = tx.collections.find(COLLECTIONS)
    keys = [key.version(n) for key in collections for n in range(collections[key].next_index)]
    versions = tx.versions.find(keys)
    drafts = {p.id: draft for p in DRAFTS if (draft := tx.drafts.find(p.id))}
    sweep = tx.sweeps.find(SWEEP)
    events = tx.events.select(subject=None, after=None, limit=1000)
    return {
        "runs": {key: run.state for key, run in runs.items()},
        "segments": {key: [segment.is_sealed for segment in tx.runs.segments(key)] for key in runs},
        "edges": [(edge.src, edge.dst, edge.kind) for edge in tx.flow.iter_edges()],
        "used": {key: tx.flow.used_by_run(key) for key in runs},
        "logged": {key: tx.flow.logged_by_run(key) for key in runs},
        "next index": {key: found.next_index for key, found in collections.items()},
        "versions": {
            key: (found.state, found.manifest, found.aliases, found.tags)
            for key, found in versions.items()
        },
        "pages of versions": {key: tx.contents.pages_of(key) for key in versions},
        "pages": sorted(tx.contents.find_pages(list(PAGES))),
        "blobs": [(b.digest, b.size_bytes) for b in tx.contents.list_blobs(after=None, limit=1000)],
        "drafts": {
            id: (draft.segment, draft.version, draft.created) for id, draft in drafts.items()
        },
        "attached": {id: sorted(tx.drafts.attached(id)) for id in drafts},
        "held": {id: sorted(tx.drafts.held(id)) for id in drafts},
        "uploads": {id: sorted(u.digest for u in tx.contents.uploads_of(id)) for id in drafts},
        "points taken": sweep.next_point if sweep is not None else None,
        # What each deletion has done and freed, and whether that is final.
        "receipts": [
            (r.plan, r.versions, r.runs, r.purge, r.n_done, r.freed, r.finished_at is not None)
            for r in reversed(tx.receipts.select(actor=None, after=None, limit=1000))
        ],
        "events": [said for said, _ in groupby((event.verb, event.subject) for event in events)],
    }


def check_rules(blobs_url: str, engine: Engine, graph: GraphStore, blobs: BlobStore) -> None:
    """DESIGN 3, looked at from the side where that can be, after a fresh start.

    The stores are open; nobody else uses them.
    """
    assert list(engine.fsck.run(ADMIN, deep=True)) == []
    _every_live_version_has_its_bytes(engine, graph, blobs)
    graph.read(_check_graph)
    found = all_objects(blobs_url)
    _check_objects(found, graph)
    assert {stored.name for stored in blobs.iter_objects()} == set(found)


def _every_live_version_has_its_bytes(engine: Engine, graph: GraphStore, blobs: BlobStore) -> None:
    found = graph.read(lambda tx: tx.versions.find(list(CONTENTS)))
    for key, version in found.items():
        if version.state is VersionState.DELETED:
            continue
        pages = engine.versions.page_bodies(ADMIN, key)
        digests = {entry.path: entry.digest for body in pages for entry in parse_entries(body)}
        found_blobs = engine.versions.blobs(ADMIN, sorted(set(digests.values())))
        content = {}
        for path, digest in digests.items():
            with blobs.read(found_blobs[digest].object) as chunks:
                content[path] = b"".join(chunks)
        assert content == CONTENTS[key]
        assert version.n_files == len(content)


def _check_graph(tx: Transaction) -> None:
    edges = list(tx.flow.iter_edges())
    assert nx.is_directed_acyclic_graph(nx.DiGraph((edge.src, edge.dst) for edge in edges))
    for edge in edges:
        is_within_run = edge.src.startswith("run:") and edge.dst.startswith("run:")
        assert is_within_run == (edge.kind is EdgeKind.CONTINUES)
    for key, collection in tx.collections.find(COLLECTIONS).items():
        wanted = [key.version(n) for n in range(collection.next_index)]
        found = tx.versions.find([*wanted, key.version(collection.next_index)])
        assert {v for v in wanted if v not in found} <= set(PURGED), "a gap in the indexes"
        assert len(found) <= len(wanted)
        for version in found.values():
            pages = tx.contents.pages_of(version.key)
            if version.state is VersionState.DELETED:
                assert pages == [], "a deleted version still has pages"
            else:
                assert len(tx.contents.find_pages(pages)) == len(pages) > 0
        _check_latest(tx, [VersionKey(v) for v in wanted if v in found])
    assert tx.contents.pending_tombstones(limit=10) == []
    assert tx.contents.owned_deleted(FAR, limit=10) == []
    _check_pages(tx)


def _check_latest(tx: Transaction, versions: list[VersionKey]) -> None:
    live = [k for k, v in tx.versions.find(versions).items() if v.state is VersionState.COMMITTED]
    for collection in {key.collection for key in versions}:
        newest = max(live, key=lambda key: key.number, default=None)
        assert tx.versions.find_aliases(collection, ["latest"]).get("latest") == newest


def _check_pages(tx: Transaction) -> None:
    """A page has an owner and all its blobs; a blob has a page or a holder."""
    found = sorted(tx.contents.find_pages(list(PAGES)))
    assert tx.contents.ownerless(found) == []
    stored = {(b.digest, b.size_bytes) for b in tx.contents.list_blobs(after=None, limit=1000)}
    assert {blob for digest in found for blob in PAGES[digest].blobs} <= stored
    assert tx.contents.unneeded(sorted(digest for digest, _ in stored)) == []


def _check_objects(found: Mapping[str, bytes], graph: GraphStore) -> None:
    """What lies in the store is the blobs, whole, and what uploads may have left or bring yet."""
    blobs, uploads = graph.read(_objects)
    assert set(blobs) <= set(found)
    assert set(found) - set(blobs) <= uploads
    for name, digest in blobs.items():
        assert hashlib.sha256(found[name]).hexdigest() == digest.hex


def _objects(tx: Transaction) -> tuple[dict[str, Digest], set[str]]:
    blobs = {str(b.object): b.digest for b in tx.contents.list_blobs(after=None, limit=1000)}
    drafts = [package.id for package in DRAFTS]
    uploads = {str(u.object) for id in drafts for u in tx.contents.uploads_of(id)}
    late = {str(t.object) for t in tx.contents.late_tombstones(FAR, limit=10_000)}
    return blobs, uploads | late


def expire(blobs_url: str, engine: Engine, graph: GraphStore, clock: StoryClock) -> None:
    """Let more time pass than a draft lives: then nothing is left but what versions contain."""
    before = take_picture(graph)
    clock.at += timedelta(hours=26)
    engine.reclaim.finish()
    after = take_picture(graph)
    assert after["drafts"] == {}
    unchanged = [
        "runs",
        "segments",
        "edges",
        "used",
        "logged",
        "next index",
        "versions",
        "events",
        "receipts",
    ]
    for name in [*unchanged, "pages of versions"]:
        assert after[name] == before[name], name
    owned = {page for pages in after["pages of versions"].values() for page in pages}
    assert set(after["pages"]) == owned
    blobs, uploads = graph.read(_objects)
    assert uploads == set()
    assert set(all_objects(blobs_url)) == set(blobs)
    assert graph.read(lambda tx: tx.drafts.expired(FAR, limit=10)) == []
