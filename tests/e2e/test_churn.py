"""Many writers and deleters on the same few contents, over stores that fail and processes that are
killed; at the end what lies in the store is what the graph says, not a byte more or less."""

from __future__ import annotations

import faulthandler
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import networkx as nx
import pytest

from lineage.engine import Engine
from lineage.manifest import parse_entries
from lineage.model import VersionState
from lineage.names import VersionKey
from lineage.ports import BlobStore, GraphStore, Transaction
from tests.contracts.stores import PAIRS, all_objects, blobs_at, empty_graph, open_blobs, open_graph
from tests.contracts.writers import ADMIN, PROJECT, SystemClock, Writer
from tests.services.churning import LIMITS
from tests.services.neo4j import Database
from tests.services.s3 import S3

CHECKOUT: Final = Path(__file__).parents[2]
N_PROCESSES: Final = 3
N_THREADS: Final = 2
AT_LEAST: Final = 30  # steps that are done, however long it takes
FAR: Final = datetime.now(UTC) + timedelta(days=365)


class LaterClock:
    """When every draft has expired and nothing can land any more."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=3)


@dataclass
class Churn:
    """Processes on a pair of stores, killed and started ever again."""

    graph_url: str
    blobs_url: str
    folder: Path
    s3: S3 | None
    seed: int
    told: Counter[str] = field(default_factory=Counter)
    kept: dict[VersionKey, Mapping[str, bytes]] = field(default_factory=dict)
    n_started: int = 0
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        self.n_started += 1
        seed = self.seed + 1000 * self.n_started
        command = [sys.executable, "-m", "tests.services.churning", self.graph_url, self.blobs_url]
        command += [str(seed), str(self.folder / f"journal-{self.n_started}"), str(N_THREADS)]
        with (self.folder / "errors").open("ab") as errors:
            self.running.append(subprocess.Popen(command, cwd=CHECKOUT, stderr=errors))

    def look_after(self) -> None:
        """Start anew what has ended; it has ended as asked."""
        for process in [each for each in self.running if each.poll() is not None]:
            self.running.remove(process)
            self.check_end(process)
            self.start()

    def check_end(self, process: subprocess.Popen[bytes]) -> None:
        assert process.returncode == -signal.SIGKILL, (self.folder / "errors").read_text()[-9000:]

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()
        self.told["killed at some moment"] += 1

    def trouble_the_bucket(self, dice: random.Random) -> None:
        if self.s3 is None:
            return
        if dice.random() < 0.5:
            self.told["server of the bucket killed"] += 1
            self.s3.kill9()
            time.sleep(dice.uniform(0, 0.5))
            self.s3.start()
        else:
            self.told["server of the bucket paused"] += 1
            self.s3.pause()
            time.sleep(dice.uniform(0.1, 1))
            self.s3.resume()

    def begin(self) -> None:
        """One alone at first: Neo4j plans each kind of query once, and whoever waits for that,
        waits with locks in hand."""
        graph, blobs = open_graph(self.graph_url), open_blobs(self.blobs_url)
        engine = Engine(graph, blobs, SystemClock(), limits=LIMITS)
        Writer(engine, self.seed).work(15)
        graph.close()

    def go_on(self, seconds: float) -> None:
        dice = random.Random(self.seed)
        end = time.monotonic() + seconds
        try:
            for _ in range(N_PROCESSES):
                self.start()
            while time.monotonic() < end or self.n_done() < AT_LEAST:
                assert time.monotonic() < end + 90, "they do not get on"
                time.sleep(dice.uniform(0.2, 1.0))
                if dice.random() < 0.2:
                    self.kill(dice.choice(self.running))
                elif dice.random() < 0.2:
                    self.trouble_the_bucket(dice)
                self.look_after()
        finally:
            for process in self.running:
                process.kill()
                process.wait()
        for process in self.running:
            self.check_end(process)
        self.read_journals()

    def n_done(self) -> int:
        return sum(path.read_text().count("done") for path in self.folder.glob("journal-*"))

    def read_journals(self) -> None:
        for path in self.folder.glob("journal-*"):
            for line in path.read_text().splitlines():
                if line.startswith("{"):
                    fact: dict[str, Any] = json.loads(line)
                    content = {p: bytes.fromhex(d) for p, d in fact["content"].items()}
                    self.kept[VersionKey(fact["kept"])] = content
                else:
                    self.told[line] += 1

    @property
    def n_faults(self) -> int:
        kinds = ("failed ", "killed ", "server ")
        return sum(n for what, n in self.told.items() if what.startswith(kinds))

    def summary(self, n_versions: int, n_objects: int) -> str:
        n_refused = sum(n for what, n in self.told.items() if what.startswith("refused "))
        n_kills = sum(n for what, n in self.told.items() if what.startswith("killed "))
        return (
            f"seed={self.seed} done={self.told['done']} refused={n_refused}"
            f" retries={self.told['retried']} faults={self.n_faults} (kills={n_kills})"
            f" kept={len(self.kept)} versions={n_versions} objects={n_objects} lost=0 leaked=0"
        )


@contextmanager
def churn(pair: str, request: pytest.FixtureRequest) -> Iterator[Churn]:
    graph_kind, blobs_kind = pair.split("-")
    memory = Path("/dev/shm")  # noqa: S108 - the folder itself is private
    is_there = os.access(memory, os.W_OK | os.X_OK)
    folder = Path(tempfile.mkdtemp(prefix="lineage-churn-", dir=memory if is_there else None))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        url, server = f"file://{folder / 'blobs'}", None
        if blobs_kind == "s3":  # others must not see it go
            (folder / "s3").mkdir()
            server = stack.enter_context(S3(folder / "s3"))
            stack.callback(server.kill9)  # it would wait for connections that are kept
            url = blobs_at(server, server.new_bucket(versioned=True))
        graph_url = empty_graph(graph_kind, folder, request)
        yield Churn(graph_url, url, folder, server, random.getrandbits(32))


def wait_alone(database: Database) -> None:
    """Return when Neo4j has noticed that killed processes are gone, and rolled back."""
    end = time.monotonic() + 20
    text = "SHOW TRANSACTIONS YIELD transactionId RETURN count(*) AS n"
    while database.driver.execute_query(text).records[0]["n"] > 1:
        assert time.monotonic() < end, "the transaction of a killed process is still there"
        time.sleep(0.02)


def check(churn: Churn) -> str:
    """Finish everything; then nothing is lost, nothing is leaked, and what it came to."""
    graph, blobs = open_graph(churn.graph_url), open_blobs(churn.blobs_url)
    try:
        engine = Engine(graph, blobs, LaterClock(), limits=LIMITS)
        engine.reclaim.finish()
        graph.read(nothing_is_left_to_do)
        found = all_objects(churn.blobs_url)
        stored = graph.read(lambda tx: tx.contents.list_blobs(after=None, limit=100_000))
        for blob in stored:
            content = found.get(blob.object)
            assert content is not None, f"lost: {blob}"
            assert hashlib.sha256(content).hexdigest() == blob.digest.hex, f"damaged: {blob}"
            assert len(content) == blob.size_bytes
        assert set(found) == {blob.object for blob in stored}, "leaked"
        assert list(engine.fsck.run(ADMIN, deep=True)) == []
        edges = graph.read(lambda tx: [(e.src, e.dst) for e in tx.flow.iter_edges()])
        assert nx.is_directed_acyclic_graph(nx.DiGraph(edges))
        live = check_versions(churn, engine, graph, blobs)
        needed = {digest for digests in live.values() for digest in digests.values()}
        assert needed == {blob.digest for blob in stored}
        return churn.summary(len(live), len(found))
    finally:
        graph.close()


def nothing_is_left_to_do(tx: Transaction) -> None:
    assert tx.receipts.unfinished(FAR, limit=10) == []
    receipts = tx.receipts.select(actor=None, after=None, limit=100_000)
    assert all(r.finished_at and r.n_done == len(r.versions) for r in receipts)
    assert tx.drafts.expired(FAR, limit=10) == []
    assert tx.contents.pending_tombstones(limit=10) == []
    assert tx.contents.late_tombstones(FAR, limit=10) == []
    assert tx.contents.owned_deleted(FAR, limit=10) == []
    assert tx.inventory.draftless_uploads() == []


def check_versions(
    churn: Churn, engine: Engine, graph: GraphStore, blobs: BlobStore
) -> dict[VersionKey, dict[str, Any]]:
    """The digests in each live version, by path; what was acknowledged is there byte for byte."""
    live: dict[VersionKey, dict[str, Any]] = {}
    cursor = None
    while True:
        page, cursor = engine.versions.select(ADMIN, PROJECT, limit=1000, after=cursor)
        for version in page:
            if version.state is VersionState.COMMITTED:
                bodies = engine.versions.page_bodies(ADMIN, version.key)
                entries = [entry for body in bodies for entry in parse_entries(body)]
                live[version.key] = {entry.path: entry.digest for entry in entries}
        if cursor is None:
            break
    for key, content in churn.kept.items():
        assert live[key].keys() == content.keys(), f"lost: {key}"
        for path, data in content.items():
            assert live[key][path].hex == hashlib.sha256(data).hexdigest()
    return live


def churn_for(pair: str, request: pytest.FixtureRequest, seconds: float) -> Churn:
    faulthandler.cancel_dump_traceback_later()  # it is not stuck
    with churn(pair, request) as one:
        try:
            one.begin()
            one.go_on(seconds)
            if pair.startswith("neo4j"):
                wait_alone(request.getfixturevalue("neo4j"))
            print(f"churn {pair}: {check(one)}")  # noqa: T201 - what a soak has come to
        except BaseException as exc:
            exc.add_note(f"churn {pair}, seed {one.seed}")
            raise
        return one


@pytest.mark.parametrize("pair", PAIRS)
def test_writers_and_deleters_amid_faults_lose_nothing_and_leave_nothing(
    pair: str, request: pytest.FixtureRequest
) -> None:
    churned = churn_for(pair, request, 4)
    assert churned.told["done"] >= AT_LEAST
    assert churned.n_faults > 3


@pytest.mark.soak
@pytest.mark.parametrize("pair", PAIRS)
def test_writers_and_deleters_amid_faults_for_as_long_as_told(
    pair: str, request: pytest.FixtureRequest, soak_s: float, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        told = churn_for(pair, request, max(soak_s, 5)).told
        for what, n in sorted(told.items()):
            print(f"    {n:7} {what}")  # noqa: T201
