# ruff: noqa: PTH116, PTH118
# These calls are made for each blob, and pathlib would cost more than the system call itself.
"""Downloaded blobs, kept for the next time: bounded, verified, shared by many processes.

    blobs/ab/cdef…            one file a blob, read-only, its digest checked before it was put here
    partial/cdef….part        a large blob on its way; whoever downloads it holds a lock on it

Nothing leads into these files but copies, so an edit of a downloaded file never damages them. A
file's modification time is set to one fixed instant when its digest has been checked: a file with
another one, or of another size, was touched since, and is hashed before it is used. The access
time is the time of the last use, by which the least used go first.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

from lineage.digest import Digest

__all__ = ["BlobCache", "write_new"]

_CHECKED_NS: Final = 1_000_000_000 * 10**9  # 9 September 2001: no file is written then
_CHUNK_BYTES: Final = 1024 * 1024
_KEEP: Final = 0.9  # of the bound, after a cleaning
_STEP: Final = 0.05  # of the bound, added before the next look


class BlobCache:
    """Safe for many threads and processes. A full or read-only disk only costs what it saves."""

    def __init__(self, root: Path, *, max_bytes: int) -> None:
        self._root = str(root)
        self._partial = root.with_name("partial")
        self._max_bytes = max_bytes
        self._added_bytes: float = float("inf")  # the first addition looks at what is there
        self._lock = threading.Lock()

    def has(self, digest: Digest, size_bytes: int) -> bool:
        """Whether the blob is here, unharmed. One that is not is removed."""
        path = self._path(digest)
        try:
            found = os.stat(path)
        except OSError:
            return False
        if found.st_size == size_bytes and found.st_mtime_ns == _CHECKED_NS:
            return True
        with suppress(OSError):
            with Path(path).open("rb") as file:
                is_whole = hashlib.file_digest(file, "sha256").digest() == digest.raw
            if is_whole:
                os.utime(path, ns=(time.time_ns(), _CHECKED_NS))
                return True
            Path(path).unlink()
        return False

    def open(self, digest: Digest, size_bytes: int) -> int | None:
        """A descriptor of the blob, which it stays readable by; None if it is not here."""
        if not self.has(digest, size_bytes):
            return None
        path = self._path(digest)
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError:
            return None  # another process has just made room
        with suppress(OSError):
            os.utime(path, ns=(time.time_ns(), _CHECKED_NS))
        return descriptor

    def add(self, digest: Digest, data: bytes) -> None:
        """Keep a small blob whose digest the caller has checked."""
        with suppress(OSError):
            path = self._path(digest)
            fresh = f"{path}.{uuid4().hex}"
            write_new(fresh, [data])
            self._settle(fresh, path, len(data))

    @contextmanager
    def receive(self, digest: Digest) -> Iterator[Path]:
        """The file in which to collect a large blob; what an earlier attempt left is still in it.

        One process at a time gets it; others wait here, and find the blob when it is their turn.
        """
        self._partial.mkdir(parents=True, exist_ok=True)
        path = self._partial / f"{digest.hex}.part"
        while True:
            descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                # Whoever held the lock before may have moved the file to its place.
                with suppress(FileNotFoundError):
                    if os.stat(path).st_ino == os.fstat(descriptor).st_ino:
                        yield path
                        return
            finally:
                os.close(descriptor)

    def keep(self, part: Path, digest: Digest, size_bytes: int) -> None:
        """Take over a file from `receive`, whole and its digest checked."""
        path = self._path(digest)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._settle(str(part), path, size_bytes)

    def clean(self, max_bytes: int | None = None, *, is_dry: bool = False) -> tuple[int, int]:
        """Remove the least recently used blobs until at most `max_bytes` are left; the bound
        if None.

        Returns: bytes kept, and bytes removed.
        """
        bound = self._max_bytes if max_bytes is None else max_bytes
        found = sorted(self._files())
        total = sum(size for _, size, _ in found)
        freed = 0
        for _, size, path in found:
            if total - freed <= bound:
                break
            if not is_dry:
                with suppress(OSError):
                    Path(path).unlink()
            freed += size
        return total - freed, freed

    def size_bytes(self) -> int:
        """What the cache takes up now. Cost: a look at each file."""
        return sum(size for _, size, _ in self._files())

    def _files(self) -> Iterator[tuple[int, int, str]]:
        """Last use, size and path of every file, those on their way included."""
        folders = [str(self._partial)]
        with suppress(OSError), os.scandir(self._root) as entries:
            folders += [entry.path for entry in entries]
        for folder in folders:
            with suppress(OSError), os.scandir(folder) as entries:
                for entry in entries:
                    with suppress(OSError):
                        found = entry.stat()
                        yield found.st_atime_ns, found.st_size, entry.path

    def _settle(self, fresh: str, path: str, size_bytes: int) -> None:
        os.chmod(fresh, 0o400)  # noqa: PTH101 - as above
        os.utime(fresh, ns=(time.time_ns(), _CHECKED_NS))
        os.replace(fresh, path)  # noqa: PTH105 - as above
        with self._lock:
            self._added_bytes += size_bytes
            is_due = self._added_bytes > self._max_bytes * _STEP
            if is_due:
                self._added_bytes = 0
        if is_due and self.size_bytes() > self._max_bytes:
            self.clean(int(self._max_bytes * _KEEP))

    def _path(self, digest: Digest) -> str:
        return os.path.join(self._root, digest.hex[:2], digest.hex[2:])


def write_new(path: str, chunks: Sequence[bytes] | Iterator[bytes]) -> None:
    """A new file with these bytes, and the folders it needs. If it fails, there is no file."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY

    def make() -> int:
        return os.open(path, flags, 0o666)

    descriptor = _with_folder(path, make)
    try:
        try:
            for chunk in chunks:
                view = memoryview(chunk)
                while view:
                    view = view[os.write(descriptor, view) :]
        finally:
            os.close(descriptor)
    except BaseException:
        with suppress(OSError):
            os.unlink(path)  # noqa: PTH108 - as above
        raise


def _with_folder(path: str, make: Callable[[], int]) -> int:
    try:
        return make()
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return make()
