"""From a version to files on this machine: manifest, missing blobs, cache, place.

Nothing is put in place before its bytes have been found to match their digest, and nothing outside
the folder that was asked for, whatever a manifest says. What a broken download has brought so far
is used by the next.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

import httpx2
import orjson

from lineage.client.cache import BlobCache
from lineage.client.connection import Connection
from lineage.client.direct import Unreached
from lineage.client.hashing import digest_files
from lineage.client.http import Body, Http
from lineage.client.placing import Placer, check_collisions
from lineage.client.progress import Progress
from lineage.client.references import fetch_references
from lineage.digest import MAX_BUNDLED_BYTES, Digest
from lineage.errors import Corrupt, Invalid, NotFound, Unavailable
from lineage.manifest import Entry

__all__ = ["download_entries", "fetch_blob", "fetch_bundle", "verify_entries"]

_BUNDLE_BYTES: Final = 8 * 1024 * 1024
_BUNDLE_ITEMS: Final = 2_500
_THREADS: Final = 4
_AHEAD: Final = 2


def download_entries(connection: Connection, entries: Sequence[Entry], root: Path) -> None:
    """Make the files of these entries in `root`; those that are there already are left alone.

    References are followed to where they lead.

    Raises:
        Invalid: a path leads out of `root`, or this folder cannot hold two names that differ only
            by case.
        Corrupt: bytes do not match their digest; names file and digest. Nothing of it is in place.
    """
    files = [entry for entry in entries if entry.ref is None]
    placer = Placer(root)
    try:
        check_collisions(entries, root)
        todo = _outdated(connection, placer, files)
        _Download(connection, placer, todo).run()
        fetch_references([e for e in entries if e.ref is not None], placer, connection.cache)
    except OSError as exc:
        message = f"{exc.filename or root}: {exc.strerror}"
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Unavailable(f"{message}: free some space, then download again") from exc
        raise Invalid("root", f"{message}: choose a folder that can be written") from exc


def verify_entries(entries: Mapping[str, Entry], root: Path, name: str) -> None:
    """Compare the files in `root` with the entries of version `name`; every one is read.

    Raises:
        Corrupt: some are `changed`, `missing`, or `extra`, being in no entry.
    """
    placer = Placer(root)
    expected = {path: entry for path, entry in entries.items() if entry.ref is None}
    present = [path for path in expected if placer.find_size(path) is not None]
    # Without the stat cache: the question is what the bytes are, not what they were.
    read = digest_files([placer.path(path) for path in present], None)
    digests = {path: file.digest for path, file in zip(present, read, strict=True)}
    there = (path.relative_to(root).as_posix() for path in root.rglob("*") if not path.is_dir())
    told = {
        "changed": [path for path in present if digests[path] != expected[path].digest],
        "missing": sorted(expected.keys() - digests.keys()),
        "extra": sorted(set(there) - entries.keys()),
    }
    if any(told.values()):
        listed = "; ".join(f"{what}: {', '.join(p[:5])}" for what, p in told.items() if p)
        raise Corrupt(f"{root} is not {name}: {listed}", **told)


def _outdated(connection: Connection, placer: Placer, files: Sequence[Entry]) -> list[Entry]:
    """The entries whose file is not in place, or has other content."""
    todo: list[Entry] = []
    there: list[Entry] = []
    for entry in files:
        size_bytes = placer.find_size(entry.path)
        (there if size_bytes == entry.size_bytes else todo).append(entry)
    paths = [placer.path(entry.path) for entry in there]
    for entry, file in zip(there, digest_files(paths, connection.stat_cache), strict=True):
        if file.digest != entry.digest:
            todo.append(entry)
    return todo


class _Download:
    def __init__(self, connection: Connection, placer: Placer, entries: Sequence[Entry]) -> None:
        self._http = connection.http
        self._cache = connection.cache
        self._placer = placer
        self._single: dict[Digest, list[Entry]] = {}  # files of one blob, by it
        self._several: list[Entry] = []
        self._sizes: dict[Digest, int] = {}
        for entry in entries:
            self._sizes.update(entry.blobs)
            if entry.parts or entry.digest is None:
                self._several.append(entry)
            else:
                self._single.setdefault(entry.digest, []).append(entry)

    def run(self) -> None:
        fetch_large = {d for d, size in self._sizes.items() if size > MAX_BUNDLED_BYTES}
        # A file of several parts may end in a small one, which goes the way of the large.
        for entry in self._several:
            fetch_large.update(entry.parts)
        small = [(d, size) for d, size in self._sizes.items() if d not in fetch_large]
        total_bytes = sum(self._sizes.values())
        with (
            Progress("downloading", total_bytes) as progress,
            progress.pool(_THREADS, "download") as pool,
        ):
            missing = [item for item in small if not self._place_cached(*item, progress)]
            jobs: list[Callable[[], None]] = [
                self._bundle_job(group, progress) for group in _groups(missing)
            ]
            alone = sorted(fetch_large & self._single.keys())
            jobs += [self._large_job(digest, progress) for digest in alone]
            jobs += [self._parts_job(entry, progress) for entry in self._several]
            for future in [pool.submit(job) for job in jobs]:
                future.result()

    def _place_cached(self, digest: Digest, size_bytes: int, progress: Progress) -> bool:
        descriptor = self._cache.open(digest, size_bytes)
        if descriptor is None:
            return False
        try:
            data = os.read(descriptor, size_bytes + 1)
        finally:
            os.close(descriptor)
        if len(data) != size_bytes or Digest.of(data) != digest:
            return False
        for entry in self._single[digest]:
            self._placer.place(entry.path, [data])
        progress.advance(size_bytes)
        return True

    def _bundle_job(
        self, group: Sequence[tuple[Digest, int]], progress: Progress
    ) -> Callable[[], None]:
        def job() -> None:
            digests = [digest for digest, _ in group]
            for digest, data in fetch_bundle(self._http, digests, stop=progress.stopped):
                if Digest.of(data) != digest:
                    raise _corrupt(self._single[digest][0].path, digest)
                progress.advance(len(data))
                self._cache.add(digest, data)
                for entry in self._single[digest]:
                    self._placer.place(entry.path, [data])

        return job

    def _large_job(self, digest: Digest, progress: Progress) -> Callable[[], None]:
        def job() -> None:
            size_bytes, entries = self._sizes[digest], self._single[digest]
            for entry in entries:
                source = _cached(
                    self._http, self._cache, (digest, size_bytes), entry.path, progress
                )
                try:
                    self._placer.copy(entry.path, [(source, size_bytes)])
                finally:
                    os.close(source)

        return job

    def _parts_job(self, entry: Entry, progress: Progress) -> Callable[[], None]:
        """Part after part, the next ones fetched meanwhile: the cache need hold but a few."""

        def fetch(blob: tuple[Digest, int]) -> int:
            return _cached(self._http, self._cache, blob, entry.path, progress)

        def job() -> None:
            left = list(entry.blobs)
            fetched: deque[tuple[Future[int], int]] = deque()
            pool = ThreadPoolExecutor(_AHEAD, "lineage-parts")
            try:
                with self._placer.fill(entry.path) as add:
                    while left or fetched:
                        while left and len(fetched) <= _AHEAD:
                            fetched.append((pool.submit(fetch, left[0]), left.pop(0)[1]))
                        source, size_bytes = fetched[0][0].result(), fetched[0][1]
                        add(source, size_bytes)
                        os.close(source)
                        fetched.popleft()
            finally:
                pool.shutdown(cancel_futures=True)
                for future, _ in fetched:
                    if not future.cancelled() and future.exception() is None:
                        os.close(future.result())

        return job


def fetch_bundle(
    http: Http, digests: Sequence[Digest], *, stop: threading.Event | None = None
) -> Iterator[tuple[Digest, bytes]]:
    """Small blobs, in the server's order, their digests still unchecked."""
    body = Body(orjson.dumps({"digests": digests}))
    data = http.send("POST", "/blobs/bundle", body=body, timeout_s=300.0, stop=stop).content
    end = data.find(b"\n") + 1
    listed = orjson.loads(data[:end] or b"[]")
    if end + sum(size for _, size in listed) != len(data):
        raise Unavailable("the server sent less than a whole bundle: try again")
    if {digest for digest, _ in listed} != set(digests):
        raise Corrupt("the server sent other blobs than it was asked for")
    view, at = memoryview(data), end
    for digest, size_bytes in listed:
        yield Digest.parse(digest), bytes(view[at : at + size_bytes])
        at += size_bytes


def _cached(
    http: Http, cache: BlobCache, blob: tuple[Digest, int], path: str, progress: Progress
) -> int:
    """A descriptor of the blob in the cache, fetched first if it is not there."""
    for _ in range(3):  # another process may remove it between the one and the other
        source = cache.open(*blob)
        if source is not None:
            return source
        fetch_blob(http, cache, blob, path, progress)
    raise Unavailable(f"the cache is too small, or full: {blob[1]} bytes do not stay in it")


def fetch_blob(
    http: Http, cache: BlobCache, blob: tuple[Digest, int], path: str, progress: Progress
) -> None:
    """Bring one blob into the cache, going on where an earlier attempt broke off.

    Args:
        path: what the blob is part of, for the message.
    Raises:
        Corrupt: the bytes, fetched anew from the first to the last, have another digest.
    """
    digest, size_bytes = blob
    with cache.receive(digest) as part:
        if cache.has(digest, size_bytes):
            part.unlink()  # another process was faster
            return
        was_resumed = part.stat().st_size > 0
        _receive(http, part, blob, progress)
        if _digest_of(part) != digest:
            part.write_bytes(b"")
            if not was_resumed:
                part.unlink()
                raise _corrupt(path, digest)
            _receive(http, part, blob, progress)
            if _digest_of(part) != digest:
                part.unlink()
                raise _corrupt(path, digest)
        cache.keep(part, digest, size_bytes)


def _receive(http: Http, part: Path, blob: tuple[Digest, int], progress: Progress) -> None:
    """Append to the file until it has the blob's size."""
    digest, size_bytes = blob
    n_failures, moved_at = 0, time.monotonic()
    while (have := part.stat().st_size) < size_bytes:
        try:
            with _open_blob(http, digest, have, progress) as response:
                if have and response.status_code != 206:
                    have = 0
                with part.open("r+b") as file:
                    file.truncate(have)
                    file.seek(have)
                    for chunk in response.iter_raw():
                        file.write(chunk)
                        progress.advance(len(chunk))
        except Unavailable as exc:
            if part.stat().st_size > have:
                n_failures, moved_at = 0, time.monotonic()
            is_over = time.monotonic() - moved_at > http.patience_s
            if is_over or exc.facts.get("is_absent"):
                raise
            n_failures += 1
            progress.stopped.wait(min(2.0, 0.1 * 2 ** min(n_failures, 5)))
            progress.advance(0)
        except NotFound as exc:
            raise NotFound(f"{exc.message} (it may have been deleted meanwhile)") from None
        else:
            if part.stat().st_size <= have:
                raise Unavailable(f"the server sent nothing of {digest}")


@contextmanager
def _open_blob(
    http: Http, digest: Digest, start: int, progress: Progress
) -> Iterator[httpx2.Response]:
    """The bytes of a blob from `start`: from the store itself, if the server says how."""
    if http.direct.is_open:
        told = http.post("/blobs/links", {"digests": [digest]})["links"][0]["link"]
        if told is None:
            http.direct.give_up()
        else:
            with ExitStack() as stack, suppress(Unreached):
                yield stack.enter_context(http.direct.get(told, start))
                return
    headers = {"Range": f"bytes={start}-"} if start else {}
    with http.stream(
        "GET", f"/blobs/{digest}", headers=headers, repeatable=False, stop=progress.stopped
    ) as response:
        yield response


def _digest_of(path: Path) -> Digest:
    with path.open("rb") as file:
        return Digest.from_raw(hashlib.file_digest(file, "sha256").digest())


def _corrupt(path: str, digest: Digest) -> Corrupt:
    message = f"{path!r:.300}: its bytes on the server do not match {digest}; nothing was put there"
    return Corrupt(message, path=path, digest=digest)


def _groups(items: Sequence[tuple[Digest, int]]) -> Iterator[list[tuple[Digest, int]]]:
    group: list[tuple[Digest, int]] = []
    n_bytes = 0
    for digest, size_bytes in items:
        if group and (n_bytes + size_bytes > _BUNDLE_BYTES or len(group) == _BUNDLE_ITEMS):
            yield group
            group, n_bytes = [], 0
        group.append((digest, size_bytes))
        n_bytes += size_bytes
    if group:
        yield group
