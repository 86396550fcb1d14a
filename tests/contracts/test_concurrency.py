"""Many threads and processes at once on one graph and one blob store: afterwards all is whole."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import networkx as nx
import pytest

from lineage.engine import Engine, Finding
from lineage.model import Edge, EdgeKind, Version
from lineage.names import CollectionKey
from lineage.ports import BlobStore, GraphStore
from tests.contracts.stores import (
    all_objects,
    empty_blobs,
    empty_graph,
    open_blobs,
    open_graph,
)
from tests.contracts.writers import (
    ADMIN,
    PROJECT,
    SystemClock,
    Writer,
    loop_collections,
    shared_collections,
)

CHECKOUT = Path(__file__).parents[2]
N_THREADS, N_WORKING, N_FEEDING = 2, 4, 4
N_STEPS, N_ROUNDS = 30, 16


class LaterClock:
    """When every draft has expired and no upload can land any more."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=3)


@dataclass
class Aftermath:
    blobs_url: str
    graph: GraphStore
    blobs: BlobStore
    created: Counter[str]
    refused: Counter[str]
    n_retries: int
    n_checks: int  # by fsck, while all were at work
    findings: list[Finding]

    def engine(self, *, later: bool = False) -> Engine:
        return Engine(self.graph, self.blobs, LaterClock() if later else SystemClock())

    def versions(self, collection: CollectionKey) -> list[Version]:
        engine = self.engine()
        found, cursor = engine.versions.select(
            ADMIN, PROJECT, collection=collection, order="index", limit=1000
        )
        assert cursor is None
        return found

    def edges(self) -> list[Edge]:
        return self.graph.read(lambda tx: list(tx.flow.iter_edges()))

    def objects_in_store(self) -> set[str]:
        return set(all_objects(self.blobs_url))

    def blobs_in_graph(self) -> set[str]:
        found = self.graph.read(lambda tx: tx.contents.list_blobs(after=None, limit=10_000))
        return {blob.object for blob in found}


def check_until(stop: threading.Event, engine: Engine) -> tuple[int, list[Finding]]:
    """Run fsck again and again, every second time with repair; how often, and all it found."""
    n_checks, found = 0, []
    while not stop.is_set():
        found += engine.fsck.run(ADMIN, deep=True, repair=n_checks % 2 == 1)
        n_checks += 1
    return n_checks, found


def start_process(url: str, blobs_url: str, seed: int) -> subprocess.Popen[str]:
    role, n_steps = ("work", N_STEPS) if seed < N_THREADS + N_WORKING else ("feed", N_ROUNDS)
    command = [sys.executable, "-W", "error", "-m", "tests.contracts.writers"]
    command += [url, blobs_url, str(seed), role, str(n_steps)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=CHECKOUT, stdout=pipe, stderr=pipe, text=True)


@pytest.fixture(scope="module", params=["sqlite-folder", "neo4j-s3"])
def after(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Aftermath]:
    folder = tmp_path_factory.mktemp("shared")
    graph_kind, blobs_kind = request.param.split("-")
    url = empty_graph(graph_kind, folder, request)
    blobs_url = empty_blobs(blobs_kind, folder, request)
    graph, blobs = open_graph(url), open_blobs(blobs_url)
    engine = Engine(graph, blobs, SystemClock())
    # One alone at first: Neo4j plans each kind of query once, and whoever waits for that, waits
    # with locks in hand.
    alone = Writer(engine, 99)
    alone.work(N_STEPS)
    writers = [Writer(engine, seed) for seed in range(N_THREADS)]
    seeds = range(N_THREADS, N_THREADS + N_WORKING + N_FEEDING)
    processes = [start_process(url, blobs_url, seed) for seed in seeds]
    stop = threading.Event()
    with ThreadPoolExecutor(N_THREADS + 1) as threads:
        checks = threads.submit(check_until, stop, engine)
        try:
            list(threads.map(lambda writer: writer.work(N_STEPS), writers))
            outputs = [process.communicate(timeout=100) for process in processes]
        finally:
            stop.set()
            for process in processes:
                process.kill()
                process.communicate()
    for process, (_, stderr) in zip(processes, outputs, strict=True):
        assert process.returncode == 0, stderr
    told = [json.loads(stdout) for stdout, _ in outputs]
    created = sum((writer.created for writer in [alone, *writers]), Counter[str]())
    refused = sum((writer.refused for writer in [alone, *writers]), Counter[str]())
    n_retries = getattr(graph, "n_retries", 0)
    for process_told in told:
        created.update(process_told["created"])
        refused.update(process_told["refused"])
        n_retries += process_told["n_retries"]
    engine.reclaim.finish()
    yield Aftermath(blobs_url, graph, blobs, created, refused, n_retries, *checks.result())
    graph.close()


def test_the_writers_met(after: Aftermath) -> None:
    """Were nobody ever refused, this file would prove nothing."""
    assert sum(after.created[key] for key in shared_collections()) > 20
    assert after.refused["Gone"] + after.refused["NotFound"] > 0
    assert after.refused["CycleError"] > 0


def test_writers_in_each_others_way_run_again_and_do_not_fail(after: Aftermath) -> None:
    """That none failed is what let the fixture pass."""
    n_transactions = 3 * sum(after.created.values())  # at least
    assert after.n_retries < n_transactions


def test_those_who_feed_each_other_for_many_rounds_are_never_refused(after: Aftermath) -> None:
    for collection in loop_collections():
        assert after.created[collection] == N_ROUNDS * N_FEEDING // 2
    flow: nx.DiGraph[str] = nx.DiGraph()
    for edge in after.edges():
        flow.add_edge(edge.src, edge.dst, is_new=edge.kind is EdgeKind.LOGGED)
    assert nx.dag_longest_path_length(flow, "is_new") > N_ROUNDS // 4


def test_indexes_have_no_gap_and_none_was_given_twice(after: Aftermath) -> None:
    for collection in shared_collections() + loop_collections():
        indexes = [version.key.number for version in after.versions(collection)]
        assert indexes == list(range(after.created[collection]))


def test_an_alias_has_one_holder_and_latest_is_alive(after: Aftermath) -> None:
    for collection in shared_collections() + loop_collections():
        versions = after.versions(collection)
        holders = Counter(alias for version in versions for alias in version.aliases)
        assert set(holders.values()) <= {1}
        has_live = any(version.state == "committed" for version in versions)
        assert holders["latest"] == has_live
        assert all(version.state == "committed" for version in versions if version.aliases)


def test_lineage_has_no_cycle_and_every_version_one_creator(after: Aftermath) -> None:
    edges = after.edges()
    assert len(edges) > 50
    assert nx.is_directed_acyclic_graph(nx.DiGraph([(edge.src, edge.dst) for edge in edges]))
    makers = Counter(edge.dst for edge in edges if edge.kind is EdgeKind.LOGGED)
    assert set(makers.values()) == {1}


def test_no_two_live_versions_of_a_collection_have_the_same_content(after: Aftermath) -> None:
    for collection in shared_collections():
        live = [v for v in after.versions(collection) if v.state == "committed"]
        assert len({version.manifest for version in live}) == len(live)


def test_what_lies_in_the_store_is_what_the_graph_says(after: Aftermath) -> None:
    assert after.objects_in_store() == after.blobs_in_graph()


def test_fsck_finds_nothing_while_others_write_and_delete(after: Aftermath) -> None:
    assert after.n_checks > 1
    assert after.findings == []


def test_fsck_finds_nothing(after: Aftermath) -> None:
    assert list(after.engine().fsck.run(ADMIN, deep=True)) == []


def test_once_the_drafts_have_expired_only_live_content_is_left(after: Aftermath) -> None:
    engine = after.engine(later=True)
    engine.reclaim.finish()
    assert engine.reclaim.finish().n_blobs == 0

    live, cursor = engine.versions.select(ADMIN, PROJECT, limit=1000)
    assert cursor is None
    entries = [
        line
        for version in live
        if version.state == "committed"
        for body in engine.versions.page_bodies(ADMIN, version.key)
        for line in body.splitlines()
    ]
    digests = {json.loads(line)["digest"] for line in entries}
    found = after.graph.read(lambda tx: tx.contents.list_blobs(after=None, limit=10_000))
    assert {blob.digest for blob in found} == digests
    assert after.objects_in_store() == {blob.object for blob in found}
