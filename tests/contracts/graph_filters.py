"""Filters, orders and cursors, against a filter evaluated in plain Python."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage import filters
from lineage.digest import Digest
from lineage.errors import Invalid
from lineage.filters import And, Compare, Exists, Filter, Glob, In, Not, Op, Or
from lineage.model import Collection, DraftId, Run, RunState, VersionState
from lineage.names import CollectionKey
from lineage.ports import GraphStore, Transaction
from lineage.values import dumps, loads
from tests.contracts.graph_values import DIGITS, NOW, PROJECT, RIVAL, run, sweep, version

__all__ = ["FiltersContract"]

STALE = NOW - timedelta(minutes=5)
MISSING = object()
VALUES: list[Any] = [
    MISSING, MISSING, None, True, False, 0, 1, 1.0, -1, 0.5, math.nan, math.inf, -math.inf, 2**60,
    2**60 + 1, -(2**63), "", "a", "A", "ab", "1", "true", "[a]", "a*b", "é", "日本",
]  # fmt: skip
TEXTS = ["", "a", "ab", "A", "[a]", "a*b", "é"]
OPS = {
    Op.EQ: operator.eq, Op.NE: operator.ne, Op.LT: operator.lt, Op.LE: operator.le,
    Op.GT: operator.gt, Op.GE: operator.ge,
}  # fmt: skip

values = st.sampled_from(VALUES)
made_runs = st.lists(
    st.builds(
        lambda x, deep, loss, name, tags, point, state, age_s: run(
            "replaced",
            config={k: v for k, v in {"x": x, "deep": {"y": deep}}.items() if v is not MISSING}
            | ({"deep": {}} if deep is MISSING else {}),
            summary={} if loss is MISSING else {"loss": loss},
            name=name,
            tags=tuple(tags),
            point=point,
            state=state,
            heartbeat_at=NOW - timedelta(seconds=age_s),
            finished_at=NOW if state is RunState.FINISHED else None,
        ),
        x=values,
        deep=values,
        loss=values,
        name=st.sampled_from(TEXTS),
        tags=st.lists(st.sampled_from(TEXTS[1:]), unique=True, max_size=3),
        point=st.sampled_from([None, 0, 1, 2]),
        state=st.sampled_from([RunState.RUNNING, RunState.FINISHED]),
        age_s=st.sampled_from([0, 300, 301]),
    ),
    max_size=8,
)
given_values = st.sampled_from([value for value in VALUES if value is not MISSING])
documents = st.sampled_from(["config.x", "config.deep.y", "summary.loss", "config.none"])
texts = st.sampled_from(["name", "state", "id", "sweep"])
patterns = st.sampled_from(["*", "?", "a*", "*b", "[a]", "A", "??", "*1*", "", "é", "a[*]b"])
ops = st.sampled_from(list(Op))
some_texts = st.sampled_from([*TEXTS, "running", "crashed", "r1"])
leaves = st.one_of(
    st.builds(Compare, documents, ops, given_values),
    st.builds(In, documents, st.lists(given_values, max_size=3).map(tuple)),
    st.builds(Glob, st.one_of(documents, texts, st.just("tags")), patterns),
    st.builds(Exists, st.one_of(documents, texts, st.sampled_from(["tags", "point"]))),
    st.builds(Compare, texts, ops, some_texts),
    st.builds(In, st.one_of(texts, st.just("tags")), st.lists(some_texts, max_size=2).map(tuple)),
    st.builds(Compare, st.just("tags"), st.sampled_from([Op.EQ, Op.NE]), some_texts),
    st.builds(Compare, st.just("point"), ops, st.sampled_from([0, 1, 1.5, 2, 10**30, -(10**400)])),
    st.builds(Compare, st.just("finished_at"), ops, st.sampled_from([NOW, STALE])),
)
wheres = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=5,
)
orders = st.builds(
    operator.add, st.sampled_from(["", "-"]), st.one_of(documents, texts, st.just("point"))
)


def kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else type(value).__name__


def fields_of(made: Run) -> dict[str, Any]:
    crashed = made.state is RunState.RUNNING and made.heartbeat_at < STALE
    fields: dict[str, Any] = {
        "id": made.key.name,
        "name": made.name,
        "state": "crashed" if crashed else made.state.value,
        "tags": set(made.tags),
        "point": made.point,
        "finished_at": made.finished_at,
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    documents = {"config.x": made.config.get("x", MISSING)}
    documents["config.deep.y"] = made.config.get("deep", {}).get("y", MISSING)
    documents["summary.loss"] = made.summary.get("loss", MISSING)
    return fields | {name: value for name, value in documents.items() if value is not MISSING}


def holds(where: Filter, fields: Mapping[str, Any]) -> bool:
    """What `lineage.filters` says a filter means."""
    match where:
        case And(parts):
            return all(holds(part, fields) for part in parts)
        case Or(parts):
            return any(holds(part, fields) for part in parts)
        case Not(part):
            return not holds(part, fields)
        case Exists(field):
            return field in fields and fields[field] != set()
        case In(field, wanted):
            return any(holds(Compare(field, Op.EQ, value), fields) for value in wanted)
        case Glob(field, pattern):
            found = fields.get(field)
            regex = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
            each = found if isinstance(found, set) else [found]
            return any(isinstance(v, str) and re.fullmatch(regex, v, re.S) for v in each)
        case Compare(field, op, wanted):
            return compare(fields.get(field, MISSING), op, wanted)


def compare(value: Any, op: Op, wanted: Any) -> bool:
    if isinstance(value, set):
        return (wanted in value) == (op is Op.EQ)
    if value is MISSING or kind(value) != kind(wanted) or value != value or wanted != wanted:
        return False
    if value is None:
        return op is Op.EQ
    if isinstance(value, str):
        value, wanted = value.encode(), wanted.encode()
    return bool(OPS[op](value, wanted))


def rank(value: Any) -> Any:
    """What values are ordered by; None for those that come last."""
    match kind(value):
        case "number":
            return None if math.isnan(value) else (0, value)
        case "str":
            return (1, value.encode())
        case "bool":
            return (2, value)
    return None


def in_order(runs: list[Run], order: str) -> list[Run]:
    field = order.removeprefix("-")
    by_key = sorted(runs, key=lambda made: made.key)
    ranked = [(rank(fields_of(made).get(field)), made) for made in by_key]
    present = [(value, made) for value, made in ranked if value is not None]
    present.sort(key=lambda pair: pair[0], reverse=order.startswith("-"))
    return [made for _, made in present] + [made for value, made in ranked if value is None]


def add_all(store: GraphStore, runs: list[Run]) -> list[Run]:
    named = [run_named(f"r{number}", made) for number, made in enumerate(runs)]
    store.write(lambda tx: [tx.runs.add(made) for made in named])
    return named


def run_named(name: str, made: Run) -> Run:
    fields = {field: getattr(made, field) for field in made.__dataclass_fields__}
    return run(name, **{k: v for k, v in fields.items() if k != "key"})


def select(store: GraphStore, order: str, *, where: Filter | None = None, limit: int = 99) -> Any:
    """Names of the runs that are selected, a page at a time; cursors go through JSON and back."""
    names: list[str] = []
    after = None
    while True:

        def fn(tx: Transaction, after: Any = after) -> Any:
            return tx.runs.select(
                [PROJECT], where=where, order=order, after=after, limit=limit, stale_before=STALE
            )

        page, after = store.read(fn)
        assert len(page) <= limit
        names += [made.key.name for made in page]
        if after is None:
            return names
        after = loads(dumps(after))


class FiltersContract:
    n_examples = 60

    def test_a_filter_selects_what_it_means(self, make_store: Callable[[], GraphStore]) -> None:
        @settings(max_examples=self.n_examples)
        @given(runs=made_runs, where=wheres)
        def check(runs: list[Run], where: Filter) -> None:
            store = make_store()
            named = add_all(store, runs)
            where = filters.check(where, filters.RUN_FIELDS, filters.RUN_DOCUMENTS)
            expected = {made.key.name for made in named if holds(where, fields_of(made))}
            assert set(select(store, "id", where=where)) == expected

        check()

    def test_pages_in_any_order_join_to_the_whole(
        self, make_store: Callable[[], GraphStore]
    ) -> None:
        @settings(max_examples=self.n_examples)
        @given(runs=made_runs, order=orders, limit=st.integers(1, 4))
        def check(runs: list[Run], order: str, limit: int) -> None:
            store = make_store()
            named = add_all(store, runs)
            expected = [made.key.name for made in in_order(named, order)]
            assert select(store, order, limit=limit) == expected

        check()

    def test_a_changed_run_is_found_by_what_it_says_now(self, store: GraphStore) -> None:
        store.write(lambda tx: tx.runs.add(run("a", config={"x": 1, "y": {"z": "t"}})))
        store.write(lambda tx: tx.runs.save(run("a", config={"x": True, "y": "u"})))
        for text, is_found in {
            "config.x = 1": False,
            "config.x = true": True,
            "exists config.y.z": False,
            'config.y = "u"': True,
        }.items():
            assert select(store, "id", where=filters.parse(text)) == (["a"] if is_found else [])

    def test_only_the_named_projects_are_selected(self, store: GraphStore) -> None:
        store.write(lambda tx: tx.runs.add(run("a")))

        def count(*projects: Any) -> int:
            page, after = store.read(
                lambda tx: tx.runs.select(
                    projects, where=None, order="id", after=None, limit=9, stale_before=STALE
                )
            )
            assert after is None
            return len(page)

        assert [count(), count(RIVAL), count(PROJECT), count(RIVAL, PROJECT)] == [0, 0, 1, 1]

    def test_a_silent_run_is_told_as_crashed(self, store: GraphStore) -> None:
        store.write(lambda tx: tx.runs.add(run("a", heartbeat_at=STALE - timedelta(seconds=1))))
        page, _ = store.read(
            lambda tx: tx.runs.select(
                [PROJECT], where=None, order="id", after=None, limit=9, stale_before=STALE
            )
        )
        assert [made.state for made in page] == [RunState.CRASHED]

    def test_runs_are_found_by_their_sweep(self, store: GraphStore) -> None:
        store.write(lambda tx: tx.sweeps.add(sweep("s")))
        store.write(lambda tx: tx.runs.add(run("a", sweep=sweep("s").key)))
        store.write(lambda tx: tx.runs.add(run("b")))
        assert select(store, "id", where=Compare("sweep", Op.EQ, "s")) == ["a"]
        assert select(store, "id", where=Not(Exists("sweep"))) == ["b"]

    def test_a_filter_may_have_a_thousand_parts(self, store: GraphStore) -> None:
        store.write(lambda tx: tx.runs.add(run("a", point=1999)))
        where = Or(tuple(Compare("point", Op.EQ, n) for n in range(2000)))
        assert select(store, "id", where=where) == ["a"]
        assert select(store, "id", where=In("point", tuple(range(2000)))) == ["a"]

    @pytest.mark.parametrize("after", [7, [], ["text", 1, "k"], ["number", "x", "k"], {"a": 1}])
    def test_a_made_up_cursor_is_invalid(self, store: GraphStore, after: Any) -> None:
        with pytest.raises(Invalid):
            store.read(
                lambda tx: tx.runs.select(
                    [PROJECT], where=None, order="id", after=after, limit=9, stale_before=STALE
                )
            )

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('collection = "digits"', ["digits:v0", "digits:v1"]),
            ('type = "model"', ["other:v0"]),
            ("index >= 1", ["digits:v1"]),
            ('state = "deleted"', ["digits:v1"]),
            (f'digest = "{Digest.of(b"0")}"', ["digits:v0", "other:v0"]),
            ('aliases = "prod"', ["digits:v0"]),
            ('aliases != "prod"', ["digits:v1", "other:v0"]),
            ("exists aliases", ["digits:v0"]),
            ('aliases glob "p*"', ["digits:v0"]),
            ('tags in ["a", "x"]', ["other:v0"]),
            ('metadata.n = 1 and created_by = "ada"', ["other:v0"]),
            ("size_bytes < 1 or n_files > 1", []),
            ('created_at >= "2026-01-31"', ["digits:v0", "digits:v1", "other:v0"]),
        ],
    )
    def test_versions_are_filtered_alike(
        self, store: GraphStore, text: str, expected: list[str]
    ) -> None:
        other = CollectionKey.of(PROJECT, "other")

        def fn(tx: Transaction) -> None:
            tx.collections.add(Collection(other, "model", NOW))
            tx.versions.add(version(0), DraftId("none"), [])
            tx.versions.add(version(1), DraftId("none"), [])
            tx.versions.add(
                version(0, of=other, type="model", tags=("a", "b"), metadata={"n": 1}),
                DraftId("none"),
                [],
            )
            tx.versions.set_alias(DIGITS, "prod", DIGITS.version(0))
            tx.versions.mark_deleted([DIGITS.version(1)], NOW, "ada")

        store.write(fn)
        parsed = filters.parse(text)
        where = filters.check(parsed, filters.VERSION_FIELDS, filters.VERSION_DOCUMENTS)
        found: list[str] = []
        after = None
        for _ in range(4):
            page, after = store.read(
                lambda tx, after=after: tx.versions.select(
                    [PROJECT], collection=None, where=where, order="index", after=after, limit=1
                )
            )
            found += [each.key.path.rpartition("/")[2] for each in page]
            if after is None:
                break
        assert sorted(found) == expected

    def test_versions_of_one_collection_are_listed_by_index(self, store: GraphStore) -> None:
        for number in range(11):
            store.write(lambda tx, n=number: tx.versions.add(version(n), DraftId("none"), []))
        page, after = store.read(
            lambda tx: tx.versions.select(
                [PROJECT], collection=DIGITS, where=None, order="-index", after=None, limit=3
            )
        )
        assert [each.key.number for each in page] == [10, 9, 8]
        assert page[0].state is VersionState.COMMITTED
        rest, end = store.read(
            lambda tx: tx.versions.select(
                [PROJECT], collection=DIGITS, where=None, order="-index", after=after, limit=99
            )
        )
        assert [each.key.number for each in rest] == [7, 6, 5, 4, 3, 2, 1, 0]
        assert end is None
