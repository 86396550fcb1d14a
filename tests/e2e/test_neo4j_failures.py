"""The server when its Neo4j is away, hangs, or refuses: nothing acknowledged is lost, nothing
half-written stays, and the answer says what to do."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx2
import orjson
import pytest
from neo4j import Driver

from cypher.store import Neo4jGraphStore
from lineage.names import CollectionKey, RunKey
from lineage.ports import Transaction
from tests.api.calls import Rest, assert_problem, wait_until
from tests.services.neo4j import Neo4j, wipe
from tests.services.server import Server

LOCK_S: Final = 5
SETTINGS: Final = {
    # The driver gives up on a connection that is silent for two times 1 s. That is less than a lock
    # may be waited for: a database that works on something says so, and must not be given up.
    "server.bolt.connection_keep_alive": "1s",
    "server.bolt.connection_keep_alive_probes": "2",
    "server.bolt.connection_keep_alive_streaming_scheduling_interval": "1s",
    "db.lock.acquisition.timeout": f"{LOCK_S}s",
    "db.memory.transaction.max": "8m",
    "db.transaction.monitor.check.interval": "200ms",  # of what has run out of time
    "db.shutdown_transaction_end_timeout": "1s",  # after that a stop ends what runs
}
HUNG_S: Final = 15  # two attempts to connect of 5 s, and a busy machine
AT_ONCE: Final = 8
THREADS: Final = 40  # that the server answers with


@dataclass
class World:
    """A Neo4j of these tests alone, our server over it, and what that has acknowledged."""

    neo4j: Neo4j
    server: Server
    folder: Path
    rest: Rest
    driver: Driver
    pool: ThreadPoolExecutor
    kept: list[tuple[str, bytes]] = field(default_factory=list)

    def keep(self) -> None:
        """Log a version that must be there ever after."""
        data = uuid4().bytes
        version = self.rest.log("kept", {"dir/file": data, "shared": b"in all"})
        self.kept.append((f"{self.rest.version_path(version)}/files/dir/file", data))

    def check(self) -> None:
        """All that was acknowledged is there, with its bytes, and nothing else is."""
        *told, last = self.rest.post("/fsck", params={"deep": "true"}).content.splitlines()
        assert [line for line in told if b"kind" in line] == []
        assert orjson.loads(last)["n_findings"] == 0
        for path, data in self.kept:
            assert self.rest.get(path).content == data

    def count(self) -> dict[str, int]:
        """How many nodes and relationships of each kind there are, whatever our server says."""
        nodes = self.rows("MATCH (n) RETURN reduce(s = '', l IN labels(n) | s + l) AS l, count(*)")
        edges = self.rows("MATCH ()-[r]->() RETURN type(r), count(*)")
        return dict([*nodes, *edges])

    def rows(self, text: str) -> list[list[Any]]:
        with self.driver.session(database="neo4j") as session:
            return [record.values() for record in session.run(text)]

    def ask_meanwhile(self, method: str, path: str, **options: Any) -> Future[httpx2.Response]:
        return self.pool.submit(self.rest.ask, method, path, **options)

    def start_run(self, **options: Any) -> Future[httpx2.Response]:
        return self.ask_meanwhile("POST", "{P}/runs", json={"id": uuid4().hex, **options})

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Somebody else's transaction that every write of this project has to wait for."""
        with self.driver.session(database="neo4j") as session:
            transaction = session.begin_transaction()
            transaction.run("MATCH (p:Project) SET p._lock = 1").consume()
            transaction.run("MATCH (c:Collection) SET c._lock = 1").consume()
            transaction.run("MATCH (r:Run) SET r._lock = 1").consume()
            try:
                yield
            finally:
                if self.neo4j.is_running():
                    transaction.close()

    def wait_blocked(self) -> None:
        """Return when a transaction waits for another's lock."""
        show = "SHOW TRANSACTIONS YIELD status WHERE status STARTS WITH 'Blocked' RETURN count(*)"
        wait_until(lambda: self.rows(show) == [[1]], timeout_s=LOCK_S)


@pytest.fixture(scope="module")
def only_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("server")
    home = tmp_path_factory.mktemp("neo4j")
    with Neo4j(home, settings=SETTINGS, heap="512m", page_cache="64m") as neo4j:
        wipe(neo4j.url)
        with (
            neo4j.connect() as driver,
            Server(folder, graph_url=neo4j.url) as server,
            ThreadPoolExecutor(THREADS + AT_ONCE) as pool,
        ):
            world = World(neo4j, server, folder, Rest(server), driver, pool)
            world.rest.client.timeout = 60
            world.rest.start("first")
            world.keep()
            yield world
            world.rest.close()


@pytest.fixture
def world(only_world: World) -> Iterator[World]:
    """As it is found, so it has to be left: whole, and with all that was ever acknowledged."""
    if not only_world.neo4j.is_running():  # since a test that failed
        only_world.neo4j.start()
    only_world.keep()
    yield only_world
    only_world.check()


def assert_unavailable(world: World, answer: httpx2.Response, said: str) -> None:
    document = assert_problem(answer, 503, "unavailable")
    assert said in document["detail"]
    assert int(answer.headers["retry-after"]) >= 1
    assert world.neo4j.password not in answer.text


# Starting


def test_a_server_whose_database_is_down_starts_and_needs_no_restart_when_it_comes(
    world: World,
) -> None:
    claim = world.server.blobs_path / "graph"
    world.server.stop()
    world.neo4j.stop()
    claim.unlink()  # as in a folder that is new
    began = time.monotonic()
    world.server.start(is_graph_away=True)
    assert time.monotonic() - began < 10
    url = world.server.url
    assert httpx2.get(f"{url}/healthz").status_code == 200
    assert_problem(httpx2.get(f"{url}/readyz"), 503, "unavailable")
    assert_unavailable(world, world.rest.get("{P}"), "cannot be reached: start it")
    assert_unavailable(world, world.rest.post("{P}/runs", {"id": "early"}), "cannot be reached")
    assert not claim.exists()
    assert world.neo4j.password not in world.server.log()

    world.neo4j.start()
    wait_until(lambda: httpx2.get(f"{url}/readyz", timeout=30).status_code == 200, timeout_s=30)
    ((identity,),) = world.rows("MATCH (g:Graph) RETURN g.id")
    assert identity in claim.read_text()
    assert world.rest.get("{P}/runs/early").status_code == 404
    world.keep()


@pytest.mark.parametrize("what", ["password", "port"])
def test_a_database_that_can_never_answer_so_is_told_at_once(
    world: World, tmp_path: Path, what: str
) -> None:
    neo4j = world.neo4j
    if what == "password":
        url, said = f"bolt://neo4j:hunter2@127.0.0.1:{neo4j.bolt_port}", "user and password"
    else:
        neo4j.wait_browser()
        url, said = f"bolt://neo4j:hunter2@127.0.0.1:{neo4j.http_port}", "speaks Bolt"
    done = Server(tmp_path, graph_url=url).run()
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert said in line
    assert "hunter2" not in line


# Going away


@pytest.mark.parametrize("end", [Neo4j.stop, Neo4j.kill9])
def test_a_database_that_ends_amid_requests_ends_them_and_the_next_ones_work_once_it_is_back(
    world: World, end: Callable[[Neo4j], object]
) -> None:
    def read_at_once() -> list[int]:
        asked = [world.ask_meanwhile("GET", "{P}/runs/first") for _ in range(AT_ONCE)]
        return [answer.result().status_code for answer in asked]

    read_at_once()  # so that there are connections to be lost
    before = world.count()
    with world.locked():
        asked = [world.ask_meanwhile("PATCH", "{P}/runs/first", json={"notes": "half"})]
        world.wait_blocked()
        if end is Neo4j.kill9:
            world.neo4j.pause()  # whatever is asked now is under way when it ends
            start = f"artifact:{world.rest.name}/kept:v0"
            asked.append(world.ask_meanwhile("GET", "/trace", params={"start": start}))
            asked.append(world.start_run())
            time.sleep(0.3)
        end(world.neo4j)
    for answer in asked:
        assert_unavailable(world, answer.result(), "")
    world.neo4j.start()
    assert read_at_once() == [200] * AT_ONCE
    assert world.count() == before
    assert world.rest.get("{P}/runs/first").json()["notes"] != "half"
    world.keep()


def test_a_database_that_hangs_keeps_no_request_for_long(world: World) -> None:
    before = world.count()
    world.neo4j.pause()
    try:
        began = time.monotonic()
        asked = [world.ask_meanwhile("GET", "{P}/runs/first") for _ in range(AT_ONCE - 1)]
        asked.append(world.start_run())
        assert httpx2.get(f"{world.server.url}/healthz").status_code == 200
        for answer in asked:
            assert_unavailable(world, answer.result(), "cannot be reached")
        assert time.monotonic() - began < HUNG_S
    finally:
        world.neo4j.resume()
    assert world.rest.get("{P}/runs/first").status_code == 200
    wait_until(lambda: world.count() == before)  # it rolls back what nobody waits for any more
    world.keep()


def test_however_many_wait_for_a_database_that_hangs_the_server_is_not_taken_for_dead(
    world: World,
) -> None:
    world.neo4j.pause()
    try:
        asked = [world.ask_meanwhile("GET", "{P}") for _ in range(THREADS + AT_ONCE)]
        time.sleep(0.5)
        assert httpx2.get(f"{world.server.url}/healthz", timeout=1).status_code == 200
    finally:
        world.neo4j.resume()
    assert {answer.result().status_code for answer in asked} <= {200, 503}
    assert world.rest.get("{P}").status_code == 200


# Refusing


def test_what_needs_more_memory_than_a_transaction_may_have_is_told_and_leaves_nothing(
    world: World,
) -> None:
    before, began = world.count(), time.monotonic()
    answer = world.start_run(config={"text": "x" * 7_500_000}).result()
    assert_unavailable(world, answer, "db.memory.transaction.max")
    assert time.monotonic() - began < 15, "it was tried again and again"
    assert world.count() == before


def test_a_lock_that_is_held_too_long_is_told(world: World) -> None:
    patch = {"notes": "too long"}
    with world.locked():
        began = time.monotonic()
        answer = world.rest.ask("PATCH", "{P}/runs/first", json=patch)
        assert_unavailable(world, answer, "others have held what this writes for too long")
        assert LOCK_S - 1 < time.monotonic() - began < LOCK_S + 8
    assert world.rest.get("{P}/runs/first").json()["notes"] != "too long"
    assert world.rest.ask("PATCH", "{P}/runs/first", json=patch).status_code == 200


def test_what_takes_longer_than_it_may_has_timed_out(world: World) -> None:
    settings = {"LINEAGE_QUERY_TIMEOUT_S": "1"}
    with (
        Server(world.folder, graph_url=world.neo4j.url, settings=settings) as hasty,
        httpx2.Client(headers=hasty.headers, timeout=30) as client,
    ):
        url = f"{hasty.url}/api/v1/projects/{world.rest.name}/runs/first"
        with world.locked():
            document = assert_problem(
                client.patch(url, json={"notes": "out of time"}), 504, "timed_out"
            )
        assert "did not answer in time" in document["detail"]
        wait_until(lambda: client.get(url).status_code == 200, timeout_s=20)
    assert world.rest.get("{P}/runs/first").json()["notes"] != "out of time"


def test_a_deadlock_costs_a_retry_and_nobody_an_error(world: World) -> None:
    run = RunKey(f"run:{world.rest.name}/first")
    collection = CollectionKey.parse(f"{world.rest.name}/kept")
    store = Neo4jGraphStore.at(world.neo4j.url)

    def collection_then_run(tx: Transaction) -> str:
        tx.lock(collections=[collection])
        tx.collections.find([collection])
        tx.lock(nodes=[run])
        return tx.runs.find([run])[run].key

    store.write(collection_then_run)
    n_before = store.n_retries
    with world.driver.session(database="neo4j") as session:
        other = session.begin_transaction()
        # The one with fewer locks gives way.
        other.run("UNWIND range(1, 500) AS n CREATE (:Lock {n: n})").consume()
        other.run("MATCH (r:Run {key: $key}) SET r._lock = 1", key=run).consume()
        waiting = world.pool.submit(store.write, collection_then_run)
        world.wait_blocked()
        text = "MATCH (c:Collection {key: $key}) SET c._lock = 1 RETURN c.key"
        assert other.run(text, key=collection).single() is not None
        other.rollback()
    assert waiting.result() == run
    assert store.n_retries > n_before
    store.close()


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="a full disk is imitated on Linux")
def test_a_full_disk_is_told_and_after_a_restart_all_is_as_it_was(world: World) -> None:
    before = world.count()
    log = world.neo4j.folder / "data" / "transactions" / "neo4j" / "neostore.transaction.db.0"
    _, hard = resource.prlimit(world.neo4j.pid, resource.RLIMIT_FSIZE)
    limit = (log.stat().st_size + 5000, hard)
    resource.prlimit(world.neo4j.pid, resource.RLIMIT_FSIZE, limit)
    for _ in range(2):
        answer = world.start_run(config={"text": "x" * 20_000}).result()
        assert_unavailable(world, answer, "look at its log and its disk, then restart it")
    wait_until(lambda: httpx2.get(f"{world.server.url}/readyz").status_code == 503)
    world.neo4j.restart()  # with room again
    assert world.count() == before
    assert world.start_run().result().status_code == 201
    world.keep()
