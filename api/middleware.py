"""Around every request: its id, its line in the log, its count, and a last net for faults."""

from __future__ import annotations

import logging
import re
import time
from typing import Final
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.logs import request_id
from api.metrics import Metrics
from api.problems import problem
from lineage.errors import LineageError

__all__ = ["Observed"]

_log = logging.getLogger(__name__)
_SANE_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Observed:
    """ASGI middleware. An X-Request-ID that the client sends is kept if it is harmless."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0
        sent = Headers(scope=scope).get("x-request-id", "")
        id = sent if _SANE_ID.fullmatch(sent) else uuid4().hex
        token = request_id.set(id)

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = id
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except Exception:  # noqa: BLE001 - the last net
            _log.exception("fault")
            if not status:
                error = LineageError("the server failed; its log says why, under this request id")
                await problem(error, 500)(scope, receive, answer)
            # Otherwise the answer stays cut short, and the server closes the connection.
        finally:
            self._tell(scope, status, time.perf_counter() - began)
            request_id.reset(token)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = getattr(scope.get("route"), "path", "unmatched")
        self._metrics.observe(method, route, status=status, seconds=seconds)
        path = scope.get("raw_path", b"").decode("ascii", "replace")
        _log.info(
            "request method=%s path=%s route=%s status=%d duration_ms=%.1f",
            method,
            path[:1000],
            route,
            status,
            seconds * 1000,
        )
