"""The two graph stores beside each other, Neo4j beside its own traversal: closures with and without
edges, recording runs from several threads, the best run of a large sweep."""

import gc
import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from time import perf_counter

from neo4j import GraphDatabase

from bench.closures import ADMIN, check, fastest
from bench.engine_verbs import SystemClock
from bench.graphs import GRAPHS, busiest_version, hops_from
from bench.loading import key_of, load
from cypher.store import Neo4jGraphStore
from lineage.digest import Digest
from lineage.engine import DraftRequest, Engine, RunStart
from lineage.manifest import Entry, cut
from lineage.model import (
    Access,
    Direction,
    DraftId,
    Goal,
    Project,
    Run,
    RunState,
    Sweep,
    Upload,
)
from lineage.names import ArtifactRef, CollectionKey, ProjectKey, RunKey, SweepKey, VersionKey
from lineage.ports import GraphStore, Transaction
from sql.store import SqlGraphStore
from storage.local import LocalBlobStore
from tests.services.neo4j import Neo4j, wipe

_PROJECT = ProjectKey("bench/stores")
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_N_RUNS = 100_000
_COUNT = (
    "MATCH (a:Node {key: $key}) MATCH p = (a)-[:FEEDS|LOGGED|CONTINUES*1..]->(n)"
    " WITH n, min(length(p)) AS hop RETURN count(n) AS n, max(hop) AS hop"
)


@dataclass(frozen=True, slots=True)
class StoreClosure:
    """Seconds for all that is downstream of the busiest version."""

    graph: str
    n_nodes: int
    traversal: float  # Neo4j walks and counts, and nothing else
    neo4j: float
    neo4j_with_edges: float
    sqlite: float
    sqlite_with_edges: float
    load: float  # into Neo4j, through the port


@dataclass(frozen=True, slots=True)
class Recording:
    """Runs a second, each with 2 uses and 3 new versions of one file, started and finished."""

    store: str
    n_threads: int
    a_second: float
    n_retries: int


@dataclass(frozen=True, slots=True)
class BestRun:
    """Seconds for the best of 100,000 runs by a key of their summaries, through the engine."""

    store: str
    seconds: float


@contextmanager
def neo4j_server(scratch: Path) -> Iterator[Neo4j]:
    """A server with the memory of a small production machine."""
    folder = scratch / "neo4j"
    shutil.rmtree(folder, ignore_errors=True)
    settings = {"db.memory.transaction.max": "3g"}
    with Neo4j(folder, heap="4g", page_cache="2g", settings=settings) as server:
        yield server
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def engine_over(store: GraphStore, scratch: Path) -> Iterator[Engine]:
    folder = scratch / f"blobs-{uuid.uuid4().hex[:8]}"
    gc.collect()
    gc.freeze()  # as the server does when it starts
    try:
        yield Engine(store, LocalBlobStore(folder), SystemClock())
    finally:
        store.close()
        shutil.rmtree(folder, ignore_errors=True)


def on_neo4j(server: Neo4j) -> Neo4jGraphStore:
    wipe(server.url)
    return Neo4jGraphStore.at(server.url, timeout_s=600)


def on_sqlite(scratch: Path) -> SqlGraphStore:
    folder = scratch / f"graph-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    return SqlGraphStore(folder / "graph.db")


def measure_closure(name: str, scratch: Path, server: Neo4j) -> StoreClosure:
    graph = GRAPHS[name]()
    start = busiest_version(graph)
    key = key_of(graph, start)
    ref = ArtifactRef(VersionKey(key).collection, f"v{start}")
    seconds: dict[str, float] = {}
    for kind in ("neo4j", "sqlite"):
        store = on_neo4j(server) if kind == "neo4j" else on_sqlite(scratch)
        began = perf_counter()
        load(store, graph)
        seconds[f"{kind} load"] = perf_counter() - began
        with engine_over(store, scratch) as engine:
            ask = partial(engine.traces.trace, ADMIN, [ref], Direction.DOWNSTREAM)
            check(graph, start, ask().trace)
            seconds[kind] = fastest(ask)
            seconds[f"{kind} edges"] = fastest(partial(ask, with_edges=True), times=3)
            if kind == "neo4j":
                seconds["traversal"] = _traversal(server, key)
    n_nodes = int((hops_from(graph, start) > 0).sum())
    return StoreClosure(
        name,
        n_nodes,
        traversal=seconds["traversal"],
        neo4j=seconds["neo4j"],
        neo4j_with_edges=seconds["neo4j edges"],
        sqlite=seconds["sqlite"],
        sqlite_with_edges=seconds["sqlite edges"],
        load=seconds["neo4j load"],
    )


def _traversal(server: Neo4j, key: str) -> float:
    auth = ("neo4j", server.password)
    with (
        GraphDatabase.driver(
            server.bolt_url, auth=auth, notifications_min_severity="OFF"
        ) as driver,
        driver.session(database="neo4j") as session,
    ):
        return fastest(lambda: session.run(_COUNT, key=key).consume())


def measure_recording(
    scratch: Path, server: Neo4j | None, *, n_threads: int, seconds: float = 10.0
) -> Recording:
    """After a few seconds in which the database plans what it will be asked."""
    store = on_sqlite(scratch) if server is None else on_neo4j(server)
    with engine_over(store, scratch) as engine:
        inputs = [_log(engine, f"input{i}", "x.bin", b"input", None) for i in range(2)]
        for length in (0.5 * seconds, seconds):
            counts = [0] * n_threads
            deadline = perf_counter() + length

            def work(number: int, counts: list[int] = counts, deadline: float = deadline) -> None:
                while perf_counter() < deadline:
                    _record_run(engine, number, inputs)
                    counts[number] += 1

            threads = [threading.Thread(target=work, args=(n,)) for n in range(n_threads)]
            began = perf_counter()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            a_second = sum(counts) / (perf_counter() - began)
        _refuse_gaps(engine)
        n_retries = 0 if server is None else store.n_retries  # type: ignore[union-attr]
    return Recording("SQLite" if server is None else "Neo4j", n_threads, a_second, n_retries)


def _record_run(engine: Engine, number: int, inputs: list[VersionKey]) -> None:
    key = RunKey.of(_PROJECT, uuid.uuid4().hex)
    engine.runs.start(ADMIN, RunStart(key))
    for version in inputs:
        engine.runs.use(ADMIN, key, version)
    for output in range(3):
        content = b"%d %d" % (number, output)  # stored by the first run of the thread
        _log(engine, f"output{number}-{output}", f"{key.name}.bin", content, key)
    engine.runs.finish(ADMIN, key)


def _log(engine: Engine, name: str, path: str, content: bytes, run: RunKey | None) -> VersionKey:
    """A version of one file; its bytes are uploaded only if they are not there yet."""
    [body] = cut([Entry(path, len(content), Digest.of(content))])
    collection = CollectionKey.of(_PROJECT, name)
    pages = (Digest.of(body),)
    request = DraftRequest(DraftId(uuid.uuid4().hex), collection, "dataset", pages, run=run)
    answer = engine.drafts.begin(ADMIN, request, bodies=[body])
    if answer.committed is None:
        for hold in answer.holds:
            assert isinstance(hold.upload, Upload)
            engine.drafts.store(ADMIN, hold.upload.object, [content])
        answer = engine.drafts.begin(ADMIN, request, bodies=[body])
    assert answer.committed is not None
    assert answer.committed.created
    return answer.committed.version.key


def _refuse_gaps(engine: Engine) -> None:
    """Every index below a collection's next is a version that some run logged, or an input."""
    for collection in engine.versions.collections(ADMIN, _PROJECT, limit=1000):
        listed, _ = engine.versions.select(
            ADMIN, _PROJECT, collection=collection.key, order="index", limit=1_000_000
        )
        if [version.key.number for version in listed] != list(range(collection.next_index)):
            raise SystemExit(f"{collection.key} has lost or doubled a version")


def measure_best_run(scratch: Path, server: Neo4j | None) -> BestRun:
    store = on_sqlite(scratch) if server is None else on_neo4j(server)
    sweep = Sweep(
        SweepKey.of(_PROJECT, "wide"),
        method="random",
        parameters={"lr": {"min": 0.0, "max": 1.0}},
        metric="loss",
        goal=Goal.MINIMIZE,
        created_at=_BEGAN,
    )

    def begin(tx: Transaction) -> None:
        tx.projects.add(Project(_PROJECT, Access.PRIVATE, _BEGAN))
        tx.sweeps.add(sweep)

    def add(tx: Transaction, first: int) -> None:
        for number in range(first, min(first + 5000, _N_RUNS)):
            tx.runs.add(_run_of(sweep.key, number))

    store.write(begin)
    for first in range(0, _N_RUNS, 5000):
        store.write(lambda tx, first=first: add(tx, first))  # type: ignore[misc]
    with engine_over(store, scratch) as engine:

        def ask() -> None:
            best = engine.sweeps.best(ADMIN, sweep.key, metric="score", goal=Goal.MAXIMIZE, limit=1)
            assert best.runs[0][1] == 0.999999, best

        ask()
        seconds = fastest(ask)
    return BestRun("SQLite" if server is None else "Neo4j", seconds)


def _run_of(sweep: SweepKey, number: int) -> Run:
    """One of many: ten numbers in its summary, spread so that each value is there once."""
    spread = (number * 7919) % _N_RUNS
    summary = {f"metric_{i}": number / (i + 1) for i in range(8)}
    summary |= {"loss": 1 / (1 + spread), "score": spread / _N_RUNS}
    summary["score"] = 0.999999 if spread == _N_RUNS - 1 else summary["score"]
    at = _BEGAN + timedelta(seconds=number)
    return Run(
        RunKey.of(_PROJECT, f"r{number}"),
        RunState.FINISHED,
        created_at=at,
        heartbeat_at=at,
        config={"lr": spread / _N_RUNS, "layers": number % 7, "name": f"r{number}"},
        summary=summary,
        sweep=sweep,
        point=number,
    )
