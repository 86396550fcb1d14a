"""The JSON documents of what the engine's verbs answer: drafts, traces, rankings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

from api.documents import (
    EVENT,
    EXAMPLE_PAGE,
    PROJECT,
    RUN,
    SWEEP,
    VERSION,
    CollectionDocument,
    EventDocument,
    ProjectDocument,
    RunDocument,
    SweepDocument,
    VersionDocument,
    example,
    render_run,
    render_time,
    render_version,
)
from api.holds import EXAMPLE_HOLD, HoldDocument, render_hold
from lineage.engine import Best, DraftAnswer
from lineage.model import Caller, Link, ObjectName

__all__ = [
    "BestDocument",
    "CallerDocument",
    "CollectionPage",
    "CommittedDocument",
    "CreatedDocument",
    "DraftDocument",
    "EventPage",
    "LoggedByDocument",
    "ProblemDocument",
    "ProjectPage",
    "RankedDocument",
    "RunPage",
    "Runs",
    "SweepPage",
    "TraceDocument",
    "TraceNodeDocument",
    "TreeDocument",
    "VersionPage",
    "Versions",
    "render_best",
    "render_caller",
    "render_draft",
]

_PROBLEM: Final[dict[str, Any]] = {
    "type": "urn:lineage:error:not_found",
    "title": "Not found",
    "status": 404,
    "detail": "there is no run acme/vision/nope",
    "code": "not_found",
    "request_id": "example-1",
}


@with_config(ConfigDict(json_schema_extra={"examples": [_PROBLEM]}))
class ProblemDocument(TypedDict):
    """RFC 9457. Facts about the error may stand beside these fields."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str


@with_config(example({"name": "admin", "is_admin": True, "entities": []}))
class CallerDocument(TypedDict):
    name: str
    is_admin: bool
    entities: list[str]


def render_caller(caller: Caller) -> CallerDocument:
    return {
        "name": caller.name,
        "is_admin": caller.is_admin,
        "entities": sorted(caller.entities),
    }


@with_config(example({"items": [PROJECT], "cursor": None}))
class ProjectPage(TypedDict):
    items: list[ProjectDocument]
    cursor: str | None


@with_config(example({"items": [RUN], "cursor": None}))
class RunPage(TypedDict):
    items: list[RunDocument]
    cursor: str | None


class CollectionPage(TypedDict):
    items: list[CollectionDocument]
    cursor: str | None


@with_config(example({"items": [VERSION], "cursor": None}))
class VersionPage(TypedDict):
    items: list[VersionDocument]
    cursor: str | None


@with_config(example({"items": [SWEEP], "cursor": None}))
class SweepPage(TypedDict):
    items: list[SweepDocument]
    cursor: str | None


@with_config(example({"items": [EVENT], "cursor": None}))
class EventPage(TypedDict):
    items: list[EventDocument]
    cursor: str | None


class Runs(TypedDict):
    items: list[RunDocument]


class Versions(TypedDict):
    items: list[VersionDocument]


class LoggedByDocument(TypedDict):
    run: RunDocument | None


@with_config(example({"created": True}))
class CreatedDocument(TypedDict):
    created: bool


@with_config(example({"version": VERSION, "created": True}))
class CommittedDocument(TypedDict):
    version: VersionDocument
    created: bool


_DRAFT: Final = {
    "id": "00000000000000000000000000000001",
    "expires_at": "2026-02-01T09:00:02.000004Z",
    "missing_pages": [EXAMPLE_PAGE],
    "holds": [EXAMPLE_HOLD],
    "version": None,
    "created": None,
}


@with_config(example(_DRAFT))
class DraftDocument(TypedDict):
    id: str
    expires_at: str
    missing_pages: list[str]
    holds: list[HoldDocument]
    version: VersionDocument | None
    created: bool | None


def render_draft(answer: DraftAnswer, links: Mapping[ObjectName, Link]) -> DraftDocument:
    """Args: `links`, as in `render_hold`."""
    committed = answer.committed
    return {
        "id": answer.draft.id,
        "expires_at": render_time(answer.draft.expires_at),
        "missing_pages": list(answer.missing_pages),
        "holds": [render_hold(hold, links) for hold in answer.holds],
        "version": None if committed is None else render_version(committed.version),
        "created": None if committed is None else committed.created,
    }


class RankedDocument(TypedDict):
    run: RunDocument
    value: Any  # a number; infinities as `$float`


class BestDocument(TypedDict):
    metric: str
    goal: str
    n_without: int
    items: list[RankedDocument]


def render_best(best: Best) -> BestDocument:
    return {
        "metric": best.metric,
        "goal": best.goal.value,
        "n_without": best.n_without,
        "items": [{"run": render_run(run), "value": value} for run, value in best.runs],
    }


class TraceNodeDocument(TypedDict):
    state: str
    type: str
    name: str
    created_at: str
    drifted: bool  # its references do not hold any more
    below_drifted: bool  # made from a version whose do not, in this answer or not


class TreeDocument(TypedDict):
    levels: list[list[str]]
    edges: list[tuple[str, str, str]]
    nodes: dict[str, TraceNodeDocument]
    complete: bool
    n_runs: int
    n_versions: int
    n_hidden: int


_TRACE: Final = {
    "direction": "upstream",
    "starts": ["artifact:acme/vision/digits:v0"],
    "upstream": {
        "levels": [["run:acme/vision/3f2a9c"]],
        "edges": [["run:acme/vision/3f2a9c", "artifact:acme/vision/digits:v0", "logged"]],
        "nodes": {},
        "complete": True,
        "n_runs": 1,
        "n_versions": 0,
        "n_hidden": 0,
    },
}


class _TraceParts(TypedDict, total=False):
    upstream: TreeDocument
    downstream: TreeDocument


@with_config(example(_TRACE))
class TraceDocument(_TraceParts):
    direction: str
    starts: list[str]
