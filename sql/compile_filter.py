"""Filters and orders as SQL: fixed fragments put together, values as parameters alone.

A leaf of a document is compared inside an EXISTS, so what is missing is false, not NULL, and `not`
inverts it. Columns that may be NULL are wrapped for the same reason.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

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
from sql.columns import FALSE, NULL, TRUE, leaf

__all__ = ["RUNS", "VERSIONS", "Selection", "compose", "cursor_of"]

_MAX_INT: Final = 2**63 - 1
_SQL_OP: Final = {
    Op.EQ: "=", Op.NE: "<>", Op.LT: "<", Op.LE: "<=", Op.GT: ">", Op.GE: ">=",
}  # fmt: skip
_IS_NUMBER: Final = "typeof(x.value) IN ('integer', 'real')"
_IS_TEXT: Final = "typeof(x.value) = 'text'"
_IS_BOOL: Final = "x.value IN (x'00', x'01')"


@dataclass(frozen=True, slots=True)
class _Column:
    sql: str
    may_be_null: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """What a filter and an order may name, and how it reads in the selecting statement."""

    columns: Mapping[str, _Column]
    sets: Mapping[str, str]  # FROM and WHERE of the members, as x.value
    values: str  # FROM and WHERE of the leaves of a document, as x.value, but for the path
    documents: Mapping[str, str]  # what comes behind `values` for each document


RUNS: Final = Selection(
    columns={
        "id": _Column("substr(n.key, length(p.key) + 6)"),
        "name": _Column("r.name"),
        "state": _Column(
            "CASE WHEN r.state = 'running' AND r.heartbeat_at < :stale_before"
            " THEN 'crashed' ELSE r.state END"
        ),
        "job_type": _Column("r.job_type"),
        "group": _Column("r.group_name"),
        "notes": _Column("r.notes"),
        "sweep": _Column("substr(s.key, length(p.key) + 8)", may_be_null=True),
        "point": _Column("r.point", may_be_null=True),
        "created_at": _Column("r.created_at"),
        "heartbeat_at": _Column("r.heartbeat_at"),
        "finished_at": _Column("r.finished_at", may_be_null=True),
        "exit_code": _Column("r.exit_code", may_be_null=True),
    },
    sets={"tags": "FROM json_each(r.tags) AS x WHERE TRUE"},
    values="FROM run_value AS x WHERE x.run_id = r.id",
    documents={name: f" AND x.document = {i}" for i, name in enumerate(RUN_DOCUMENTS)},
)
VERSIONS: Final = Selection(
    columns={
        "collection": _Column("substr(c.key, length(p.key) + 2)"),
        "type": _Column("c.type"),
        "index": _Column("v.number"),
        "state": _Column("v.state"),
        "digest": _Column("'sha256:' || lower(hex(v.manifest))"),
        "size_bytes": _Column("v.size_bytes"),
        "n_files": _Column("v.n_files"),
        "description": _Column("v.description"),
        "created_at": _Column("v.created_at"),
        "created_by": _Column("v.created_by"),
    },
    sets={
        "tags": "FROM json_each(v.tags) AS x WHERE TRUE",
        "aliases": "FROM (SELECT name AS value FROM alias WHERE version_id = v.id) AS x WHERE TRUE",
    },
    values="FROM version_value AS x WHERE x.version_id = v.id",
    documents=dict.fromkeys(VERSION_DOCUMENTS, ""),
)


class _Compiler:
    """Collects parameters while it walks a filter."""

    def __init__(self, selection: Selection) -> None:
        self._of = selection
        self.values: dict[str, Any] = {}

    def bind(self, value: Any) -> str:
        name = f"f{len(self.values)}"
        self.values[name] = value
        return f":{name}"

    def filter(self, where: Filter) -> str:
        match where:
            case And(parts):
                return _joined([self.filter(part) for part in parts], "AND", empty="TRUE")
            case Or(parts):
                return _joined([self.filter(part) for part in parts], "OR", empty="FALSE")
            case Not(part):
                return f"NOT {self.filter(part)}"
            case Compare(field, op, value):
                return self._compare(field, op, value)
            case In(field, values):
                return self._test(field, self._is_in(values))
            case Glob(field, pattern):
                # `[` opens a set of characters in SQLite's GLOB; within one it stands for itself.
                test = f"GLOB {self.bind(pattern.replace('[', '[[]'))}"
                return self._test(field, test, leaf_type=_IS_TEXT)
            case Exists(field):
                return self._exists(field)

    def _compare(self, field: str, op: Op, value: Scalar) -> str:
        if field in self._of.sets:
            is_in = self._test(field, f"= {self.bind(value)}")
            return f"NOT {is_in}" if op is Op.NE else is_in
        if isinstance(value, float) and math.isnan(value):
            return "FALSE"
        is_leaf = field not in self._of.columns
        if op is not Op.EQ and is_leaf and value is None:
            return "FALSE"  # there is one null: none differs from it, none comes before or after
        test = f"{_SQL_OP[op]} {self.bind(_parameter(value, is_leaf=is_leaf))}"
        return self._test(field, test, leaf_type=None if op is Op.EQ else _type_test(value))

    def _is_in(self, values: Sequence[Scalar]) -> str:
        # Leaves and columns keep types apart by themselves, and no column holds a bool or null.
        bound = [self.bind(_parameter(value, is_leaf=True)) for value in values]
        return f"IN ({', '.join(bound)})"

    def _test(self, field: str, test: str, *, leaf_type: str | None = None) -> str:
        column = self._of.columns.get(field)
        if column is not None:
            text = f"({column.sql}) {test}"
            return f"coalesce({text}, FALSE)" if column.may_be_null else f"({text})"
        source = self._of.sets.get(field) or self._leaves(field)
        also = "" if leaf_type is None or field in self._of.sets else f" AND {leaf_type}"
        return f"EXISTS (SELECT 1 {source} AND x.value {test}{also})"

    def _exists(self, field: str) -> str:
        column = self._of.columns.get(field)
        if column is not None:
            return f"({column.sql} IS NOT NULL)"
        return f"EXISTS (SELECT 1 {self._of.sets.get(field) or self._leaves(field)})"

    def _leaves(self, field: str) -> str:
        document, _, path = field.partition(".")
        if document not in self._of.documents:
            raise Invalid("filter", f"unknown field {field!r:.100}")
        return f"{self._of.values}{self._of.documents[document]} AND x.path = {self.bind(path)}"

    def order(self, field: str) -> _Column:
        """What to sort by; NULL where there is nothing to sort by."""
        column = self._of.columns.get(field)
        if column is not None:
            return column
        # A null is as good as missing; numbers come before texts, texts before false and true.
        return _Column(f"(SELECT nullif(x.value, x'') {self._leaves(field)})", may_be_null=True)


def _joined(parts: Sequence[str], word: str, *, empty: str) -> str:
    """The parts as a balanced tree: SQLite bounds the depth of an expression."""
    if len(parts) <= 1:
        return parts[0] if parts else empty
    half = len(parts) // 2
    left = _joined(parts[:half], word, empty=empty)
    return f"({left} {word} {_joined(parts[half:], word, empty=empty)})"


def _parameter(value: Scalar, *, is_leaf: bool) -> Any:
    if isinstance(value, datetime):
        return to_us(value)
    if isinstance(value, int) and not -_MAX_INT - 1 <= value <= _MAX_INT:
        return math.inf if value > 0 else -math.inf  # beyond every whole number that is stored
    return leaf(value) if is_leaf else value


def _type_test(value: Scalar) -> str:
    if isinstance(value, bool):
        return _IS_BOOL
    return _IS_TEXT if isinstance(value, str) else _IS_NUMBER


def compose(
    statement: str, selection: Selection, *, where: Filter | None, order: str, after: Json
) -> tuple[str, dict[str, Any]]:
    """`statement` with its value, filter, place and order put in, and their parameters.

    Raises:
        Invalid: a cursor that no page before gave.
    """
    compiler = _Compiler(selection)
    conditions = [] if where is None else [compiler.filter(where)]
    is_descending = order.startswith("-")
    column = compiler.order(order.removeprefix("-"))
    if after is not None:
        conditions.append(_place(compiler, column, after, is_descending=is_descending))
    terms = [column.sql + (" DESC" if is_descending else ""), "n.key"]
    if column.may_be_null:
        terms.insert(0, f"{column.sql} IS NULL")
    text = statement.replace("/*value*/ NULL", column.sql)
    text = text.replace("/*where*/ TRUE", _joined(conditions, "AND", empty="TRUE"))
    return text.replace("/*order*/ n.key", ", ".join(terms)), compiler.values


def _place(compiler: _Compiler, column: _Column, after: Json, *, is_descending: bool) -> str:
    """Whether a row comes after the cursor."""
    match after:
        case ["missing", str(key)] if column.may_be_null:
            return f"({column.sql} IS NULL AND n.key > {compiler.bind(key)})"
        case ["number", int() | float() | "inf" | "-inf" as value, str(key)]:
            bound = float(value) if isinstance(value, str) else value
        case ["text", str(bound), str(key)]:
            pass
        case ["bool", bool(flag), str(key)]:
            bound = TRUE if flag else FALSE
        case _:
            raise Invalid("after", "is not a cursor of this list")
    value, beyond = compiler.bind(bound), "<" if is_descending else ">"
    tie = f"({column.sql} = {value} AND n.key > {compiler.bind(key)})"
    place = f"({column.sql} {beyond} {value} OR {tie})"
    if column.may_be_null:
        return f"({place} OR {column.sql} IS NULL)"
    return f"({column.sql} {beyond}= {value} AND {place})"


def cursor_of(rows: Sequence[Any], limit: int) -> Json:
    """The cursor behind the first `limit` rows of (key, value); None if there are no more."""
    if len(rows) <= limit or limit < 1:
        return None
    key, value = rows[limit - 1]
    if value is None or value == NULL:
        return ["missing", key]
    if isinstance(value, bytes):
        return ["bool", value == TRUE, key]
    if isinstance(value, str):
        return ["text", value, key]
    # JSON has no infinities.
    is_endless = isinstance(value, float) and math.isinf(value)
    return ["number", str(value) if is_endless else value, key]
