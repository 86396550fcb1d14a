"""Blobs in a bucket: one object each, under the names of `storage.layout` below a prefix.

    prefix/sha256/ab/cdef…-0123…    an object
    prefix/graph                    the identity of the graph that the objects belong to

Every object is written by one request that carries its SHA-256 and `If-None-Match: *`: the bucket
itself refuses other bytes, and a name that is taken. `storage.probe` tries whether it does.
"""

from __future__ import annotations

import hashlib
import logging
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, Final, Self
from uuid import uuid4

from botocore.exceptions import BotoCoreError
from urllib3.exceptions import HTTPError

from lineage.digest import Digest
from lineage.errors import Conflict, NotFound, Unavailable
from lineage.model import Link, ObjectName, StoredObject, Upload
from storage import layout
from storage.bucket import N_THREADS, Bucket
from storage.receiving import already_exists, check_deadline, check_range, verify
from storage.s3_errors import status_of, unreached

__all__ = ["S3BlobStore"]

_log = logging.getLogger(__name__)

_CHUNK_BYTES: Final = 1024 * 1024
_TRIES: Final = 3  # of a put that has not touched its bytes, of a claim
_RESUMED: Final = 5  # times that one reading goes on after its connection broke
_PUTTER: Final = "put"  # metadata: which call stored the object


class S3BlobStore:
    """`lineage.ports.BlobStore` and `DirectTransfer` over a bucket that speaks S3."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket

    @classmethod
    def at(
        cls,
        url: str,
        *,
        endpoint_url: str | None = None,
        public_endpoint_url: str | None = None,
        timeout_s: float = 20.0,
    ) -> Self:
        """The store at `s3://bucket/prefix`. Nothing is asked of it yet.

        Args:
            endpoint_url: of a store other than AWS.
            public_endpoint_url: where clients reach the same bucket, if not there.
            timeout_s: that an answer may take to begin.
        Raises:
            ValueError: the URL names no bucket, or an endpoint none; says what is expected.
            Unavailable: the AWS settings of this machine cannot be used.
        """
        return cls(
            Bucket.at(
                url,
                endpoint_url=endpoint_url,
                public_endpoint_url=public_endpoint_url,
                timeout_s=timeout_s,
            )
        )

    def new_object(self, digest: Digest) -> ObjectName:
        """See the port. Also Invalid: a digest of several parts, which no blob has."""
        return layout.new_object(digest)

    def claim(self, graph: str) -> None:
        """See the port. The identity stands in `prefix/graph`, written once."""
        key = f"{self.bucket.prefix}graph"
        for _ in range(_TRIES):
            found = self.bucket.call("GetObject", accept={404}, Key=key)
            if status_of(found) != 404:
                owner = found["Body"].read(1000).decode("ascii", "replace").strip()
                if owner == graph:
                    return
                raise Conflict(
                    f"{self.bucket.place} belongs to another graph ({owner:.32}) below"
                    f" {self.bucket.prefix or '/'}: give the server the two that belong together,"
                    " or another prefix"
                )
            body = f"{graph}\n".encode()
            checksum = _checksum(Digest.of(body))
            # Another process may be faster: then its claim is read next.
            answer = self.bucket.call(
                "PutObject",
                accept={409, 412},
                Key=key,
                Body=body,
                ChecksumSHA256=checksum,
                IfNoneMatch="*",
            )
            if status_of(answer) < 300:
                return
        raise Unavailable(f"{self.bucket.place} is being claimed by others: try again")

    def put(self, upload: Upload, chunks: Iterable[bytes], *, now: datetime) -> None:
        """See the port. Cost: one pass, one request.

        The last bytes are sent once all are known to be right, so a wrong upload never gets whole
        where it would count.
        """
        key = self._target(upload, now)
        body = _Body(upload, chunks)
        if upload.size_bytes == 0:
            body.finish()
        try:
            self._store(upload, key, body)
        except Unavailable:
            if body.fault is None:
                raise
        if body.fault is not None:
            raise body.fault

    def put_many(self, items: Iterable[tuple[Upload, bytes]], *, now: datetime) -> None:
        """See the port. Cost: one pass, one request each, some at a time."""
        stored: list[str] = []
        running: set[Future[None]] = set()

        def store(upload: Upload, key: str, data: bytes) -> None:
            self._store(upload, key, data)
            stored.append(key)

        try:
            for upload, data in items:
                key = self._target(upload, now)
                verify(upload, len(data), hashlib.sha256(data).digest())
                if len(running) >= 2 * N_THREADS:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        future.result()
                running.add(self.bucket.threads.submit(store, upload, key, data))
            for future in running:
                future.result()
        except BaseException:
            for future in running:
                future.cancel()
            wait(running)
            self._take_back(stored)
            raise

    @contextmanager
    def read(
        self, name: ObjectName, *, start: int = 0, size_bytes: int | None = None
    ) -> Iterator[Iterator[bytes]]:
        """See the port. Also Invalid: a negative `start` or `size_bytes`.

        A connection that breaks is taken up again a few times where it broke, on the same bytes; so
        after a deletion the rest is there as long as the connection lasts.
        """
        check_range(start, size_bytes)
        reading = _Reading(self.bucket, self._key(name), start, size_bytes)
        if not reading.open():
            raise NotFound(f"no object {name}")
        try:
            yield reading.chunks()
        finally:
            reading.close()

    def find_size(self, name: ObjectName) -> int | None:
        """See the port."""
        found = self.bucket.find(self._key(name))
        return None if found is None else int(found["ContentLength"])

    def delete(self, names: Sequence[ObjectName]) -> None:
        """See the port. Every version goes, and every delete marker.

        Cost: one request for 1,000 names; on a bucket with versions one more for each name.
        """
        self.bucket.delete([self._key(name) for name in names])

    def iter_objects(self) -> Iterator[StoredObject]:
        """See the port. Also what only old versions or delete markers hold, since it is paid for.

        Cost: one request for 1,000 objects, or versions.
        """
        prefix = self.bucket.prefix
        for key, size_bytes in self.bucket.iter_sizes(f"{prefix}sha256/"):
            name = key.removeprefix(prefix)
            if layout.is_object(name):
                yield StoredObject(ObjectName(name), size_bytes)

    def check(self) -> None:
        """See the port. Asks whether the bucket answers this key; one request, and nothing is
        written: `storage.probe` does that."""
        self.bucket.check()

    def upload_link(self, upload: Upload, *, now: datetime) -> Link:
        """See the port. For seven days at most. Also Invalid: `now` is past `upload.until`."""
        key = self._target(upload, now)
        return self.bucket.link("PUT", key, now=now, until=upload.until, headers=_headers(upload))

    def download_link(self, name: ObjectName, *, until: datetime, now: datetime) -> Link:
        """See the port. For seven days at most."""
        return self.bucket.link("GET", self._key(name), now=now, until=until)

    def find_uploaded(self, uploads: Sequence[Upload]) -> set[ObjectName]:
        """See the port. Cost: one request each, some at a time."""
        keys = [self._key(upload.object) for upload in uploads]
        found = self.bucket.find_many(keys)
        return {
            upload.object
            for upload, head in zip(uploads, found, strict=True)
            if head is not None and _is_whole(upload, head)
        }

    def _store(self, upload: Upload, key: str, body: _Body | bytes) -> None:
        """One PUT. After an answer that was lost it is found out what became of it."""
        token = uuid4().hex
        is_stream = isinstance(body, _Body)
        for left in reversed(range(_TRIES)):
            try:
                answer = self.bucket.call(
                    "PutObject",
                    accept={409, 412},
                    # What can be read once is sent once; bytes may be sent again.
                    **({"n_attempts": 1} if is_stream else {}),
                    Key=key,
                    Body=body if upload.size_bytes else b"",
                    ContentLength=upload.size_bytes,
                    ChecksumSHA256=_checksum(upload.digest),
                    IfNoneMatch="*",
                    Metadata={_PUTTER: token},
                )
            except Unavailable:
                if isinstance(body, _Body) and body.is_untouched and left:
                    continue  # such as a connection that was kept, and was dead
                if isinstance(body, _Body) and not body.is_whole:
                    raise
                with suppress(Unavailable):
                    if self._has_stored(upload, key, token):
                        return
                raise
            if status_of(answer) < 300 or self._has_stored(upload, key, token):
                return
            if status_of(answer) == 412:
                raise already_exists(upload)
            raise Unavailable(f"{upload.object} is being stored by somebody else too: try again")

    def _has_stored(self, upload: Upload, key: str, token: str) -> bool:
        """Whether the object is there and that PUT's own; AlreadyExists if it is another's."""
        found = self.bucket.find(key)
        if found is None:
            return False
        if found.get("Metadata", {}).get(_PUTTER) != token:
            raise already_exists(upload)
        _log.info("answer_was_lost object=%s", upload.object)
        return True

    def _take_back(self, keys: Sequence[str]) -> None:
        """Delete what was stored; what cannot be is told, and must not hide another error."""
        try:
            self.bucket.delete(keys)
        except Unavailable as exc:
            _log.warning("not_removed n_objects=%d error=%s", len(keys), exc)

    def _key(self, name: ObjectName) -> str:
        return f"{self.bucket.prefix}{layout.check_object(name)}"

    def _target(self, upload: Upload, now: datetime) -> str:
        """Where the upload goes; Invalid after its deadline."""
        check_deadline(upload, now)
        return self._key(upload.object)


class _SenderError(Exception):
    """Carries nothing: the sender's error may be of a kind that HTTP libraries take for theirs."""


class _Body:
    """Chunks as a file to send: counted, hashed, and held back at the end until all is right."""

    def __init__(self, upload: Upload, chunks: Iterable[bytes]) -> None:
        self.fault: Exception | None = None  # of the sender, or Invalid or Corrupt
        self.is_untouched = True
        self._n_left = upload.size_bytes
        self._upload = upload
        self._pieces = self._check(chunks)
        self._piece = memoryview(b"")

    @property
    def is_whole(self) -> bool:
        """Whether all of it has been taken."""
        return self._n_left == 0

    def read(self, n_bytes: int = -1) -> bytes:
        self.is_untouched = False
        while not self._piece:
            try:
                self._piece = memoryview(next(self._pieces))
            except StopIteration:
                return b""
            except Exception as exc:
                self.fault = exc
                raise _SenderError from exc
        end = len(self._piece) if n_bytes < 0 else n_bytes
        taken, self._piece = bytes(self._piece[:end]), self._piece[end:]
        self._n_left -= len(taken)
        return taken

    def finish(self) -> None:
        """Take an upload of no bytes; Invalid if there are some."""
        for _ in self._pieces:
            raise AssertionError("a byte is more than none")

    def _check(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        sha256 = hashlib.sha256()
        n_bytes, end = 0, b""
        for chunk in chunks:
            n_bytes += len(chunk)
            if n_bytes > self._upload.size_bytes:
                break
            sha256.update(chunk)
            if n_bytes < self._upload.size_bytes:
                yield chunk
            elif chunk:
                end = bytes(chunk)
        verify(self._upload, n_bytes, sha256.digest())
        if end:
            yield end


class _Reading:
    """An object's bytes, from where the last connection broke."""

    def __init__(self, bucket: Bucket, key: str, start: int, size_bytes: int | None) -> None:
        self._bucket = bucket
        self._key = key
        self._at = start
        self._left = size_bytes  # None: to the end
        self._etag: str | None = None
        self._body: Any = None

    def open(self) -> bool:
        """Ask for the bytes; False if the object is not there."""
        if self._left == 0:
            return self._bucket.find(self._key) is not None
        more: dict[str, Any] = {} if self._etag is None else {"IfMatch": self._etag}
        if self._at or self._left is not None:
            end = "" if self._left is None else self._at + self._left - 1
            more["Range"] = f"bytes={self._at}-{end}"
        answer = self._bucket.call("GetObject", accept={404, 412, 416}, Key=self._key, **more)
        status = status_of(answer)
        if status < 300:
            self._etag, self._body = answer.get("ETag"), answer["Body"]
        return status not in (404, 412)  # 416: it begins where the object has ended

    def chunks(self) -> Iterator[bytes]:
        n_resumed = 0
        while self._body is not None and self._left != 0:
            want = _CHUNK_BYTES if self._left is None else min(self._left, _CHUNK_BYTES)
            try:
                chunk: bytes = self._body.read(want)
            except (BotoCoreError, HTTPError, OSError) as exc:
                self.close()
                n_resumed += 1
                if n_resumed > _RESUMED:
                    raise unreached(exc, self._bucket.place) from exc
                _log.info("reading_resumed key=%s at=%d error=%s", self._key, self._at, exc)
                if not self.open():
                    raise Unavailable(
                        f"{self._key} was deleted or replaced while it was read, and the connection"
                        " broke: ask again what to read"
                    ) from exc
                continue
            if not chunk:
                return
            self._at += len(chunk)
            self._left = None if self._left is None else self._left - len(chunk)
            yield chunk

    def close(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            body.close()


def _checksum(digest: Digest) -> str:
    return b64encode(digest.raw).decode()


def _headers(upload: Upload) -> dict[str, str]:
    """What binds a link to these bytes, and to a name without any."""
    return {
        "Content-Length": str(upload.size_bytes),
        "If-None-Match": "*",
        "x-amz-checksum-sha256": _checksum(upload.digest),
    }


def _is_whole(upload: Upload, head: dict[str, Any]) -> bool:
    """Whether HEAD tells of these bytes. A store that keeps no checksum has checked it all the
    same; one that keeps another kind had none of ours to check."""
    kept = {name: value for name, value in head.items() if name.startswith("Checksum")}
    kept.pop("ChecksumType", None)
    is_checked = not kept or kept.get("ChecksumSHA256") == _checksum(upload.digest)
    return head["ContentLength"] == upload.size_bytes and is_checked
