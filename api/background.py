"""Deletions that are too long for one request, carried out on threads of their own."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from lineage.engine import Engine
from lineage.errors import LineageError
from lineage.model import ReceiptId

__all__ = ["Background"]

_log = logging.getLogger(__name__)
_THREADS: Final = 2


class Background:
    """What a stop or a crash leaves unfinished, the janitor of any process takes up."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="deletion")
        self._is_stopped = threading.Event()

    def carry_out(self, id: ReceiptId) -> None:
        """Begin soon, and return."""
        self._pool.submit(self._work, id)

    def stop(self) -> None:
        """End after the transaction that runs now."""
        self._is_stopped.set()
        self._pool.shutdown(cancel_futures=True)

    def _work(self, id: ReceiptId) -> None:
        try:
            self._engine.deletion.carry_out(id, is_stopped=self._is_stopped.is_set)
        except LineageError as exc:
            _log.warning("deletion_interrupted receipt=%s reason=%r", id, exc.message)
        except Exception:  # noqa: BLE001 - the janitor tries again, and tells
            _log.exception("deletion_interrupted receipt=%s", id)
