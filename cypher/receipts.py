"""Receipts: deletions that were decided, and what they have freed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from cypher.statements import Statements
from lineage.digest import Digest
from lineage.model import Freed, Receipt, ReceiptId
from lineage.names import RunKey, VersionKey
from lineage.times import from_us, from_us_or_none, to_us

__all__ = ["CypherReceipts"]

_NEWEST: Final = (2**63 - 1, "")  # later than any


class CypherReceipts:
    """`lineage.ports.Receipts` on Neo4j."""

    __slots__ = ("_cypher",)

    def __init__(self, cypher: Statements) -> None:
        self._cypher = cypher

    def add(self, receipt: Receipt) -> None:
        self._cypher.later(
            "add_receipt",
            {
                "id": receipt.id,
                "actor": receipt.deleted_by,
                "deleted_at": to_us(receipt.deleted_at),
                "touched_at": to_us(receipt.deleted_at),
                "plan": receipt.plan,
                "purge": receipt.purge,
                "versions": list(receipt.versions),
                "runs": list(receipt.runs),
                "n_done": 0,
                "n_pages": 0,
                "n_blobs": 0,
                "freed_bytes": 0,
            },
        )

    def find(self, id: ReceiptId) -> Receipt | None:
        row = self._cypher.one("find_receipt", id=id)
        return None if row is None else _receipt(row)

    def find_of_plan(self, plan: Digest, actor: str) -> ReceiptId | None:
        found = self._cypher.value("find_receipt_of_plan", plan=plan, actor=actor)
        return None if found is None else ReceiptId(found)

    def advance(
        self,
        id: ReceiptId,
        at: datetime,
        *,
        n_done: int = 0,
        freed: Freed = Freed(),  # noqa: B008 - a value
    ) -> None:
        row = {"id": id, "touched_at": to_us(at), "n_done": n_done, "n_pages": freed.n_pages}
        row |= {"n_blobs": freed.n_blobs, "freed_bytes": freed.size_bytes}
        self._cypher.later("advance_receipt", row)

    def finish(self, id: ReceiptId, at: datetime) -> None:
        self._cypher.later("finish_receipt", {"id": id, "finished_at": to_us(at)})

    def unfinished(self, before: datetime, *, limit: int) -> list[ReceiptId]:
        values = {"before": to_us(before), "limit": limit}
        return list(map(ReceiptId, self._cypher.column("find_unfinished_receipts", **values)))

    def select(
        self, *, actor: str | None, after: tuple[datetime, ReceiptId] | None, limit: int
    ) -> list[Receipt]:
        at, id = _NEWEST if after is None else (to_us(after[0]), after[1])
        values = {"actor": actor, "at": at, "id": id, "limit": limit}
        return list(map(_receipt, self._cypher.all("select_receipts", **values)))


def _receipt(row: list[Any]) -> Receipt:
    id, actor, at, plan, purge, versions, runs, *counts, finished_at = row
    n_done, *freed = counts
    return Receipt(
        id=ReceiptId(id),
        versions=tuple(map(VersionKey, versions)),
        runs=tuple(map(RunKey, runs)),
        deleted_at=from_us(at),
        deleted_by=actor,
        plan=None if plan is None else Digest(plan),
        purge=purge,
        n_done=n_done,
        freed=Freed(*freed),
        finished_at=from_us_or_none(finished_at),
    )
