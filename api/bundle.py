"""Bundles: many small things in one body.

[["sha256:ab…",4096],["sha256:cd…",17]]\\n     one JSON line: digest and size of each
<4,096 bytes><17 bytes>                        then the bytes, one after another, in that order
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import orjson

from api.problems import malformed
from lineage.digest import Digest
from lineage.errors import Invalid, TooLarge

__all__ = [
    "MAX_BYTES",
    "MAX_ITEMS",
    "MEDIA_TYPE",
    "check_sizes",
    "header",
    "parse",
]

MEDIA_TYPE: Final = "application/vnd.lineage.bundle"
MAX_BYTES: Final = 32 * 1024 * 1024
MAX_ITEMS: Final = 10_000
_MAX_HEADER_BYTES: Final = 200 * MAX_ITEMS


def check_sizes(sizes: Sequence[tuple[Digest, int]], *, max_item_bytes: int) -> None:
    """TooLarge if so many things, or one of them, or all together, are too much for a bundle."""
    if len(sizes) > MAX_ITEMS:
        raise TooLarge("bundle", f"names {len(sizes)} things; at most {MAX_ITEMS}")
    for digest, size_bytes in sizes:
        if size_bytes > max_item_bytes:
            raise TooLarge("bundle", f"{digest} has {size_bytes} bytes; at most {max_item_bytes}")
    total = sum(size_bytes for _, size_bytes in sizes)
    if total > MAX_BYTES:
        raise TooLarge("bundle", f"has {total} bytes; at most {MAX_BYTES}")


def header(sizes: Sequence[tuple[Digest, int]]) -> bytes:
    """The first line of a bundle of these."""
    return orjson.dumps(sizes, option=orjson.OPT_APPEND_NEWLINE)


def parse(pieces: Iterable[bytes], *, max_item_bytes: int) -> list[tuple[Digest, bytes]]:
    """What a bundle holds, in its order. The bytes are not compared with their digests here.

    Args:
        pieces: the body, read once; never held whole beside the answer.
    Raises:
        Refusal: 400, the first line is not JSON.
        Invalid: it lists other than digests and sizes, or more or fewer bytes follow.
        TooLarge: more than a bundle may hold.
    """
    source = _Source(iter(pieces))
    sizes = _parse_header(source.line())
    check_sizes(sizes, max_item_bytes=max_item_bytes)
    items = [(digest, source.take(digest, size_bytes)) for digest, size_bytes in sizes]
    source.expect_end()
    return items


def _parse_header(line: bytes) -> list[tuple[Digest, int]]:
    try:
        listed = orjson.loads(line)
    except orjson.JSONDecodeError as exc:
        raise malformed("bundle", f"its first line is not JSON: {exc}") from exc
    if not isinstance(listed, list):
        raise Invalid("bundle", "its first line is not a list of [digest, size_bytes]")
    return [_parse_item(item) for item in listed]


def _parse_item(item: object) -> tuple[Digest, int]:
    match item:
        case [str(digest), int(size_bytes)] if size_bytes >= 0 and not isinstance(size_bytes, bool):
            return Digest.parse(digest, field="bundle"), size_bytes
    raise Invalid("bundle", f"{item!r:.100} is not [digest, size_bytes]")


class _Source:
    """Takes exact amounts from a row of pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = b""
        self._at = 0

    def line(self) -> bytes:
        parts: list[bytes] = []
        n_bytes = 0
        while True:
            end = self._piece.find(b"\n", self._at)
            parts.append(self._piece[self._at : end if end >= 0 else None])
            n_bytes += len(parts[-1])
            if n_bytes > _MAX_HEADER_BYTES:
                raise TooLarge("bundle", f"its first line has over {_MAX_HEADER_BYTES} bytes")
            if end >= 0:
                self._at = end + 1
                return b"".join(parts)
            if not self._next():
                raise malformed("bundle", "its first line has no end")

    def take(self, digest: Digest, size_bytes: int) -> bytes:
        end = self._at + size_bytes
        if end <= len(self._piece):
            data = self._piece[self._at : end]
            self._at = end
            return data
        parts = [self._piece[self._at :]]
        left = size_bytes - len(parts[0])
        while left > 0:
            if not self._next():
                raise Invalid("bundle", f"ends {left} bytes before the end of {digest}")
            parts.append(self._piece[:left])
            self._at = len(parts[-1])
            left -= self._at
        return b"".join(parts)

    def expect_end(self) -> None:
        if self._at < len(self._piece) or self._next():
            raise Invalid("bundle", "goes on after the last of what it lists")

    def _next(self) -> bool:
        self._piece = next(self._pieces, b"")
        self._at = 0
        return bool(self._piece)
