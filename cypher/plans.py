"""Deletion plans."""

from __future__ import annotations

from datetime import datetime

from cypher.statements import Statements
from lineage.digest import Digest
from lineage.model import Plan
from lineage.names import RunKey, VersionKey
from lineage.times import from_us, to_us
from lineage.values import from_json, to_json

__all__ = ["CypherPlans"]


class CypherPlans:
    """`lineage.ports.Plans` on Neo4j."""

    __slots__ = ("_cypher",)

    def __init__(self, cypher: Statements) -> None:
        self._cypher = cypher

    def add(self, plan: Plan) -> None:
        self._cypher.later(
            "add_plan",
            {
                "digest": plan.digest,
                "expires_at": to_us(plan.expires_at),
                "actor": plan.actor,
                "versions": list(plan.versions),
                "runs": list(plan.runs),
                "delete_aliases": plan.delete_aliases,
                "purge": plan.purge,
                "binds": to_json(plan.binds),
            },
        )

    def find(self, digest: Digest) -> Plan | None:
        row = self._cypher.one("find_plan", digest=digest)
        if row is None:
            return None
        expires_at, actor, versions, runs, delete_aliases, purge, binds = row
        return Plan(
            digest=digest,
            actor=actor,
            expires_at=from_us(expires_at),
            versions=tuple(map(VersionKey, versions)),
            runs=tuple(map(RunKey, runs)),
            delete_aliases=delete_aliases,
            purge=purge,
            binds=from_json(binds),
        )

    def remove_expired(self, now: datetime) -> None:
        self._cypher.later("remove_expired_plans", to_us(now))
