"""Runs and their segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from cypher.columns import packed_leaves
from cypher.compile_filter import RUNS, compose, cursor_of
from cypher.statements import Statements, load
from lineage.errors import NotFound
from lineage.filters import RUN_DOCUMENTS, Filter
from lineage.model import Json, Run, RunState, Segment
from lineage.names import ProjectKey, RunKey, SegmentKey, SweepKey
from lineage.times import from_us, from_us_or_none, to_us, to_us_or_none
from lineage.values import from_json, to_json

__all__ = ["CypherRuns"]


class CypherRuns:
    """`lineage.ports.Runs` on Neo4j. A run lies in the node of its first segment."""

    __slots__ = ("_cypher",)

    def __init__(self, cypher: Statements) -> None:
        self._cypher = cypher

    def find(self, keys: Sequence[RunKey]) -> dict[RunKey, Run]:
        if not keys:
            return {}
        found = map(_run, self._cypher.all("find_runs", keys=keys))
        return {run.key: run for run in found}

    def add(self, run: Run) -> None:
        properties = _segment(run.key.segment(1), run.created_at) | _properties(run)
        properties |= {"sweep": run.sweep, "point": run.point}
        row = {"project": run.key.project, "properties": properties}
        self._cypher.later("add_run", row)
        if run.sweep is not None:
            missing = NotFound(f"there is no {run.sweep}", key=run.sweep)
            row = {"run": run.key, "sweep": run.sweep}
            self._cypher.later("add_run_to_sweep", row, missing=missing)

    def save(self, run: Run) -> None:
        missing = NotFound(f"there is no {run.key}", key=run.key)
        row = {"key": run.key, "properties": _properties(run)}
        self._cypher.later("save_run", row, missing=missing)

    def beat(self, key: RunKey, at: datetime) -> None:
        self._cypher.later("beat", {"key": key, "at": to_us(at)})

    def segments(self, key: RunKey) -> list[Segment]:
        rows = self._cypher.all("find_segments", key=key)
        return [Segment(SegmentKey(segment), is_sealed) for segment, is_sealed in rows]

    def add_segment(self, key: SegmentKey, created_at: datetime) -> None:
        before = key.run.segment(key.number - 1)
        row = {"before": before, "properties": _segment(key, created_at)}
        self._cypher.later("add_segment", row)

    def seal(self, key: SegmentKey) -> None:
        self._cypher.later("seal_segment", key)

    def remove(self, key: RunKey) -> None:
        for segment in self.segments(key):
            self._cypher.later("retire_node", segment.key)

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
        text, values = compose(load()["select_runs"], RUNS, where=where, order=order, after=after)
        values |= {"projects": projects, "stale_before": to_us(stale_before), "limit": limit + 1}
        rows = self._cypher.composed(text, values)
        found = self.find([RunKey(key) for key, _ in rows[:limit]])
        page = [_as_of(found[RunKey(key)], stale_before) for key, _ in rows[:limit]]
        return page, cursor_of(rows, limit)


def _as_of(run: Run, stale_before: datetime) -> Run:
    if run.state is RunState.RUNNING and run.heartbeat_at < stale_before:
        return replace(run, state=RunState.CRASHED)
    return run


def _segment(key: SegmentKey, created_at: datetime) -> dict[str, Any]:
    """What every segment says of itself."""
    return {
        "key": key,
        "project": key.run.project,
        "run": key.run.name,
        "segment": key.number,
        "sealed": False,
        "created_at": to_us(created_at),
    }


def _properties(run: Run) -> dict[str, Any]:
    """What `save` replaces."""
    properties: dict[str, Any] = {
        "state": run.state,
        "heartbeat_at": to_us(run.heartbeat_at),
        "finished_at": to_us_or_none(run.finished_at),
        "exit_code": run.exit_code,
        "revision": run.revision,
        "name": run.name,
        "job_type": run.job_type,
        "group": run.group,
        "tags": list(run.tags),
        "error": run.error,
        "notes": run.notes,
    }
    documents = (run.config, run.summary, run.summary_min, run.summary_max)
    for name, document in zip(RUN_DOCUMENTS, documents, strict=True):
        properties[name] = to_json(document)
        properties[f"{name}_values"] = packed_leaves(document)
    return properties


def _run(row: list[Any]) -> Run:
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
        tags=tuple(tags),
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
