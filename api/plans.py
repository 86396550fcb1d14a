"""The JSON documents of deletions: what a plan says, and what a deletion did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import with_config
from typing_extensions import TypedDict

from api.documents import example, render_time
from lineage.engine import DeletionPlan
from lineage.model import Receipt, Trace
from lineage.names import RunKey

__all__ = [
    "BlockerDocument",
    "DownstreamDocument",
    "HolderDocument",
    "PlanDocument",
    "ReceiptDocument",
    "ReceiptPage",
    "render_plan",
    "render_receipt",
]


class BlockerDocument(TypedDict):
    kind: str
    name: str
    how_to_clear: str


class HolderDocument(TypedDict):
    key: str
    n_blobs: int
    size_bytes: int


class DownstreamDocument(TypedDict):
    levels: list[list[str]]
    n_runs: int
    n_versions: int


_PLAN: Final = {
    "digest": "sha256:0b1f7d7a6ed3f5fdb5ef1a6f2a1c5be10ff2ad3b58fd5b6d9cbb8a8c1f0d4e57",
    "expires_at": "2026-02-01T09:00:05.000006Z",
    "versions": ["artifact:acme/vision/digits:v0"],
    "runs": [],
    "aliases": ["acme/vision/digits:raw"],
    "n_pages": 1,
    "n_blobs": 1,
    "freed_bytes": 6,
    "joint_bytes": 0,
    "n_shared": 0,
    "shared_bytes": 0,
    "holders": [],
    "consumers": ["run:acme/vision/3f2a9c"],
    "blockers": [],
    "downstream": {"levels": [["run:acme/vision/3f2a9c#2"]], "n_runs": 1, "n_versions": 0},
    "n_hidden": 0,
}


@with_config(example(_PLAN))
class PlanDocument(TypedDict):
    digest: str
    expires_at: str
    versions: list[str]
    runs: list[str]
    aliases: list[str]
    n_pages: int
    n_blobs: int
    freed_bytes: int
    joint_bytes: int
    n_shared: int
    shared_bytes: int
    holders: list[HolderDocument]
    consumers: list[str]
    blockers: list[BlockerDocument]
    downstream: DownstreamDocument
    n_hidden: int


def render_plan(plan: DeletionPlan) -> PlanDocument:
    facts = plan.facts
    return {
        "digest": plan.digest,
        "expires_at": render_time(plan.expires_at),
        "versions": list(plan.versions),
        "runs": list(plan.runs),
        "aliases": list(plan.aliases),
        "n_pages": facts.n_pages,
        "n_blobs": facts.n_blobs,
        "freed_bytes": facts.freed_bytes,
        "joint_bytes": facts.joint_bytes,
        "n_shared": facts.n_shared,
        "shared_bytes": facts.shared_bytes,
        "holders": [
            {"key": holder.key, "n_blobs": holder.n_blobs, "size_bytes": holder.size_bytes}
            for holder in plan.holders
        ],
        "consumers": list(facts.consumers),
        "blockers": [
            {"kind": b.kind, "name": b.name, "how_to_clear": b.how_to_clear} for b in plan.blockers
        ],
        "downstream": _downstream(plan.downstream, set(plan.runs)),
        "n_hidden": plan.n_hidden,
    }


def _downstream(trace: Trace, going: set[RunKey]) -> DownstreamDocument:
    keys = [key for level in trace.levels for key in level]
    # What the caller may not see is `hidden:run:1` and so on: still a run.
    versions = [key for key in keys if key.removeprefix("hidden:").startswith("artifact:")]
    runs = {RunKey(key.partition("#")[0]) for key in set(keys).difference(versions)}
    return {
        "levels": [list(level) for level in trace.levels],
        "n_runs": len(runs - going),
        "n_versions": len(versions),
    }


_RECEIPT: Final[Mapping[str, Any]] = {
    "id": "5d0f3c1b8f7e4a2d9c6b5a4f3e2d1c0b",
    "state": "finished",
    "versions": ["artifact:acme/vision/digits:v0"],
    "runs": [],
    "bytes_freed": 6,
    "n_blobs": 1,
    "n_pages": 1,
    "n_done": 1,
    "plan": _PLAN["digest"],
    "purge": False,
    "deleted_at": "2026-01-31T09:00:06.000007Z",
    "deleted_by": "admin",
    "finished_at": "2026-01-31T09:00:06.000008Z",
}


@with_config(example(_RECEIPT))
class ReceiptDocument(TypedDict):
    id: str
    state: Literal["running", "finished"]
    versions: list[str]
    runs: list[str]
    bytes_freed: int
    n_blobs: int
    n_pages: int
    n_done: int
    plan: str | None
    purge: bool
    deleted_at: str
    deleted_by: str
    finished_at: str | None


class ReceiptPage(TypedDict):
    items: list[ReceiptDocument]
    cursor: str | None


def render_receipt(receipt: Receipt) -> ReceiptDocument:
    finished_at = receipt.finished_at
    return {
        "id": receipt.id,
        "state": "running" if finished_at is None else "finished",
        "versions": list(receipt.versions),
        "runs": list(receipt.runs),
        "bytes_freed": receipt.freed.size_bytes,
        "n_blobs": receipt.freed.n_blobs,
        "n_pages": receipt.freed.n_pages,
        "n_done": receipt.n_done,
        "plan": receipt.plan,
        "purge": receipt.purge,
        "deleted_at": render_time(receipt.deleted_at),
        "deleted_by": receipt.deleted_by,
        "finished_at": None if finished_at is None else render_time(finished_at),
    }
