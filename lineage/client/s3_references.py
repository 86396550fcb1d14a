"""References to S3, or anything that speaks it. The only module of the client that uses boto3.

The endpoint, the keys and the region come from the variables and files that all AWS tools read.
A key is taken letter by letter, as the AWS command line does; only `?versionId=…` at its end is
none of it.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from lineage.client.private_addresses import public_address
from lineage.client.scanning import entry_name
from lineage.client.settings import forbids_private
from lineage.client.sightings import Sighting, changed, refuse_changed
from lineage.errors import (
    Conflict,
    Corrupt,
    Denied,
    Invalid,
    LineageError,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from lineage.manifest import Entry

__all__ = ["S3References"]

_log = logging.getLogger(__name__)

_THREADS: Final = 16
_CHUNK_BYTES: Final = 1024 * 1024
_SETTINGS: Final = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_ENDPOINT_URL_S3"
_VERSION: Final = re.compile(r"(.*)\?versionId=([^?&/]+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Place:
    """What a URI names; without a version, whatever is the latest."""

    uri: str
    bucket: str
    key: str
    version_id: str | None = None

    @classmethod
    def parse(cls, uri: str) -> _Place:
        bucket, _, key = uri.partition("://")[2].partition("/")
        if not bucket:
            raise Invalid("uri", f"{uri!r:.300} names no bucket: s3://bucket/key")
        found = _VERSION.fullmatch(key)
        if found is not None:
            return cls(uri, bucket, found[1], found[2])
        return cls(uri, bucket, key)

    @property
    def parameters(self) -> dict[str, str]:
        """What the calls about it take."""
        named = {"Bucket": self.bucket, "Key": self.key}
        return named if self.version_id is None else {**named, "VersionId": self.version_id}


class S3References:
    """One client of boto3. Safe for many threads."""

    def __init__(self) -> None:
        self._client = _connect()

    def list(self, uri: str, name: str | None, max_objects: int) -> list[Entry]:
        """The entry for an object, or those for all that lies in a folder of the bucket.

        An object of just this key is what is meant; a slash at the end means what is below.
        """
        place = _Place.parse(uri)
        if place.key and (place.version_id is not None or not place.key.endswith("/")):
            try:
                found = self.look(uri)
            except NotFound:
                if place.version_id is not None:
                    raise
            else:
                last = place.key.rpartition("/")[2]
                entry = Entry(
                    entry_name(name or last), found.size_bytes, ref=uri, extra=found.extra
                )
                self._tell_of_folder(place)
                return [entry]
        prefix = place.key if place.key.endswith("/") or not place.key else f"{place.key}/"
        found_objects = self._list_folder(place, prefix, max_objects)
        if not found_objects:
            raise self._nothing(place, prefix)
        begin = f"{name.rstrip('/')}/" if name else ""
        return [
            _entry(place, key, begin + key.removeprefix(prefix), found)
            for key, found in found_objects.items()
        ]

    def look(self, uri: str) -> Sighting:
        """What lies there now: the latest version, or the one that the URI names.

        Raises:
            NotFound: nothing does.
            Denied, Unauthenticated: the keys do not allow it, or there are none.
            Unavailable: the endpoint does not answer.
            Invalid: the URI or the AWS settings are wrong.
        """
        return self._head(_Place.parse(uri))

    def _head(self, place: _Place) -> Sighting:
        with _translated(place.uri):
            told = self._client.head_object(**place.parameters)
        return _sighting(told, told["ContentLength"])

    def has_logged(self, entry: Entry) -> bool:
        """Whether the version that was logged is still there, beside what lies at the address."""
        version_id = entry.extra.get("versionID")
        if version_id is None:
            return False
        place = _Place.parse(entry.ref or "")
        try:
            self._head(_Place(place.uri, place.bucket, place.key, version_id))
        except (NotFound, Invalid):
            return False
        return True

    @contextmanager
    def read(self, entry: Entry, start: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        """The bytes from `start` of the very version that was logged.

        Without one, or if it is gone, of what lies there now, if its ETag is the one recorded.

        Raises:
            Conflict: something else lies there now.
        """
        place = _Place.parse(entry.ref or "")
        told = self._get(place, entry, start)
        with closing(told["Body"]) as body:
            size_bytes = told["ContentLength"]
            if "ContentRange" in told:
                size_bytes = int(told["ContentRange"].rpartition("/")[2])
            refuse_changed(entry, _sighting(told, size_bytes))
            yield (start if "ContentRange" in told else 0), _chunks(body, place.uri)

    def _get(self, place: _Place, entry: Entry, start: int) -> Any:
        etag, version_id = entry.extra.get("etag"), entry.extra.get("versionID")
        part = {"Range": f"bytes={start}-"} if start else {}
        if version_id is not None:
            named = _Place(place.uri, place.bucket, place.key, version_id).parameters
            try:
                with _translated(place.uri):
                    return self._client.get_object(**named, **part)
            except NotFound as exc:
                # The same bytes may have been written once more, and that version been removed.
                if etag is None or place.version_id is not None:
                    message = f"the version {version_id} of {place.uri!r:.300} is gone"
                    raise NotFound(message) from exc
        same = {} if etag is None else {"IfMatch": f'"{etag}"'}
        try:
            with _translated(place.uri):
                return self._client.get_object(**place.parameters, **part, **same)
        except Conflict as exc:
            raise changed(entry) from exc

    def close(self) -> None:
        self._client.close()

    # What is in a folder

    def _list_folder(self, place: _Place, prefix: str, max_objects: int) -> dict[str, Sighting]:
        """By key, without the empty objects that stand for folders.

        Raises:
            Invalid: there are more than `max_objects`.
        """
        try:
            return _collect(self._list_versions(place, prefix), place, max_objects)
        except (Denied, Invalid, Unavailable) as exc:
            if isinstance(exc, Invalid) and exc.field == "max_objects":
                raise
            # Not everyone may list versions, and not every S3 can: then object by object.
            _log.debug("versions of %s cannot be listed: %s", place.uri, exc)
        keys = list(_collect(self._list_objects(place, prefix), place, max_objects))
        places = [_Place(f"s3://{place.bucket}/{key}", place.bucket, key) for key in keys]
        with ThreadPoolExecutor(_THREADS, "lineage-references") as pool:
            return dict(zip(keys, pool.map(self._head, places), strict=True))

    def _list_versions(self, place: _Place, prefix: str) -> Iterator[tuple[str, Sighting]]:
        for page in self._pages("list_object_versions", place, prefix):
            for told in page.get("Versions", ()):
                if told["IsLatest"]:
                    yield told["Key"], _sighting(told, told["Size"])

    def _list_objects(self, place: _Place, prefix: str) -> Iterator[tuple[str, Sighting]]:
        for page in self._pages("list_objects_v2", place, prefix):
            for told in page.get("Contents", ()):
                yield told["Key"], _sighting(told, told["Size"])

    def _pages(self, verb: str, place: _Place, prefix: str) -> Iterator[Any]:
        with _translated(place.uri):
            paginator = self._client.get_paginator(verb)
            yield from paginator.paginate(Bucket=place.bucket, Prefix=prefix)

    def _first_key(self, place: _Place, prefix: str) -> str | None:
        with _translated(place.uri):
            told = self._client.list_objects_v2(Bucket=place.bucket, Prefix=prefix, MaxKeys=1)
        return next((found["Key"] for found in told.get("Contents", ())), None)

    def _tell_of_folder(self, place: _Place) -> None:
        if place.version_id is not None:
            return
        try:
            inner = self._first_key(place, f"{place.key}/")
        except LineageError:
            return  # who may read an object need not be allowed to list
        if inner is not None:
            _log.warning(
                "%s is an object, and there are others below it, such as %s: the object is meant;"
                " for those below, end the address with a slash",
                place.uri,
                inner,
            )

    def _nothing(self, place: _Place, prefix: str) -> NotFound:
        message = f"there is no object and no folder at {place.uri!r:.300}"
        like = self._first_key(place, place.key) if not place.key.endswith("/") else None
        if like is not None and not like.startswith(prefix):
            message += f"; there is {like!r:.300}: name its whole key, or its folder"
        return NotFound(message)


def _collect(
    found: Iterator[tuple[str, Sighting]], place: _Place, max_objects: int
) -> dict[str, Sighting]:
    objects: dict[str, Sighting] = {}
    for key, sighting in found:
        if key.endswith("/") and sighting.size_bytes == 0:
            continue  # made by consoles, so that an empty folder shows
        objects[key] = sighting
        if len(objects) > max_objects:
            reason = f"{place.uri!r:.300} holds at least {len(objects)} objects"
            advice = "allow more, or name a folder in it"
            raise Invalid("max_objects", f"{reason}, more than {max_objects}: {advice}")
    return objects


def _entry(place: _Place, key: str, name: str, found: Sighting) -> Entry:
    uri = f"s3://{place.bucket}/{key}"
    if _VERSION.fullmatch(key):
        raise Invalid("uri", f"{uri!r:.300}: the end of this key reads as a version, not as a name")
    try:
        path = entry_name(name)
    except Invalid as exc:
        reason = f"{exc.reason}: refer to it by itself, under another name"
        raise Invalid("uri", f"{uri!r:.300} cannot be a path here: {reason}") from exc
    return Entry(path, found.size_bytes, ref=uri, extra=found.extra)


def _sighting(told: Any, size_bytes: int) -> Sighting:
    version_id = told.get("VersionId")
    if version_id in ("null", ""):
        version_id = None  # names whatever was written while the bucket kept no versions
    return Sighting(size_bytes, told["ETag"].strip('"'), version_id)


def _connect() -> Any:
    try:
        import boto3
        from botocore.config import Config
    except ImportError as exc:
        reason = "references to S3 need boto3: pip install 'lineage-engine[s3]'"
        raise Invalid("uri", reason) from exc
    options: dict[str, Any] = {"connect_timeout": 5, "read_timeout": 60}
    if "AWS_MAX_ATTEMPTS" not in os.environ:
        options["retries"] = {"mode": "standard", "total_max_attempts": 3}
    with _translated("s3://"), _session_lock:
        # The default session is not made for threads.
        config = Config(max_pool_connections=_THREADS, **options)
        try:
            client = boto3.session.Session().client("s3", config=config)
        except ValueError as exc:  # of what the AWS variables say
            raise Invalid("AWS_ENDPOINT_URL_S3", str(exc)) from exc
    if forbids_private():
        client.meta.events.register("before-send.s3", _refuse_private)
    return client


_session_lock = threading.Lock()


def _refuse_private(request: Any, **_: Any) -> None:
    parts = urlsplit(request.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    public_address(parts.hostname or "", port, f"{parts.scheme}://{parts.netloc}")


def _chunks(body: Any, uri: str) -> Iterator[bytes]:
    with _translated(uri):
        yield from body.iter_chunks(_CHUNK_BYTES)


@contextmanager
def _translated(uri: str) -> Iterator[None]:
    """No exception of boto3 gets out of this block."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as exc:
        raise _refusal(exc.response, uri) from exc
    except ResponseParserError as exc:
        raise Unavailable(f"{uri!r:.300}: that is no answer of S3: {exc}") from exc
    except BotoCoreError as exc:
        raise _failure(exc, uri) from exc


def _refusal(told: Any, uri: str) -> LineageError:
    status = told.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = str(told.get("Error", {}).get("Code", ""))
    said = f"{uri!r:.300} was answered with {code or status}"
    if code == "InvalidObjectState":
        return Unavailable(f"{uri!r:.300} is archived: restore it first")
    if status in (404, 405, 410) or code in ("NoSuchKey", "NoSuchVersion", "NoSuchBucket"):
        return NotFound(f"there is nothing at {uri!r:.300} ({code or status})")
    if status in (412, 416):
        return Conflict(said)
    if status in (401, 403):
        return Denied(f"{said}: look at {_SETTINGS}, and at what they allow")
    if status in (408, 409, 429) or status >= 500:
        return Unavailable(f"{said}: try again later")
    return Invalid("uri", f"{said}: {told.get('Error', {}).get('Message', '')}")


def _failure(exc: Exception, uri: str) -> LineageError:
    from botocore import exceptions

    if isinstance(exc, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return Unauthenticated(f"there are no keys for {uri!r:.300}: set {_SETTINGS}")
    if isinstance(exc, exceptions.FlexibleChecksumError):
        return Corrupt(f"{uri!r:.300}: {exc}")
    if isinstance(exc, exceptions.HTTPClientError | exceptions.ConnectionError):
        return Unavailable(f"{uri!r:.300} cannot be reached: {exc}")
    if isinstance(exc, exceptions.IncompleteReadError):
        return Unavailable(f"{uri!r:.300} broke off: {exc}")
    return Invalid("uri", f"{uri!r:.300}: {exc}")
