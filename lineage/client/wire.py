"""The server's JSON as values of `lineage.model`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lineage.digest import Digest
from lineage.model import (
    Collection,
    Goal,
    ReferenceCheck,
    Run,
    RunState,
    Sweep,
    Version,
    VersionState,
)
from lineage.names import CollectionKey, ProjectKey, RunKey, SweepKey, VersionKey

__all__ = ["read_collection", "read_run", "read_sweep", "read_time", "read_version"]


def read_time(told: str | None) -> datetime | None:
    """An aware UTC time."""
    return None if told is None else datetime.fromisoformat(told)


def _time(told: str) -> datetime:
    return datetime.fromisoformat(told)


def read_run(told: Any) -> Run:
    return Run(
        key=RunKey.parse(told["key"]),
        state=RunState(told["state"]),
        created_at=_time(told["created_at"]),
        heartbeat_at=_time(told["heartbeat_at"]),
        name=told["name"],
        job_type=told["job_type"],
        group=told["group"],
        notes=told["notes"],
        tags=tuple(told["tags"]),
        config=told["config"],
        summary=told["summary"],
        summary_min=told["summary_min"],
        summary_max=told["summary_max"],
        sweep=None if told["sweep"] is None else SweepKey.parse(told["sweep"]),
        point=told["point"],
        finished_at=read_time(told["finished_at"]),
        exit_code=told["exit_code"],
        error=told["error"],
        revision=told["revision"],
    )


def read_version(told: Any) -> Version:
    return Version(
        key=VersionKey.parse(told["key"]),
        type=told["type"],
        state=VersionState(told["state"]),
        manifest=Digest.parse(told["digest"]),
        size_bytes=told["size_bytes"],
        n_files=told["n_files"],
        created_at=_time(told["created_at"]),
        created_by=told["created_by"],
        metadata=told["metadata"],
        description=told["description"],
        tags=tuple(told["tags"]),
        aliases=tuple(told["aliases"]),
        deleted_at=read_time(told["deleted_at"]),
        deleted_by=told["deleted_by"],
        revision=told["revision"],
        reference_check=_read_check(told["reference_check"]),
    )


def _read_check(told: Any) -> ReferenceCheck | None:
    if told is None:
        return None
    return ReferenceCheck(
        checked_at=_time(told["checked_at"]),
        checked_by=told["checked_by"],
        n_ok=told["n_ok"],
        n_changed=told["n_changed"],
        n_missing=told["n_missing"],
        n_unversioned=told["n_unversioned"],
    )


def read_collection(told: Any) -> Collection:
    project = ProjectKey.of(told["entity"], told["project"])
    return Collection(
        key=CollectionKey.of(project, told["name"]),
        type=told["type"],
        created_at=_time(told["created_at"]),
        next_index=told["next_index"],
        description=told["description"],
    )


def read_sweep(told: Any) -> Sweep:
    return Sweep(
        key=SweepKey.of(ProjectKey.of(told["entity"], told["project"]), told["id"]),
        method=told["method"],
        parameters=told["parameters"],
        metric=told["metric"],
        goal=Goal(told["goal"]),
        created_at=_time(told["created_at"]),
        name=told["name"],
        program=told["program"],
        run_cap=told["run_cap"],
        next_point=told["next_point"],
        is_stopped=told["is_stopped"],
    )
