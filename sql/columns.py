"""How values lie in columns: times, digests, lists, documents and their leaves."""

from __future__ import annotations

import math
from array import array
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import apsw
import orjson

from lineage.digest import Digest
from lineage.model import EdgeKind, Scope
from lineage.values import flatten

__all__ = [
    "FALSE",
    "KINDS",
    "NULL",
    "TRUE",
    "integers",
    "leaf",
    "leaves",
    "raw_digests",
    "scope_values",
    "text_list",
    "texts",
]

KINDS: Final = (EdgeKind.FEEDS, EdgeKind.LOGGED, EdgeKind.CONTINUES)
FALSE: Final = b"\x00"
TRUE: Final = b"\x01"
NULL: Final = b""


def text_list(text: str) -> tuple[str, ...]:
    """A JSON list of texts."""
    return () if text == "[]" else tuple(orjson.loads(text))


def leaf(value: Any) -> Any:
    """A leaf of a document as `run_value` and `version_value` keep it."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return TRUE if value else FALSE
    return None if isinstance(value, float) and math.isnan(value) else value


def leaves(document: Mapping[str, Any]) -> dict[str, Any]:
    """Leaves by path; where two have one path, the later counts."""
    return {item.path: leaf(item.value) for item in flatten(document)}


# What follows are whole lists as one parameter, for `carray(?)`; None there is the empty list.


def integers(ids: Collection[int]) -> apsw.CArrayBinding | None:
    return apsw.carray(array("q", ids)) if ids else None


def texts(values: Iterable[str]) -> apsw.CArrayBinding | None:
    """Each once."""
    found = tuple({str(value) for value in values})  # carray takes no subclass of str
    return apsw.carray(found) if found else None


def raw_digests(digests: Iterable[Digest]) -> apsw.CArrayBinding | None:
    """Each once."""
    found = tuple({digest.raw for digest in digests})
    return apsw.carray(found) if found else None


def scope_values(scope: Scope) -> tuple[int, apsw.CArrayBinding | None]:
    """Whether a scope sees everything, and the entities it sees besides what is shared."""
    return scope.entities is None, texts(scope.entities or ())
