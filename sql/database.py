"""The file: opening it, bringing its schema up to date, and what its errors mean."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import apsw

from lineage.errors import Conflict, LineageError, TimedOut, Unavailable

__all__ = ["BUSY_TIMEOUT_S", "find_network_file_system", "migrate", "open_database", "translated"]

T = TypeVar("T")

BUSY_TIMEOUT_S: Final = 10.0
_POLL_S: Final = 0.002
_APPLICATION_ID: Final = 0x4C494E45  # "LINE", for file(1) and for recognising our own
_NETWORK: Final = re.compile(
    r"nfs\d?|cifs|smb\w*|ncpfs|afs|ceph|lustre|glusterfs|gpfs|beegfs|fuse\..+|fuse"
)
_LOCAL_FUSE: Final = frozenset({"fuse.fuse-overlayfs"})


def open_database(path: Path, *, is_writer: bool) -> apsw.Connection:
    """A connection set up as DESIGN 8 says; one that does not write refuses to."""
    connection = apsw.Connection(str(path), statementcachesize=512)
    try:
        _configure(connection, path, is_writer=is_writer)
    except BaseException:
        connection.close()
        raise
    return connection


def _configure(connection: apsw.Connection, path: Path, *, is_writer: bool) -> None:
    connection.set_busy_handler(_waiting())
    if is_writer and connection.readonly("main"):
        raise Unavailable(f"{path} cannot be written: give this user write access to it")
    # Switching to WAL needs the file to itself for a moment and does not ask the busy handler.
    _patiently(lambda: connection.pragma("journal_mode", "wal"))
    connection.pragma("synchronous", "full")
    connection.pragma("foreign_keys", True)
    connection.pragma("temp_store", "memory")
    connection.pragma("cache_size", -65_536 if is_writer else -16_384)  # KiB
    connection.pragma("journal_size_limit", 64 * 1024 * 1024)
    connection.pragma("query_only", not is_writer)


def _waiting() -> Callable[[int], bool]:
    """Ask again every 2 ms: SQLite's own waits grow to 100 ms, and others slip in meanwhile."""
    deadline = 0.0

    def wait(n_before: int) -> bool:
        nonlocal deadline
        if n_before == 0:
            deadline = time.monotonic() + BUSY_TIMEOUT_S
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_S)
        return True

    return wait


def _patiently(step: Callable[[], T]) -> T:
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            return step()
        except (apsw.BusyError, apsw.LockedError):
            if time.monotonic() >= deadline:
                raise
            time.sleep(_POLL_S)


def migrate(connection: apsw.Connection, path: Path) -> None:
    """Apply the schema files that this database has not seen, in order, in one transaction.

    Raises:
        Unavailable: it is newer than this program, or another program's.
    """
    files = sorted(Path(__file__).with_name("schema").glob("*.sql"))
    connection.execute("BEGIN IMMEDIATE")
    try:
        seen = _schema_version(connection, path)
        if seen > len(files):
            raise Unavailable(
                f"{path} has schema {seen}, and this program knows {len(files)}: upgrade it"
            )
        for number, file in enumerate(files, start=1):
            if number > seen:
                connection.execute(file.read_text(encoding="utf-8"))
                connection.execute(
                    "INSERT INTO schema_version (number, applied_at) VALUES (?, ?)",
                    (number, time.time_ns() // 1000),
                )
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _schema_version(connection: apsw.Connection, path: Path) -> int:
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    if not tables:
        connection.pragma("application_id", _APPLICATION_ID)
        connection.execute(
            "CREATE TABLE schema_version (number INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL)"
            " STRICT"
        )
        return 0
    if ("schema_version",) not in tables:
        raise Unavailable(f"{path} is another program's database: name another file")
    row = connection.execute("SELECT coalesce(max(number), 0) FROM schema_version").fetchone()
    return int(row[0]) if row is not None else 0


def find_network_file_system(path: Path, mounts: str) -> str | None:
    """The kind of network file system that `path` lies on, by the text of /proc/mounts.

    `path` is absolute. SQLite's locks and its shared memory do not hold there: it would lose data
    silently.
    """
    kinds = {"/": "unknown"}
    for line in mounts.splitlines():
        _, where, kind, *_ = line.split(" ")
        kinds[where.replace("\\040", " ")] = kind
    kind = next(kinds[str(folder)] for folder in (path, *path.parents) if str(folder) in kinds)
    is_network = _NETWORK.fullmatch(kind) is not None and kind not in _LOCAL_FUSE
    return kind if is_network else None


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """No exception of the driver gets out of this block."""
    try:
        yield
    except apsw.Error as exc:
        raise _translation(exc, path) from exc


def _translation(exc: apsw.Error, path: Path) -> Exception:
    match exc:
        case apsw.ConstraintError():
            return Conflict(f"what this builds on is not there, or not any more: {exc}")
        case apsw.InterruptError():
            return TimedOut(f"{path} did not answer in time")
        case apsw.SQLError() | apsw.MisuseError() | apsw.RangeError() | apsw.MismatchError():
            return RuntimeError(f"a statement is wrong: {exc}")
    return _unavailable(exc, path)


def _unavailable(exc: apsw.Error, path: Path) -> LineageError:
    match exc:
        case apsw.BusyError() | apsw.LockedError() | apsw.ProtocolError():
            what = f"is locked by another program for more than {BUSY_TIMEOUT_S:.0f} s: try again"
        case apsw.FullError():
            what = "is on a full disk: make room, then try again"
        case apsw.ReadOnlyError() | apsw.PermissionsError():
            what = "cannot be written: give this user write access to it and its folder"
        case apsw.CantOpenError():
            what = "cannot be opened: its folder must exist, and this user must be able to write it"
        case apsw.CorruptError() | apsw.NotADBError() | apsw.FormatError():
            what = "is damaged, or no SQLite database: put a backup in its place"
        case apsw.IOError():
            what = "cannot be read or written: look at the disk and its free space"
        case _:
            what = "does not answer"
    return Unavailable(f"{path} {what} ({exc})")
