"""The edges between segments and versions, in the port's words."""

from __future__ import annotations

from collections.abc import Iterable

from lineage.model import DraftId, Edge, EdgeKind
from lineage.names import NodeKey, SegmentKey, VersionKey
from lineage.ports import GraphStore, Transaction
from tests.contracts.graph_values import DIGITS, NOW, edges, run, run_key, segment, version

__all__ = ["FlowContract"]


class FlowContract:
    def test_edges_are_added_once_and_answer_from_both_ends(self, store: GraphStore) -> None:
        v = [DIGITS.version(n) for n in range(4)]

        def fn(tx: Transaction) -> None:
            for name in "ba":
                tx.runs.add(run(name))
                tx.runs.add_segment(segment(name, 2), NOW)
            for number in range(4):
                tx.versions.add(version(number), DraftId("none"), [])
            for _ in range(2):
                tx.flow.add_use(segment("a"), v[1])
                tx.flow.add_use(segment("a", 2), v[1])
                tx.flow.add_use(segment("a", 2), v[0])
                tx.flow.add_use(segment("b"), v[1])
                tx.flow.add_logged(segment("a", 2), v[2])
                tx.flow.add_reproduced(segment("b", 2), v[2])

        store.write(fn)

        def ask(tx: Transaction) -> None:
            flow = tx.flow
            assert flow.used_by_run(run_key("a")) == [v[0], v[1]]
            assert flow.logged_by_run(run_key("a")) == ([v[2]], [])
            assert flow.logged_by_run(run_key("b")) == ([], [v[2]])
            assert flow.loggers([v[2], v[3]]) == {v[2]: segment("a", 2)}
            assert flow.consumers(v[1]) == [run_key("a"), run_key("b")]
            assert flow.reproducers(v[2]) == [run_key("b")]
            assert flow.reproducers(v[0]) == []

        store.read(ask)
        expected = [
            Edge(v[0], segment("a", 2), EdgeKind.FEEDS),
            Edge(v[1], segment("a"), EdgeKind.FEEDS),
            Edge(v[1], segment("a", 2), EdgeKind.FEEDS),
            Edge(v[1], segment("b"), EdgeKind.FEEDS),
            Edge(segment("a"), segment("a", 2), EdgeKind.CONTINUES),
            Edge(segment("a", 2), v[2], EdgeKind.LOGGED),
            Edge(segment("b"), segment("b", 2), EdgeKind.CONTINUES),
        ]
        assert edges(store) == expected

    def test_edges_into_nodes_are_all_that_lead_there(self, store: GraphStore) -> None:
        v = [DIGITS.version(n) for n in range(4)]
        store.write(lambda tx: build(tx, v))

        def into(*nodes: NodeKey) -> list[Edge]:
            return store.read(lambda tx: tx.flow.edges_into(nodes))

        feeds = [
            Edge(v[0], segment("a"), EdgeKind.FEEDS),
            Edge(v[1], segment("a"), EdgeKind.FEEDS),
        ]
        continues = Edge(segment("a"), segment("a", 2), EdgeKind.CONTINUES)
        logged = Edge(segment("a", 2), v[2], EdgeKind.LOGGED)
        assert into(segment("a")) == feeds
        assert into(segment("a", 2)) == [continues]
        assert into(v[2]) == [logged]
        everything = into(v[2], segment("a", 2), segment("a"), v[2], v[0])
        assert everything == sorted([*feeds, continues, logged], key=lambda e: (e.src, e.dst))
        assert into() == into(v[0], v[3], segment("b"), DIGITS.version(99)) == []
        every_node = [*v, segment("a"), segment("a", 2), segment("b")]
        assert into(*every_node) == edges(store)

    def test_a_reproduction_is_found_from_either_end_and_once_from_both(
        self, store: GraphStore
    ) -> None:
        v = [DIGITS.version(n) for n in range(4)]
        store.write(lambda tx: build(tx, v))
        pairs = [(segment("a", 2), v[3]), (segment("b"), v[2]), (segment("b"), v[3])]

        def found(*nodes: NodeKey) -> list[tuple[SegmentKey, VersionKey]]:
            return store.read(lambda tx: tx.flow.reproductions(nodes))

        assert found(segment("b")) == pairs[1:]
        assert found(v[3]) == [pairs[0], pairs[2]]
        assert found(v[2], segment("b"), v[2]) == pairs[1:]
        assert found(*v, segment("a"), segment("a", 2), segment("b")) == pairs
        # What logged a version did not reproduce it.
        assert found() == found(v[0], segment("a"), DIGITS.version(99)) == []

    def test_edges_and_reproductions_of_many_nodes_come_whole(self, store: GraphStore) -> None:
        n = 300

        def fn(tx: Transaction) -> None:
            for number in range(n):
                tx.runs.add(run(f"r{number:03}"))
                tx.versions.add(version(number), DraftId("none"), [])
                tx.flow.add_logged(segment(f"r{number:03}"), DIGITS.version(number))
                if number:
                    last = DIGITS.version(number - 1)
                    tx.flow.add_use(segment(f"r{number:03}"), last)
                    tx.flow.add_reproduced(segment(f"r{number:03}"), last)

        store.write(fn)
        nodes: Iterable[NodeKey] = [DIGITS.version(number) for number in range(n)]
        nodes = [*nodes, *(segment(f"r{number:03}") for number in range(n))]
        assert store.read(lambda tx: tx.flow.edges_into(nodes)) == edges(store)
        found = store.read(lambda tx: tx.flow.reproductions(nodes))
        assert found == [(segment(f"r{i:03}"), DIGITS.version(i - 1)) for i in range(1, n)]


def build(tx: Transaction, v: list[VersionKey]) -> None:
    """v0 and v1 feed a, whose second segment logs v2 and reproduces v3; b reproduces both."""
    for name in "ab":
        tx.runs.add(run(name))
    tx.runs.add_segment(segment("a", 2), NOW)
    for number in range(4):
        tx.versions.add(version(number), DraftId("none"), [])
    tx.flow.add_use(segment("a"), v[0])
    tx.flow.add_use(segment("a"), v[1])
    tx.flow.add_logged(segment("a", 2), v[2])
    tx.flow.add_reproduced(segment("a", 2), v[3])
    tx.flow.add_reproduced(segment("b"), v[2])
    tx.flow.add_reproduced(segment("b"), v[3])
