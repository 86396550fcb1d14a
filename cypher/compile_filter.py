"""Filters and orders as Cypher: fixed fragments put together, values as parameters alone.

Every test is true or false, never null, so that `not` inverts it: what may be missing is wrapped. A
leaf of a document is read from the text of all its leaves; `columns.py` tells how they lie there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cypher.columns import SEPARATOR, UNESCAPED, leaf_of, packed_value, to_in_order
from lineage.errors import Invalid
from lineage.filters import (
    RUN_DOCUMENTS,
    VERSION_DOCUMENTS,
    And,
    Compare,
    Exists,
    Filter,
    Glob,
    In,
    Not,
    Op,
    Or,
    Scalar,
)
from lineage.model import Json
from lineage.times import to_us

__all__ = ["RUNS", "VERSIONS", "Selection", "compose", "cursor_of"]

_MIN_INT, _MAX_INT = -(2**63), 2**63 - 1
_CYPHER_OP: Final = {
    Op.EQ: "=", Op.NE: "<>", Op.LT: "<", Op.LE: "<=", Op.GT: ">", Op.GE: ">=",
}  # fmt: skip
_TEXT: Final = f"CASE left({{leaf}}, 1) WHEN 't' THEN {UNESCAPED} END"
# `columns.to_in_order` in Cypher; what holds nothing from U+E000 on is in order as it is.
_IN_ORDER: Final = (
    "[t IN [{text}] | CASE WHEN t =~ '(?s).*[\\\\x{E000}-\\\\x{10FFFF}].*' THEN"
    " reduce(k = '', c IN split(t, '') | k + CASE WHEN c = '\\uffff' THEN '\\uffff\\u0001'"
    " WHEN c > '\\ud7ff' AND c < '\\udbff\\udfff' THEN '\\uffff' + c ELSE c END)"
    " ELSE t END][0]"
)
_VALUE: Final = (
    "CASE left({leaf}, 1) WHEN 'i' THEN toInteger(substring({leaf}, 1))"
    " WHEN 'f' THEN toFloat(substring({leaf}, 1))"
    " WHEN 't' THEN " + _IN_ORDER.replace("{text}", UNESCAPED) + " WHEN 'b' THEN {leaf} = 'b1' END"
)
# Whole numbers and fractions are compared as fractions, which do not hold the last digits of large
# whole numbers: they come second.
_FRACTION: Final = "CASE WHEN rank = 0 THEN toFloat(value) ELSE value END"
_LAST_DIGITS: Final = (
    "CASE WHEN rank = 0 AND value IS :: INTEGER NOT NULL THEN value - toInteger(toFloat(value))"
    " - CASE WHEN toFloat(value) >= 9223372036854775808.0 THEN 1 ELSE 0 END ELSE 0 END"
)


@dataclass(frozen=True, slots=True)
class Selection:
    """What a filter and an order may name, and how it reads in the selecting statement."""

    columns: Mapping[str, str]
    texts: frozenset[str]  # the columns that hold whatever somebody wrote
    sets: Mapping[str, str]
    documents: Mapping[str, str]  # the text of all leaves of each


RUNS: Final = Selection(
    columns={
        "id": "r.run",
        "name": "r.name",
        "state": (
            "CASE WHEN r.state = 'running' AND r.heartbeat_at < $stale_before"
            " THEN 'crashed' ELSE r.state END"
        ),
        "job_type": "r.job_type",
        "group": "r.group",
        "notes": "r.notes",
        "sweep": "split(r.sweep, '/')[2]",
        "point": "r.point",
        "created_at": "r.created_at",
        "heartbeat_at": "r.heartbeat_at",
        "finished_at": "r.finished_at",
        "exit_code": "r.exit_code",
    },
    texts=frozenset({"name", "job_type", "group", "notes"}),
    sets={"tags": "r.tags"},
    documents={name: f"r.{name}_values" for name in RUN_DOCUMENTS},
)
VERSIONS: Final = Selection(
    columns={
        "collection": "v.collection",
        "type": "v.type",
        "index": "v.index",
        "state": "v.state",
        "digest": "v.digest",
        "size_bytes": "v.size_bytes",
        "n_files": "v.n_files",
        "description": "v.description",
        "created_at": "v.created_at",
        "created_by": "v.created_by",
    },
    texts=frozenset({"type", "description", "created_by"}),
    sets={
        "tags": "v.tags",
        "aliases": "COLLECT { MATCH (v)<-[:POINTS_TO]-(a:Alias) RETURN a.name }",
    },
    documents={name: f"v.{name}_values" for name in VERSION_DOCUMENTS},
)


class _Compiler:
    """Collects parameters while it walks a filter."""

    def __init__(self, selection: Selection) -> None:
        self._of = selection
        self.values: dict[str, Any] = {}

    def bind(self, value: Any) -> str:
        name = f"f{len(self.values)}"
        self.values[name] = value
        return f"${name}"

    def filter(self, where: Filter) -> str:
        match where:
            # As lists: the planner would multiply out what is joined by AND and OR.
            case And(parts):
                return f"all(x IN [{', '.join(map(self.filter, parts))}] WHERE x)"
            case Or(parts):
                return f"any(x IN [{', '.join(map(self.filter, parts))}] WHERE x)"
            case Not(part):
                return f"NOT {self.filter(part)}"
            case Compare(field, op, value):
                return self._compare(field, op, value)
            case In(field, values):
                return self._is_in(field, values)
            case Glob(field, pattern):
                return self._glob(field, self.bind(_regex(pattern)))
            case Exists(field):
                if field in self._of.sets:
                    return f"(size({self._of.sets[field]}) > 0)"
                return f"({self._of.columns.get(field) or self._leaf(field)} IS NOT NULL)"

    def _compare(self, field: str, op: Op, value: Scalar) -> str:
        if field in self._of.sets:
            is_in = f"({self.bind(value)} IN {self._of.sets[field]})"
            return f"NOT {is_in}" if op is Op.NE else is_in
        if isinstance(value, float) and math.isnan(value):
            return "false"
        column = self._of.columns.get(field)
        if column is not None:
            if isinstance(value, int | float):
                return self._holds(self._test(column, *_whole(op, value)))
            return self._compare_text(column, op, _parameter(value))
        leaf = self._leaf(field)
        if value is None:
            # There is one null: none differs from it, none comes before or after.
            return self._holds(f"{leaf} = 'z'") if op is Op.EQ else "false"
        if isinstance(value, bool):
            kind = f"{leaf} IN ['b0', 'b1'] AND "
            test = f"{leaf} {_CYPHER_OP[op]} {self.bind(packed_value(value))}"
            return self._holds(kind + test)
        if isinstance(value, int | float):
            return self._holds(self._number(leaf, op, value))
        return self._compare_text(_TEXT.format(leaf=leaf), op, _parameter(value))

    def _compare_text(self, read: str, op: Op, value: Any) -> str:
        """A test of a text, or of a time."""
        if isinstance(value, str) and max(value, default="") >= "\ue000":
            value, read = to_in_order(value), _IN_ORDER.replace("{text}", read)
        return self._holds(f"{read} {_CYPHER_OP[op]} {self.bind(value)}")

    def _number(self, leaf: str, op: Op, value: float) -> str:
        """A test of a leaf, exact for whole numbers and for fractions; null if it is no number."""
        whole = self._test(f"toInteger(substring({leaf}, 1))", *_whole(op, value))
        fraction = self._test(f"toFloat(substring({leaf}, 1))", *_fraction(op, value))
        return f"CASE left({leaf}, 1) WHEN 'i' THEN {whole} WHEN 'f' THEN {fraction} END"

    def _test(self, read: str, op: Op, bound: float | None) -> str:
        """With no bound, all are equal or all differ; null stays null."""
        if bound is None:
            return f"{read} IS NOT NULL" if op is Op.NE else "false"
        return f"{read} {_CYPHER_OP[op]} {self.bind(bound)}"

    def number_after(self, value: float, key: str, beyond: Op) -> str:
        """Whether a number called `value` comes after a cursor's."""
        kinds = [
            (
                f"({self._test('value', *of(beyond, value))}"
                f" OR {self._test('value', *of(Op.EQ, value))} AND key > {key})"
            )
            for of in (_whole, _fraction)
        ]
        return f"CASE WHEN value IS :: INTEGER NOT NULL THEN {kinds[0]} ELSE {kinds[1]} END"

    def _holds(self, test: str) -> str:
        return f"coalesce({test}, false)"

    def _is_in(self, field: str, values: Sequence[Scalar]) -> str:
        if field in self._of.sets:
            return f"any(x IN {self._of.sets[field]} WHERE x IN {self.bind(list(values))})"
        column = self._of.columns.get(field)
        if column is not None:
            return self._holds(f"{column} IN {self.bind(list(map(_parameter, values)))}")
        numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
        others = [packed_value(v) for v in values if isinstance(v, bool | str) or v is None]
        leaf = self._leaf(field)
        is_other = self._holds(f"{leaf} IN {self.bind(others)}")
        equal = [[of(Op.EQ, n)[1] for n in numbers if n == n] for of in (_whole, _fraction)]
        wholes, fractions = (self.bind([n for n in some if n is not None]) for some in equal)
        is_number = self._holds(
            f"CASE left({leaf}, 1) WHEN 'i' THEN toInteger(substring({leaf}, 1)) IN {wholes}"
            f" WHEN 'f' THEN toFloat(substring({leaf}, 1)) IN {fractions} END"
        )
        return f"({is_other} OR {is_number})"

    def _glob(self, field: str, pattern: str) -> str:
        if field in self._of.sets:
            return f"any(x IN {self._of.sets[field]} WHERE x =~ {pattern})"
        read = self._of.columns.get(field) or _TEXT.format(leaf=self._leaf(field))
        return self._holds(f"{read} =~ {pattern}")

    def _leaf(self, field: str) -> str:
        """The kind and value of a leaf; null where it is not there."""
        document, _, path = field.partition(".")
        if document not in self._of.documents:
            raise Invalid("filter", f"unknown field {field!r:.100}")
        found = f"split({self._of.documents[document]}, {self.bind(leaf_of(path))})[1]"
        return f"split({found}, {self.bind(SEPARATOR)})[0]"

    def order(self, field: str) -> str:
        """What to sort by; null where there is nothing to sort by."""
        column = self._of.columns.get(field)
        if column is None:
            return _VALUE.replace("{leaf}", self._leaf(field))
        return _IN_ORDER.replace("{text}", column) if field in self._of.texts else column


def _regex(pattern: str) -> str:
    """A glob as a regular expression of Java that never tries twice.

    What stands between two stars is matched where it first occurs and never given back, which is
    right for a glob, and keeps a pattern of many stars from running for ever.
    """
    first, *rest = (
        "".join("." if sign == "?" else re.sub(r"([^\w\s])", r"\\\1", sign) for sign in part)
        for part in re.sub(r"\*+", "*", pattern).split("*")
    )
    if not rest:
        return f"(?s){first}"
    middle = "".join(f"(?>.*?{part})" for part in rest[:-1])
    return f"(?s){first}{middle}.*{rest[-1]}"


def _parameter(value: Scalar) -> Any:
    return to_us(value) if isinstance(value, datetime) else value


def _whole(op: Op, value: float) -> tuple[Op, int | None]:
    """The same test for whole numbers; None as bound where `=` is never true, or `!=` always."""
    if value in (math.inf, -math.inf):
        bound, is_exact = (_MAX_INT if value > 0 else _MIN_INT), False
        is_above = value < 0  # the bound lies above the value
    else:
        bound = min(max(math.floor(value), _MIN_INT), _MAX_INT)
        is_exact, is_above = bound == value, bound > value
    return _near(op, bound, is_exact=is_exact, is_above=is_above)


def _fraction(op: Op, value: float) -> tuple[Op, float | None]:
    """The same test for fractions."""
    try:
        bound = float(value)
    except OverflowError:
        bound = math.inf if value > 0 else -math.inf
    return _near(op, bound + 0.0, is_exact=bound == value, is_above=bound > value)


def _near(op: Op, bound: Any, *, is_exact: bool, is_above: bool) -> tuple[Op, Any]:
    """The test against a value as one against its neighbour, with nothing in between."""
    if is_exact:
        return op, bound
    if op in (Op.EQ, Op.NE):
        return op, None
    if op in (Op.LT, Op.LE):
        return (Op.LT if is_above else Op.LE), bound
    return (Op.GE if is_above else Op.GT), bound


def compose(
    statement: str, selection: Selection, *, where: Filter | None, order: str, after: Json
) -> tuple[str, dict[str, Any]]:
    """`statement` with its value, filter, place and order put in, and their parameters.

    Raises:
        Invalid: a cursor that no page before gave.
    """
    compiler = _Compiler(selection)
    condition = "true" if where is None else compiler.filter(where)
    is_descending, field = order.startswith("-"), order.removeprefix("-")
    value = compiler.order(field)
    place = "true" if after is None else _place(compiler, after, is_descending=is_descending)
    down = " DESC" if is_descending else ""
    text = statement.replace("/*value*/ null", value)
    text = text.replace("/*where*/ true", condition).replace("/*place*/ true", place)
    # Only a leaf may be a number here and a text there; a column is of one kind.
    terms = ["value"] if field in selection.columns else [_FRACTION, _LAST_DIGITS]
    by = ", ".join(term + down for term in ("rank", *terms))
    text = text.replace("/*order*/ key", f"rank = 3, {by}, key")
    return text, compiler.values


def _place(compiler: _Compiler, after: Json, *, is_descending: bool) -> str:
    """Whether a row comes after the cursor."""
    beyond = Op.LT if is_descending else Op.GT
    match after:
        case ["missing", str(key)]:
            return f"rank = 3 AND key > {compiler.bind(key)}"
        case ["number", bool(), _]:
            raise Invalid("after", "is not a cursor of this list")
        case ["number", int() | float() | "inf" | "-inf" as value, str(key)]:
            rank, bound = 0, float(value) if isinstance(value, str) else value
            same = compiler.number_after(bound, compiler.bind(key), beyond)
        case ["text", str(text), str(key)]:
            rank, same = 1, _value_after(compiler, text, key, beyond)
        case ["bool", bool(truth), str(key)]:
            rank, same = 2, _value_after(compiler, truth, key, beyond)
        case _:
            raise Invalid("after", "is not a cursor of this list")
    # A CASE, for `same` can be asked of values of its own kind alone.
    order = _CYPHER_OP[beyond]
    return f"(rank = 3 OR rank {order} {rank} OR CASE rank WHEN {rank} THEN {same} END)"


def _value_after(compiler: _Compiler, bound: str | bool, key: str, beyond: Op) -> str:
    value = compiler.bind(bound)
    return f"(value {_CYPHER_OP[beyond]} {value} OR value = {value} AND key > {compiler.bind(key)})"


def cursor_of(rows: Sequence[Any], limit: int) -> Json:
    """The cursor behind the first `limit` rows of (key, value); None if there are no more."""
    if len(rows) <= limit or limit < 1:
        return None
    key, value = rows[limit - 1]
    if value is None:
        return ["missing", key]
    if isinstance(value, bool):
        return ["bool", value, key]
    if isinstance(value, str):
        return ["text", value, key]
    # JSON has no infinities.
    is_endless = isinstance(value, float) and math.isinf(value)
    return ["number", str(value) if is_endless else value, key]
