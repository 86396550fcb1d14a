"""What people log: JSON values, kept whole and flattened for questions.

JSON has no NaN and no infinities, so these travel and are stored as `{"$float": "NaN"}`,
`{"$float": "Infinity"}` and `{"$float": "-Infinity"}`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from lineage.errors import Invalid, TooLarge

__all__ = [
    "MAX_DEPTH",
    "MAX_DOCUMENT_BYTES",
    "Value",
    "check_document",
    "dumps",
    "flatten",
    "from_json",
    "loads",
    "to_json",
]

MAX_DEPTH: Final = 32
MAX_DOCUMENT_BYTES: Final = 8 * 1024 * 1024
_MAX_KEY_LENGTH: Final = 512
_MAX_INT: Final = 2**63 - 1
_NAMES: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

_Type = Literal["null", "bool", "number", "text"]


@dataclass(frozen=True, slots=True)
class Value:
    """One leaf of a document: where it lies (`optimizer.lr`, `layers.0`), and what it is."""

    path: str
    type: _Type
    value: bool | int | float | str | None


def check_document(document: object, field: str) -> dict[str, Any]:
    """`document`, if it is an object that JSON (with NaN) can say.

    Raises:
        Invalid: not an object, a key is not text, a value is of no JSON type, or too deep.
        TooLarge: more than 8 MiB as JSON.
    """
    if not isinstance(document, Mapping):
        raise Invalid(field, "is not an object")
    checked = _check(document, field, MAX_DEPTH)
    assert isinstance(checked, dict)  # noqa: S101 - a mapping comes back as a dict
    size_bytes = len(dumps(checked))
    if size_bytes > MAX_DOCUMENT_BYTES:
        raise TooLarge(field, f"is {size_bytes} bytes as JSON; at most {MAX_DOCUMENT_BYTES}")
    return checked


def _check(value: object, field: str, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):
        return float(value)  # numpy's own float is one, and no encoder knows it
    if isinstance(value, str):
        return _check_text(value, field)
    if isinstance(value, int):
        if -_MAX_INT - 1 <= value <= _MAX_INT:
            return value
        raise Invalid(field, "holds a whole number that does not fit 64 bits")
    if depth == 0:
        raise Invalid(field, f"is nested more than {MAX_DEPTH} deep")
    if isinstance(value, Mapping):
        return {_check_key(k, field): _check(v, field, depth - 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_check(item, field, depth - 1) for item in value]
    raise Invalid(field, f"holds a value of type {type(value).__name__}: JSON has no such")


def _check_text(text: str, field: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise Invalid(field, "holds text that cannot be written as UTF-8") from exc
    return text


def _check_key(key: object, field: str) -> str:
    if isinstance(key, str) and 0 < len(key) <= _MAX_KEY_LENGTH and key != "$float":
        return _check_text(key, field)
    raise Invalid(field, f"has a key that is not 1 to {_MAX_KEY_LENGTH} characters: {key!r:.100}")


def _to_plain(value: Any) -> Any:
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return {"$float": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    if isinstance(value, dict):
        return {key: _to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_plain(item) for item in value]
    return value


def _from_plain(value: Any) -> Any:
    if isinstance(value, dict):
        if len(value) == 1 and "$float" in value:
            name = value["$float"]
            if not isinstance(name, str) or name not in _NAMES:
                raise Invalid("$float", "is not NaN, Infinity or -Infinity")
            return _NAMES[name]
        return {key: _from_plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_from_plain(item) for item in value]
    return value


def dumps(value: Any) -> bytes:
    """As JSON, with `$float` for what JSON lacks."""
    try:
        return orjson.dumps(_to_plain(value))
    except (TypeError, RecursionError) as exc:
        raise Invalid("value", f"cannot be written as JSON: {exc}") from exc


def loads(data: bytes | str) -> Any:
    """What `dumps` wrote, or a client sent; Invalid if it is not JSON."""
    try:
        return _from_plain(orjson.loads(data))
    except orjson.JSONDecodeError as exc:
        raise Invalid("body", f"is not JSON: {exc}") from exc
    except RecursionError as exc:
        raise Invalid("body", "is nested too deep") from exc


def to_json(value: Any) -> str:
    """As `dumps`, for where text is kept."""
    return dumps(value).decode()


def from_json(text: str) -> Any:
    return {} if text == "{}" else loads(text)


def flatten(document: Mapping[str, Any]) -> Iterator[Value]:
    """The leaves of a document, in its order; keys and list positions joined by dots.

    Two leaves may have one path (`a.b` as one key, or as two); stores let the later one count.
    """
    for key, value in document.items():
        yield from _leaves(key, value)


def _leaves(path: str, value: Any) -> Iterator[Value]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(f"{path}.{key}", item)
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            yield from _leaves(f"{path}.{position}", item)
    elif value is None:
        yield Value(path, "null", None)
    elif isinstance(value, bool):
        yield Value(path, "bool", value)
    elif isinstance(value, int | float):
        yield Value(path, "number", value)
    else:
        yield Value(path, "text", str(value))
