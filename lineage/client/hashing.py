# ruff: noqa: PTH116
# os.stat is called for each file, and pathlib would double its cost.
"""From files on disk to digests: unchanged ones by the stat cache, the rest read in parallel.

A file that changes while it is read fails: its size, times and inode are compared before and
after, here and once more when its bytes are sent.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from lineage.client.progress import Progress
from lineage.client.stat_cache import FileState, StatCache, settles_at_ns
from lineage.digest import PART_SIZE_BYTES, Digest, combine
from lineage.errors import Conflict, Invalid, NotFound
from lineage.manifest import Entry, part_sizes

__all__ = ["LocalFile", "digest_files", "open_unchanged", "read_part"]

_CHUNK_BYTES: Final = 1024 * 1024
_LARGE_BYTES: Final = 4 * 1024 * 1024  # from here on a thread pays for one file
_THREADS: Final = min(8, (os.cpu_count() or 1) + 1)
_GROUP: Final = 64
_SLOW_S: Final = 0.02  # for a group: the disk makes us wait, so several threads wait at once
_WAIT_BYTES: Final = 64 * 1024 * 1024  # what costs more to hash again than to wait for


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file on this machine, and the digests of its parts when it looked like `state`."""

    path: str
    state: FileState
    parts: tuple[Digest, ...]

    @property
    def digest(self) -> Digest:
        return combine(self.parts)

    def entry(self, name: str) -> Entry:
        """Its line in a manifest."""
        parts = self.parts
        if len(parts) == 1:
            return Entry(name, self.state.size_bytes, parts[0])
        return Entry(name, self.state.size_bytes, combine(parts), parts)


def digest_files(paths: Sequence[str], stat_cache: StatCache | None) -> list[LocalFile]:
    """What is in these files now, in the same order; without a stat cache all are read.

    Raises:
        NotFound: a file is gone.
        Invalid: it is no regular file, or may not be read.
        Conflict: it changed while it was read.
    """
    states = [_look(path) for path in paths]
    known = [None] * len(paths) if stat_cache is None else stat_cache.find(paths, states)
    files = [
        LocalFile(path, state, parts) if parts is not None else None
        for path, state, parts in zip(paths, states, known, strict=True)
    ]
    missing = [position for position, file in enumerate(files) if file is None]
    if missing:
        began_ns = _settle(sum(states[i].size_bytes for i in missing), [states[i] for i in missing])
        hashed = _hash_all([(paths[i], states[i].size_bytes) for i in missing])
        for position, file in zip(missing, hashed, strict=True):
            files[position] = file
        if stat_cache is not None:
            stat_cache.add(
                (file.path, file.state, file.parts)
                for file in hashed
                if settles_at_ns(file.state) <= began_ns
            )
    return [file for file in files if file is not None]


def _look(path: str) -> FileState:
    try:
        found = os.stat(path)
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    if not stat.S_ISREG(found.st_mode):
        raise Invalid("path", f"{path!r:.300} is not a regular file")
    return FileState.of(found)


def _unreadable(path: str, exc: OSError) -> Exception:
    if exc.errno in (errno.ENOENT, errno.ENOTDIR):
        advice = "files are read when the artifact is logged, so keep them until then"
        return NotFound(f"there is no file {path!r:.300}: {advice}", path=path)
    return Invalid("path", f"{path!r:.300} cannot be read: {exc.strerror}")


def _settle(total_bytes: int, states: Sequence[FileState]) -> int:
    """When reading may begin, in nanoseconds since 1970; waits an instant for large new files."""
    now = time.time_ns()
    if total_bytes < _WAIT_BYTES:
        return now
    wait_ns = max(
        (at - now for s in states if s.size_bytes >= _LARGE_BYTES and (at := settles_at_ns(s))),
        default=0,
    )
    if 0 < wait_ns < 100_000_000:
        time.sleep(wait_ns / 1e9)
    return time.time_ns()


def _hash_all(files: Sequence[tuple[str, int]]) -> list[LocalFile]:
    """Large files part by part in threads; small ones one after another, which is faster for
    what the system has in memory, until the disk proves slow."""
    done: list[LocalFile | None] = [None] * len(files)
    small = [i for i, (_, size) in enumerate(files) if size < _LARGE_BYTES]
    large = [i for i, (_, size) in enumerate(files) if size >= _LARGE_BYTES]
    total_bytes = sum(size for _, size in files)

    with Progress("hashing", total_bytes) as progress, progress.pool(_THREADS, "hash") as pool:

        def group(positions: Sequence[int]) -> None:
            for position in positions:
                done[position] = _hash_small(files[position][0], progress)

        pending = [(i, _hash_large(pool, files[i][0], progress)) for i in large]
        at, is_slow = 0, False
        while at < len(small) and not is_slow:
            began = time.monotonic()
            group(small[at : at + _GROUP])
            at += _GROUP
            is_slow = time.monotonic() - began > _SLOW_S
        rest = [small[first : first + _GROUP] for first in range(at, len(small), _GROUP)]
        for _ in pool.map(group, rest):
            pass
        for position, finish in pending:
            done[position] = finish()
    return [file for file in done if file is not None]


def _hash_small(path: str, progress: Progress) -> LocalFile:
    descriptor = _open(path)
    try:
        state = FileState.of(os.fstat(descriptor))
        if state.size_bytes > PART_SIZE_BYTES:
            raise _changed(path)
        data = _read_whole(descriptor, state.size_bytes + 1)
        after = FileState.of(os.fstat(descriptor))
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    finally:
        os.close(descriptor)
    if after != state or len(data) != state.size_bytes:
        raise _changed(path)
    progress.advance(len(data))
    return LocalFile(path, state, (Digest.of(data),))


def _read_whole(descriptor: int, n_bytes: int) -> bytes:
    data = os.read(descriptor, n_bytes)
    while len(data) < n_bytes:
        more = os.read(descriptor, n_bytes - len(data))
        if not more:
            break
        data += more
    return data


def _hash_large(pool: ThreadPoolExecutor, path: str, progress: Progress) -> Callable[[], LocalFile]:
    state = _look(path)
    sizes = part_sizes(state.size_bytes)
    futures = [
        pool.submit(_hash_part, path, state, number, size, progress)
        for number, size in enumerate(sizes)
    ]
    return lambda: LocalFile(path, state, tuple(future.result() for future in futures))


def _hash_part(
    path: str, state: FileState, number: int, size_bytes: int, progress: Progress
) -> Digest:
    hasher = hashlib.sha256()
    for chunk in read_part(path, state, number * PART_SIZE_BYTES, size_bytes):
        hasher.update(chunk)
        progress.advance(len(chunk))
    return Digest.from_raw(hasher.digest())


def read_part(path: str, state: FileState, start: int, size_bytes: int) -> Iterator[memoryview]:
    """The bytes of a file from `start`; each chunk is overwritten by the next.

    Raises:
        Conflict: the file does not look like `state`, before or after.
    """
    buffer = memoryview(bytearray(min(_CHUNK_BYTES, size_bytes)))
    with open_unchanged(path, state) as descriptor:
        at, end = start, start + size_bytes
        while at < end:
            n_read = os.preadv(descriptor, [buffer[: end - at]], at)
            if n_read == 0:
                raise _changed(path)
            yield buffer[:n_read]
            at += n_read


@contextmanager
def open_unchanged(path: str, state: FileState) -> Iterator[int]:
    """A descriptor of the file; Conflict if it does not look like `state` now or at the end."""
    descriptor = _open(path)
    try:
        if FileState.of(os.fstat(descriptor)) != state:
            raise _changed(path)
        yield descriptor
        if FileState.of(os.fstat(descriptor)) != state:
            raise _changed(path)
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    finally:
        os.close(descriptor)


def _open(path: str) -> int:
    try:
        # Never wait for the other end of a pipe that took the file's place.
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        raise _unreadable(path, exc) from exc


def _changed(path: str) -> Conflict:
    return Conflict(f"{path!r:.300} changed while it was read: log it again", path=path)
