"""One line a record: time, level, where, the request it belongs to, then event and key=value."""

from __future__ import annotations

import logging
import sys
import time
from contextvars import ContextVar
from typing import Final

__all__ = ["request_id", "say_listening", "set_up"]

request_id: Final[ContextVar[str]] = ContextVar("request_id", default="-")
"""The request that this thread or task is at work on."""

_CONTROL: Final = {code: f"\\x{code:02x}" for code in (*range(32), 127, 0x85, 0x2028, 0x2029)}


class _KeyValue(logging.Formatter):
    """Formats a record; a traceback follows on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        # What clients send must not be able to begin a line of its own.
        message = record.getMessage().translate(_CONTROL)
        line = (
            f"at={at}.{int(record.msecs):03d}Z level={record.levelname.lower()}"
            f" logger={record.name} request_id={request_id.get()} event={message}"
        )
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def set_up() -> None:
    """Send the log of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_KeyValue())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # what it says at info, we say
    logging.getLogger("botocore").setLevel(logging.WARNING)  # where it found its credentials


def say_listening(url: str) -> None:
    """Tell where the server is about to answer; with LINEAGE_PORT=0 this is how one learns it."""
    logging.getLogger("api").info("listening url=%s", url)
