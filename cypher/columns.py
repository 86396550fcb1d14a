"""How values lie in properties: times, digests, documents and their leaves.

Times are whole microseconds UTC. Digests are text. A document is JSON text, and beside it lies the
text of its leaves, in which `split` finds one: `SEPARATOR path UNIT kind value SEPARATOR path …`.
Neo4j keeps the name of every property for ever, so a leaf is no property of its own: the names that
people log would fill that store, which is bounded and cannot be emptied.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from lineage.model import Scope
from lineage.values import flatten

__all__ = [
    "SEPARATOR",
    "UNESCAPED",
    "from_in_order",
    "leaf_of",
    "packed_leaves",
    "packed_value",
    "scope_values",
    "to_in_order",
]

SEPARATOR: Final = "\x1e"
_UNIT: Final = "\x1f"
_ESCAPE: Final = "\x1b"
# The escape itself first, and last on the way back: what stands behind it is then a letter.
_ESCAPED: Final = ((_ESCAPE, "e"), (SEPARATOR, "r"), (_UNIT, "u"))
UNESCAPED: Final = (
    "replace(replace(replace(substring({leaf}, 1), '\\u001bu', '\\u001f'),"
    " '\\u001br', '\\u001e'), '\\u001be', '\\u001b')"
)
"""Cypher for the text in a leaf of kind `t`."""

_BEYOND: Final = "\uffff"
_MARKED: Final = re.compile(f"{_BEYOND}(.)", re.DOTALL)


def to_in_order(text: str) -> str:
    """A text in a form whose order is by code points, however Neo4j compares.

    It compares two properties by code points, and what comes from a parameter or is computed by
    units of UTF-16, in which all beyond U+FFFF lies below U+E000. A sign in front puts that above.
    """
    if text.isascii():
        return text
    return "".join(
        _BEYOND + ("\x01" if sign == _BEYOND else sign) if sign >= _BEYOND else sign
        for sign in text
    )


def from_in_order(text: str) -> str:
    return _MARKED.sub(lambda found: _BEYOND if found[1] == "\x01" else found[1], text)


def _packed_text(text: str) -> str:
    """A text as it stands in a leaf: without the signs that part leaves."""
    for sign, letter in _ESCAPED:
        text = text.replace(sign, _ESCAPE + letter)
    return text


def leaf_of(path: str) -> str:
    """What stands before the value of a leaf, and nowhere else."""
    return f"{SEPARATOR}{_packed_text(path)}{_UNIT}"


def packed_value(value: Any) -> str:
    """Its kind and value: `i7`, `f0.5`, `ttext`, `b1`; `z` for null and `n` for NaN."""
    if value is None:
        return "z"
    if isinstance(value, bool):
        return "b1" if value else "b0"
    if isinstance(value, int):
        return f"i{value}"
    if isinstance(value, float):
        if math.isfinite(value):
            return f"f{value + 0.0!r}"  # there is one zero
        return "n" if math.isnan(value) else "fInfinity" if value > 0 else "f-Infinity"
    return f"t{_packed_text(value)}"


def packed_leaves(document: Mapping[str, Any]) -> str:
    """All leaves of a document; where two have one path, the later counts."""
    leaves = {item.path: item.value for item in flatten(document)}
    if not leaves:
        return ""
    packed = [leaf_of(path) + packed_value(value) for path, value in leaves.items()]
    return "".join(packed) + SEPARATOR


def scope_values(scope: Scope) -> dict[str, Any]:
    """Parameters: whether a scope sees everything, and the entities it sees besides what is
    shared."""
    return {"sees_all": scope.entities is None, "entities": sorted(scope.entities or ())}
