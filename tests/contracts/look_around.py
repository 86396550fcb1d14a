"""All that the graph knows, read through the port, beside what the oracle says it must be."""

from __future__ import annotations

from typing import Any

import networkx as nx

from lineage.model import DraftId
from lineage.names import NodeKey, SegmentKey
from lineage.ports import GraphStore, Transaction
from tests.oracle import Oracle

__all__ = ["look_around", "what_the_oracle_says"]

NAMES = ["latest", "prod", "best"]


def what_the_oracle_says(oracle: Oracle) -> dict[str, Any]:
    drafts = oracle.drafts
    return {
        "edges": {(s, d, kind) for s, d, kind in oracle.flow.edges(data="kind")},
        "is_acyclic": True,
        "is_bipartite": True,
        "runs": {key: oracle.runs[key].state for key in oracle.runs},
        "segments": {key: oracle.runs[key].segments for key in oracle.runs},
        "used": {key: sorted(oracle.used(key)) for key in oracle.runs},
        "logged": {key: sorted(oracle.logged_or_reproduced(key)) for key in oracle.runs},
        "loggers": oracle.creators,
        "indexes": oracle.n_versions,
        "types": oracle.types,
        "aliases": oracle.aliases,
        "newest": {
            c: max((k for k in live_of(oracle, c)), key=lambda key: key.number, default=None)
            for c in oracle.types
        },
        "versions": {
            key: (v.is_live, v.type, v.created_by, v.tags, oracle.aliases_of(key))
            for key, v in oracle.versions.items()
        },
        "pages": {k: list(v.pages) if v.is_live else [] for k, v in oracle.versions.items()},
        "attached": {id: draft.attached for id, draft in drafts.items()},
        "held": {id: draft.held for id, draft in drafts.items()},
        "uploads": {id: set(draft.uploads) for id, draft in drafts.items()},
        "drafts": {id: (d.expires_at, d.segment, d.version, d.created) for id, d in drafts.items()},
        "n_drafts": len(drafts),
        "stored pages": oracle.stored_pages(),
        "blobs": dict(oracle.stored_blobs()),
        "stats": (
            sum(version.is_live for version in oracle.versions.values()),
            len(oracle.stored_blobs()),
        ),
    }


def live_of(oracle: Oracle, collection: str) -> list[Any]:
    return [k for k, v in oracle.versions.items() if v.is_live and k.collection == collection]


def look_around(graph: GraphStore, oracle: Oracle) -> dict[str, Any]:
    return graph.read(lambda tx: _read(tx, oracle))


def _read(tx: Transaction, oracle: Oracle) -> dict[str, Any]:
    edges = list(tx.flow.iter_edges())
    flow = nx.DiGraph([(edge.src, edge.dst) for edge in edges])
    runs = tx.runs.find([*oracle.runs, *_runs_of(oracle.purged)])
    collections = tx.collections.find(list(oracle.types))
    keys = [c.version(n) for c in collections for n in range(collections[c].next_index + 2)]
    versions = tx.versions.find(keys)
    ids = [DraftId(id) for id in oracle.drafts]
    drafts = {id: tx.drafts.find(id) for id in ids}
    stored = tx.contents.list_blobs(after=None, limit=10_000)
    stats = tx.questions.stats()
    logged = {key: tx.flow.logged_by_run(key) for key in runs}
    far = oracle.now.replace(year=9000)
    return {
        "edges": {(edge.src, edge.dst, edge.kind.value) for edge in edges},
        "is_acyclic": nx.is_directed_acyclic_graph(flow),
        "is_bipartite": all(
            is_segment(edge.src) != is_segment(edge.dst) or edge.kind == "continues"
            for edge in edges
        ),
        "runs": {key: run.state for key, run in runs.items()},
        "segments": {key: [s.is_sealed for s in tx.runs.segments(key)] for key in runs},
        "used": {key: tx.flow.used_by_run(key) for key in runs},
        "logged": {key: sorted({*made, *again}) for key, (made, again) in logged.items()},
        "loggers": {v: SegmentKey(s).run for v, s in tx.flow.loggers(list(versions)).items()},
        "indexes": {key: collection.next_index for key, collection in collections.items()},
        "types": {key: collection.type for key, collection in collections.items()},
        "aliases": {
            (c, name): key
            for c in collections
            for name, key in tx.versions.find_aliases(c, NAMES).items()
        },
        "newest": {c: tx.versions.find_newest(c) for c in collections},
        "versions": {
            key: (v.state == "committed", v.type, v.created_by, set(v.tags), set(v.aliases))
            for key, v in versions.items()
        },
        "pages": {key: tx.contents.pages_of(key) for key in versions},
        "attached": {id: tx.drafts.attached(id) for id in ids},
        "held": {id: tx.drafts.held(id) for id in ids},
        "uploads": {id: {u.digest for u in tx.contents.uploads_of(id)} for id in ids},
        "drafts": {
            id: draft and (draft.expires_at, draft.segment, draft.version, draft.created)
            for id, draft in drafts.items()
        },
        "n_drafts": len(tx.drafts.expired(far, limit=10_000)),
        "stored pages": set(tx.contents.find_pages(list(oracle.bodies))),
        "blobs": {blob.digest: blob.size_bytes for blob in stored},
        "stats": (stats.n_versions, stats.n_blobs),
    }


def _runs_of(purged: set[str]) -> list[Any]:
    return [SegmentKey(key).run for key in purged if key.startswith("run:")]


def is_segment(key: NodeKey) -> bool:
    return key.startswith("run:")
