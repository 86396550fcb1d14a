"""The contract on SQLite, and what is peculiar to one file that several processes share."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
import pytest

from lineage.errors import Invalid, LineageError, Unavailable
from lineage.ports import GraphStore, Transaction
from sql.database import find_network_file_system
from sql.store import SqlGraphStore
from tests.contracts.graph_store import GraphStoreContract
from tests.contracts.graph_values import DIGITS, in_threads, run, run_key, seed

ROOT = Path(__file__).parents[2]


@pytest.fixture
def make_store(tmp_path: Path) -> Iterator[Callable[[], SqlGraphStore]]:
    made: list[SqlGraphStore] = []

    def make() -> SqlGraphStore:
        made.append(SqlGraphStore(tmp_path / f"graph-{len(made)}.db"))
        seed(made[-1])
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture
def store(make_store: Callable[[], SqlGraphStore]) -> SqlGraphStore:
    return make_store()


@pytest.fixture
def path(store: SqlGraphStore, tmp_path: Path) -> Path:
    return tmp_path / "graph-0.db"


class TestSqlGraphStore(GraphStoreContract):
    pass


def test_read_sees_one_state_whatever_others_write(store: GraphStore) -> None:
    store.write(lambda tx: tx.runs.add(run("a")))

    def fn(tx: Transaction) -> tuple[object, object]:
        before = tx.runs.find([run_key("a"), run_key("b")])
        in_threads(lambda: store.write(lambda tx: tx.runs.add(run("b"))), n=1)
        return before, tx.runs.find([run_key("a"), run_key("b")])

    before, after = store.read(fn)
    assert before == after == {run_key("a"): run("a")}
    assert len(store.read(lambda tx: tx.runs.find([run_key("a"), run_key("b")]))) == 2


HEAD = """
import sys
from dataclasses import replace
from pathlib import Path
from sql.store import SqlGraphStore
from tests.contracts.graph_values import *
store = SqlGraphStore(Path(sys.argv[1]))
"""


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Another process, with `store` open on the file that its first argument names."""
    command = [sys.executable, "-c", HEAD + code, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def all_end_well(processes: list[subprocess.Popen[str]]) -> bool:
    for process in processes:
        process.communicate(timeout=60)
    return all(process.returncode == 0 for process in processes)


COUNT = """
def count(tx):
    found = tx.collections.find([DIGITS])[DIGITS]
    tx.collections.save(replace(found, next_index=found.next_index + 1))
for _ in range(int(sys.argv[2])):
    store.write(count)
"""


def test_a_graph_has_one_identity_that_no_other_has(tmp_path: Path) -> None:
    first, second = SqlGraphStore(tmp_path / "a.db"), SqlGraphStore(tmp_path / "b.db")
    again = SqlGraphStore(tmp_path / "a.db")
    assert first.identity == again.identity != second.identity
    assert re.fullmatch("[0-9a-f]{32}", first.identity)
    for store in (first, second, again):
        store.close()


def test_several_processes_write_at_once_and_lose_nothing(store: GraphStore, path: Path) -> None:
    assert all_end_well([start(COUNT, path, 100) for _ in range(3)])
    found = store.read(lambda tx: tx.collections.find([DIGITS]))
    assert found[DIGITS].next_index == 300


def test_several_processes_may_make_the_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    assert all_end_well([start("store.check()", path) for _ in range(3)])
    SqlGraphStore(path).close()


RUNS = """
number = 0
while True:
    store.write(lambda tx: tx.runs.add(run(f"r{number}")))
    print(number, flush=True)
    number += 1
"""


def test_an_acknowledged_write_survives_kill_minus_nine(store: GraphStore, path: Path) -> None:
    with start(RUNS, path) as process:
        assert process.stdout is not None
        acknowledged = [int(process.stdout.readline()) for _ in range(20)]
        os.kill(process.pid, signal.SIGKILL)
        acknowledged += map(int, process.stdout.read().split())
    keys = [run_key(f"r{number}") for number in acknowledged]
    assert len(store.read(lambda tx: tx.runs.find(keys))) == len(acknowledged) >= 20
    after = run_key(f"r{len(acknowledged) + 1}")
    assert store.read(lambda tx: tx.runs.find([after])) == {}


def test_waiting_writers_share_one_commit(store: SqlGraphStore) -> None:
    is_leading, may_go_on = threading.Event(), threading.Event()
    commits: list[int] = []
    store._writer.connection.set_wal_hook(lambda *_: commits.append(1) or 0)

    def first(tx: Transaction) -> None:
        is_leading.set()
        assert may_go_on.wait(timeout=30)

    def work(number: int) -> None:
        if number == 0:
            store.write(first)
            return
        assert is_leading.wait(timeout=30)
        if number % 2:
            with pytest.raises(Invalid):
                store.write(lambda tx: (tx.runs.add(run(f"r{number}")), fail()))
        else:
            store.write(lambda tx: tx.runs.add(run(f"r{number}")))

    def let_go() -> None:
        while len(store._queue) < 10:
            time.sleep(0.001)
        may_go_on.set()

    in_threads(lambda number: let_go() if number == 11 else work(number), n=12, pass_number=True)
    assert len(commits) == 1
    found = store.read(lambda tx: tx.runs.find([run_key(f"r{number}") for number in range(12)]))
    assert {key.name for key in found} == {"r2", "r4", "r6", "r8", "r10"}


def fail() -> None:
    raise Invalid("number", "is odd")


def test_an_interrupted_leader_leaves_nobody_waiting(store: SqlGraphStore) -> None:
    is_leading, may_go_on = threading.Event(), threading.Event()
    outcomes: list[type[BaseException]] = []

    def interrupted(tx: Transaction) -> None:
        tx.runs.add(run("a"))
        is_leading.set()
        assert may_go_on.wait(timeout=30)
        raise KeyboardInterrupt

    def lead() -> None:
        with pytest.raises(KeyboardInterrupt):
            store.write(interrupted)

    def follow() -> None:
        assert is_leading.wait(timeout=30)
        try:
            store.write(lambda tx: tx.runs.add(run("b")))
        except Unavailable as exc:
            outcomes.append(type(exc))

    def let_go() -> None:
        while not store._queue:
            time.sleep(0.001)
        may_go_on.set()

    steps = [lead, follow, let_go]
    in_threads(lambda number: steps[number](), n=3, pass_number=True)
    assert store.read(lambda tx: tx.runs.find([run_key("a")])) == {}
    is_there = bool(store.read(lambda tx: tx.runs.find([run_key("b")])))
    assert is_there == (outcomes == [])
    store.write(lambda tx: tx.runs.add(run("c")))


def test_all_of_a_group_fail_when_its_commit_fails(store: SqlGraphStore) -> None:
    is_leading, may_go_on = threading.Event(), threading.Event()
    outcomes: list[str] = []

    def write(name: str, fn: Callable[[Transaction], object]) -> None:
        try:
            store.write(fn)
        except LineageError as exc:
            outcomes.append(f"{name} {type(exc).__name__}")

    def lead() -> None:
        def fn(tx: Transaction) -> None:
            tx.runs.add(run("a"))
            is_leading.set()
            assert may_go_on.wait(timeout=30)

        write("leader", fn)

    def follow() -> None:
        assert is_leading.wait(timeout=30)
        write("follower", lambda tx: tx.runs.add(run("b")))

    def let_go() -> None:
        while not store._queue:
            time.sleep(0.001)
        may_go_on.set()

    store._writer.connection.set_commit_hook(lambda: True)  # refuses every commit
    steps = [lead, follow, let_go]
    in_threads(lambda number: steps[number](), n=3, pass_number=True)
    store._writer.connection.set_commit_hook(None)
    assert sorted(outcomes) == ["follower Conflict", "leader Conflict"]
    assert store.read(lambda tx: tx.runs.find([run_key("a"), run_key("b")])) == {}


def test_a_full_disk_is_unavailable_and_leaves_nothing(store: SqlGraphStore) -> None:
    connection = store._writer.connection
    connection.pragma("max_page_count", connection.pragma("page_count"))
    with pytest.raises(Unavailable, match="full"):
        store.write(lambda tx: [tx.runs.add(run(f"r{n}", notes="x" * 5000)) for n in range(100)])
    assert store.read(lambda tx: tx.runs.find([run_key("r0")])) == {}
    connection.pragma("max_page_count", 2**30)
    store.write(lambda tx: tx.runs.add(run("r0")))


def test_a_lock_held_too_long_is_unavailable(
    store: SqlGraphStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sql.database.BUSY_TIMEOUT_S", 0.2)
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        store.write(lambda tx: tx.runs.add(run("a")))
    store.check()
    other.execute("ROLLBACK")
    other.close()
    store.write(lambda tx: tx.runs.add(run("a")))


def test_a_write_waits_for_a_lock_that_another_process_holds_briefly(
    store: SqlGraphStore, path: Path
) -> None:
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, lambda: other.execute("ROLLBACK"))
    release.start()
    store.write(lambda tx: tx.runs.add(run("a")))
    release.join()
    other.close()


@pytest.mark.parametrize("content", [b"hello " * 1000, b"SQLite format 3\x00" + b"\xff" * 9000])
def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "graph.db"
    path.write_bytes(content)
    with pytest.raises(Unavailable, match=r"graph\.db .*damaged"):
        SqlGraphStore(path)
    assert path.read_bytes() == content


def test_a_database_damaged_within_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "graph.db"
    store = SqlGraphStore(path)
    seed(store)
    store.close()
    with path.open("r+b") as file:
        file.seek(2 * 4096)
        file.write(b"\xff" * (path.stat().st_size - 2 * 4096))
    with pytest.raises(Unavailable, match="damaged"):
        SqlGraphStore(path).read(lambda tx: tx.collections.find([DIGITS]))


def test_a_newer_schema_asks_for_an_upgrade(tmp_path: Path) -> None:
    path = tmp_path / "graph.db"
    SqlGraphStore(path).close()
    other = apsw.Connection(str(path))
    other.execute("INSERT INTO schema_version VALUES (9999, 0)")
    other.close()
    with pytest.raises(Unavailable, match="upgrade"):
        SqlGraphStore(path)


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "graph.db"
    other = apsw.Connection(str(path))
    other.execute("CREATE TABLE theirs (x)")
    other.close()
    with pytest.raises(Unavailable, match="another program"):
        SqlGraphStore(path)


def test_a_folder_that_does_not_exist_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="folder must exist"):
        SqlGraphStore(tmp_path / "none" / "graph.db")


READ_ONLY = """
import os, sys
from pathlib import Path
from lineage.errors import Unavailable
from sql.store import SqlGraphStore
os.setgid(65534)
os.setuid(65534)
try:
    SqlGraphStore(Path(sys.argv[1]))
except Unavailable as exc:
    print(exc)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_read_only_file_is_unavailable_for_whoever_may_not_write() -> None:
    # Not below tmp_path, into which nobody else may look.
    with TemporaryDirectory() as name:
        folder = Path(name)
        SqlGraphStore(folder / "graph.db").close()
        folder.chmod(0o755)
        (folder / "graph.db").chmod(0o444)
        command = [sys.executable, "-c", READ_ONLY, str(folder / "graph.db")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "cannot be written" in done.stdout


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/ada/graph.db", None),
        ("/mnt/team/graph.db", "nfs4"),
        ("/mnt/team/local/graph.db", None),
        ("/mnt/with space/graph.db", "cifs"),
        ("/mnt/bucket/graph.db", "fuse.s3fs"),
        ("/mnt/bucketful/graph.db", None),
        ("/box/graph.db", None),
    ],
)
def test_network_file_systems_are_recognised(path: str, kind: str | None) -> None:
    mounts = (
        "/dev/vda / ext4 rw 0 0\nserver:/team /mnt/team nfs4 rw 0 0\n"
        "/dev/vdb /mnt/team/local xfs rw 0 0\n//server/x /mnt/with\\040space cifs rw 0 0\n"
        "s3fs /mnt/bucket fuse.s3fs rw 0 0\noverlay /box fuse.fuse-overlayfs rw 0 0\n"
    )
    assert find_network_file_system(Path(path), mounts) == kind


def test_a_closed_store_is_unavailable_and_closes_twice(store: SqlGraphStore) -> None:
    store.check()
    store.close()
    store.close()
    for call in (store.read, store.write):
        with pytest.raises(Unavailable, match="closed"):
            call(lambda tx: None)


def test_a_threads_connection_goes_with_the_thread(store: SqlGraphStore) -> None:
    n_before = len(store._sessions)
    for _ in range(20):
        in_threads(store.check, n=1)
    assert len(store._sessions) <= n_before + 1


def test_one_large_write_costs_no_more_than_its_parts(store: SqlGraphStore) -> None:
    # In a savepoint it would: each statement would cost as much as all changes before it.
    def timed(n: int, name: str) -> float:
        begun = time.perf_counter()
        store.write(lambda tx: [tx.runs.add(run(f"{name}{i}", notes="x" * 3000)) for i in range(n)])
        return time.perf_counter() - begun

    parts = sum(timed(500, f"part{number}-") for number in range(8))
    assert timed(4000, "whole") < 3 * parts


def test_values_that_did_not_change_are_not_written_again(store: SqlGraphStore) -> None:
    config = {f"k{number}": number for number in range(100)}
    first = run("a", config=config, summary={"x": 1, "y": 2})
    store.write(lambda tx: tx.runs.add(first))
    connection = store._writer.connection

    def n_changes(made: object) -> int:
        before = connection.total_changes()
        store.write(lambda tx: tx.runs.save(made))
        return connection.total_changes() - before

    assert n_changes(replace(first, notes="n")) == 1
    assert n_changes(replace(first, summary={"x": 1, "y": 3})) == 2
    assert n_changes(replace(first, summary={"x": 1})) == 2
