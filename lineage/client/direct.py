"""Bytes straight to and from the server's store, by links that the server signs.

A link is a secret while it lasts, so no message repeats it. Where the store cannot be reached from
here, as behind a firewall, everything goes through the server, which this process then remembers.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import httpx2

from lineage.client.hosts import is_loopback
from lineage.errors import Corrupt, Unavailable

__all__ = ["Direct", "Unreached"]

_log = logging.getLogger(__name__)

_CONNECT_TIMEOUT_S: Final = 3.0
_TIMEOUT_S: Final = 120.0  # without a byte
_TAKEN: Final = (409, 412)  # the name has bytes: an earlier attempt had arrived
_MISMATCHES: Final = (b"BadDigest", b"XAmzContentChecksumMismatch", b"InvalidDigest")


class Unreached(Exception):  # noqa: N818 - named for what happened
    """The store cannot be reached from here: ask the server instead."""


class Direct:
    """Connections to stores. Safe for many threads, and for the children of a fork."""

    def __init__(self) -> None:
        self.is_open = True  # until a store could not be reached
        self._client: httpx2.Client | None = None
        self._pid = 0
        self._lock = threading.Lock()

    def put(
        self, link: Mapping[str, Any], content: Callable[[], Iterable[bytes]], size_bytes: int
    ) -> None:
        """Store bytes by a link. On return they are there, or an earlier attempt had put them.

        Raises:
            Unreached: no connection came about.
            Corrupt: the store found another digest.
            Unavailable: anything else; ask the server for the hold again.
        """
        headers = {**link["headers"], "Content-Length": str(size_bytes)}
        try:
            response = self._open(link["url"]).put(link["url"], content=content(), headers=headers)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as exc:
            raise self._unreached(link, exc) from None
        except httpx2.TransportError as exc:
            raise _broken(exc) from None
        if response.is_success or response.status_code in _TAKEN:
            return
        if any(code in response.content for code in _MISMATCHES):
            raise Corrupt("the bytes that arrived have another digest: send them again")
        raise _refused(response)

    @contextmanager
    def get(self, link: Mapping[str, Any], start: int) -> Iterator[httpx2.Response]:
        """The bytes from `start`; as `put`."""
        headers = dict(link["headers"]) | ({"Range": f"bytes={start}-"} if start else {})
        try:
            with self._open(link["url"]).stream("GET", link["url"], headers=headers) as response:
                if not response.is_success:
                    response.read()
                    raise _refused(response)
                yield response
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as exc:
            raise self._unreached(link, exc) from None
        except httpx2.TransportError as exc:
            raise _broken(exc) from None

    def give_up(self) -> None:
        """The server's store has no links: do not ask again."""
        self.is_open = False

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _unreached(self, link: Mapping[str, Any], exc: Exception) -> Unreached:
        with self._lock:
            is_told, self.is_open = not self.is_open, False
        if not is_told:
            host = httpx2.URL(link["url"]).host
            _log.warning(
                "the store at %s cannot be reached from here (%s): bytes go through the server",
                host,
                exc,
            )
        return Unreached()

    def _open(self, url: str) -> httpx2.Client:
        with self._lock:
            client = self._client
            if client is None or client.is_closed or self._pid != os.getpid():
                client = self._client = httpx2.Client(
                    limits=httpx2.Limits(max_connections=32, keepalive_expiry=3.0),
                    timeout=httpx2.Timeout(_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S),
                    trust_env=not is_loopback(url),
                )
                weakref.finalize(self, client.close)
                self._pid = os.getpid()
            return client


def _broken(exc: httpx2.TransportError) -> Unavailable:
    reason = str(exc) or type(exc).__name__
    return Unavailable(f"the connection to the store broke: {reason}")


def _refused(response: httpx2.Response) -> Unavailable:
    """S3 says why in XML; a link whose time is over is refused with 403."""
    text = response.content[:2000].decode("utf-8", "replace")
    code = text.partition("<Code>")[2].partition("</Code>")[0] or response.reason_phrase
    return Unavailable(f"the store refused a link with {response.status_code} ({code})")
