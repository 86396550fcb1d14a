"""Numbers and texts at their limits: one order and one equality on every store."""

from __future__ import annotations

import fnmatch
import math
import re
from datetime import timedelta
from typing import Any

import pytest

from lineage.filters import Compare, Glob, In, Op
from lineage.model import Goal
from lineage.ports import GraphStore
from tests.contracts.graph_filters import OPS, in_order, select
from tests.contracts.graph_values import ALL, DIGITS, NOW, commit, page, run, sweep

__all__ = ["LimitsContract"]

NUMBERS: list[int | float] = [
    -math.inf, -1e300, -(2.0**63), -(2**63), -(2**63) + 1, -(2**53) - 1, -(2.0**53), -(2**53),
    -0.5, -0.0, 0, 5e-324, 0.1, 1, 1.0, 2**53 - 1, 2.0**53, 2**53, 2**53 + 1, 2.0**53 + 2,
    2**60, 2.0**60, 2**60 + 1, 2**63 - 513, 2.0**63 - 1024, 2**63 - 1, 2.0**63, 1e300, math.inf,
]  # fmt: skip
TEXTS = [
    "", " ", "a", "A", "Z", "aa", "a\n", "a\nb", "a\x1b", "a\x1be", "a\x1br", "a\x1e",
    "a\x1eb", "a\x1f", "a\x1fu", "\x1e", "\x1f", "\x1b", "é", "e\u0301", "ß", "\ud7ff", "\ue000",
    "\uff5e", "\uffff", "\U00010000", "\U0001f600", "\U0001f600a", "\U0010ffff", "i7", "f0.5",
    "tx", "b1", "z", "n", "7", "true", "null", "NaN",
]  # fmt: skip
PATHS = [
    "a", "a.b", "a.b.0", "a.b.00", ".", "..", "a.", ".a", "a b", "é", "\U0001f600", "x\x1e",
    "x\x1f", "x\x1b", "x\x1br", "x\x1e\x1f", "\n", "$f0", "f0", "'", '"', "\\", "`", "x" * 300,
]  # fmt: skip


def add_runs(store: GraphStore, values: list[Any], **others: Any) -> list[Any]:
    runs = [
        run(f"r{number:03}", config={"x": value}, summary={"x": value}, **others)
        for number, value in enumerate(values)
    ]
    store.write(lambda tx: [tx.runs.add(made) for made in runs])
    return runs


class LimitsContract:
    @pytest.mark.parametrize("op", Op)
    def test_whole_numbers_and_fractions_compare_exactly(self, store: GraphStore, op: Op) -> None:
        runs = add_runs(store, [*NUMBERS, math.nan, True, "1", None])
        for wanted in NUMBERS:
            found = select(store, "id", where=Compare("config.x", op, wanted))
            numbers = runs[: len(NUMBERS)]
            expected = [r.key.name for r in numbers if OPS[op](r.config["x"], wanted)]
            assert found == expected, wanted

    def test_numbers_are_in_a_list_only_if_they_are_equal(self, store: GraphStore) -> None:
        runs = add_runs(store, NUMBERS)
        for wanted in NUMBERS:
            found = select(store, "id", where=In("config.x", (wanted, "1", math.nan)))
            assert found == [r.key.name for r in runs if r.config["x"] == wanted], wanted

    @pytest.mark.parametrize("values", [NUMBERS, TEXTS], ids=["numbers", "texts"])
    @pytest.mark.parametrize("order", ["config.x", "-config.x"])
    def test_values_are_in_order_to_the_last_digit_and_code_point(
        self, store: GraphStore, order: str, values: list[Any]
    ) -> None:
        runs = add_runs(store, values[1::2] + values[::2])
        expected = [made.key.name for made in in_order(runs, order)]
        assert select(store, order) == expected
        assert select(store, order, limit=2) == expected

    @pytest.mark.parametrize("goal", Goal)
    def test_ranking_is_exact_too(self, store: GraphStore, goal: Goal) -> None:
        best = sweep("s", metric="x", goal=goal)
        store.write(lambda tx: tx.sweeps.add(best))
        runs = add_runs(store, [*NUMBERS, math.nan, True, "1", None], sweep=best.key)
        ranking = store.read(lambda tx: tx.questions.rank(best.key, metric="x", goal=goal, limit=9))
        down = goal is Goal.MAXIMIZE
        numbers = sorted(runs[: len(NUMBERS)], key=lambda r: r.summary["x"], reverse=down)
        told = [(each.run.name, each.value) for each in ranking.runs]
        assert told == [(made.key.name, float(made.summary["x"])) for made in numbers[:9]]
        assert ranking.n_without == 4

    @pytest.mark.parametrize("op", Op)
    def test_texts_compare_by_code_point_whatever_they_hold(
        self, store: GraphStore, op: Op
    ) -> None:
        runs = add_runs(store, TEXTS)
        for wanted in TEXTS:
            expected = [
                made.key.name
                for made in runs
                if OPS[op](made.config["x"].encode(), wanted.encode())
            ]
            assert select(store, "id", where=Compare("config.x", op, wanted)) == expected, wanted

    def test_names_compare_and_sort_by_code_point_too(self, store: GraphStore) -> None:
        runs = [run(f"r{number:03}", name=text) for number, text in enumerate(TEXTS)]
        store.write(lambda tx: [tx.runs.add(made) for made in runs])
        ordered = sorted(runs, key=lambda made: (made.name.encode(), made.key))
        assert select(store, "name") == [made.key.name for made in ordered]
        above = [made.key.name for made in runs if made.name.encode() > "\uffff".encode()]
        assert select(store, "id", where=Compare("name", Op.GT, "\uffff")) == above

    @pytest.mark.parametrize("pattern", ["?", "a?", "a*", "*\n*", "*\x1e*", "\U0001f600*", "*b"])
    def test_a_glob_counts_code_points_and_knows_no_lines(
        self, store: GraphStore, pattern: str
    ) -> None:
        runs = add_runs(store, TEXTS)
        regex = re.compile(fnmatch.translate(pattern))
        expected = [made.key.name for made in runs if regex.match(made.config["x"])]
        assert select(store, "id", where=Glob("config.x", pattern)) == expected

    def test_a_leaf_is_found_by_its_path_whatever_that_holds(self, store: GraphStore) -> None:
        runs = [run(f"r{number:03}", config={path: number}) for number, path in enumerate(PATHS)]
        runs.append(run("nested", config={"a": {"b": {"00": "deep"}}}))
        store.write(lambda tx: [tx.runs.add(made) for made in runs])
        for number, path in enumerate(PATHS):
            where = Compare(f"config.{path}", Op.EQ, number)
            assert select(store, "id", where=where) == [f"r{number:03}"], path
        assert select(store, "id", where=Compare("config.a.b.00", Op.EQ, "deep")) == ["nested"]

    def test_of_two_leaves_with_one_path_the_later_counts(self, store: GraphStore) -> None:
        store.write(lambda tx: tx.runs.add(run("a", config={"x.y": 1, "x": {"y": 2}})))
        store.write(lambda tx: tx.runs.add(run("b", config={"x": {"y": 2}, "x.y": 1})))
        assert select(store, "id", where=Compare("config.x.y", Op.EQ, 2)) == ["a"]
        assert select(store, "id", where=Compare("config.x.y", Op.EQ, 1)) == ["b"]

    def test_documents_with_such_values_come_back_as_they_were(self, store: GraphStore) -> None:
        config = {"numbers": NUMBERS, "texts": TEXTS, **{path: path for path in PATHS}}
        made = run("a", config=config, summary={"x": NUMBERS}, heartbeat_at=NOW + timedelta(1))
        store.write(lambda tx: tx.runs.add(made))
        [found] = store.read(lambda tx: tx.runs.find([made.key])).values()
        assert found == made
        kinds = list(map(type, found.config["numbers"]))
        assert kinds == list(map(type, NUMBERS))

    def test_a_page_spans_its_paths_by_code_point(self, store: GraphStore) -> None:
        pages = [page({"a": b"1", "\uff5e": b"2"}), page({"\uff5f": b"3", "\U0001f600": b"4"})]
        pages.append(page({"\U0001f601": b"5"}))
        store.write(lambda tx: commit(tx, 0, pages))
        owners = {"a": 0, "b": 0, "\uff5e": 0, "\uff5f": 1, "\uffee": 1, "\U00010000": 1}
        owners |= {"\U0001f600": 1, "\U0001f601": 2}
        for path, number in owners.items():
            found = store.read(lambda tx, p=path: tx.contents.body_at(DIGITS.version(0), p))
            assert found == pages[number].body, ascii(path)
        for path in ("A", "\U0001f602"):
            found = store.read(lambda tx, p=path: tx.contents.body_at(DIGITS.version(0), p))
            assert found is None, ascii(path)
        for path in ("a", "\uff5e", "\uff5f", "\U0001f600", "\U0001f601", "b", "\uffee"):
            found = store.read(
                lambda tx, p=path: tx.questions.containing(ALL, digest=None, path=p, limit=9)
            )
            is_there = path not in ("b", "\uffee")
            assert found == ([DIGITS.version(0)] if is_there else []), ascii(path)
