"""Runs and their segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import apsw

from lineage.errors import AlreadyExists, NotFound
from lineage.filters import RUN_DOCUMENTS, Filter
from lineage.model import Json, Run, RunState, Segment
from lineage.names import ProjectKey, RunKey, SegmentKey, SweepKey
from lineage.times import from_us, from_us_or_none, to_us, to_us_or_none
from lineage.values import from_json, to_json
from sql.columns import integers, leaves, text_list, texts
from sql.compile_filter import RUNS, compose, cursor_of
from sql.statements import Statements, load

__all__ = ["SqlRuns"]


class SqlRuns:
    """`lineage.ports.Runs` on SQLite."""

    __slots__ = ("_sql",)

    def __init__(self, sql: Statements) -> None:
        self._sql = sql

    def find(self, keys: Sequence[RunKey]) -> dict[RunKey, Run]:
        found = map(_run, self._sql.all("find_runs", texts(keys)))
        return {run.key: run for run in found}

    def add(self, run: Run) -> None:
        sweep_id = None
        if run.sweep is not None:
            sweep_id = self._sql.value("find_sweep_id", run.sweep)
            if sweep_id is None:
                raise NotFound(f"there is no {run.sweep}", key=run.sweep)
        run_id = self._add_node(run.key)
        state, heartbeat_at, *rest = _columns(run)
        created_at = to_us(run.created_at)
        self._sql.run(
            "add_run", run_id, run.key.project, sweep_id, run.point, state, created_at,
            heartbeat_at, *rest,
        )  # fmt: skip
        self._sql.run("add_segment", run_id, run.key, 1, created_at)
        for number, document in enumerate(_documents(run)):
            if document:
                values = leaves(document)
                self._sql.many("set_run_value", [(run_id, number, *v) for v in values.items()])

    def _add_node(self, key: RunKey | SegmentKey) -> int:
        try:
            node_id: int | None = self._sql.value("add_node", key)
        except apsw.ConstraintError as exc:
            raise AlreadyExists(f"{key} is there already", key=key) from exc
        if node_id is None:
            raise AlreadyExists(f"{key} was purged, and its key is never given again", key=key)
        return node_id

    def save(self, run: Run) -> None:
        row = self._sql.one("find_run_documents", run.key)
        if row is None:
            raise NotFound(f"there is no {run.key}", key=run.key)
        run_id, *before = row
        columns = _columns(run)
        self._sql.run("save_run", run_id, *columns)
        after = columns[-len(RUN_DOCUMENTS) :]
        for number, (old, new) in enumerate(zip(before, after, strict=True)):
            if old != new:
                self._save_values(run_id, number, leaves(from_json(old)), leaves(from_json(new)))

    def _save_values(
        self, run_id: int, number: int, old: dict[str, Any], new: dict[str, Any]
    ) -> None:
        gone = [(run_id, number, path) for path in old if path not in new]
        changed = [
            (run_id, number, path, value)
            for path, value in new.items()
            # 1 == 1.0 in Python; what is kept should stay what was given.
            if path not in old or old[path] != value or type(old[path]) is not type(value)
        ]
        self._sql.many("drop_run_value", gone)
        self._sql.many("set_run_value", changed)

    def beat(self, key: RunKey, at: datetime) -> None:
        self._sql.run("beat", key, to_us(at))

    def segments(self, key: RunKey) -> list[Segment]:
        rows = self._sql.all("find_segments", key)
        return [Segment(SegmentKey(segment), bool(is_sealed)) for segment, is_sealed in rows]

    def add_segment(self, key: SegmentKey, created_at: datetime) -> None:
        node_id = self._add_node(key)
        self._sql.run("add_segment", node_id, key.run, key.number, to_us(created_at))
        self._sql.run("add_continues", node_id)

    def seal(self, key: SegmentKey) -> None:
        self._sql.run("seal_segment", key)

    def remove(self, key: RunKey) -> None:
        if self._sql.run("remove_run", key):
            self._sql.run("retire_key", key)

    def select(
        self,
        projects: Sequence[ProjectKey],
        *,
        where: Filter | None,
        order: str,
        after: Json,
        limit: int,
        stale_before: datetime,
    ) -> tuple[list[Run], Json]:
        ids = self._sql.column("find_project_ids", texts(projects))
        text, values = compose(load()["select_runs"], RUNS, where=where, order=order, after=after)
        values |= {
            "projects": integers(ids),
            "stale_before": to_us(stale_before),
            "limit": limit + 1,
        }
        rows = self._sql.composed(text, values)
        found = self.find([RunKey(key) for key, _ in rows[:limit]])
        page = [_as_of(found[RunKey(key)], stale_before) for key, _ in rows[:limit]]
        return page, cursor_of(rows, limit)


def _as_of(run: Run, stale_before: datetime) -> Run:
    if run.state is RunState.RUNNING and run.heartbeat_at < stale_before:
        return replace(run, state=RunState.CRASHED)
    return run


def _documents(run: Run) -> tuple[Any, ...]:
    return run.config, run.summary, run.summary_min, run.summary_max


def _columns(run: Run) -> tuple[Any, ...]:
    """What `save_run` takes after the id."""
    return (
        run.state,
        to_us(run.heartbeat_at),
        to_us_or_none(run.finished_at),
        run.exit_code,
        run.revision,
        run.name,
        run.job_type,
        run.group,
        to_json(run.tags),
        run.error,
        run.notes,
        *map(to_json, _documents(run)),
    )


def _run(row: tuple[Any, ...]) -> Run:
    """From the columns of `find_runs`."""
    key, sweep, point, state, created_at, heartbeat_at, finished_at, *rest = row
    exit_code, revision, name, job_type, group, tags, error, notes, *documents = rest
    config, summary, summary_min, summary_max = map(from_json, documents)
    return Run(
        key=RunKey(key),
        state=RunState(state),
        created_at=from_us(created_at),
        heartbeat_at=from_us(heartbeat_at),
        name=name,
        job_type=job_type,
        group=group,
        notes=notes,
        tags=text_list(tags),
        config=config,
        summary=summary,
        summary_min=summary_min,
        summary_max=summary_max,
        sweep=None if sweep is None else SweepKey(sweep),
        point=point,
        finished_at=from_us_or_none(finished_at),
        exit_code=exit_code,
        error=error,
        revision=revision,
    )
