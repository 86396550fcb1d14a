"""The embedded graph store: one SQLite file, several threads and processes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Generic, TypeVar
from weakref import WeakSet

import apsw

from lineage.errors import Unavailable
from lineage.ports import Transaction
from sql.database import find_network_file_system, migrate, open_database, translated
from sql.statements import Statements
from sql.transaction import SqlTransaction

__all__ = ["SqlGraphStore"]

T = TypeVar("T")

_MAX_GROUP: Final = 64  # transactions that one commit may carry


class _Session:
    """One connection and the verbs on it."""

    __slots__ = ("__weakref__", "connection", "execute", "transaction")

    def __init__(self, path: Path, *, is_writer: bool) -> None:
        self.connection = open_database(path, is_writer=is_writer)
        self.execute = self.connection.execute
        self.transaction = SqlTransaction(self.connection)


class _Job(Generic[T]):
    """One call of `write`: what to run, and what came of it."""

    __slots__ = ("error", "fn", "is_done", "leads", "result", "wake")

    result: T

    def __init__(self, fn: Callable[[Transaction], T]) -> None:
        self.fn = fn
        self.error: BaseException | None = None
        self.is_done = False
        self.leads = False
        self.wake = threading.Lock()  # released once: when it is done, or shall lead
        self.wake.acquire()


class SqlGraphStore:
    """`lineage.ports.GraphStore` in the SQLite file at `path`, which is made if it is not there.

    Writers queue for one connection, and whoever comes first commits for all who wait: each `fn` in
    a savepoint of its own, one flush to disk for the whole group. A `fn` may therefore run in
    another thread than the one that called `write`. Readers have a connection each.

    Raises:
        Unavailable: the file cannot be opened, is no graph of ours, or newer than this program.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._queue: deque[_Job[Any]] = deque()
        self._is_led = False  # whether some thread is committing, or has been told to
        self._queue_lock = threading.Lock()
        self._writing = threading.Lock()  # whoever has it may use the writer
        self._sessions: WeakSet[_Session] = WeakSet()  # a reader's goes with its thread
        self._sessions_lock = threading.Lock()
        self._reader = threading.local()
        self._is_closed = False
        self._refuse_network()
        with translated(self._path):
            self._writer = self._open(is_writer=True)
            try:
                migrate(self._writer.connection, self._path)
                self._identity = str(Statements(self._writer.connection).value("find_identity"))
            except BaseException:
                self.close()
                raise

    @property
    def identity(self) -> str:
        return self._identity

    def _refuse_network(self) -> None:
        mounts = Path("/proc/mounts")
        if not mounts.exists():
            return
        kind = find_network_file_system(self._path.resolve(), mounts.read_text(encoding="utf-8"))
        if kind is not None:
            raise Unavailable(
                f"{self._path} is on a network file system ({kind}), where SQLite loses data:"
                " name a file on a disk of this machine"
            )

    def _open(self, *, is_writer: bool) -> _Session:
        session = _Session(self._path, is_writer=is_writer)
        with self._sessions_lock:
            if self._is_closed:
                session.connection.close()
                raise Unavailable(f"{self._path} has been closed")
            self._sessions.add(session)
        return session

    def read(self, fn: Callable[[Transaction], T]) -> T:
        with translated(self._path):
            session: _Session | None = getattr(self._reader, "session", None)
            if session is None or self._is_closed:
                session = self._reader.session = self._open(is_writer=False)
            session.execute("BEGIN")
            try:
                session.transaction.begin()
                return fn(session.transaction)
            except apsw.ReadOnlyError as exc:
                raise RuntimeError("a verb that writes was called in read()") from exc
            finally:
                if session.connection.in_transaction:
                    session.execute("COMMIT")

    def write(self, fn: Callable[[Transaction], T]) -> T:
        job = _Job(fn)
        with self._queue_lock:
            self._queue.append(job)
            leads = not self._is_led
            self._is_led = True
        if not leads:
            self._wait(job)
        if not job.is_done:
            try:
                self._commit_group()
            finally:
                self._hand_over()
        if job.error is not None:
            raise job.error
        return job.result

    def _wait(self, job: _Job[Any]) -> None:
        """Until the job is done, or its thread is to lead the next group."""
        try:
            job.wake.acquire()
        except BaseException:
            with self._queue_lock, suppress(ValueError):
                self._queue.remove(job)  # unless it is being run: then its outcome stands
            if job.leads:
                self._hand_over()
            raise

    def _hand_over(self) -> None:
        with self._queue_lock:
            self._is_led = bool(self._queue)
            if self._queue:
                self._queue[0].leads = True
                self._queue[0].wake.release()

    def _commit_group(self) -> None:
        """Run what waits and commit it at once. Every job taken from the queue ends done."""
        jobs: list[_Job[Any]] = []
        try:
            with self._writing, translated(self._path):
                self._run_group(jobs)
        except Exception as exc:  # noqa: BLE001 - handed to every thread that waits for it
            # Nothing was committed, neither of those that ran well nor of the others.
            self._fail(jobs, exc)
        except BaseException:
            self._fail(jobs, Unavailable("interrupted before the commit: try again"))
            raise
        finally:
            for job in jobs:
                job.is_done = True
                if not job.leads:
                    job.wake.release()

    def _run_group(self, jobs: list[_Job[Any]]) -> None:
        execute, connection = self._writer.execute, self._writer.connection
        n_open = 0  # jobs whose work is in the open transaction
        if self._is_closed:
            jobs.append(self._queue.popleft())
            raise Unavailable(f"{self._path} has been closed")
        try:
            while self._queue and len(jobs) < _MAX_GROUP:
                # Taken first, so that no error of the next statement leaves it waiting for ever.
                jobs.append(self._queue.popleft())
                if not connection.in_transaction:
                    execute("BEGIN IMMEDIATE")
                n_open += self._run(jobs[-1], is_first=n_open == 0)
            if connection.in_transaction:
                execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                execute("ROLLBACK")
            raise

    def _run(self, job: _Job[Any], *, is_first: bool) -> bool:
        """Run one job; whether its work is now in the transaction. Its failure is its own."""
        execute, connection = self._writer.execute, self._writer.connection
        # The first needs no savepoint. It is also the way of bulk loads: in a savepoint, SQLite's
        # cost of a statement grows with the number of pages that were changed before it.
        if not is_first:
            execute("SAVEPOINT job")
        self._writer.transaction.begin()
        try:
            with translated(self._path):
                job.result = job.fn(self._writer.transaction)
        except Exception as exc:
            if not is_first and not connection.in_transaction:
                raise  # SQLite gave up everybody's work: disk full, or worse
            job.error = exc
            if connection.in_transaction:
                execute("ROLLBACK" if is_first else "ROLLBACK TO job; RELEASE job")
            return False
        if not is_first:
            execute("RELEASE job")
        return True

    def _fail(self, jobs: list[_Job[Any]], error: Exception) -> None:
        # Also those with an error of their own: it may have been due to what is not there now.
        for job in jobs:
            job.error = error

    def check(self) -> None:
        self.read(lambda tx: tx.events.select(subject=None, after=None, limit=1))

    def close(self) -> None:
        """Wait for the group that is being written, then close every connection."""
        with self._writing, self._sessions_lock:
            self._is_closed = True
            for session in self._sessions:
                # A reader that is in the middle of a statement closes when its thread ends.
                with suppress(apsw.ThreadingViolationError):
                    session.connection.close()
            self._sessions.clear()
