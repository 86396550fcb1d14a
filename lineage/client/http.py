"""Talking to the server: one pool of connections, retries that cannot duplicate, typed errors.

What is repeated, and when:
- no connection came about: nothing was sent, so every request is tried again, for 2.5 seconds;
- the answer was lost, or the server is busy (429, 502, 503): only requests that may be repeated.
A request may be repeated if doing it twice is the same as doing it once; its caller says so.
"""

from __future__ import annotations

import ipaddress
import os
import random
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx2
import orjson

from lineage.errors import LineageError, TimedOut, Unavailable, from_code
from lineage.values import dumps, loads

__all__ = ["API", "JSON", "Body", "Http", "plain_loads"]

API: Final = "/api/v1"
JSON: Final = "application/json"
_ATTEMPTS: Final = 6
_CONNECT_TIMEOUT_S: Final = 3.0
_CONNECT_BUDGET_S: Final = 2.5  # for repeated attempts; with the last one's timeout still under 5 s
_MAX_RETRY_AFTER_S: Final = 30.0
_BUSY: Final = (429, 502, 503)
_NOT_FACTS: Final = frozenset({"type", "title", "status", "detail", "code", "message", "instance"})


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


class Http:
    """A server and a key. Safe for many threads, and for the children of a fork."""

    def __init__(self, url: str, api_key: str | None = None) -> None:
        self.url = url
        self._api_key = api_key
        self._client: httpx2.Client | None = None
        self._pid = 0
        self._lock = threading.Lock()

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
    ) -> Any:
        """Args: `retry_body`, what to send instead when an answer was lost. None for 204."""
        first = Body(dumps({} if body is None else body))
        again = Body(dumps(retry_body)) if retry_body is not None else None
        response = self.send(
            "POST", path, body=first, retry=again, repeatable=repeatable, timeout_s=timeout_s
        )
        return loads(response.content) if response.content else None

    def patch(self, path: str, body: Any, *, revision: int | None = None) -> Any:
        """Args: `revision`, which the server must still have; PreconditionFailed if it has not."""
        headers = {} if revision is None else {"If-Match": f'"{revision}"'}
        # With a revision, a repetition of what was done already would find the next one.
        may = revision is None
        response = self.send("PATCH", path, body=Body(dumps(body)), headers=headers, repeatable=may)
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
        is_read: bool = False,
    ) -> Iterator[httpx2.Response]:
        """The answer, its bytes still to be read unless `is_read`; see the top of the module.

        Raises:
            Unavailable: no server there, or the connection broke.
            TimedOut: no byte for `timeout_s`.
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

        response = self._persist(attempt, body, retry or body, repeatable)
        try:
            yield response
        except httpx2.TransportError as exc:
            raise self._failure(exc) from exc
        finally:
            response.close()

    def _persist(
        self,
        attempt: Callable[[Body | None], httpx2.Response],
        body: Body | None,
        retry: Body | None,
        repeatable: bool,
    ) -> httpx2.Response:
        began = time.monotonic()
        for number in range(1, 1_000):
            wait_s = random.uniform(0.5, 1.0) * min(2.0, 0.1 * 2**number)  # noqa: S311 - jitter
            try:
                response = attempt(body)
            except httpx2.ConnectError as exc:
                if time.monotonic() - began + wait_s > _CONNECT_BUDGET_S:
                    raise self._failure(exc) from exc
            except httpx2.ConnectTimeout as exc:  # nobody there: waiting again would not help
                raise self._failure(exc) from exc
            except httpx2.TransportError as exc:
                failure = self._failure(exc)
                if not (repeatable and failure.retryable and number < _ATTEMPTS):
                    raise failure from exc
                body = retry
            else:
                if response.is_success:
                    return response
                error = _problem(response)
                is_busy = response.status_code in _BUSY and error.retryable
                if not (repeatable and is_busy and number < _ATTEMPTS):
                    raise error
                body = retry
                wait_s = max(wait_s, _retry_after_s(response))
            time.sleep(wait_s)
        raise Unavailable(f"{self.url} keeps failing")

    def _failure(self, exc: httpx2.TransportError) -> LineageError:
        if isinstance(exc, httpx2.ConnectError | httpx2.ConnectTimeout):
            advice = "start one with `make serve`, or set LINEAGE_URL to where it is"
            message = f"no server answers at {self.url}: {advice}"
            return Unavailable(message, url=self.url, is_absent=True)
        if isinstance(exc, httpx2.TimeoutException):
            return TimedOut(f"{self.url} did not answer in time", url=self.url)
        if isinstance(exc, httpx2.UnsupportedProtocol):
            return LineageError(f"{self.url} cannot be asked: {exc}", url=self.url)
        reason = str(exc) or type(exc).__name__
        return Unavailable(f"the connection to {self.url} broke: {reason}", url=self.url)

    def _open(self) -> httpx2.Client:
        with self._lock:
            client = self._client
            if client is None or client.is_closed or self._pid != os.getpid():
                headers = {"Authorization": f"Bearer {self._api_key}"} if self._api_key else {}
                client = self._client = httpx2.Client(
                    base_url=self.url,
                    headers=headers,
                    limits=httpx2.Limits(max_connections=32, keepalive_expiry=3.0),
                    trust_env=not _is_loopback(self.url),  # no proxy leads to this machine
                )
                weakref.finalize(self, client.close)
                self._pid = os.getpid()
            return client


def _is_loopback(url: str) -> bool:
    host = httpx2.URL(url).host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return [_text(item) for item in value] if isinstance(value, list | tuple) else str(value)


def _problem(response: httpx2.Response) -> LineageError:
    """The error that a problem document, or any other refusal, tells of."""
    status, method, url = response.status_code, response.request.method, response.url
    try:
        told = loads(response.content)
    except LineageError:
        told = None
    if not isinstance(told, dict) or not isinstance(told.get("code"), str):
        message = f"{method} {url} was answered with {status}: is this a lineage server?"
        if status == 504:
            return TimedOut(message)
        return (Unavailable if status in _BUSY else LineageError)(message)
    facts = {str(name): value for name, value in told.items() if name not in _NOT_FACTS}
    return from_code(told["code"], str(told.get("detail") or told.get("title") or status), **facts)


def _retry_after_s(response: httpx2.Response) -> float:
    told = response.headers.get("Retry-After", "")
    try:
        wait_s = float(told)
    except ValueError:
        try:
            wait_s = parsedate_to_datetime(told).timestamp() - time.time()
        except ValueError:
            return 0.0
    return min(max(wait_s, 0.0), _MAX_RETRY_AFTER_S)


def plain_loads(data: bytes) -> Any:
    """JSON that holds no `$float`: three times faster for the long lists of an upload."""
    return orjson.loads(data)
