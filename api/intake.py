"""How request bodies come in: JSON whole and bounded, bytes in pieces to a thread."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final, TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from api.auth import admit
from api.problems import Refusal, malformed, status_of
from lineage.errors import Invalid, LineageError, TooLarge
from lineage.values import loads

__all__ = ["MAX_JSON_BYTES", "PIECE_BYTES", "JsonRoute", "receive"]

MAX_JSON_BYTES: Final = 16 * 1024 * 1024
PIECE_BYTES: Final = 1024 * 1024
_PATIENCE_S: Final = 30.0
_SLOWEST_BYTES_S: Final = 64 * 1024

T = TypeVar("T")


class _JsonRequest(Request):
    """Reads no more than the limit, and JSON as the engine writes it."""

    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            self._refuse_strangers()
            announced = self.headers.get("content-length", "")
            if announced.isascii() and announced.isdigit() and int(announced) > MAX_JSON_BYTES:
                raise _too_large()
            chunks, n_bytes = [], 0
            async for chunk in self.stream():
                n_bytes += len(chunk)
                if n_bytes > MAX_JSON_BYTES:
                    raise _too_large()
                chunks.append(chunk)
            self._body = b"".join(chunks)
        return self._body

    def _refuse_strangers(self) -> None:
        """The body is read before dependencies are asked; nobody without a key gets that far."""
        try:
            admit(self)
        except LineageError as exc:
            raise Refusal(exc, status_of(exc, self.url.path)) from exc

    async def json(self) -> Any:
        try:
            return loads(await self.body())
        except Invalid as exc:
            raise malformed(exc.field, exc.reason) from exc


def _too_large() -> Refusal:
    return Refusal(TooLarge("body", f"is JSON of more than {MAX_JSON_BYTES} bytes"), 413)


class JsonRoute(APIRoute):
    """A route whose JSON body is bounded and may hold `$float`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handler(_JsonRequest(request.scope, request.receive))

        return handle


async def receive(
    request: Request, work: Callable[[Iterator[bytes]], T], *, limiter: anyio.CapacityLimiter
) -> T:
    """What `work` makes of the request's body, in a thread of its own.

    Args:
        work: gets the body in pieces of about 1 MiB. A client that goes away, sends nothing for
            half a minute, or so little that it would keep its place from others for ever, raises
            in the midst of them, so that `work` leaves nothing behind.
        limiter: how many may come in at once; the others wait unread.
    Cost: one switch between thread and loop for each piece; no more than a few pieces in memory.
    """
    has_more = True
    n_received = 0
    began: float | None = None  # when this one's turn came

    async def read() -> bytes:
        nonlocal began, has_more, n_received
        chunks, n_bytes = [], 0
        began = anyio.current_time() if began is None else began
        while has_more and n_bytes < PIECE_BYTES:
            if anyio.current_time() - began > _PATIENCE_S + n_received / _SLOWEST_BYTES_S:
                raise Invalid("body", f"came at less than {_SLOWEST_BYTES_S} bytes a second")
            with anyio.move_on_after(_PATIENCE_S) as patience:
                message = await request.receive()
            if patience.cancelled_caught:
                raise Invalid("body", f"stopped coming: nothing for {_PATIENCE_S:.0f} seconds")
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            chunks.append(message.get("body", b""))
            n_bytes += len(chunks[-1])
            n_received += len(chunks[-1])
            has_more = message.get("more_body", False)
        return b"".join(chunks)

    def pieces() -> Iterator[bytes]:
        while piece := anyio.from_thread.run(read):
            yield piece

    return await anyio.to_thread.run_sync(lambda: work(pieces()), limiter=limiter)
