"""Sweeps."""

from __future__ import annotations

from typing import Any

from cypher.statements import Statements
from lineage.model import Goal, Sweep
from lineage.names import ProjectKey, SweepKey
from lineage.times import from_us, to_us
from lineage.values import from_json, to_json

__all__ = ["CypherSweeps"]


class CypherSweeps:
    """`lineage.ports.Sweeps` on Neo4j."""

    __slots__ = ("_cypher",)

    def __init__(self, cypher: Statements) -> None:
        self._cypher = cypher

    def find(self, key: SweepKey) -> Sweep | None:
        row = self._cypher.one("find_sweep", key=key)
        return None if row is None else _sweep(row)

    def add(self, sweep: Sweep) -> None:
        properties = {
            "key": sweep.key,
            "project": sweep.key.project,
            "method": sweep.method,
            "parameters": to_json(sweep.parameters),
            "metric": sweep.metric,
            "goal": sweep.goal,
            "created_at": to_us(sweep.created_at),
            "name": sweep.name,
            "program": sweep.program,
            "run_cap": sweep.run_cap,
            "next_point": sweep.next_point,
            "is_stopped": sweep.is_stopped,
        }
        row = {"project": sweep.key.project, "properties": properties}
        self._cypher.later("add_sweep", row)

    def save(self, sweep: Sweep) -> None:
        row = {"key": sweep.key, "next_point": sweep.next_point, "is_stopped": sweep.is_stopped}
        self._cypher.later("save_sweep", row)

    def select(self, project: ProjectKey, *, after: SweepKey | None, limit: int) -> list[Sweep]:
        values = {"prefix": SweepKey.of(project, "x")[:-1], "after": after or "", "limit": limit}
        return list(map(_sweep, self._cypher.all("select_sweeps", **values)))


def _sweep(row: list[Any]) -> Sweep:
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
        is_stopped=is_stopped,
    )
