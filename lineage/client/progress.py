"""Progress bars: on a terminal, and for what takes longer than a moment. A pipe stays silent."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

from lineage.client.http import Stopped

__all__ = ["Progress"]

_SILENT_S: Final = 0.7


class Progress:
    """Counts bytes, or what `noun` says, of one piece of work. Safe for many threads.

    When the block that it is for ends by an exception, such as Ctrl-C, `stopped` is set, and the
    threads that still work for it end at their next `advance`.
    """

    def __init__(self, what: str, total: int, *, noun: str | None = None) -> None:
        self._what = what
        self._noun = noun
        self._total = total
        self._done = 0
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._is_shown = total > 0 and sys.stderr is not None and sys.stderr.isatty()
        self._bar: object | None = None
        self.stopped = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.stopped.set()
        with self._lock:
            self._is_shown = False
            if self._bar is not None:
                from rich.progress import Progress as Bar

                assert isinstance(self._bar, Bar)  # noqa: S101 - made below
                self._bar.stop()

    @contextmanager
    def pool(self, n_threads: int, name: str) -> Iterator[ThreadPoolExecutor]:
        """Threads for this work. If the block fails, none of them goes on, and all have ended."""
        pool = ThreadPoolExecutor(n_threads, f"lineage-{name}")
        try:
            yield pool
        except BaseException:
            self.stopped.set()
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def advance(self, amount: int) -> None:
        """Say that so much more is done; negative when it has to be done again.

        Raises:
            Stopped: nobody waits for this work any more.
        """
        if self.stopped.is_set():
            raise Stopped
        if not self._is_shown:
            return
        with self._lock:
            self._done += amount
            if time.monotonic() - self._began > _SILENT_S:
                self._draw()

    def _draw(self) -> None:
        from rich.console import Console  # only here: most work never draws
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            MofNCompleteColumn,
            ProgressColumn,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )
        from rich.progress import Progress as Bar

        if self._bar is None:
            amounts: list[ProgressColumn] = [
                DownloadColumn(binary_units=True),
                TransferSpeedColumn(),
            ]
            if self._noun is not None:
                amounts = [MofNCompleteColumn(), TextColumn(self._noun)]
            bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                *amounts,
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            bar.add_task(self._what, total=self._total)
            bar.start()
            self._bar = bar
        assert isinstance(self._bar, Bar)  # noqa: S101 - made above
        self._bar.update(self._bar.task_ids[0], completed=self._done)
