"""Sweeps."""

from __future__ import annotations

from typing import Any

import apsw

from lineage.errors import AlreadyExists
from lineage.model import Goal, Sweep
from lineage.names import ProjectKey, SweepKey
from lineage.times import from_us, to_us
from lineage.values import from_json, to_json
from sql.statements import Statements, is_duplicate

__all__ = ["SqlSweeps"]


class SqlSweeps:
    """`lineage.ports.Sweeps` on SQLite."""

    __slots__ = ("_sql",)

    def __init__(self, sql: Statements) -> None:
        self._sql = sql

    def find(self, key: SweepKey) -> Sweep | None:
        row = self._sql.one("find_sweep", key)
        return None if row is None else _sweep(row)

    def add(self, sweep: Sweep) -> None:
        key = sweep.key
        try:
            self._sql.run(
                "add_sweep", key, key.project, sweep.method, to_json(sweep.parameters),
                sweep.metric, sweep.goal, to_us(sweep.created_at), sweep.name, sweep.program,
                sweep.run_cap, sweep.next_point, sweep.is_stopped,
            )  # fmt: skip
        except apsw.ConstraintError as exc:
            if not is_duplicate(exc):
                raise
            raise AlreadyExists(f"{key} is there already", key=key) from exc

    def save(self, sweep: Sweep) -> None:
        self._sql.run("save_sweep", sweep.key, sweep.next_point, sweep.is_stopped)

    def select(self, project: ProjectKey, *, after: SweepKey | None, limit: int) -> list[Sweep]:
        return list(map(_sweep, self._sql.all("select_sweeps", project, after or "", limit)))


def _sweep(row: tuple[Any, ...]) -> Sweep:
    key, method, parameters, metric, goal, created_at, *rest = row
    name, program, run_cap, next_point, is_stopped = rest
    return Sweep(
        key=SweepKey(key),
        method=method,
        parameters=from_json(parameters),
        metric=metric,
        goal=Goal(goal),
        created_at=from_us(created_at),
        name=name,
        program=program,
        run_cap=run_cap,
        next_point=next_point,
        is_stopped=bool(is_stopped),
    )
