"""The JSON documents of answers: their shape, a true example of each, how values become one.

The examples are one story, told by tests/api/test_openapi.py against a real server.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

from lineage.engine.sweeps import n_points
from lineage.model import Bytes, Collection, Event, Project, ReferenceCheck, Run, Sweep, Version
from lineage.names import VersionKey

__all__ = [
    "BYTES",
    "COLLECTION",
    "EVENT",
    "EXAMPLE_BLOB",
    "EXAMPLE_PAGE",
    "EXAMPLE_PAGE_BODY",
    "PROJECT",
    "RUN",
    "SWEEP",
    "VERSION",
    "BytesDocument",
    "CollectionDocument",
    "EventDocument",
    "ProjectDocument",
    "ReferenceCheckDocument",
    "RunDocument",
    "SweepDocument",
    "VersionDocument",
    "example",
    "render_bytes",
    "render_collection",
    "render_event",
    "render_project",
    "render_run",
    "render_sweep",
    "render_time",
    "render_version",
]

EXAMPLE_BLOB: Final = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
EXAMPLE_PAGE_BODY: Final = f'{{"digest":"{EXAMPLE_BLOB}","path":"hello.txt","size_bytes":6}}\n'
EXAMPLE_PAGE: Final = "sha256:a6ab2b8453ca809a71654752f0037b5b7b0f114985f01c8d58d1021a128f2cde"


def example(value: Any) -> ConfigDict:
    """The pydantic configuration of a document whose OpenAPI schema shows this example."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [value]})


def render_time(at: datetime) -> str:
    """ISO 8601 in UTC, with a Z."""
    return at.isoformat().replace("+00:00", "Z")


def _time_or_none(at: datetime | None) -> str | None:
    return None if at is None else render_time(at)


PROJECT: Final = {
    "key": "acme/vision",
    "entity": "acme",
    "name": "vision",
    "access": "private",
    "created_at": "2026-01-31T09:00:00.000001Z",
    "protected_aliases": [],
    "guards_downstream": False,
}


@with_config(example(PROJECT))
class ProjectDocument(TypedDict):
    key: str
    entity: str
    name: str
    access: str
    created_at: str
    protected_aliases: list[str]
    guards_downstream: bool


def render_project(project: Project) -> ProjectDocument:
    return {
        "key": project.key,
        "entity": project.key.entity,
        "name": project.key.name,
        "access": project.access.value,
        "created_at": render_time(project.created_at),
        "protected_aliases": list(project.protected_aliases),
        "guards_downstream": project.guards_downstream,
    }


RUN: Final = {
    "key": "run:acme/vision/3f2a9c",
    "entity": "acme",
    "project": "vision",
    "id": "3f2a9c",
    "name": "baseline",
    "state": "running",
    "job_type": "train",
    "group": "",
    "notes": "",
    "tags": ["first"],
    "config": {"lr": 0.01, "layers": [64, 10]},
    "summary": {"acc": 0.91, "loss": {"$float": "NaN"}},
    "summary_min": {"acc": 0.91},
    "summary_max": {"acc": 0.91},
    "sweep": None,
    "point": None,
    "created_at": "2026-01-31T09:00:00.000002Z",
    "heartbeat_at": "2026-01-31T09:00:01.000003Z",
    "finished_at": None,
    "exit_code": None,
    "error": "",
    "revision": 2,
}


@with_config(example(RUN))
class RunDocument(TypedDict):
    key: str
    entity: str
    project: str
    id: str
    name: str
    state: str
    job_type: str
    group: str
    notes: str
    tags: list[str]
    config: dict[str, Any]
    summary: dict[str, Any]
    summary_min: dict[str, Any]
    summary_max: dict[str, Any]
    sweep: str | None
    point: int | None
    created_at: str
    heartbeat_at: str
    finished_at: str | None
    exit_code: int | None
    error: str
    revision: int


def render_run(run: Run) -> RunDocument:
    project = run.key.project
    return {
        "key": run.key,
        "entity": project.entity,
        "project": project.name,
        "id": run.key.name,
        "name": run.name,
        "state": run.state.value,
        "job_type": run.job_type,
        "group": run.group,
        "notes": run.notes,
        "tags": list(run.tags),
        "config": dict(run.config),
        "summary": dict(run.summary),
        "summary_min": dict(run.summary_min),
        "summary_max": dict(run.summary_max),
        "sweep": None if run.sweep is None else run.sweep.path,
        "point": run.point,
        "created_at": render_time(run.created_at),
        "heartbeat_at": render_time(run.heartbeat_at),
        "finished_at": _time_or_none(run.finished_at),
        "exit_code": run.exit_code,
        "error": run.error,
        "revision": run.revision,
    }


COLLECTION: Final = {
    "key": "acme/vision/digits",
    "entity": "acme",
    "project": "vision",
    "name": "digits",
    "type": "dataset",
    "description": "",
    "next_index": 1,
    "created_at": "2026-01-31T09:00:02.000004Z",
}


@with_config(example(COLLECTION))
class CollectionDocument(TypedDict):
    key: str
    entity: str
    project: str
    name: str
    type: str
    description: str
    next_index: int
    created_at: str


def render_collection(collection: Collection) -> CollectionDocument:
    project = collection.key.project
    return {
        "key": collection.key,
        "entity": project.entity,
        "project": project.name,
        "name": collection.key.name,
        "type": collection.type,
        "description": collection.description,
        "next_index": collection.next_index,
        "created_at": render_time(collection.created_at),
    }


VERSION: Final = {
    "key": "artifact:acme/vision/digits:v0",
    "name": "digits:v0",
    "entity": "acme",
    "project": "vision",
    "collection": "digits",
    "index": 0,
    "type": "dataset",
    "state": "committed",
    "digest": "sha256:8d06c2a6d4bb8eecdbd4c2823a91b5598240906c43e3af94419f4748b73bca4e",
    "size_bytes": 6,
    "n_files": 1,
    "metadata": {"source": "nist"},
    "description": "handwritten digits",
    "tags": [],
    "aliases": ["latest", "raw"],
    "created_at": "2026-01-31T09:00:02.000004Z",
    "created_by": "admin",
    "deleted_at": None,
    "deleted_by": None,
    "revision": 1,
    "drifted": False,
    "reference_check": None,
}


class ReferenceCheckDocument(TypedDict):
    """What was found when the references were last looked at, each counted once."""

    checked_at: str
    checked_by: str
    n_ok: int
    n_changed: int
    n_missing: int
    n_unversioned: int


@with_config(example(VERSION))
class VersionDocument(TypedDict):
    key: str
    name: str
    entity: str
    project: str
    collection: str
    index: int
    type: str
    state: str
    digest: str
    size_bytes: int
    n_files: int
    metadata: dict[str, Any]
    description: str
    tags: list[str]
    aliases: list[str]
    created_at: str
    created_by: str
    deleted_at: str | None
    deleted_by: str | None
    revision: int
    drifted: bool
    reference_check: ReferenceCheckDocument | None


def render_version(version: Version) -> VersionDocument:
    key: VersionKey = version.key
    collection = key.collection
    return {
        "key": key,
        "name": f"{collection.name}:v{key.number}",
        "entity": collection.project.entity,
        "project": collection.project.name,
        "collection": collection.name,
        "index": key.number,
        "type": version.type,
        "state": version.state.value,
        "digest": version.manifest,
        "size_bytes": version.size_bytes,
        "n_files": version.n_files,
        "metadata": dict(version.metadata),
        "description": version.description,
        "tags": list(version.tags),
        "aliases": list(version.aliases),
        "created_at": render_time(version.created_at),
        "created_by": version.created_by,
        "deleted_at": _time_or_none(version.deleted_at),
        "deleted_by": version.deleted_by,
        "revision": version.revision,
        "drifted": version.is_drifted,
        "reference_check": _render_check(version.reference_check),
    }


def _render_check(check: ReferenceCheck | None) -> ReferenceCheckDocument | None:
    if check is None:
        return None
    return {
        "checked_at": render_time(check.checked_at),
        "checked_by": check.checked_by,
        "n_ok": check.n_ok,
        "n_changed": check.n_changed,
        "n_missing": check.n_missing,
        "n_unversioned": check.n_unversioned,
    }


SWEEP: Final = {
    "key": "sweep:acme/vision/lr-search",
    "entity": "acme",
    "project": "vision",
    "id": "lr-search",
    "name": "learning rates",
    "method": "grid",
    "metric": "acc",
    "goal": "maximize",
    "parameters": {"lr": {"values": [0.01, 0.1]}},
    "program": "train.py",
    "run_cap": None,
    "next_point": 0,
    "n_points": 2,
    "is_stopped": False,
    "created_at": "2026-01-31T09:00:03.000005Z",
}


@with_config(example(SWEEP))
class SweepDocument(TypedDict):
    key: str
    entity: str
    project: str
    id: str
    name: str
    method: str
    metric: str
    goal: str
    parameters: dict[str, Any]
    program: str
    run_cap: int | None
    next_point: int
    n_points: int | None
    is_stopped: bool
    created_at: str


def render_sweep(sweep: Sweep) -> SweepDocument:
    project = sweep.key.project
    return {
        "key": sweep.key,
        "entity": project.entity,
        "project": project.name,
        "id": sweep.key.name,
        "name": sweep.name,
        "method": sweep.method,
        "metric": sweep.metric,
        "goal": sweep.goal.value,
        "parameters": dict(sweep.parameters),
        "program": sweep.program,
        "run_cap": sweep.run_cap,
        "next_point": sweep.next_point,
        "n_points": n_points(sweep),
        "is_stopped": sweep.is_stopped,
        "created_at": render_time(sweep.created_at),
    }


BYTES: Final = {"all_bytes": 6, "shared_bytes": 0, "own_bytes": 6, "n_blobs": 1}


@with_config(example(BYTES))
class BytesDocument(TypedDict):
    all_bytes: int
    shared_bytes: int
    own_bytes: int
    n_blobs: int


def render_bytes(stored: Bytes) -> BytesDocument:
    return {
        "all_bytes": stored.all_bytes,
        "shared_bytes": stored.shared_bytes,
        "own_bytes": stored.own_bytes,
        "n_blobs": stored.n_blobs,
    }


EVENT: Final = {
    "id": 1,
    "at": "2026-01-31T09:00:00.000001Z",
    "actor": "admin",
    "verb": "project.create",
    "subject": "acme/vision",
    "before": None,
    "after": {"access": "private"},
}


@with_config(example(EVENT))
class EventDocument(TypedDict):
    id: int | None
    at: str
    actor: str
    verb: str
    subject: str
    before: Any
    after: Any


def render_event(event: Event) -> EventDocument:
    return {
        "id": event.id,
        "at": render_time(event.at),
        "actor": event.actor,
        "verb": event.verb,
        "subject": event.subject,
        "before": event.before,
        "after": event.after,
    }
