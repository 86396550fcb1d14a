"""How a program ends: noticed from the first run on, and told with Ctrl-C put off for a moment.

Nothing here relies on a hook that runs to its end: a second Ctrl-C may break any of them off. What
they missed, the interpreter still has in `sys.last_value`.
"""

from __future__ import annotations

import atexit
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Final, NoReturn

__all__ = ["interrupts_put_off", "outcome_of", "watch_the_end"]

_PUT_OFF_S: Final = 5.0

_is_watching = False
_noted: tuple[BaseException, int] | None = None  # what was uncaught, and the calls until then


def watch_the_end(n_calls: Callable[[], int], end: Callable[[int, str], None]) -> None:
    """When the program ends, call `end` with its exit code and error; only the first time counts.

    Args:
        n_calls: of the active run. A `sys.exit` after which there were more of them was caught, and
            was not the end.
    """
    global _is_watching
    if _is_watching:
        return
    _is_watching = True
    hook, exit_, before = sys.excepthook, sys.exit, _last_value()

    def excepthook(
        kind: type[BaseException], exc: BaseException, trace: TracebackType | None
    ) -> None:
        global _noted
        _noted = (exc, n_calls())
        with interrupts_put_off(then_raise=False):  # so that all of the traceback is seen
            hook(kind, exc, trace)

    def exit_noted(status: Any = None, /) -> NoReturn:
        global _noted
        _noted = (SystemExit(status), n_calls())  # the hook is not told of this one
        exit_(status)

    def ended() -> None:
        with interrupts_put_off(then_raise=False):
            exc, noted_calls = _noted or (None, 0)
            if exc is None or noted_calls != n_calls():
                last = _last_value()
                # A session goes on after an error; and this one may be of before the first run.
                is_missed = last is not before and last is not exc and not hasattr(sys, "ps1")
                exc = last if is_missed else None
            end(*outcome_of(exc))

    sys.excepthook = excepthook
    sys.exit = exit_noted
    # Twice: an interrupt may break off the first before it has put off any.
    atexit.register(ended)
    atexit.register(ended)


def _last_value() -> BaseException | None:
    """The last exception that nobody caught, as the interpreter keeps it for debuggers."""
    return getattr(sys, "last_value", None)


@contextmanager
def interrupts_put_off(*, then_raise: bool = True) -> Iterator[None]:
    """Let Ctrl-C wait for this block, but not for longer than 5 seconds.

    Args:
        then_raise: one that came meanwhile counts after the block; otherwise it is dropped.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    deadline = time.monotonic() + _PUT_OFF_S
    waiting: list[FrameType | None] = []

    def put_off(number: int, frame: FrameType | None) -> None:
        if time.monotonic() > deadline:
            before(number, frame)
        else:
            waiting.append(frame)

    signal.signal(signal.SIGINT, put_off)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if waiting and then_raise:
        before(signal.SIGINT, waiting[0])


def outcome_of(exc: BaseException | None) -> tuple[int, str]:
    """The exit code and error text of a program that ends by `exc`."""
    if exc is None:
        return 0, ""
    if isinstance(exc, SystemExit):
        if exc.code is None or isinstance(exc.code, int):
            return exc.code or 0, f"exit code {exc.code}" if exc.code else ""
        return 1, str(exc.code)
    text = "".join(traceback.format_exception(exc))
    return (130 if isinstance(exc, KeyboardInterrupt) else 1), text
