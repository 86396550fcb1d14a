"""References to http and https."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final
from urllib.parse import unquote, urlsplit

import httpx2

from lineage.client.private_addresses import public_address
from lineage.client.scanning import entry_name
from lineage.client.settings import forbids_private
from lineage.client.sightings import Sighting, changed, refuse_changed
from lineage.errors import Denied, Invalid, LineageError, NotFound, Unavailable
from lineage.manifest import Entry

__all__ = ["HttpReferences"]

_TIMEOUT: Final = httpx2.Timeout(60.0, connect=5.0)
_LOOK_TIMEOUT: Final = httpx2.Timeout(15.0, connect=5.0)
_AS_STORED: Final = {"Accept-Encoding": "identity"}  # size and ETag of the file itself
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS: Final = 20
_RANGE: Final = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")
_UNSEEN: Final = "checksum=False records the address unseen"


class HttpReferences:
    """One pool of connections. Safe for many threads."""

    def __init__(self) -> None:
        self._is_guarded = forbids_private()
        # With a transport of its own it uses no proxy, of which nobody could say where it leads.
        transport = httpx2.HTTPTransport() if self._is_guarded else None
        self._client = httpx2.Client(transport=transport, timeout=_TIMEOUT)

    def list(self, uri: str, name: str | None, max_objects: int) -> list[Entry]:  # noqa: ARG002 - it is one
        """The entry for it; its name is the last part of the URL."""
        found = self._look(uri, refuses_folder=True)
        last = unquote(_parse(uri).path).rpartition("/")[2]
        return [
            Entry(
                entry_name(name or last or _parse(uri).host),
                found.size_bytes,
                ref=uri,
                extra=found.extra,
            )
        ]

    def look(self, uri: str) -> Sighting:
        """What lies there now, wherever it redirects to.

        Raises:
            NotFound: nothing does.
            Denied: it asks for a key, or leads to an address that is forbidden.
            Unavailable: nobody answers, or an answer is 429 or 5xx.
            Invalid: it is no address, or redirects without end.
        """
        return self._look(uri, refuses_folder=False)

    def _look(self, uri: str, *, refuses_folder: bool) -> Sighting:
        # Many servers refuse HEAD, or answer it with anything: what counts is GET, of one byte,
        # which an empty file does not have.
        asked: list[tuple[str, dict[str, str]]] = [
            ("HEAD", {}), ("GET", {"Range": "bytes=0-0"}), ("GET", {}),
        ]  # fmt: skip
        while True:
            method, headers = asked.pop(0)
            with self._follow(method, uri, headers, _LOOK_TIMEOUT) as (url, response):
                is_refused = response is None or not response.is_success
                if is_refused and (method == "HEAD" or (asked and _status(response) == 416)):
                    continue
                response = _checked(response, uri)
                if refuses_folder and url.path.endswith("/") and not url.query:
                    reason = "is a folder, and HTTP has no list of files: refer to each file"
                    raise Invalid("uri", f"{str(url)!r:.300} {reason}; {_UNSEEN}")
                return _sighting(response)

    def has_logged(self, entry: Entry) -> bool:  # noqa: ARG002 - the address has nothing else
        return False

    @contextmanager
    def read(self, entry: Entry, start: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        """The bytes, and from where on: `start`, or 0 if the server knows no ranges.

        Raises:
            Conflict: they are not what was logged.
        """
        uri, headers = entry.ref or "", {}
        if start:
            headers = {"Range": f"bytes={start}-", "If-Range": entry.extra["etag"]}
        with self._follow("GET", uri, headers, _TIMEOUT) as (_, response):
            if _status(response) == 416:
                raise changed(entry)
            response = _checked(response, uri)
            refuse_changed(entry, _sighting(response))
            at = 0
            if response.status_code == 206:
                told = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
                at = int(told[1] or -1) if told else -1
                if at != start:
                    raise Unavailable(f"{uri!r:.300} was answered with another part than asked for")
            yield at, _chunks(response, uri)

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def _follow(
        self, method: str, uri: str, headers: Mapping[str, str], timeout: httpx2.Timeout
    ) -> Iterator[tuple[httpx2.URL, httpx2.Response | None]]:
        """The end of all redirects, and its answer; None if the server hung up on a HEAD."""
        url, seen = _parse(uri), list[tuple[str, str]]()
        while True:
            request = self._request(method, url, uri, {**_AS_STORED, **headers}, timeout)
            where = str(url), request.headers.get("Cookie", "")
            way = " -> ".join(text for text, _ in [*seen, where][-4:])
            if where in seen:
                raise Invalid("uri", f"{uri!r:.300} redirects in a circle: {way:.1000}")
            if len(seen) > _MAX_REDIRECTS:
                reason = f"redirects more than {_MAX_REDIRECTS} times: … {way:.1000}"
                raise Invalid("uri", f"{uri!r:.300} {reason}")
            seen.append(where)
            try:
                response = self._client.send(request, stream=True)
            except httpx2.RemoteProtocolError as exc:
                if method != "HEAD":
                    raise Unavailable(f"{uri!r:.300} cannot be reached: {exc}") from exc
                yield url, None
                return
            except httpx2.HTTPError as exc:
                raise Unavailable(f"{uri!r:.300} cannot be reached: {exc}") from exc
            try:
                if response.status_code not in _REDIRECTS or "Location" not in response.headers:
                    yield url, response
                    return
                url = _joined(url, response.headers["Location"], uri)
            finally:
                response.close()

    def _request(
        self,
        method: str,
        url: httpx2.URL,
        uri: str,
        headers: dict[str, str],
        timeout: httpx2.Timeout,
    ) -> httpx2.Request:
        if not self._is_guarded:
            return self._client.build_request(method, url, headers=headers, timeout=timeout)
        # To the very address that was found harmless: the name may mean another one next time.
        port = url.port or (443 if url.scheme == "https" else 80)
        address = public_address(url.host, port, uri)
        return self._client.build_request(
            method,
            url.copy_with(host=address),
            headers={**headers, "Host": url.netloc.decode("ascii")},
            timeout=timeout,
            extensions={"sni_hostname": url.host},
        )


def _parse(uri: str) -> httpx2.URL:
    try:
        urlsplit(uri)  # stricter about hosts
        url = httpx2.URL(uri)
    except (ValueError, httpx2.InvalidURL) as exc:
        raise Invalid("uri", f"{uri!r:.300} is no address of HTTP: {exc}") from exc
    if url.scheme not in ("http", "https") or not url.host:
        raise Invalid("uri", f"{uri!r:.300} is no address of HTTP")
    return url


def _joined(url: httpx2.URL, location: str, uri: str) -> httpx2.URL:
    try:
        urlsplit(location)
        return _parse(str(url.join(location)))
    except (ValueError, Invalid, httpx2.InvalidURL) as exc:
        reason = f"redirects to {location!r:.300}, which is no address of HTTP"
        raise Invalid("uri", f"{uri!r:.300} {reason}") from exc


def _checked(response: httpx2.Response | None, uri: str) -> httpx2.Response:
    """The response, if it is one with bytes."""
    if response is None:
        raise Unavailable(f"{uri!r:.300} cannot be reached: the server hung up")
    if not response.is_success:
        raise _refusal(response.status_code, uri)
    return response


def _status(response: httpx2.Response | None) -> int:
    return 0 if response is None else response.status_code


def _refusal(status: int, uri: str) -> LineageError:
    message = f"{uri!r:.300} was answered with {status}"
    if status in (404, 410):
        return NotFound(f"there is nothing at {uri!r:.300} ({status})")
    if status in (401, 403, 407):
        return Denied(f"{message}: it asks for a key; {_UNSEEN}")
    if status in (408, 425, 429) or status >= 500:
        return Unavailable(f"{message}: try again later")
    return Invalid("uri", message)


def _sighting(response: httpx2.Response) -> Sighting:
    headers = response.headers
    length = headers.get("Content-Length", "")
    if response.status_code == 206:
        told = _RANGE.fullmatch(headers.get("Content-Range", ""))
        length = told[2] if told else ""
    is_encoded = headers.get("Content-Encoding", "identity") != "identity"
    size_bytes = int(length) if length.isdecimal() and not is_encoded else None
    return Sighting(size_bytes, headers.get("ETag"), None, headers.get("Last-Modified"))


def _chunks(response: httpx2.Response, uri: str) -> Iterator[bytes]:
    try:
        yield from response.iter_bytes()  # as they come: of a chunk cut short nothing is lost
    except httpx2.HTTPError as exc:
        raise Unavailable(f"{uri!r:.300} broke off: {exc}") from exc
