"""Full closures with hops: through the engine, over REST, and beside peers and the limit."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx2

from bench.engine_verbs import SystemClock
from bench.graphs import GRAPHS, Graph, busiest_version, hops_from
from bench.loading import key_of, load
from bench.peers import run_peer
from bench.server import Server
from lineage.engine import Engine
from lineage.model import Caller, Direction, Trace
from lineage.names import ArtifactRef, VersionKey
from sql.store import SqlGraphStore
from storage.local import LocalBlobStore

ADMIN = Caller("bench", is_admin=True)


@dataclass(frozen=True, slots=True)
class Closure:
    """One question on one graph; seconds, the fastest of several."""

    graph: str
    n_nodes: int
    bfs: float
    engine: float
    rest: float
    networkx: float | None
    mlmd: dict[str, Any]


def fastest(work: Callable[[], Any], *, times: int = 5) -> float:
    best = float("inf")
    for _ in range(times):
        began = perf_counter()
        work()
        best = min(best, perf_counter() - began)
    return best


def measure(name: str, scratch: Path, peers: Path | None) -> Closure:
    """Load the graph, ask for all that is downstream of its busiest version, check the answer."""
    graph = GRAPHS[name]()
    start = busiest_version(graph)
    folder = scratch / f"closure-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    store = SqlGraphStore(folder / "graph.db")
    engine = Engine(store, LocalBlobStore(folder / "blobs"), SystemClock())
    load(store, graph)
    ref = ArtifactRef(VersionKey(key_of(graph, start)).collection, f"v{start}")

    def ask() -> Trace:
        return engine.traces.trace(ADMIN, [ref], Direction.DOWNSTREAM).trace

    check(graph, start, ask())
    engine_s = fastest(ask)
    bfs_s = fastest(lambda: hops_from(graph, start))
    store.close()
    with Server(folder) as server, httpx2.Client(timeout=120) as http:
        url = f"{server.url}/api/v1/trace"
        params = {"start": key_of(graph, start), "direction": "downstream"}

        def fetch() -> bytes:
            return http.get(url, params=params, headers=server.headers).raise_for_status().content

        fetch()
        rest_s = fastest(fetch)
    networkx, mlmd = None, {}
    if peers is not None:
        answer = run_peer("networkx_bfs", name, str(start), python=peers, timeout_s=600)
        networkx = answer["seconds"]
        mlmd = run_peer("mlmd_lineage", name, str(start), python=peers, timeout_s=900)
    shutil.rmtree(folder, ignore_errors=True)
    n_nodes = int((hops_from(graph, start) > 0).sum())
    return Closure(name, n_nodes, bfs_s, engine_s, rest_s, networkx, mlmd)


def check(graph: Graph, start: int, trace: Trace) -> None:
    hops = hops_from(graph, start)
    for hop, level in enumerate(trace.levels, start=1):
        expected = sorted(key_of(graph, int(node)) for node in (hops == hop).nonzero()[0])
        if list(level) != expected:
            raise SystemExit(f"{hop=}: not the reference answer")
    if not trace.complete or len(trace.levels) != hops.max():
        raise SystemExit("not the whole answer")
