"""Answers that stream: file bytes with ranges, and lines."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable
from contextlib import closing
from itertools import chain
from typing import Final

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.problems import Refusal
from lineage.digest import Digest
from lineage.errors import Corrupt, Invalid

__all__ = ["NDJSON", "ByteRange", "file_headers", "gather", "requested_range", "stream", "whole"]

NDJSON: Final = "application/x-ndjson"
_RANGE: Final = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})", re.ASCII)
_PIECE_BYTES: Final = 1024 * 1024


class ByteRange:
    """What of a file is asked for: `size_bytes` from `start`, of `total` bytes."""

    __slots__ = ("is_part", "size_bytes", "start", "total")

    def __init__(self, start: int, size_bytes: int, *, total: int, is_part: bool) -> None:
        self.start = start
        self.size_bytes = size_bytes
        self.total = total
        self.is_part = is_part


def requested_range(request: Request, digest: Digest, total: int) -> ByteRange:
    """The range that the request asks for: the whole if it names none, or several.

    Raises:
        Refusal: 416, the range begins after the end.
    Source: RFC 9110 section 14.
    """
    whole_file = ByteRange(0, total, total=total, is_part=False)
    match = _RANGE.fullmatch(request.headers.get("range", "").strip())
    if match is None or request.headers.get("if-range", f'"{digest}"') != f'"{digest}"':
        return whole_file
    first, last = match[1], match[2]
    if not first and not last:
        return whole_file
    if not first:
        start, end = max(0, total - int(last)), total
    else:
        start, end = int(first), min(total, int(last) + 1) if last else total
        if last and int(last) < start:
            return whole_file
    if start >= end:
        error = Invalid("Range", f"begins after the last of {total} bytes")
        raise Refusal(error, 416, {"Content-Range": f"bytes */{total}"})
    return ByteRange(start, end - start, total=total, is_part=True)


def file_headers(digest: Digest, wanted: ByteRange) -> dict[str, str]:
    """The headers of a file's bytes. A browser saves them, and never runs what they may hold."""
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Disposition": "attachment",
        "Content-Length": str(wanted.size_bytes),
        "ETag": f'"{digest}"',
        "X-Content-Type-Options": "nosniff",
    }
    if wanted.is_part:
        end = wanted.start + wanted.size_bytes - 1
        headers["Content-Range"] = f"bytes {wanted.start}-{end}/{wanted.total}"
    return headers


def whole(chunks: Iterable[bytes], size_bytes: int, *, of: str, digest: Digest) -> Generator[bytes]:
    """The chunks; Corrupt, before the last of them, if their bytes are not as many as they must be.

    So a small file that lost some is a problem document; a large one is an answer cut short.
    """
    n_bytes = 0
    before: bytes | None = None
    for chunk in chunks:
        n_bytes += len(chunk)
        if before is not None:
            yield before
        before = chunk
    if n_bytes != size_bytes:
        message = f"what is stored of {of} has {n_bytes} bytes instead of {size_bytes}"
        raise Corrupt(message, digest=digest)
    if before is not None:
        yield before


def gather(chunks: Iterable[bytes]) -> Generator[bytes]:
    """The same bytes in pieces of 1 MiB or a little more: each piece costs a switch of threads."""
    parts: list[bytes] = []
    n_bytes = 0
    for chunk in chunks:
        parts.append(chunk)
        n_bytes += len(chunk)
        if n_bytes >= _PIECE_BYTES:
            yield b"".join(parts)
            parts.clear()
            n_bytes = 0
    if parts:
        yield b"".join(parts)


class _Stream(StreamingResponse):
    """Closes its chunks, and so the file behind them, when the client goes away halfway."""

    def __init__(
        self,
        chunks: Generator[bytes],
        first: bytes,
        *,
        status: int,
        headers: dict[str, str] | None,
        media_type: str,
    ) -> None:
        super().__init__(chain((first,), chunks), status, headers, media_type)
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with closing(self._chunks):
            await super().__call__(scope, receive, send)


def stream(
    chunks: Generator[bytes],
    *,
    media_type: str,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    """An answer made of chunks.

    The first one is taken here, so that what is not there, or not allowed, is still a problem
    document. What fails later cuts the answer short, and the client notices.
    """
    first = next(chunks, b"")
    return _Stream(chunks, first, status=status, headers=headers, media_type=media_type)
