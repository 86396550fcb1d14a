"""Talking to the server: one pool of connections, retries that cannot duplicate, typed errors.

What is repeated, and when:
- no connection came about: nothing was sent, so every request is tried again;
- the answer was lost, or the server is busy (429, 502, 503): only requests that may be repeated.
A request may be repeated if doing it twice is the same as doing it once; its caller says so.

For how long: a server that has never answered this process probably is not there, and 2.5 seconds
are enough to know; one that has answered is expected back, and has LINEAGE_RETRY_S.
"""

from __future__ import annotations

import itertools
import logging
import os
import random
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx2
import orjson

from lineage.client.direct import Direct
from lineage.client.hosts import is_loopback
from lineage.client.refusals import (
    BUSY,
    find_unnamed_project,
    name_login,
    name_project,
    read_refusal,
    retry_after_s,
)
from lineage.client.settings import DEFAULT_RETRY_S
from lineage.errors import LineageError, TimedOut, Unauthenticated, Unavailable
from lineage.values import dumps, loads

__all__ = ["API", "JSON", "Body", "Http", "Stopped", "plain_loads"]

_log = logging.getLogger(__name__)

API: Final = "/api/v1"
JSON: Final = "application/json"
_CONNECT_TIMEOUT_S: Final = 3.0
_FIRST_RETRY_S: Final = 2.0  # of a server unheard of; with a last attempt's timeout just 5 s
_QUIET_S: Final = 1.0  # a failure that is over sooner is not worth a warning


@dataclass(frozen=True, slots=True)
class Body:
    """Bytes to send. `content` as a function gives them afresh for each attempt."""

    content: bytes | Callable[[], Iterable[bytes]]
    type: str = JSON
    size_bytes: int | None = None  # of what the function gives

    def parts(self) -> tuple[bytes | Iterable[bytes], dict[str, str]]:
        headers = {"Content-Type": self.type}
        if isinstance(self.content, bytes):
            return self.content, headers
        if self.size_bytes is not None:
            headers["Content-Length"] = str(self.size_bytes)
        return self.content(), headers


class Stopped(Exception):  # noqa: N818 - named for what happened
    """The work was given up, as by Ctrl-C; for the threads that share it, seen by nobody else."""


class Http:
    """A server and a key. Safe for many threads, and for the children of a fork.

    Args:
        retry_s: for how long a server is tried that has answered this process before.
    """

    def __init__(
        self, url: str, api_key: str | None = None, *, retry_s: float = DEFAULT_RETRY_S
    ) -> None:
        self.url = url
        self.direct = Direct()
        self._api_key = api_key
        self._retry_s = retry_s
        self._has_answered = False
        self._is_outage_told = False
        self._client: httpx2.Client | None = None
        self._pid = 0
        self._lock = threading.Lock()

    @property
    def patience_s(self) -> float:
        """For how long what fails is tried again."""
        return self._retry_s if self._has_answered else _FIRST_RETRY_S

    def tell_outage(self, text: str) -> None:
        """Warn that the server does not answer: once, until it answers again."""
        with self._lock:
            is_told, self._is_outage_told = self._is_outage_told, True
        if not is_told:
            _log.warning("the server at %s does not answer; %s", self.url, text)

    def close(self) -> None:
        """Close the connections; the next request opens them again."""
        self.direct.close()
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """What the server answers, from JSON; paths are below `/api/v1`."""
        return loads(self.send("GET", path, params=params).content)

    def post(
        self,
        path: str,
        body: Any = None,
        *,
        repeatable: bool = True,
        retry_body: Any = None,
        timeout_s: float = 120.0,
        patience_s: float | None = None,
    ) -> Any:
        """Args: `retry_body`, what to send instead when an answer was lost. None for 204."""
        first = Body(dumps({} if body is None else body))
        again = Body(dumps(retry_body)) if retry_body is not None else None
        response = self.send(
            "POST",
            path,
            body=first,
            retry=again,
            repeatable=repeatable,
            timeout_s=timeout_s,
            patience_s=patience_s,
        )
        return loads(response.content) if response.content else None

    def patch(
        self,
        path: str,
        body: Any,
        *,
        revision: int | None = None,
        patience_s: float | None = None,
    ) -> Any:
        """Args: `revision`, which the server must still have; PreconditionFailed if it has not."""
        headers = {} if revision is None else {"If-Match": f'"{revision}"'}
        # With a revision, a repetition of what was done already would find the next one.
        may = revision is None
        response = self.send(
            "PATCH",
            path,
            body=Body(dumps(body)),
            headers=headers,
            repeatable=may,
            patience_s=patience_s,
        )
        return loads(response.content)

    def put(self, path: str, body: Any) -> Any:
        return loads(self.send("PUT", path, body=Body(dumps(body))).content)

    def delete(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """Not repeated when the answer is lost: the second time it would be gone already."""
        response = self.send("DELETE", path, params=params, repeatable=False, timeout_s=3600.0)
        return loads(response.content) if response.content else None

    def items(self, path: str, params: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """The items of a list, page after page."""
        query = dict(params or {})
        while True:
            answer = self.get(path, query)
            yield from answer["items"]
            if answer.get("cursor") is None:
                return
            query["cursor"] = answer["cursor"]

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Body | None = None,
        retry: Body | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
        timeout_s: float = 120.0,
        patience_s: float | None = None,
        stop: threading.Event | None = None,
    ) -> httpx2.Response:
        """The whole answer, read; every failure as one of `lineage.errors`."""
        with self.stream(
            method,
            path,
            params=params,
            body=body,
            retry=retry,
            headers=headers,
            repeatable=repeatable,
            timeout_s=timeout_s,
            patience_s=patience_s,
            stop=stop,
            is_read=True,
        ) as response:
            return response

    @contextmanager
    def stream(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Body | None = None,
        retry: Body | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
        timeout_s: float = 120.0,
        patience_s: float | None = None,
        stop: threading.Event | None = None,
        is_read: bool = False,
    ) -> Iterator[httpx2.Response]:
        """The answer, its bytes still to be read unless `is_read`; see the top of the module.

        Args:
            patience_s: how long to try again, at most; the server's own if None.
            stop: when it is set, trying again ends.
        Raises:
            Unavailable: no server there, or the connection broke.
            TimedOut: no byte for `timeout_s`.
            Stopped: `stop` was set.
        """
        query = {name: _text(value) for name, value in (params or {}).items() if value is not None}

        def attempt(body: Body | None) -> httpx2.Response:
            content, more = body.parts() if body is not None else (None, {})
            client = self._open()
            request = client.build_request(
                method,
                API + path,
                params=query,
                content=content,
                headers={**more, **(headers or {})},
                timeout=httpx2.Timeout(timeout_s, connect=_CONNECT_TIMEOUT_S),
            )
            response = client.send(request, stream=True)
            if is_read or not response.is_success:
                try:
                    response.read()
                finally:
                    response.close()
            return response

        bodies = (body, retry or body)
        response = self._persist(attempt, bodies, repeatable, patience_s, stop or threading.Event())
        try:
            yield response
        except httpx2.TransportError as exc:
            raise self._failure(exc) from None
        finally:
            response.close()

    def _persist(
        self,
        attempt: Callable[[Body | None], httpx2.Response],
        bodies: tuple[Body | None, Body | None],
        repeatable: bool,
        patience_s: float | None,
        stop: threading.Event,
    ) -> httpx2.Response:
        """Args: `bodies`, what to send first, and what once an answer may have been lost."""
        began = time.monotonic()
        body = bodies[0]
        for number in itertools.count(1):
            wait_s = random.uniform(0.5, 1.0) * min(2.0, 0.1 * 2 ** min(number, 5))  # noqa: S311 - jitter
            failure: LineageError
            try:
                response = attempt(body)
            except httpx2.TransportError as exc:
                failure = self._failure(exc)
                if isinstance(exc, httpx2.ConnectTimeout):
                    if not self._has_answered:  # nobody there: waiting again would not help
                        raise failure from None
                elif not isinstance(exc, httpx2.ConnectError):
                    if not (repeatable and failure.retryable):
                        raise failure from None
                    body = bodies[1]
            else:
                self._has_answered, self._is_outage_told = True, False
                if response.is_success:
                    return response
                failure = self._refusal(response)
                is_busy = response.status_code in BUSY and failure.retryable
                if not (repeatable and is_busy):
                    raise failure
                body = bodies[1]
                wait_s = max(wait_s, retry_after_s(response))
            bound_s = self.patience_s if patience_s is None else min(patience_s, self.patience_s)
            spent_s = time.monotonic() - began
            if spent_s >= bound_s:
                raise failure from None
            if self._has_answered and patience_s is None and spent_s + wait_s > _QUIET_S:
                self.tell_outage(f"trying again for up to {bound_s:.0f} s")
            if stop.wait(min(wait_s, bound_s - spent_s)):
                raise Stopped
        raise AssertionError  # the loop has no end of its own

    def _failure(self, exc: httpx2.TransportError) -> LineageError:
        if isinstance(exc, httpx2.ConnectError | httpx2.ConnectTimeout):
            advice = "start one with `make serve`, or set LINEAGE_URL to where it is"
            reason = f" ({exc})" if str(exc) else ""
            message = f"no server answers at {self.url}{reason}: {advice}"
            return Unavailable(message, url=self.url, is_absent=True)
        if isinstance(exc, httpx2.TimeoutException):
            return TimedOut(f"{self.url} did not answer in time", url=self.url)
        if isinstance(exc, httpx2.UnsupportedProtocol):
            return LineageError(f"{self.url} cannot be asked: {exc}", url=self.url)
        reason = str(exc) or type(exc).__name__
        return Unavailable(f"the connection to {self.url} broke: {reason}", url=self.url)

    def _refusal(self, response: httpx2.Response) -> LineageError:
        """The error that the answer tells of, with what the caller can do about it here."""
        error = read_refusal(response)
        if isinstance(error, Unauthenticated):
            return name_login(error, self.url, has_key=self._api_key is not None)
        unnamed = find_unnamed_project(error)
        if unnamed is None:
            return error
        try:
            found = self._open().get(f"{API}/projects/{unnamed}", timeout=_CONNECT_TIMEOUT_S)
        except httpx2.TransportError:
            return error
        return name_project(error) if found.status_code == 404 else error

    def _open(self) -> httpx2.Client:
        with self._lock:
            client = self._client
            if client is None or client.is_closed or self._pid != os.getpid():
                headers = {"Authorization": f"Bearer {self._api_key}"} if self._api_key else {}
                client = self._client = httpx2.Client(
                    base_url=self.url,
                    headers=headers,
                    limits=httpx2.Limits(max_connections=32, keepalive_expiry=3.0),
                    trust_env=not is_loopback(self.url),
                )
                weakref.finalize(self, client.close)
                self._pid = os.getpid()
            return client


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return [_text(item) for item in value] if isinstance(value, list | tuple) else str(value)


def plain_loads(data: bytes) -> Any:
    """JSON that holds no `$float`: three times faster for the long lists of an upload."""
    return orjson.loads(data)
