"""A bucket that speaks S3: calls whose errors say what to do, deletion that frees, signed links.

Keys here are whole: the prefix is part of them. What a blob store promises stands in `storage.s3`,
which is built on this. Credentials and region come from where all AWS tools look for them:
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, a profile, the role of the machine.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote, urlsplit

import boto3
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from botocore.httpsession import URLLib3Session
from botocore.parsers import ResponseParserError
from botocore.utils import get_environ_proxies

from lineage.errors import Unavailable
from lineage.model import Link
from storage.s3_errors import code_of, refused, status_of, unreached
from storage.signing import Credentials, sign

__all__ = ["N_THREADS", "Answer", "Bucket"]

T = TypeVar("T")

_log = logging.getLogger(__name__)

N_THREADS: Final = 16
"""Requests that one verb makes at once."""

_CONNECT_TIMEOUT_S: Final = 3.0
_ATTEMPTS: Final = 3
_CONNECTIONS: Final = 40 + 2 * N_THREADS  # the API's threads and ours
_BATCH: Final = 1000  # keys in one DeleteObjects, as S3 bounds it
_PAUSE_S: Final = 0.2  # before a deletion is tried again; then twice as long
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX: Final = re.compile(r"(/[A-Za-z0-9_=-][A-Za-z0-9_.=-]*)*/?")
_METHODS: Final[Mapping[str, str]] = {
    "DeleteObjects": "delete_objects",
    "GetBucketVersioning": "get_bucket_versioning",
    "GetObject": "get_object",
    "HeadBucket": "head_bucket",
    "HeadObject": "head_object",
    "ListObjectVersions": "list_object_versions",
    "ListObjectsV2": "list_objects_v2",
    "PutObject": "put_object",
}
_BODILESS: Final = frozenset({"HeadBucket", "PutObject"})
_UNKNOWN: Final = frozenset({403, 405, 501})  # to a question about versions: not told, or no such


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a link."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Bucket:
    """One bucket and a prefix in it. Threads may share it."""

    def __init__(
        self,
        name: str,
        prefix: str,
        *,
        endpoint_url: str | None = None,
        public_endpoint_url: str | None = None,
        timeout_s: float = 20.0,
    ) -> None:
        """Nothing is asked of the bucket yet.

        Args:
            prefix: empty, or ending in a slash.
            endpoint_url: of a store other than AWS.
            public_endpoint_url: where whoever follows a link reaches the same bucket.
            timeout_s: that an answer may take to begin, and each next piece of it.
        Raises:
            Unavailable: the AWS settings of this machine cannot be used.
        """
        self.name = name
        self.prefix = prefix
        self.place = f"the bucket {name}" + (f" at {endpoint_url}" if endpoint_url else "")
        config = Config(
            connect_timeout=_CONNECT_TIMEOUT_S,
            read_timeout=timeout_s,
            max_pool_connections=_CONNECTIONS,
            # Blobs carry their SHA-256 in a header: signing their bytes too would read them twice.
            s3={
                "addressing_style": "path" if endpoint_url else "auto",
                "payload_signing_enabled": False,
            },
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        try:
            session = boto3.session.Session()
            # botocore itself knows AWS_DEFAULT_REGION only.
            self.region = session.region_name or os.environ.get("AWS_REGION") or "us-east-1"
            self._clients = {
                n: session.client(
                    "s3",
                    region_name=self.region,
                    endpoint_url=endpoint_url,
                    config=config.merge(
                        Config(retries={"mode": "standard", "total_max_attempts": n})
                    ),
                )
                for n in (1, _ATTEMPTS)
            }
            self._credentials = session.get_credentials()
        except (BotoCoreError, ValueError) as exc:
            raise Unavailable(f"{self.place}: the AWS settings: {exc}", reason="settings") from exc
        own = endpoint_url or self._clients[1].meta.endpoint_url
        self._url = _bucket_url(own, name, is_path=endpoint_url is not None)
        self._public_url = (
            _bucket_url(public_endpoint_url, name, is_path=True)
            if public_endpoint_url
            else self._url
        )
        self._http = URLLib3Session(
            verify=os.environ.get("AWS_CA_BUNDLE") or True,
            timeout=(_CONNECT_TIMEOUT_S, timeout_s),
            proxies=get_environ_proxies(self._url),
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )
        self.threads = ThreadPoolExecutor(N_THREADS, thread_name_prefix="s3")
        self._is_versioned: bool | None = None  # None: not asked yet, or not told

    @classmethod
    def at(
        cls,
        url: str,
        *,
        endpoint_url: str | None = None,
        public_endpoint_url: str | None = None,
        timeout_s: float = 20.0,
    ) -> Self:
        """The bucket that `s3://bucket/prefix` names. ValueError if it names none."""
        parts = urlsplit(url)
        is_plain = not (parts.query or parts.fragment)
        if (
            parts.scheme != "s3"
            or not is_plain
            or not _NAME.fullmatch(parts.netloc)
            or not _PREFIX.fullmatch(parts.path)
        ):
            # It is not repeated: somebody may have put a secret into it.
            raise ValueError(
                "is not s3://bucket or s3://bucket/prefix, the bucket in lowercase letters, digits,"
                " dots and hyphens, the prefix in letters, digits and the signs _ . = - /"
            )
        prefix = parts.path.strip("/")
        for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):  # as boto3 would
            endpoint_url = endpoint_url or os.environ.get(name) or None
        return cls(
            parts.netloc,
            f"{prefix}/" if prefix else "",
            endpoint_url=_endpoint(endpoint_url),
            public_endpoint_url=_endpoint(public_endpoint_url),
            timeout_s=timeout_s,
        )

    def call(
        self,
        operation: str,
        *,
        accept: Set[int] = frozenset(),
        n_attempts: int = _ATTEMPTS,
        **arguments: Any,
    ) -> dict[str, Any]:
        """The answer to one operation of S3, an error too if its status is in `accept`.

        Args:
            n_attempts: 1, or else 3 with growing pauses where another one may help.
        Raises:
            Unavailable: any other error; says what to do.
        """
        method = getattr(self._clients[n_attempts], _METHODS[operation])
        try:
            answer: dict[str, Any] = method(Bucket=self.name, **arguments)
        except ClientError as exc:
            if status_of(exc.response) in accept and code_of(exc.response) != "NoSuchBucket":
                return dict(exc.response)
            if operation.startswith("Head"):
                self.check()  # an answer to HEAD has no words; this one has
            raise unreached(exc, self.place) from exc
        except (BotoCoreError, ResponseParserError, ValueError) as exc:
            # ValueError: a header that was cut, such as a number without digits.
            raise unreached(exc, self.place) from exc
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        is_told = headers.keys() & {"content-length", "transfer-encoding"}
        if not is_told and operation not in _BODILESS:
            # An answer that broke before it said how long it is seems to be whole, and empty.
            raise Unavailable(f"{self.place}: the connection broke in an answer: try again")
        return answer

    def check(self) -> None:
        """Unavailable unless the bucket is there and lets itself be listed. One request."""
        prefix = f"{self.prefix}graph"
        self.call("ListObjectsV2", n_attempts=1, Prefix=prefix, MaxKeys=1)

    def find(self, key: str) -> dict[str, Any] | None:
        """What HEAD tells of a key; None if it is not there, though the bucket is."""
        return self.find_many([key])[0]

    def find_many(self, keys: Sequence[str]) -> list[dict[str, Any] | None]:
        """As `find`, for each of them."""
        found = list(self.threads.map(self._head, keys) if len(keys) > 1 else map(self._head, keys))
        if None in found:
            self.check()  # the bucket itself may be what is missing
        return found

    def _head(self, key: str) -> dict[str, Any] | None:
        answer = self.call("HeadObject", accept={404}, Key=key, ChecksumMode="ENABLED")
        return None if status_of(answer) == 404 else answer

    # --- listing ---

    def find_versioning(self) -> bool | None:
        """Whether the bucket keeps, or has kept, versions; None if it does not tell."""
        answer = self.call("GetBucketVersioning", accept=_UNKNOWN)
        if status_of(answer) in _UNKNOWN:
            return None
        return answer.get("Status") in ("Enabled", "Suspended")

    def iter_sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Every key that begins so, in order, and the bytes of all versions that lie under it."""
        is_versioned = self.find_versioning()
        if is_versioned is False:
            yield from self._iter_current(prefix)
            return
        entries = self._iter_versions(prefix, accept=_UNKNOWN if is_versioned is None else set())
        first = next(entries, None)
        if first is None:  # nothing is there, or such a listing is not to be had
            yield from self._iter_current(prefix)
            return
        key, size_bytes = first.key, first.size_bytes
        for entry in entries:
            if entry.key != key:
                yield key, size_bytes
                key, size_bytes = entry.key, 0
            size_bytes += entry.size_bytes
        yield key, size_bytes

    def _iter_current(self, prefix: str) -> Iterator[tuple[str, int]]:
        more: dict[str, Any] = {}
        while True:
            page = self.call("ListObjectsV2", Prefix=prefix, **more)
            for entry in page.get("Contents", ()):
                yield entry["Key"], entry["Size"]
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def _iter_versions(self, prefix: str, *, accept: Set[int] = frozenset()) -> Iterator[_Version]:
        """All versions and delete markers, by key; of one key, the newest first.

        Pages follow each other by key alone: the version that a page ended with may be deleted
        before the next one is asked for, and not every store can go on from what is gone.
        """
        last = ""
        marker: dict[str, Any] = {}
        while True:
            page = self.call("ListObjectVersions", accept=accept, Prefix=prefix, **marker)
            if status_of(page) in accept:
                return
            entries = [
                _Version(entry["Key"], entry["VersionId"], entry.get("Size", 0), entry["IsLatest"])
                for part in ("Versions", "DeleteMarkers")
                for entry in page.get(part, ())
                if entry["Key"] > last or "VersionIdMarker" in marker
            ]
            entries.sort(key=lambda entry: (entry.key, not entry.is_latest))
            if not page.get("IsTruncated"):
                yield from entries
                return
            # The last key may go on in the next page: it is left to that one.
            ends_with = page["NextKeyMarker"]
            whole = [entry for entry in entries if entry.key < ends_with]
            if whole and "VersionIdMarker" not in marker:
                yield from whole
                last = whole[-1].key
                marker = {"KeyMarker": last}
            else:  # one key fills more than a page
                yield from entries
                marker = {"KeyMarker": ends_with, "VersionIdMarker": page["NextVersionIdMarker"]}

    # --- deleting ---

    def delete(self, keys: Iterable[str]) -> None:
        """Remove keys with every version and every delete marker; absent ones are a success."""
        for batch in _batches(sorted(set(keys))):
            marked: Sequence[str] = batch
            if self._is_versioned is None:
                self._is_versioned = self.find_versioning()
            if not self._is_versioned:
                marked = self._delete_plainly(batch)
            if marked:
                self._is_versioned = True
                self._delete_versions(marked)

    def _delete_plainly(self, keys: Sequence[str]) -> list[str]:
        """Delete keys; those that left a delete marker, because the bucket keeps versions."""
        marked: list[str] = []
        self._insist(keys, lambda left: self._remove([{"Key": key} for key in left], marked.append))
        return marked

    def _delete_versions(self, keys: Sequence[str]) -> None:
        def remove_all(left: Sequence[str]) -> dict[str, Unavailable]:
            # The newest goes last: a store may move the next one up, byte by byte.
            found = [v for versions in self.threads.map(self._versions_of, left) for v in versions]
            return self._remove(found, lambda _: None)

        self._insist(keys, remove_all)

    def _versions_of(self, key: str) -> list[dict[str, str]]:
        found = [entry for entry in self._iter_versions(key) if entry.key == key]
        return [{"Key": key, "VersionId": entry.id} for entry in reversed(found)]

    def _insist(
        self, keys: Sequence[str], remove: Callable[[Sequence[str]], dict[str, Unavailable]]
    ) -> None:
        """Try again, a few times, what a removal leaves over; its last error if something stays."""
        pause_s, left = _PAUSE_S, keys
        for _ in range(_ATTEMPTS - 1):
            failed = remove(left)
            if not failed:
                return
            time.sleep(pause_s)
            pause_s, left = 2 * pause_s, sorted(failed)
        failed = remove(left)
        for key, error in failed.items():
            _log.warning("not_deleted key=%s n_failed=%d", key, len(failed))
            raise error

    def _remove(
        self, objects: Sequence[dict[str, str]], on_marker: Callable[[str], None]
    ) -> dict[str, Unavailable]:
        """Delete keys, or versions of keys; the errors of those that could not be, by key."""
        failed: dict[str, Unavailable] = {}
        for batch in _batches(objects):
            # Not quiet: only a full answer tells that a marker was left.
            answer = self.call("DeleteObjects", Delete={"Objects": batch, "Quiet": False})
            silent = {item["Key"] for item in batch}
            for done in answer.get("Deleted", ()):
                silent.discard(done["Key"])
                if done.get("DeleteMarker") and not done.get("VersionId"):
                    on_marker(done["Key"])
            for error in answer.get("Errors", ()):
                key, code = error["Key"], str(error.get("Code", ""))
                silent.discard(key)
                if code not in ("NoSuchKey", "NoSuchVersion"):
                    message = str(error.get("Message", ""))
                    failed[key] = refused("DeleteObjects", code, message, self.place)
            for key in silent:
                failed[key] = refused("DeleteObjects", "", "it says nothing of a key", self.place)
        return failed

    # --- links ---

    def link(
        self,
        method: str,
        key: str,
        *,
        now: datetime,
        until: datetime,
        headers: Mapping[str, str] | None = None,
        is_public: bool = True,
    ) -> Link:
        """Leave for anyone to send this request; `is_public` False is for this machine itself."""
        base = self._public_url if is_public else self._url
        url = f"{base}/{quote(key, safe='/-_.~')}"
        return sign(method, url, self._signer(), now=now, until=until, headers=headers)

    def follow(self, method: str, link: Link, *, body: bytes = b"", **headers: str) -> Answer:
        """Send what a link gives leave to, with further headers, as a client would.

        Raises:
            Unavailable: no answer came.
        """
        request = AWSRequest(method, link.url, {**link.headers, **headers}, body or None)
        try:
            answer = self._http.send(request.prepare())
            return Answer(answer.status_code, answer.headers, answer.content)
        except BotoCoreError as exc:
            raise unreached(exc, urlsplit(link.url).netloc) from exc

    @property
    def is_temporary(self) -> bool:
        """Whether the credentials expire by themselves, and all links with them."""
        return self._signer().token is not None

    def _signer(self) -> Credentials:
        if self._credentials is None:
            raise unreached(NoCredentialsError(), self.place)
        try:
            now = self._credentials.get_frozen_credentials()
        except BotoCoreError as exc:
            raise unreached(exc, self.place) from exc
        return Credentials(now.access_key, now.secret_key, self.region, now.token)


@dataclass(frozen=True, slots=True)
class _Version:
    """A version, or a delete marker, of a key."""

    key: str
    id: str
    size_bytes: int
    is_latest: bool


def _endpoint(url: str | None) -> str | None:
    if url is None:
        return None
    parts = urlsplit(url)
    is_bare = parts.path in ("", "/") and not (parts.query or parts.fragment or parts.username)
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_bare:
        raise ValueError("has an endpoint that is not http:// or https:// and a host")
    default = {"http": 80, "https": 443}[parts.scheme]
    # As clients send it: a signature covers the host, and a default port is left out of that.
    host = parts.netloc.removesuffix(f":{default}")
    return f"{parts.scheme}://{host}"


def _bucket_url(endpoint_url: str, name: str, *, is_path: bool) -> str:
    # A certificate for *.s3.amazonaws.com does not cover a name with dots before it.
    if is_path or "." in name:
        return f"{endpoint_url}/{name}"
    scheme, _, host = endpoint_url.partition("://")
    return f"{scheme}://{name}.{host}"


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]
