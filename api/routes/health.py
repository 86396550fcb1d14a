"""Open to everyone: whether the server runs, whether its stores answer, and what it counts."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from fastapi import APIRouter, Request, Response

from api.metrics import Metrics
from api.parameters import StoresDep, json_response
from lineage.engine import Engine
from lineage.errors import Unavailable

__all__ = ["Readiness", "router"]

_log = logging.getLogger(__name__)
_FRESH_S: Final = 1.0

router = APIRouter(tags=["health"])


class Readiness:
    """Asks the stores at most once a second: anyone may ask this, and the answer costs a flush."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._asked_at = -_FRESH_S
        self._fault: Unavailable | None = None

    def check(self) -> None:
        """Unavailable if a store did not answer; where it lies stays in the log."""
        with self._lock:
            if time.monotonic() - self._asked_at >= _FRESH_S:
                try:
                    self._engine.check()
                    self._fault = None
                except Unavailable as exc:
                    _log.warning("not_ready reason=%r", exc.message)
                    self._fault = exc
                self._asked_at = time.monotonic()
            if self._fault is not None:
                raise Unavailable("a store does not answer; the server's log says which and why")


@router.get("/healthz", summary="Whether the server runs")
async def healthz() -> Response:
    # Not on a thread: all of them may be waiting for a store.
    return json_response({"status": "ok"})


@router.get("/readyz", summary="Whether the server's stores answer")
def readyz(request: Request) -> Response:
    readiness: Readiness = request.app.state.readiness
    readiness.check()
    return json_response({"status": "ok"})


@router.get("/metrics", summary="Counters, in the text format of Prometheus")
def metrics(request: Request, _: StoresDep) -> Response:
    counters: Metrics = request.app.state.metrics
    return Response(counters.render(), media_type="text/plain; version=0.0.4; charset=utf-8")
