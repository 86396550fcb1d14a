"""The definition of the graph port, in the port's words; a store is done when it passes."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import pytest

from lineage.digest import Digest
from lineage.errors import AlreadyExists, Invalid, NotFound
from lineage.model import (
    DraftId,
    Event,
)
from lineage.ports import GraphStore, Transaction
from tests.contracts.graph_ahead import AheadContract
from tests.contracts.graph_contents import ContentsContract
from tests.contracts.graph_filters import FiltersContract
from tests.contracts.graph_inventory import InventoryContract
from tests.contracts.graph_nouns import NounsContract
from tests.contracts.graph_numbers import LimitsContract
from tests.contracts.graph_questions import QuestionsContract
from tests.contracts.graph_receipts import ReceiptsContract
from tests.contracts.graph_values import (
    DIGITS,
    NOW,
    in_threads,
    run,
    run_key,
)

__all__ = ["GraphStoreContract"]


class TransactionsContract:
    def test_what_write_did_is_there_for_every_later_read(self, store: GraphStore) -> None:
        store.write(lambda tx: tx.runs.add(run("a")))
        assert store.read(lambda tx: tx.runs.find([run_key("a")])) == {run_key("a"): run("a")}

    def test_write_and_read_return_what_fn_returns(self, store: GraphStore) -> None:
        assert store.write(lambda tx: 7) == 7
        assert store.read(lambda tx: "text") == "text"

    def test_nothing_of_a_write_that_raises_is_there(self, store: GraphStore) -> None:
        def fn(tx: Transaction) -> None:
            tx.runs.add(run("a"))
            tx.events.append([Event(NOW, "ada", "add", "run")])
            raise NotFound("no")

        with pytest.raises(NotFound, match="no"):
            store.write(fn)
        assert store.read(lambda tx: tx.runs.find([run_key("a")])) == {}
        assert store.read(lambda tx: tx.events.select(subject=None, after=None, limit=9)) == []

    def test_an_error_of_a_verb_reaches_the_caller_and_leaves_nothing(
        self, store: GraphStore
    ) -> None:
        def fn(tx: Transaction) -> None:
            tx.runs.add(run("b"))
            tx.runs.add(run("a"))
            tx.runs.add(run("a"))

        with pytest.raises(AlreadyExists):
            store.write(fn)
        found = store.read(lambda tx: tx.runs.find([run_key("a"), run_key("b")]))
        assert found == {}

    def test_any_exception_of_fn_reaches_the_caller_unchanged(self, store: GraphStore) -> None:
        error = ZeroDivisionError("mine")

        def fn(tx: Transaction) -> None:
            raise error

        for call in (store.write, store.read):
            with pytest.raises(ZeroDivisionError) as raised:
                call(fn)
            assert raised.value is error

    def test_a_verb_that_writes_is_refused_in_read(self, store: GraphStore) -> None:
        with pytest.raises(RuntimeError):
            store.read(lambda tx: tx.runs.add(run("a")))
        assert store.read(lambda tx: tx.runs.find([run_key("a")])) == {}

    def test_writers_in_several_threads_lose_no_update(self, store: GraphStore) -> None:
        def count(tx: Transaction) -> None:
            tx.lock(collections=[DIGITS])
            collection = tx.collections.find([DIGITS])[DIGITS]
            tx.collections.save(replace(collection, next_index=collection.next_index + 1))

        def work() -> None:
            for _ in range(25):
                store.write(count)

        in_threads(work, n=4)
        assert store.read(lambda tx: tx.collections.find([DIGITS]))[DIGITS].next_index == 100

    def test_one_failing_writer_does_not_touch_the_others(self, store: GraphStore) -> None:
        def add(tx: Transaction, number: int) -> None:
            tx.runs.add(run(f"r{number}"))
            if number % 3 == 0:
                raise Invalid("number", "is a multiple of three")

        def work(thread: int) -> None:
            for number in range(thread * 30, thread * 30 + 30):
                with pytest.raises(Invalid) if number % 3 == 0 else nullcontext():
                    store.write(lambda tx, number=number: add(tx, number))

        in_threads(work, n=4, pass_number=True)
        found = store.read(lambda tx: tx.runs.find([run_key(f"r{i}") for i in range(120)]))
        assert {key.name for key in found} == {f"r{i}" for i in range(120) if i % 3}

    def test_a_later_verb_of_a_transaction_sees_what_an_earlier_one_did(
        self, store: GraphStore
    ) -> None:
        def fn(tx: Transaction) -> None:
            tx.runs.add(run("a"))
            assert set(tx.runs.find([run_key("a")])) == {run_key("a")}
            tx.runs.save(run("a", notes="once"))
            tx.runs.save(run("a", notes="twice"))
            assert tx.runs.find([run_key("a")])[run_key("a")].notes == "twice"

        store.write(fn)

    def test_locks_are_taken_in_the_order_of_the_parameters(self, store: GraphStore) -> None:
        def forward(tx: Transaction) -> None:
            tx.lock(drafts=[DraftId("none")], collections=[DIGITS])
            tx.lock(collections=[DIGITS])
            tx.lock(nodes=[run_key("none")], graph=True)
            tx.lock(pages=[Digest.of(b"")], blobs=[Digest.of(b"")])

        store.write(forward)
        store.write(forward)

    def test_going_back_to_an_earlier_lock_is_a_mistake_in_the_program(
        self, store: GraphStore
    ) -> None:
        def back(tx: Transaction) -> None:
            tx.lock(nodes=[run_key("none")])
            tx.lock(collections=[DIGITS])

        with pytest.raises(RuntimeError):
            store.write(back)

    def test_check_is_silent_on_a_store_that_answers(self, store: GraphStore) -> None:
        store.check()


class GraphStoreContract(
    TransactionsContract,
    AheadContract,
    NounsContract,
    ContentsContract,
    FiltersContract,
    InventoryContract,
    LimitsContract,
    QuestionsContract,
    ReceiptsContract,
):
    """Subclass it with a fixture `store`, seeded by `graph_values.seed`, and a fixture
    `make_store`, a function that gives a new seeded store at each call. Where examples take long,
    set `n_examples` and `width`."""
