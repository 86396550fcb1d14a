"""Deletion plans."""

from __future__ import annotations

from datetime import datetime

from lineage.digest import Digest
from lineage.model import Plan
from lineage.names import RunKey, VersionKey
from lineage.times import from_us, to_us
from lineage.values import from_json, to_json
from sql.columns import text_list
from sql.statements import Statements

__all__ = ["SqlPlans"]


class SqlPlans:
    """`lineage.ports.Plans` on SQLite."""

    __slots__ = ("_sql",)

    def __init__(self, sql: Statements) -> None:
        self._sql = sql

    def add(self, plan: Plan) -> None:
        self._sql.run(
            "add_plan", plan.digest.raw, to_us(plan.expires_at), plan.actor,
            to_json(plan.versions), to_json(plan.runs), plan.delete_aliases, plan.purge,
            to_json(plan.binds),
        )  # fmt: skip

    def find(self, digest: Digest) -> Plan | None:
        row = self._sql.one("find_plan", digest.raw)
        if row is None:
            return None
        expires_at, actor, versions, runs, delete_aliases, purge, binds = row
        return Plan(
            digest=digest,
            actor=actor,
            expires_at=from_us(expires_at),
            versions=tuple(map(VersionKey, text_list(versions))),
            runs=tuple(map(RunKey, text_list(runs))),
            delete_aliases=bool(delete_aliases),
            purge=bool(purge),
            binds=from_json(binds),
        )

    def remove_expired(self, now: datetime) -> None:
        self._sql.run("remove_expired_plans", to_us(now))
