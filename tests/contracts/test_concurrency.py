"""Many threads and processes at once on one SQLite file and one folder: afterwards all is whole."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import networkx as nx
import pytest

from lineage.engine import Engine
from lineage.model import Edge, EdgeKind, Version
from lineage.names import CollectionKey
from sql.store import SqlGraphStore
from storage.local import LocalBlobStore
from tests.contracts.writers import ADMIN, PROJECT, SystemClock, Writer, shared_collections

CHECKOUT = Path(__file__).parents[2]
N_THREADS, N_PROCESSES = 8, 3
N_STEPS = 50


class LaterClock:
    """When every draft has expired and no upload can land any more."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=3)


@dataclass
class Aftermath:
    folder: Path
    graph: SqlGraphStore
    blobs: LocalBlobStore
    created: Counter[str]
    refused: Counter[str]

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

    def objects_on_disk(self) -> set[str]:
        files = (self.folder / "blobs" / "sha256").rglob("*")
        return {str(f.relative_to(self.folder / "blobs")) for f in files if f.is_file()}

    def blobs_in_graph(self) -> set[str]:
        found = self.graph.read(lambda tx: tx.contents.list_blobs(after=None, limit=10_000))
        return {blob.object for blob in found}


def start_process(folder: Path, seed: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-m", "tests.contracts.writers"]
    command += [str(folder / "graph.db"), str(folder / "blobs"), str(seed), str(2 * N_STEPS)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=CHECKOUT, stdout=pipe, stderr=pipe, text=True)


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    folder = tmp_path_factory.mktemp("shared")
    graph, blobs = SqlGraphStore(folder / "graph.db"), LocalBlobStore(folder / "blobs")
    engine = Engine(graph, blobs, SystemClock())
    writers = [Writer(engine, seed) for seed in range(N_THREADS)]
    processes = [start_process(folder, N_THREADS + n) for n in range(N_PROCESSES)]
    try:
        with ThreadPoolExecutor(N_THREADS) as threads:
            list(threads.map(lambda writer: writer.work(N_STEPS), writers))
        outputs = [process.communicate(timeout=60) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    for process, (_, stderr) in zip(processes, outputs, strict=True):
        assert process.returncode == 0, stderr
    told = [json.loads(stdout) for stdout, _ in outputs]
    created = sum((writer.created for writer in writers), Counter[str]())
    refused = sum((writer.refused for writer in writers), Counter[str]())
    for process_told in told:
        created.update(process_told["created"])
        refused.update(process_told["refused"])
    engine.reclaim.finish()
    yield Aftermath(folder, graph, blobs, created, refused)
    graph.close()


def test_the_writers_met(after: Aftermath) -> None:
    """Were nobody ever refused, this file would prove nothing."""
    assert sum(after.created[key] for key in shared_collections()) > 20
    assert after.refused["Gone"] + after.refused["NotFound"] > 0


def test_indexes_have_no_gap_and_none_was_given_twice(after: Aftermath) -> None:
    for collection in shared_collections():
        indexes = [version.key.number for version in after.versions(collection)]
        assert indexes == list(range(after.created[collection]))


def test_an_alias_has_one_holder_and_latest_is_alive(after: Aftermath) -> None:
    for collection in shared_collections():
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


def test_what_lies_on_disk_is_what_the_graph_says(after: Aftermath) -> None:
    assert after.objects_on_disk() == after.blobs_in_graph()


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
    assert after.objects_on_disk() == {blob.object for blob in found}
