"""What files were hashed to, kept by how they looked then: unchanged files are not read again.

A file is known again by its path, size, times and inode. Two states within one tick of the file
system's clock look the same, so a file is kept only if it was older than that when it was read.
Lost entries cost a reading, nothing else: what is corrupt or cannot be opened is done without.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, NamedTuple
from uuid import uuid4

import orjson

from lineage.digest import Digest

__all__ = ["FileState", "StatCache", "settles_at_ns"]

_SCHEMA: Final = """
create table if not exists file (
    path text primary key, size_bytes integer, mtime_ns integer, ctime_ns integer,
    inode integer, parts blob
) without rowid
"""
_FIND: Final = """
select asked.key, file.size_bytes, file.mtime_ns, file.ctime_ns, file.inode, file.parts
from json_each(?) as asked cross join file on file.path = asked.value
"""
_ADD: Final = "insert or replace into file values (?, ?, ?, ?, ?, ?)"
_VERSION: Final = 1
_BATCH: Final = 10_000
_MAX_BYTES: Final = 1024**3  # about three million files; then it begins anew
_FINE_TICK_NS: Final = 50_000_000  # five times the longest tick of a kernel's clock
_COARSE_TICK_NS: Final = 2_000_000_000  # FAT; others of old count whole seconds


class FileState(NamedTuple):
    """How a file looks without reading it."""

    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, found: os.stat_result) -> FileState:
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def settles_at_ns(state: FileState) -> int:
    """When a later change of this file will show in its times, in nanoseconds since 1970."""
    is_fine = state.ctime_ns % 1_000_000 != 0 and state.mtime_ns % 1_000_000_000 != 0
    tick = _FINE_TICK_NS if is_fine else _COARSE_TICK_NS
    return max(state.mtime_ns, state.ctime_ns) + tick


class StatCache:
    """A SQLite file, opened for each batch: safe for many threads, processes and forks."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def find(
        self, paths: Sequence[str], states: Sequence[FileState]
    ) -> list[tuple[Digest, ...] | None]:
        """For each file the digests of its parts if it looks as it did when it was hashed.

        Cost: about 2 microseconds a file.
        """
        found: list[tuple[Digest, ...] | None] = [None] * len(paths)
        if not paths:
            return found
        try:
            with self._lock, closing(self._open()) as database:
                for first in range(0, len(paths), _BATCH):
                    asked = orjson.dumps(paths[first : first + _BATCH]).decode()
                    for at, size, mtime, ctime, inode, parts in database.execute(_FIND, (asked,)):
                        if states[first + at] == (size, mtime, ctime, inode):
                            found[first + at] = _unpack(parts)
        except (sqlite3.Error, OSError, TypeError, orjson.JSONEncodeError) as exc:
            self._discard(exc)
        return found

    def add(self, files: Iterable[tuple[str, FileState, Sequence[Digest]]]) -> None:
        """Keep what files were hashed to; the caller has seen to it that they had settled."""
        rows = [
            (path, *state, b"".join(part.raw for part in parts))
            for path, state, parts in files
            if path.isprintable()
        ]
        if not rows:
            return
        try:
            with self._lock, closing(self._open()) as database:
                database.execute("begin immediate")
                database.executemany(_ADD, rows)
                database.execute("commit")
        except (sqlite3.Error, OSError) as exc:
            self._discard(exc)

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            if self._path.stat().st_size > _MAX_BYTES:
                self._path.unlink()
        database = sqlite3.connect(self._path, timeout=5.0, isolation_level=None)
        try:
            database.execute("pragma synchronous = off")  # a crash of the machine costs entries
            (version,) = database.execute("pragma user_version").fetchone()
            if version != _VERSION:
                if version != 0:
                    raise sqlite3.DatabaseError("written by another version")
                database.execute("begin immediate")
                database.execute(_SCHEMA)
                database.execute(f"pragma user_version = {_VERSION}")
                database.execute("commit")
        except BaseException:
            database.close()
            raise
        return database

    def _discard(self, exc: Exception) -> None:
        """Throw a corrupt file away; one that is locked, full or read-only stays as it is."""
        if isinstance(exc, sqlite3.OperationalError) or not isinstance(exc, sqlite3.DatabaseError):
            return
        aside = self._path.with_name(f"{self._path.name}-{uuid4().hex}")
        with suppress(OSError):
            self._path.rename(aside)  # its journal's name must not meet a new file
            aside.unlink()
            self._path.with_name(f"{self._path.name}-journal").unlink(missing_ok=True)


def _unpack(parts: bytes) -> tuple[Digest, ...]:
    if len(parts) == 32:
        return (Digest.from_raw(parts),)
    if not parts or len(parts) % 32:
        raise sqlite3.DatabaseError("not a list of digests")
    return tuple(Digest.from_raw(parts[at : at + 32]) for at in range(0, len(parts), 32))
