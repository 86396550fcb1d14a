# ruff: noqa: PTH108, PTH116, PTH118, PTH120
# These calls are made for each object, and pathlib would cost more than the system call itself.
"""Blobs in a folder: one file each, under the names of `storage.layout`.

    root/sha256/ab/cdef…-0123…     an object, read-only
    root/tmp/<uuid>                an object on its way; its writer holds a lock on it
    root/graph                     the identity of the graph that the objects belong to

A name is trusted only once the graph store has a blob for it. `put` gives a file its name when it
is whole and flushed; `put_many` writes under the name at once and flushes everything together.
Several processes may share the folder.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import logging
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final
from uuid import uuid4

from lineage.digest import Digest
from lineage.errors import Conflict, NotFound, Unavailable
from lineage.model import ObjectName, StoredObject, Upload
from storage import layout
from storage.receiving import already_exists, check_deadline, check_range, verify

__all__ = ["LocalBlobStore"]

_log = logging.getLogger(__name__)

_CHUNK_BYTES: Final = 1024 * 1024
_CREATE: Final = os.O_CREAT | os.O_EXCL | os.O_WRONLY
_FILE_MODE: Final = 0o400  # written once, and nobody else's to read
_FOLDER_MODE: Final = 0o700
# Up to here each file is flushed alone: syncfs also waits for what other programs have written
# (1 GiB of somebody's dirty pages made one small file take 0.5 s instead of 2 ms).
_FLUSHED_ALONE: Final = 32
_ADVICE: Final = {
    errno.EACCES: "this process lacks permission: give its user the folder and all in it",
    errno.EDQUOT: "the quota is used up: free some space or raise it",
    errno.EEXIST: "a file is where a folder should be: move it away or choose another folder",
    errno.EFBIG: "this process may not write files so large: raise its limit (ulimit -f)",
    errno.EIO: "the disk reports errors: look at the system log and at the disk's health",
    errno.EMFILE: "this process has too many open files: raise its limit (ulimit -n)",
    errno.ENFILE: "the machine has too many open files: raise its limit",
    errno.ENOENT: "a folder of the store is gone: mount or restore it, then restart",
    errno.ENOSPC: "the disk is full: free some space",
    errno.ENOTDIR: "a file is where a folder should be: move it away or choose another folder",
    errno.EPERM: "this process lacks permission, or the file system cannot do it (hard links?)",
    errno.EROFS: "the file system is read-only: mount it writable",
}


class LocalBlobStore:
    """`lineage.ports.BlobStore` over a folder of a local file system with hard links and locks."""

    def __init__(self, root: Path) -> None:
        """Make the folder if it is not there, and remove what crashed writers left in it.

        Raises:
            Unavailable: it cannot be made, read or written; names the folder and what to do.
        """
        self._root = str(Path(root).absolute())
        self._temp = os.path.join(self._root, "tmp")
        with self._edge("be opened"):
            self._make_folders()
            self._remove_leftovers()
        self.check()

    def new_object(self, digest: Digest) -> ObjectName:
        """See the port. Also Invalid: a digest of several parts, which no blob has."""
        return layout.new_object(digest)

    def claim(self, graph: str) -> None:
        """See the port. The identity stands in `root/graph`, written once."""
        path = f"{self._root}/graph"
        with self._edge("be claimed"):
            if not Path(path).exists():
                self._write_claim(path, graph)
            owner = Path(path).read_text(encoding="ascii", errors="replace").strip()
        if owner != graph:
            raise Conflict(
                f"the blob folder {self._root} belongs to another graph ({owner:.32}): give the"
                " server the two that belong together, or an empty folder"
            )

    def _write_claim(self, path: str, graph: str) -> None:
        with self._temp_file() as (fd, temp):
            _write(fd, f"{graph}\n".encode())
            os.fsync(fd)
            with suppress(FileExistsError):  # another process was faster: it is read next
                os.link(temp, path)
        _flush(self._root)

    def put(self, upload: Upload, chunks: Iterable[bytes], *, now: datetime) -> None:
        """See the port. Cost: one pass, one flush of the file and one of its folder."""
        path = self._target(upload, now)
        if self.find_size(upload.object) is not None:
            raise already_exists(upload)
        with self._temp_file() as (fd, temp):
            self._receive(fd, upload, chunks)
            with self._edge("store a blob"):
                os.fsync(fd)
                try:
                    os.link(temp, path)  # unlike rename, never replaces
                except FileExistsError:
                    raise already_exists(upload) from None
                try:
                    _flush(os.path.dirname(path))
                except BaseException:
                    _remove(path)
                    raise

    def put_many(self, items: Iterable[tuple[Upload, bytes]], *, now: datetime) -> None:
        """See the port. Cost: one pass; a flush of each file and folder, or of all at once."""
        # syncfs tells of write errors since its descriptor was opened, so it is opened first.
        with self._edge("store blobs"):
            device = os.open(self._root, os.O_RDONLY)
        written: list[str] = []
        try:
            for upload, data in items:
                path = self._target(upload, now)
                verify(upload, len(data), hashlib.sha256(data).digest())
                self._create(upload, path, data, written)
            with self._edge("store blobs"):
                _flush_all(written, device)
        except BaseException:
            for path in written:
                _remove(path)
            raise
        finally:
            os.close(device)

    @contextmanager
    def read(
        self, name: ObjectName, *, start: int = 0, size_bytes: int | None = None
    ) -> Iterator[Iterator[bytes]]:
        """See the port. Also Invalid: a negative `start` or `size_bytes`."""
        check_range(start, size_bytes)
        fd = self._open(name)
        try:
            yield self._chunks(fd, start, size_bytes)
        finally:
            os.close(fd)

    def find_size(self, name: ObjectName) -> int | None:
        """See the port."""
        path = self._path(name)
        with self._edge("look for an object"):
            try:
                found = os.stat(path, follow_symlinks=False)
            except FileNotFoundError:
                os.stat(os.path.dirname(path))  # absent is one thing, a disk not mounted another
                return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def delete(self, names: Sequence[ObjectName]) -> None:
        """See the port. Cost: one unlink each, one flush for each folder touched (256 at most)."""
        paths = [self._path(name) for name in names]
        with self._edge("delete objects"):
            for path in paths:
                try:
                    os.unlink(path)
                except FileNotFoundError:
                    continue  # its folder is flushed all the same: a crash may have come between
            for folder in sorted({os.path.dirname(path) for path in paths}):
                _flush(folder)

    def iter_objects(self) -> Iterator[StoredObject]:
        """See the port. Holds the names of one folder at a time: a 256th of all."""
        for folder in layout.FOLDERS:
            yield from self._list(folder)

    def check(self) -> None:
        """See the port. Writes, flushes and removes a small file."""
        with self._temp_file() as (fd, _), self._edge("store a blob"):
            _write(fd, bytes(4096))
            os.fsync(fd)

    def _make_folders(self) -> None:
        root = Path(self._root)
        missing = [path for path in (root, *root.parents) if not path.exists()]
        root.mkdir(_FOLDER_MODE, parents=True, exist_ok=True)
        for folder in ("tmp", "sha256", *layout.FOLDERS):
            (root / folder).mkdir(_FOLDER_MODE, exist_ok=True)
        for path in (root / "sha256", root, *(path.parent for path in missing)):
            _flush(str(path))

    def _remove_leftovers(self) -> None:
        """Remove temporary files whose writer is dead: the kernel has dropped its lock."""
        with os.scandir(self._temp) as entries:
            names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
        for name in names:
            path = f"{self._temp}/{name}"
            try:
                fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            except FileNotFoundError:
                continue  # its writer, or another process that starts now, was faster
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(path)
                _log.info("leftover_removed path=%s", path)
            except BlockingIOError:
                continue
            finally:
                os.close(fd)

    @contextmanager
    def _temp_file(self) -> Iterator[tuple[int, str]]:
        """A new locked file in the temporary folder, removed at the end: (descriptor, path)."""
        with self._edge("store a blob"):
            fd, path = self._open_temp()
        try:
            yield fd, path
        finally:
            _remove(path)
            os.close(fd)

    def _open_temp(self) -> tuple[int, str]:
        while True:
            path = f"{self._temp}/{uuid4().hex}"
            fd = os.open(path, _CREATE, _FILE_MODE)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                if os.fstat(fd).st_nlink:
                    return fd, path
            except BaseException:
                _remove(path)
                os.close(fd)
                raise
            os.close(fd)  # a process that started took it for a leftover before it was locked

    def _receive(self, fd: int, upload: Upload, chunks: Iterable[bytes]) -> None:
        # Only the writing is inside the edge: an OSError of the sender's is not the disk's.
        sha256 = hashlib.sha256()
        n_bytes = 0
        for chunk in chunks:
            n_bytes += len(chunk)
            if n_bytes > upload.size_bytes:
                break
            sha256.update(chunk)
            with self._edge("store a blob"):
                _write(fd, chunk)
        verify(upload, n_bytes, sha256.digest())

    def _create(self, upload: Upload, path: str, data: bytes, written: list[str]) -> None:
        """Write a file under its final name, and note it as ours as soon as it is there."""
        try:
            fd = os.open(path, _CREATE, _FILE_MODE)
        except FileExistsError:
            raise already_exists(upload) from None
        except OSError as exc:
            raise self._unavailable("store blobs", exc) from exc
        written.append(path)
        try:
            _write(fd, data)
        except OSError as exc:
            raise self._unavailable("store blobs", exc) from exc
        finally:
            os.close(fd)

    def _open(self, name: ObjectName) -> int:
        path = self._path(name)
        with self._edge("read an object"):
            try:
                return os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            except OSError as exc:
                if exc.errno not in (errno.ENOENT, errno.ELOOP):
                    raise
                os.stat(os.path.dirname(path))  # as in find_size
                raise NotFound(f"no object {name}") from None

    def _chunks(self, fd: int, start: int, size_bytes: int | None) -> Iterator[bytes]:
        left = size_bytes
        while left is None or left > 0:
            with self._edge("read an object"):
                chunk = os.pread(
                    fd, _CHUNK_BYTES if left is None else min(left, _CHUNK_BYTES), start
                )
            if not chunk:
                return
            start += len(chunk)
            left = None if left is None else left - len(chunk)
            yield chunk

    def _list(self, folder: str) -> list[StoredObject]:
        found: list[StoredObject] = []
        with self._edge("list objects"), os.scandir(f"{self._root}/{folder}") as entries:
            for entry in entries:
                name = f"{folder}/{entry.name}"
                if not layout.is_object(name) or not entry.is_file(follow_symlinks=False):
                    continue
                try:
                    size_bytes = entry.stat(follow_symlinks=False).st_size
                except FileNotFoundError:
                    continue  # deleted meanwhile
                found.append(StoredObject(ObjectName(name), size_bytes))
        return sorted(found, key=lambda item: item.name)

    def _path(self, name: ObjectName) -> str:
        return f"{self._root}/{layout.check_object(name)}"

    def _target(self, upload: Upload, now: datetime) -> str:
        """Where the upload goes; Invalid after its deadline."""
        check_deadline(upload, now)
        return self._path(upload.object)

    @contextmanager
    def _edge(self, doing: str) -> Iterator[None]:
        """No OSError leaves the store: what is raised says what to do."""
        try:
            yield
        except OSError as exc:
            raise self._unavailable(doing, exc) from exc

    def _unavailable(self, doing: str, exc: OSError) -> Unavailable:
        advice = _ADVICE.get(exc.errno or 0, "look at the system log")
        return Unavailable(
            f"the blob folder {self._root} cannot {doing}: {advice} ({exc.strerror or exc})"
        )


def _write(fd: int, data: bytes) -> None:
    n_written = os.write(fd, data)
    while n_written < len(data):  # a disk that fills up takes a part, and refuses at the next call
        n_written += os.write(fd, memoryview(data)[n_written:])


def _remove(path: str) -> None:
    """Remove a file of ours; what cannot be removed is told, and must not hide another error."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as exc:
        _log.warning("not_removed path=%s error=%s", path, exc)


def _flush(path: str) -> None:
    """Make a file, or the names in a folder, durable."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _flush_all(paths: Sequence[str], device: int) -> None:
    """Make new files durable, names and bytes; `device` is open on their file system."""
    syncfs = _syncfs()
    if syncfs is not None and len(paths) > _FLUSHED_ALONE:
        syncfs(device)
        return
    for path in paths:
        _flush(path)
    for folder in sorted({os.path.dirname(path) for path in paths}):
        _flush(folder)


@cache
def _syncfs() -> Callable[[int], None] | None:
    """Linux's syncfs(2); None where the C library has none."""
    function = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if function is None:
        return None

    def syncfs(fd: int) -> None:
        if function(fd) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    return syncfs
