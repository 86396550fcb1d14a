"""Runs and what they read: start, resume, update, finish, use, and edges declared afterwards."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from lineage.engine.access import Mask, ensure_writable, readable, visible, writable
from lineage.engine.context import Context, record
from lineage.errors import AlreadyExists, CycleError, Gone, Invalid, NotFound, PreconditionFailed
from lineage.filters import RUN_DOCUMENTS, RUN_FIELDS, Filter, check, check_order
from lineage.model import Caller, Json, Run, RunState, Version, VersionState
from lineage.names import NodeKey, ProjectKey, RunKey, SegmentKey, SweepKey, VersionKey, check_tag
from lineage.ports import Transaction
from lineage.values import check_document, flatten

__all__ = [
    "Resume",
    "RunPatch",
    "RunStart",
    "Runs",
    "check_text",
    "live_run",
    "live_version",
    "refuse_cycle",
    "seal_current",
    "sweep_run",
]

Resume = Literal["never", "allow", "must"]
_MAX_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class RunStart:
    key: RunKey
    resume: Resume = "never"
    name: str = ""
    job_type: str = ""
    group: str = ""
    notes: str = ""
    tags: tuple[str, ...] = ()
    config: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class RunPatch:
    """What to change; None leaves it. Documents are merged key by key.

    `metrics` are values that were logged: the last one goes to the summary, and the least and the
    greatest number of each to `summary_min` and `summary_max`.
    """

    config: Mapping[str, Any] | None = None
    summary: Mapping[str, Any] | None = None
    metrics: Mapping[str, Any] | None = None
    name: str | None = None
    group: str | None = None
    job_type: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] | None = None


def live_run(tx: Transaction, key: RunKey) -> Run:
    """The run; NotFound if it never was, Gone if it was deleted."""
    run = tx.runs.find([key]).get(key)
    if run is None:
        raise NotFound(f"there is no run {key.path}")
    if run.state is RunState.DELETED:
        raise Gone(f"run {key.path} has been deleted")
    return run


def seal_current(tx: Transaction, key: RunKey) -> SegmentKey:
    """Seal the run's current segment, under the run's lock: what is logged comes from it."""
    segment = tx.runs.segments(key)[-1]
    if not segment.is_sealed:
        tx.runs.seal(segment.key)
    return segment.key


def _open_segment(tx: Transaction, key: RunKey, now: datetime) -> SegmentKey:
    """The run's current segment if it is not sealed, else a new one that continues it."""
    segments = tx.runs.segments(key)
    if not segments[-1].is_sealed:
        return segments[-1].key
    new = key.segment(len(segments) + 1)
    tx.runs.add_segment(new, now)
    return new


def check_text(value: str, field: str) -> str:
    """`value`, if it may describe a run or version; Invalid otherwise."""
    if len(value) > _MAX_TEXT:
        raise Invalid(field, f"is not text of at most {_MAX_TEXT} characters")
    try:
        value.encode()
    except UnicodeEncodeError as exc:
        raise Invalid(field, "cannot be written as UTF-8") from exc
    return value


def _tags(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({check_tag(tag) for tag in values}))


class Runs:
    def __init__(self, context: Context) -> None:
        self._context = context

    def _seen(self, run: Run) -> Run:
        """As people see it: one that runs but has been silent for too long has crashed."""
        if run.state is RunState.RUNNING and run.heartbeat_at < self._stale_before():
            return replace(run, state=RunState.CRASHED)
        return run

    def _stale_before(self) -> datetime:
        return self._context.now() - self._context.limits.crashed_after

    def start(self, caller: Caller, start: RunStart) -> tuple[Run, bool]:
        """Start a run, or resume it.

        Returns:
            the run, and whether it was there already.
        Raises:
            AlreadyExists: the id is taken, and `resume` is "never".
            NotFound: there is no such run, and `resume` is "must".
        """
        if start.resume not in ("never", "allow", "must"):
            raise Invalid("resume", "is neither never, allow nor must")
        now = self._context.now()
        run = Run(
            key=start.key,
            state=RunState.RUNNING,
            created_at=now,
            heartbeat_at=now,
            name=check_text(start.name or start.key.name, "name"),
            job_type=check_text(start.job_type, "job_type"),
            group=check_text(start.group, "group"),
            notes=check_text(start.notes, "notes"),
            tags=_tags(start.tags),
            config=check_document(start.config or {}, "config"),
        )

        def change(tx: Transaction) -> tuple[Run, bool]:
            tx.lock(nodes=[start.key])
            tx.ahead(projects=[start.key.project], runs=[start.key])
            ensure_writable(self._context, tx, caller, start.key.project)
            found = tx.runs.find([start.key]).get(start.key)
            if found is not None:
                return self._resume(tx, caller, start, found), True
            if start.resume == "must":
                raise NotFound(f"there is no run {start.key.path} to resume")
            tx.runs.add(run)
            record(tx, caller, now, "run.start", run.key, after={"name": run.name})
            return run, False

        return self._context.graph.write(change)

    def _resume(self, tx: Transaction, caller: Caller, start: RunStart, found: Run) -> Run:
        if found.state is RunState.DELETED:
            raise Gone(f"run {start.key.path} has been deleted; its id cannot be used again")
        if start.resume == "never":
            advice = 'pass resume="allow" to go on with it, or leave the id out for a new one'
            raise AlreadyExists(f"run {start.key.path} exists: {advice}")
        now = self._context.now()
        run = replace(
            found,
            state=RunState.RUNNING,
            heartbeat_at=now,
            finished_at=None,
            exit_code=None,
            error="",
            name=start.name or found.name,
            job_type=start.job_type or found.job_type,
            group=start.group or found.group,
            notes=start.notes or found.notes,
            tags=_tags([*found.tags, *start.tags]),
            config={**found.config, **check_document(start.config or {}, "config")},
            revision=found.revision + 1,
        )
        tx.runs.save(run)
        record(tx, caller, now, "run.resume", run.key, before={"state": found.state})
        return run

    def get(self, caller: Caller, key: RunKey) -> Run:
        """The run, deleted ones included; NotFound if there is none that the caller may read."""

        def ask(tx: Transaction) -> Run:
            readable(tx, caller, key.project)
            run = tx.runs.find([key]).get(key)
            if run is None:
                raise NotFound(f"there is no run {key.path}")
            return run

        return self._seen(self._context.graph.read(ask))

    def select(
        self,
        caller: Caller,
        project: ProjectKey,
        *,
        where: Filter | None = None,
        order: str = "-created_at",
        after: Json = None,
        limit: int = 100,
    ) -> tuple[list[Run], Json]:
        """A page of the project's runs that pass the filter, and the next page's cursor."""
        where = check(where, RUN_FIELDS, RUN_DOCUMENTS) if where is not None else None
        check_order(order, RUN_FIELDS, RUN_DOCUMENTS)

        def ask(tx: Transaction) -> tuple[list[Run], Json]:
            readable(tx, caller, project)
            return tx.runs.select(
                [project],
                where=where,
                order=order,
                after=after,
                limit=limit,
                stale_before=self._stale_before(),
            )

        runs, cursor = self._context.graph.read(ask)
        return [self._seen(run) for run in runs], cursor

    def update(
        self, caller: Caller, key: RunKey, patch: RunPatch, *, if_revision: int | None = None
    ) -> Run:
        """Change what the patch names.

        Raises:
            PreconditionFailed: the run has another revision than `if_revision`.
        """
        config = check_document(patch.config or {}, "config")
        summary = check_document(patch.summary or {}, "summary")
        metrics = check_document(patch.metrics or {}, "metrics")
        now = self._context.now()

        def change(tx: Transaction) -> Run:
            tx.lock(nodes=[key])
            tx.ahead(projects=[key.project], runs=[key])
            writable(tx, caller, key.project)
            run = live_run(tx, key)
            if if_revision is not None and if_revision != run.revision:
                raise PreconditionFailed(f"run {key.path} has changed since: read it again")
            least, greatest = _extremes(run, metrics)
            new = replace(
                run,
                config={**run.config, **config},
                summary={**run.summary, **summary, **metrics},
                summary_min=least,
                summary_max=greatest,
                name=run.name if patch.name is None else check_text(patch.name, "name"),
                group=run.group if patch.group is None else check_text(patch.group, "group"),
                job_type=run.job_type
                if patch.job_type is None
                else check_text(patch.job_type, "job_type"),
                notes=run.notes if patch.notes is None else check_text(patch.notes, "notes"),
                tags=run.tags if patch.tags is None else _tags(patch.tags),
                heartbeat_at=now if run.state is RunState.RUNNING else run.heartbeat_at,
                revision=run.revision + 1,
            )
            check_document(new.config, "config")
            check_document(new.summary, "summary")
            tx.runs.save(new)
            before, after = _edited(run, patch)
            if after:
                record(tx, caller, now, "run.update", key, before=before, after=after)
            return new

        return self._seen(self._context.graph.write(change))

    def beat(self, caller: Caller, key: RunKey) -> None:
        """Say that the run's process is alive."""
        now = self._context.now()

        def change(tx: Transaction) -> None:
            tx.lock(nodes=[key])
            tx.ahead(projects=[key.project], runs=[key])
            writable(tx, caller, key.project)
            live_run(tx, key)
            tx.runs.beat(key, now)

        self._context.graph.write(change)

    def finish(self, caller: Caller, key: RunKey, *, exit_code: int = 0, error: str = "") -> Run:
        """End the run: `finished` with exit code 0, `failed` with any other."""
        if not -(2**31) <= exit_code < 2**31:
            raise Invalid("exit_code", "does not fit 32 bits")
        now = self._context.now()

        def change(tx: Transaction) -> Run:
            tx.lock(nodes=[key])
            tx.ahead(projects=[key.project], runs=[key])
            writable(tx, caller, key.project)
            run = live_run(tx, key)
            new = replace(
                run,
                state=RunState.FINISHED if exit_code == 0 else RunState.FAILED,
                finished_at=now,
                heartbeat_at=now,
                exit_code=exit_code,
                error=check_text(error[:_MAX_TEXT], "error"),
                revision=run.revision + 1,
            )
            tx.runs.save(new)
            record(tx, caller, now, "run.finish", key, after={"state": new.state})
            return new

        return self._context.graph.write(change)

    def use(
        self, caller: Caller, key: RunKey, version: VersionKey, *, declared: bool = False
    ) -> Version:
        """Record that the run read the version.

        Args:
            declared: state it afterwards, of the whole run: the edge goes to the run's first
                segment, and is refused if it would close a cycle.
        Raises:
            Gone: the run or the version has been deleted.
            CycleError: `declared`, and the version was made from what the run logged.
        """
        now = self._context.now()

        def change(tx: Transaction) -> Version:
            tx.lock(nodes=sorted({NodeKey(key), NodeKey(version)}))
            tx.ahead(projects=[key.project], runs=[key], versions=[version])
            writable(tx, caller, key.project)
            if version.project != key.project:
                readable(tx, caller, version.project)
            live_run(tx, key)
            found = live_version(tx, version)
            used = tx.flow.used_by_run(key)
            if declared:
                segment = key.segment(1)
                tx.lock(graph=True)
                refuse_cycle(tx, caller, version, segment)
            elif version in used:
                return found
            else:
                segment = _open_segment(tx, key, now)
            tx.flow.add_use(segment, version)
            after = {"version": version, "segment": segment}
            record(tx, caller, now, "run.use", key, after=after)
            return found

        return self._context.graph.write(change)

    def declare_logged(self, caller: Caller, key: RunKey, version: VersionKey) -> bool:
        """State afterwards that the run made the version.

        Returns:
            True if it is the version's creator now; False if that is another, and the run is
            recorded as having reproduced it.
        Raises:
            CycleError: the run is downstream of the version.
        """
        now = self._context.now()

        def change(tx: Transaction) -> bool:
            writable(tx, caller, key.project)
            writable(tx, caller, version.project)
            tx.lock(nodes=sorted({NodeKey(key), NodeKey(version)}))
            live_run(tx, key)
            live_version(tx, version)
            segment = key.segment(1)
            creator = tx.flow.loggers([version]).get(version)
            if creator is not None:
                if creator.run == key:
                    return True
                tx.flow.add_reproduced(segment, version)
                after = {"version": version, "created": False}
                record(tx, caller, now, "run.declare_logged", key, after=after)
                return False
            tx.lock(graph=True)
            refuse_cycle(tx, caller, segment, version)
            tx.runs.seal(segment)
            tx.flow.add_logged(segment, version)
            after = {"version": version, "created": True}
            record(tx, caller, now, "run.declare_logged", key, after=after)
            return True

        return self._context.graph.write(change)

    def used(self, caller: Caller, key: RunKey) -> list[Version]:
        """What the run read, by key; versions of projects the caller may not read are left out."""
        self.get(caller, key)
        return self._versions(caller, lambda tx: tx.flow.used_by_run(key))

    def logged(self, caller: Caller, key: RunKey) -> list[Version]:
        """What the run created or reproduced, by key."""
        self.get(caller, key)

        def keys(tx: Transaction) -> list[VersionKey]:
            created, reproduced = tx.flow.logged_by_run(key)
            return sorted({*created, *reproduced})

        return self._versions(caller, keys)

    def _versions(
        self, caller: Caller, keys: Callable[[Transaction], list[VersionKey]]
    ) -> list[Version]:
        return self._context.graph.read(lambda tx: visible(tx, caller, keys(tx)))


def live_version(tx: Transaction, key: VersionKey) -> Version:
    """The version; NotFound if it never was, Gone if it was deleted."""
    version = tx.versions.find([key]).get(key)
    if version is None:
        raise NotFound(f"there is no version {key.path}")
    if version.state is VersionState.DELETED:
        raise Gone(f"version {key.path} has been deleted")
    return version


def refuse_cycle(tx: Transaction, caller: Caller, tail: NodeKey, head: NodeKey) -> None:
    """CycleError if the edge tail -> head would close a cycle; the path shows what may be seen."""
    path = tx.flow.find_path(head, tail)
    if path is not None:
        shown = list(map(Mask(tx, caller), path))
        message = f"{tail} -> {head} would close a cycle: {' -> '.join(shown)}"
        raise CycleError(message, path=shown)


def _extremes(run: Run, metrics: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    least, greatest = dict(run.summary_min), dict(run.summary_max)
    for value in flatten(metrics):
        number = value.value
        if value.type != "number" or not isinstance(number, int | float) or math.isnan(number):
            continue
        least[value.path] = min(least.get(value.path, number), number)
        greatest[value.path] = max(greatest.get(value.path, number), number)
    return least, greatest


def _edited(run: Run, patch: RunPatch) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a person changed, old and new; metrics stream by and are not an edit."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for field in ("name", "group", "job_type", "notes", "tags"):
        value = getattr(patch, field)
        if value is not None and value != getattr(run, field):
            before[field], after[field] = getattr(run, field), value
    for document in ("config", "summary"):
        changed = getattr(patch, document) or {}
        old = getattr(run, document)
        if any(key not in old or old[key] != value for key, value in changed.items()):
            before[document] = {key: old[key] for key in changed if key in old}
            after[document] = dict(changed)
    return before, after


def sweep_run(
    key: RunKey, sweep: SweepKey, point: int, config: Mapping[str, Any], now: datetime
) -> Run:
    """A run that tries one point of a sweep."""
    return Run(
        key=key,
        state=RunState.RUNNING,
        created_at=now,
        heartbeat_at=now,
        name=key.name,
        config=check_document(config, "config"),
        sweep=sweep,
        point=point,
    )
