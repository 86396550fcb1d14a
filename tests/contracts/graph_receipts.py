"""Receipts of deletions, in the port's words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from lineage.digest import Digest
from lineage.errors import LineageError
from lineage.model import Freed, Receipt, ReceiptId
from lineage.ports import GraphStore
from tests.contracts.graph_values import DIGITS, NOW, run_key

__all__ = ["ReceiptsContract"]

PLAN = Digest.of(b"plan")


def id_of(name: str) -> ReceiptId:
    return ReceiptId(f"{name:0>32}")


def receipt(name: str, /, **fields: Any) -> Receipt:
    said: dict[str, Any] = {"versions": (DIGITS.version(0),), "runs": (), "deleted_at": NOW}
    said |= {"deleted_by": "ada"} | fields
    return Receipt(id_of(name), **said)


def after(n: float) -> Any:
    return NOW + timedelta(seconds=n)


class ReceiptsContract:
    def test_a_receipt_keeps_every_field(self, store: GraphStore) -> None:
        full = receipt(
            "a",
            versions=tuple(DIGITS.version(n) for n in (10, 2, 0)),
            runs=(run_key("b"), run_key("a")),
            plan=PLAN,
            purge=True,
        )
        bare = receipt("b", versions=(), runs=())
        store.write(lambda tx: (tx.receipts.add(full), tx.receipts.add(bare)))
        assert store.read(lambda tx: tx.receipts.find(full.id)) == full
        assert store.read(lambda tx: tx.receipts.find(bare.id)) == bare
        assert store.read(lambda tx: tx.receipts.find(id_of("none"))) is None

    def test_a_receipt_has_an_id_of_its_own(self, store: GraphStore) -> None:
        store.write(lambda tx: tx.receipts.add(receipt("a")))
        with pytest.raises(LineageError):
            store.write(lambda tx: tx.receipts.add(receipt("a", deleted_by="bob")))
        found = store.read(lambda tx: tx.receipts.find(id_of("a")))
        assert found == receipt("a")

    def test_a_receipt_begins_with_nothing_done_whatever_it_says(self, store: GraphStore) -> None:
        ahead = receipt("a", n_done=5, freed=Freed(1, 2, 3), finished_at=NOW)
        store.write(lambda tx: tx.receipts.add(ahead))
        assert store.read(lambda tx: tx.receipts.find(id_of("a"))) == receipt("a")

    def test_what_is_freed_adds_up_and_the_place_never_goes_back(self, store: GraphStore) -> None:
        store.write(lambda tx: tx.receipts.add(receipt("a")))
        store.write(lambda tx: tx.receipts.add(receipt("b")))
        for n_done, freed in ((100, Freed(1, 2, 2**40)), (0, Freed(3, 0, 5)), (50, Freed())):
            store.write(
                lambda tx, n=n_done, f=freed: tx.receipts.advance(
                    id_of("a"), after(1), n_done=n, freed=f
                )
            )
        store.write(lambda tx: tx.receipts.advance(id_of("a"), after(2)))
        found = store.read(lambda tx: tx.receipts.find(id_of("a")))
        assert found == receipt("a", n_done=100, freed=Freed(4, 2, 2**40 + 5))
        assert store.read(lambda tx: tx.receipts.find(id_of("b"))) == receipt("b")

    def test_steps_of_one_transaction_all_count(self, store: GraphStore) -> None:
        def fn(tx: Any) -> None:
            tx.receipts.add(receipt("a"))
            for n in range(1, 4):
                tx.receipts.advance(id_of("a"), after(n), n_done=n, freed=Freed(1, n, 10))
            tx.receipts.finish(id_of("a"), after(9))

        store.write(fn)
        found = store.read(lambda tx: tx.receipts.find(id_of("a")))
        assert found == receipt("a", n_done=3, freed=Freed(3, 6, 30), finished_at=after(9))

    def test_the_first_finish_counts(self, store: GraphStore) -> None:
        store.write(lambda tx: tx.receipts.add(receipt("a")))
        for n in (5, 1, 9):
            store.write(lambda tx, n=n: tx.receipts.finish(id_of("a"), after(n)))
        found = store.read(lambda tx: tx.receipts.find(id_of("a")))
        assert found == receipt("a", finished_at=after(5))

    def test_what_an_actor_did_by_a_plan_is_found(self, store: GraphStore) -> None:
        other = Digest.of(b"other")
        made = [receipt("a", plan=PLAN), receipt("b", plan=PLAN, deleted_by="bob")]
        made += [receipt("c", plan=other), receipt("d")]
        store.write(lambda tx: [tx.receipts.add(each) for each in made])

        def found(plan: Digest, actor: str) -> ReceiptId | None:
            return store.read(lambda tx: tx.receipts.find_of_plan(plan, actor))

        assert found(PLAN, "ada") == id_of("a")
        assert found(PLAN, "bob") == id_of("b")
        assert found(other, "ada") == id_of("c")
        assert found(other, "bob") is None
        assert found(Digest.of(b"none"), "ada") is None

    def test_the_unfinished_are_told_that_were_left_alone_longest(self, store: GraphStore) -> None:
        made = [receipt(name, deleted_at=after(n)) for n, name in enumerate("dcba")]
        store.write(lambda tx: [tx.receipts.add(each) for each in made])

        def unfinished(before: float, n: int = 9) -> list[ReceiptId]:
            return store.read(lambda tx: tx.receipts.unfinished(after(before), limit=n))

        assert unfinished(9) == [id_of(name) for name in "dcba"]
        assert unfinished(1) == [id_of("d"), id_of("c")]  # begun at that very time, too
        assert unfinished(0.5) == [id_of("d")]
        assert unfinished(-1) == []
        assert unfinished(9, 2) == [id_of("d"), id_of("c")]
        store.write(lambda tx: tx.receipts.advance(id_of("d"), after(2), n_done=1))
        assert unfinished(9) == [id_of(name) for name in "cbda"]  # equal times: by id
        store.write(lambda tx: tx.receipts.advance(id_of("d"), after(-5)))
        assert unfinished(1) == [id_of("c")]  # a clock that goes back does not
        store.write(lambda tx: tx.receipts.finish(id_of("c"), after(7)))
        assert unfinished(9) == [id_of(name) for name in "bda"]

    def test_receipts_are_listed_newest_first(self, store: GraphStore) -> None:
        made = [
            receipt("a"),
            receipt("b", deleted_at=after(1), deleted_by="bob"),
            receipt("c", deleted_at=after(1)),
            receipt("d", deleted_at=after(1)),
            receipt("e", deleted_at=after(-1), deleted_by="bob"),
        ]
        store.write(lambda tx: [tx.receipts.add(each) for each in made])
        a, b, c, d, e = made

        def listed(
            actor: str | None = None, last: Receipt | None = None, n: int = 9
        ) -> list[Receipt]:
            place = None if last is None else (last.deleted_at, last.id)
            return store.read(lambda tx: tx.receipts.select(actor=actor, after=place, limit=n))

        assert listed() == [d, c, b, a, e]
        assert listed(n=2) == [d, c]
        assert listed(last=c) == [b, a, e]
        assert listed(last=b, n=1) == [a]
        assert listed(last=e) == []
        assert listed("bob") == [b, e]
        assert listed("bob", d, 1) == [b]
        assert listed("ada", c) == [a]
        assert listed("nobody") == []
