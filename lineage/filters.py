"""Filters: small typed expressions over runs and versions.

    state = "finished" and summary.acc >= 0.9 and not tags = "old"
    config.model.layers in [2, 3] or name glob "baseline-*"
    exists summary.val_loss and created_at > "2026-01-31T00:00:00Z"

Operators: = != < <= > >= in glob exists, joined by and, or, not and parentheses. A comparison
across types is false (`true` is not 1), and so is one with NaN or with a value that is not there:
`!=` too asks for a value of the same type. `tags` and `aliases` are sets: `=` asks whether one is
in it, `!=` whether it is not. A field with odd characters stands between backticks. Each store
compiles the tree; values only ever travel as parameters.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from lineage.errors import Invalid

__all__ = [
    "RUN_DOCUMENTS",
    "RUN_FIELDS",
    "VERSION_DOCUMENTS",
    "VERSION_FIELDS",
    "And",
    "Compare",
    "Exists",
    "FieldType",
    "Filter",
    "Glob",
    "In",
    "Not",
    "Op",
    "Or",
    "Scalar",
    "check",
    "check_order",
    "parse",
    "to_text",
]

Scalar = bool | int | float | str | datetime | None


class Op(StrEnum):
    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


class FieldType(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    SET = "set"  # of texts


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Filter


@dataclass(frozen=True, slots=True)
class Compare:
    field: str
    op: Op
    value: Scalar


@dataclass(frozen=True, slots=True)
class In:
    field: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Glob:
    """`*` any characters, `?` one; case counts; nothing else is special."""

    field: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Exists:
    field: str


Filter = And | Or | Not | Compare | In | Glob | Exists

RUN_FIELDS: Final[Mapping[str, FieldType]] = {
    "id": FieldType.TEXT,
    "name": FieldType.TEXT,
    "state": FieldType.TEXT,
    "job_type": FieldType.TEXT,
    "group": FieldType.TEXT,
    "notes": FieldType.TEXT,
    "sweep": FieldType.TEXT,  # the sweep's name
    "point": FieldType.NUMBER,
    "tags": FieldType.SET,
    "created_at": FieldType.TIME,
    "heartbeat_at": FieldType.TIME,
    "finished_at": FieldType.TIME,
    "exit_code": FieldType.NUMBER,
}
VERSION_FIELDS: Final[Mapping[str, FieldType]] = {
    "collection": FieldType.TEXT,  # its name
    "type": FieldType.TEXT,
    "index": FieldType.NUMBER,
    "state": FieldType.TEXT,
    "digest": FieldType.TEXT,
    "size_bytes": FieldType.NUMBER,
    "n_files": FieldType.NUMBER,
    "description": FieldType.TEXT,
    "tags": FieldType.SET,
    "aliases": FieldType.SET,
    "created_at": FieldType.TIME,
    "created_by": FieldType.TEXT,
}
RUN_DOCUMENTS: Final = ("config", "summary", "summary_min", "summary_max")
VERSION_DOCUMENTS: Final = ("metadata",)

_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<op><=|>=|!=|=|<|>)
    | (?P<punct>[()\[\],])
    | (?P<number>-?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.]))
    | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | `(?P<quoted>[^`]+)`
    | (?P<word>[A-Za-z_][\w./-]*)
    )""",
    re.VERBOSE,
)
_PLAIN_FIELD: Final = re.compile(r"[A-Za-z_][\w./-]*")
_KEYWORDS: Final = frozenset({"and", "or", "not", "in", "glob", "exists", "true", "false", "null"})
_MAX_LENGTH: Final = 20_000
_MAX_DEPTH: Final = 50
_MAX_WILDCARDS: Final = 1_000  # nine thousand overflow the stack of Java's regular expressions


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise Invalid("filter", f"cannot be read at {text[at : at + 20]!r}")
        found.append(_Token(match.lastgroup, match[match.lastgroup], at))
        at = match.end()
    return found


class _Parser:
    """Recursive descent; `or` binds loosest, then `and`, then `not`."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = 0

    def _peek(self) -> _Token:
        if self._next < len(self._tokens):
            return self._tokens[self._next]
        return _Token("end", "", -1)

    def _take(self) -> _Token:
        token = self._peek()
        self._next += 1
        return token

    def _is(self, kind: str, text: str) -> bool:
        token = self._peek()
        return token.kind == kind and token.text.lower() == text

    def _accept(self, kind: str, text: str) -> bool:
        if self._is(kind, text):
            self._next += 1
            return True
        return False

    def _expect(self, kind: str, text: str) -> None:
        if not self._accept(kind, text):
            raise Invalid("filter", f"expects {text!r} before {self._peek().text or 'the end'!r}")

    def whole(self) -> Filter:
        result = self._or()
        if self._peek().kind != "end":
            raise Invalid("filter", f"cannot be read at {self._peek().text!r:.50}")
        return result

    def _or(self) -> Filter:
        parts = [self._and()]
        while self._accept("word", "or"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _and(self) -> Filter:
        parts = [self._not()]
        while self._accept("word", "and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _not(self) -> Filter:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise Invalid("filter", f"is nested more than {_MAX_DEPTH} deep")
        try:
            if self._accept("word", "not"):
                return Not(self._not())
            if self._accept("punct", "("):
                inner = self._or()
                self._expect("punct", ")")
                return inner
            return self._leaf()
        finally:
            self._depth -= 1

    def _leaf(self) -> Filter:
        if self._accept("word", "exists"):
            return Exists(self._field())
        field = self._field()
        if self._accept("word", "in"):
            return In(field, self._list())
        if self._accept("word", "glob"):
            pattern = self._value()
            if not isinstance(pattern, str):
                raise Invalid("filter", f"{field} glob takes a pattern in quotes")
            return Glob(field, pattern)
        token = self._take()
        if token.kind != "op":
            raise Invalid("filter", f"expects an operator after {field!r:.100}")
        return Compare(field, Op(token.text), self._value())

    def _field(self) -> str:
        token = self._take()
        if token.kind == "quoted":
            return token.text
        if token.kind == "word" and token.text.lower() not in _KEYWORDS:
            return token.text
        raise Invalid("filter", f"expects a field, not {token.text or 'the end'!r:.100}")

    def _list(self) -> tuple[Scalar, ...]:
        opening = self._take()
        if opening.text not in ("[", "(") or opening.kind != "punct":
            raise Invalid("filter", "expects a list such as [1, 2] after `in`")
        closing = "]" if opening.text == "[" else ")"
        values: list[Scalar] = []
        while not self._accept("punct", closing):
            if values:
                self._expect("punct", ",")
            values.append(self._value())
        return tuple(values)

    def _value(self) -> Scalar:
        token = self._take()
        if token.kind == "number":
            return _number(token.text)
        if token.kind == "text":
            return re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL)
        constants: dict[str, Scalar] = {"true": True, "false": False, "null": None}
        if token.kind == "word" and token.text.lower() in constants:
            return constants[token.text.lower()]
        raise Invalid("filter", f"expects a value, not {token.text or 'the end'!r:.100}")


def _number(text: str) -> int | float:
    is_float = re.search("[.eE]", text) is not None
    if is_float and math.isfinite(number := float(text)):
        return number
    if not is_float and len(text) <= 20 and -(2**63) <= int(text) < 2**63:
        return int(text)
    raise Invalid("filter", f"{text:.30} does not fit 64 bits")


def parse(text: str) -> Filter:
    """The filter that `text` spells; Invalid, saying where, if it spells none."""
    if len(text) > _MAX_LENGTH:
        raise Invalid("filter", f"is longer than {_MAX_LENGTH} characters")
    return _Parser(text).whole()


def to_text(where: Filter) -> str:
    """Text that `parse` reads as the same filter."""
    match where:
        case And(parts) | Or(parts):
            word = " and " if isinstance(where, And) else " or "
            return "(" + word.join(map(to_text, parts)) + ")"
        case Not(part):
            return f"not {to_text(part)}"
        case Compare(field, op, value):
            return f"{_field_text(field)} {op} {_value_text(value)}"
        case In(field, values):
            return f"{_field_text(field)} in [{', '.join(map(_value_text, values))}]"
        case Glob(field, pattern):
            return f"{_field_text(field)} glob {_value_text(pattern)}"
        case Exists(field):
            return f"exists {_field_text(field)}"


def _field_text(field: str) -> str:
    if _PLAIN_FIELD.fullmatch(field) and field.lower() not in _KEYWORDS:
        return field
    return f"`{field}`"


def _value_text(value: Scalar) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    text = value.isoformat() if isinstance(value, datetime) else value
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def check(where: Filter, fields: Mapping[str, FieldType], documents: tuple[str, ...]) -> Filter:
    """The filter with its times read as times.

    Raises:
        Invalid: an unknown field, or one compared with what its type cannot be compared with.
    """
    match where:
        case And(parts):
            return And(tuple(check(part, fields, documents) for part in parts))
        case Or(parts):
            return Or(tuple(check(part, fields, documents) for part in parts))
        case Not(part):
            return Not(check(part, fields, documents))
        case Exists(field):
            _field_type(field, fields, documents)
            return where
        case Glob(field, pattern):
            kind = _field_type(field, fields, documents)
            if kind in (FieldType.NUMBER, FieldType.TIME):
                raise Invalid("filter", f"{field} is not text, so glob cannot match it")
            if pattern.count("*") + pattern.count("?") > _MAX_WILDCARDS:
                raise Invalid("filter", f"has a pattern of more than {_MAX_WILDCARDS} wildcards")
            return where
        case In(field, values):
            kind = _field_type(field, fields, documents)
            return In(field, tuple(_checked(field, kind, value) for value in values))
        case Compare(field, op, value):
            kind = _field_type(field, fields, documents)
            if kind is FieldType.SET and op not in (Op.EQ, Op.NE):
                raise Invalid("filter", f"{field} is a set: only = != in glob exists apply")
            return Compare(field, op, _checked(field, kind, value))


def check_order(order: str, fields: Mapping[str, FieldType], documents: tuple[str, ...]) -> str:
    """`order`, if it is a known field with or without a `-` in front; Invalid otherwise."""
    if _field_type(order.removeprefix("-"), fields, documents, what="order") is FieldType.SET:
        raise Invalid("order", f"{order} is a set and has no order")
    return order


def _field_type(
    field: str, fields: Mapping[str, FieldType], documents: tuple[str, ...], what: str = "filter"
) -> FieldType | None:
    document, dot, path = field.partition(".")
    if dot and path and document in documents:
        return None
    if field in fields:
        return fields[field]
    known = ", ".join([*fields, *(f"{name}.*" for name in documents)])
    raise Invalid(what, f"unknown field {field!r:.100}; there are {known}")


def _checked(field: str, kind: FieldType | None, value: Scalar) -> Scalar:
    if kind is None:
        return value
    if kind is FieldType.TIME and isinstance(value, str):
        try:
            at = datetime.fromisoformat(value)
        except ValueError as exc:
            raise Invalid("filter", f"{value!r:.50} is not a time such as 2026-01-31") from exc
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    wanted: Any = (int, float) if kind is FieldType.NUMBER else str
    if kind is FieldType.TIME:
        wanted = datetime
    if isinstance(value, bool) or not isinstance(value, wanted):
        raise Invalid("filter", f"{field} is compared with {value!r:.50}, but it is a {kind}")
    return value
