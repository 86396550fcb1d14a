"""Receipts: deletions that were decided, and what they have freed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from lineage.digest import Digest
from lineage.model import Freed, Receipt, ReceiptId
from lineage.names import RunKey, VersionKey
from lineage.times import from_us, from_us_or_none, to_us
from lineage.values import to_json
from sql.columns import text_list
from sql.statements import Statements

__all__ = ["SqlReceipts"]

_NEWEST: Final = (2**63 - 1, "")  # later than any


class SqlReceipts:
    """`lineage.ports.Receipts` on SQLite."""

    __slots__ = ("_sql",)

    def __init__(self, sql: Statements) -> None:
        self._sql = sql

    def add(self, receipt: Receipt) -> None:
        self._sql.run(
            "add_receipt", receipt.id, receipt.deleted_by, to_us(receipt.deleted_at),
            None if receipt.plan is None else receipt.plan.raw, receipt.purge,
            to_json(receipt.versions), to_json(receipt.runs),
        )  # fmt: skip

    def find(self, id: ReceiptId) -> Receipt | None:
        row = self._sql.one("find_receipt", id)
        return None if row is None else _receipt(row)

    def find_of_plan(self, plan: Digest, actor: str) -> ReceiptId | None:
        found = self._sql.value("find_receipt_of_plan", plan.raw, actor)
        return None if found is None else ReceiptId(found)

    def advance(
        self,
        id: ReceiptId,
        at: datetime,
        *,
        n_done: int = 0,
        freed: Freed = Freed(),  # noqa: B008 - a value
    ) -> None:
        counts = (freed.n_pages, freed.n_blobs, freed.size_bytes)
        self._sql.run("advance_receipt", id, to_us(at), n_done, *counts)

    def finish(self, id: ReceiptId, at: datetime) -> None:
        self._sql.run("finish_receipt", id, to_us(at))

    def unfinished(self, before: datetime, *, limit: int) -> list[ReceiptId]:
        found = self._sql.column("find_unfinished_receipts", to_us(before), limit)
        return list(map(ReceiptId, found))

    def select(
        self, *, actor: str | None, after: tuple[datetime, ReceiptId] | None, limit: int
    ) -> list[Receipt]:
        place = _NEWEST if after is None else (to_us(after[0]), after[1])
        return list(map(_receipt, self._sql.all("select_receipts", actor, *place, limit)))


def _receipt(row: Any) -> Receipt:
    id, actor, at, plan, purge, versions, runs, *counts, finished_at = row
    n_done, *freed = counts
    return Receipt(
        id=ReceiptId(id),
        versions=tuple(map(VersionKey, text_list(versions))),
        runs=tuple(map(RunKey, text_list(runs))),
        deleted_at=from_us(at),
        deleted_by=actor,
        plan=None if plan is None else Digest.from_raw(plan),
        purge=bool(purge),
        n_done=n_done,
        freed=Freed(*freed),
        finished_at=from_us_or_none(finished_at),
    )
