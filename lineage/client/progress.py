"""Progress bars: on a terminal, and for what takes longer than a moment. A pipe stays silent."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import Final, Self

__all__ = ["Progress"]

_SILENT_S: Final = 0.7


class Progress:
    """Counts bytes of one piece of work. Safe for many threads."""

    def __init__(self, what: str, total_bytes: int) -> None:
        self._what = what
        self._total_bytes = total_bytes
        self._done_bytes = 0
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._is_shown = total_bytes > 0 and sys.stderr is not None and sys.stderr.isatty()
        self._bar: object | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._is_shown = False
            if self._bar is not None:
                from rich.progress import Progress as Bar

                assert isinstance(self._bar, Bar)  # noqa: S101 - made below
                self._bar.stop()

    def advance(self, size_bytes: int) -> None:
        """Say that so much more is done; negative when it has to be done again."""
        if not self._is_shown:
            return
        with self._lock:
            self._done_bytes += size_bytes
            if time.monotonic() - self._began > _SILENT_S:
                self._draw()

    def _draw(self) -> None:
        from rich.console import Console  # only here: most work never draws
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )
        from rich.progress import Progress as Bar

        if self._bar is None:
            bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                DownloadColumn(binary_units=True),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            bar.add_task(self._what, total=self._total_bytes)
            bar.start()
            self._bar = bar
        assert isinstance(self._bar, Bar)  # noqa: S101 - made above
        self._bar.update(self._bar.task_ids[0], completed=self._done_bytes)
