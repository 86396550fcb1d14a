"""Cursor pages: every list is `{"items": […], "cursor": "…" or null}`."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Query, Request

from api.problems import malformed
from lineage.errors import Invalid
from lineage.model import Json
from lineage.values import dumps, loads

__all__ = ["MAX_LIMIT", "PageDep", "PageQuery"]

MAX_LIMIT: Final = 1000

T = TypeVar("T")
K = TypeVar("K", bound=str)


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Which page is asked for. A cursor is good for the query that it came from."""

    limit: int
    after: Json  # what the engine gave as the next page's cursor; None for the first page
    query: str

    def after_key(self, parse: Callable[[str], K]) -> K | None:
        """`after`, where it is the last key of the page before."""
        if self.after is None:
            return None
        try:
            return parse(self.after)
        except Invalid as exc:
            raise _not_a_cursor() from exc

    def answer(self, items: Sequence[Any], cursor: Json) -> dict[str, Any]:
        """The page, given the engine's cursor of the next one."""
        text = None if cursor is None else _encode([self.query, cursor])
        return {"items": items, "cursor": text}

    def answer_by_key(
        self, found: Sequence[T], key: Callable[[T], Json], document: Callable[[T], Any]
    ) -> dict[str, Any]:
        """The page, of one item more than its limit where there is a next one."""
        page = found[: self.limit]
        cursor = key(page[-1]) if len(found) > self.limit else None
        return self.answer([document(item) for item in page], cursor)


def _encode(value: Json) -> str:
    return base64.urlsafe_b64encode(dumps(value)).decode().rstrip("=")


def _decode(text: str) -> Json:
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        return loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, UnicodeEncodeError, Invalid) as exc:
        raise _not_a_cursor() from exc


def _not_a_cursor() -> Exception:
    return malformed("cursor", "is not one that this query has given: ask from the start")


def _query_of(request: Request) -> str:
    """A digest of all that chooses and sorts the items."""
    chosen = sorted(
        (name, value)
        for name, value in request.query_params.multi_items()
        if name not in ("cursor", "limit")
    )
    return hashlib.sha256(dumps([request.url.path, chosen])).hexdigest()[:16]


async def _page_query(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Items in the page.")] = 100,
    cursor: Annotated[
        str | None, Query(max_length=20_000, description="`cursor` of the page before.")
    ] = None,
) -> PageQuery:
    query = _query_of(request)
    if cursor is None:
        return PageQuery(limit, None, query)
    decoded = _decode(cursor)
    if not isinstance(decoded, list) or len(decoded) != 2 or decoded[0] != query:
        raise _not_a_cursor()
    return PageQuery(limit, decoded[1], query)


PageDep = Annotated[PageQuery, Depends(_page_query)]
