"""The real server as a process, on a SQLite file or a Neo4j, and a folder or a bucket of its own.

with Server(tmp_path) as server:
    httpx2.get(f"{server.url}/api/v1/whoami", headers=server.headers)
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx2
import pytest

from tests.services.neo4j import Neo4j
from tests.services.s3 import S3

REPOSITORY = Path(__file__).parents[2]
KEY = "5ec2e7" * 7

_LISTENING = re.compile(rb"event=listening url=(http://\S+):(\d+)")


class Server:
    """Starts on a free port and keeps it, with its stores, over stop, kill9 and restart.

    Args:
        folder: where the graph, the blobs and the log lie.
        graph_url: of a graph that lies elsewhere; None: a SQLite file in the folder.
        s3: has a new bucket for the blobs; None: they lie in the folder. That of a bucket is on
            this disk too, and `blobs_path` is where.
        settings: more LINEAGE_ settings, or others, for this server; None leaves one out.
        prefix: a command to start it with, such as `prlimit --fsize=…`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        graph_url: str | None = None,
        s3: S3 | None = None,
        settings: Mapping[str, str | None] | None = None,
        prefix: tuple[str, ...] = (),
    ) -> None:
        self.key = KEY
        self.graph_path = folder / "graph" / "graph.db"
        self.graph_url = graph_url or f"sqlite://{self.graph_path}"
        self.blobs_path = folder / "blobs"
        self._s3 = s3
        self._blobs = {"LINEAGE_BLOBS_URL": f"file://{self.blobs_path}"}
        if s3 is not None:
            bucket = s3.new_bucket()
            self.blobs_path = s3.root / bucket / "blobs"
            self._blobs = s3.environment | {
                "LINEAGE_BLOBS_URL": f"s3://{bucket}/blobs",
                "LINEAGE_S3_ENDPOINT_URL": s3.endpoint_url,
            }
        self.log_path = folder / "server.log"
        self.host = "http://127.0.0.1"
        self.port = 0
        self._settings = dict(settings or {})
        self._prefix = prefix
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_on_folder(self) -> bool:
        """Whether the blobs lie in a folder of the server's own, not in a bucket."""
        return self._s3 is None

    @property
    def reader_pid(self) -> int:
        """The process that opens the files of blobs."""
        return self.pid if self._s3 is None else self._s3.pid

    @property
    def url(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server has not been started"
        return self._process.pid

    @property
    def environment(self) -> dict[str, str]:
        """What `python -m api` gets: nothing of whoever runs the tests but the bare minimum."""
        kept = {k: v for k, v in os.environ.items() if not k.upper().startswith("LINEAGE_")}
        ours: dict[str, str | None] = {
            "LINEAGE_GRAPH_URL": self.graph_url,
            **self._blobs,
            "LINEAGE_HOST": "127.0.0.1",
            "LINEAGE_PORT": str(self.port),
            "LINEAGE_ADMIN_KEY": self.key,
            **self._settings,
        }
        return kept | {name: value for name, value in ours.items() if value is not None}

    def run(self, *, timeout_s: float = 20) -> subprocess.CompletedProcess[str]:
        """Start it where it is expected to end by itself; its exit code and what it said."""
        return subprocess.run(
            [*self._prefix, sys.executable, "-m", "api"],
            cwd=REPOSITORY,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def start(self, *, timeout_s: float = 30, is_graph_away: bool = False) -> Self:
        """Start it, and return when it is ready, or when it runs if its graph is away."""
        assert self._process is None, "the server runs already"
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        began_at = self.log_path.stat().st_size if self.log_path.exists() else 0
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._prefix, sys.executable, "-m", "api"],
                cwd=REPOSITORY,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + timeout_s
        path = "/healthz" if is_graph_away else "/readyz"
        while not self._answers(path, began_at):
            assert self._process.poll() is None, f"the server ended:\n{self.log()[-5000:]}"
            assert time.monotonic() < deadline, f"not ready in time:\n{self.log()[-5000:]}"
            time.sleep(0.02)
        return self

    def _answers(self, path: str, began_at: int) -> bool:
        with self.log_path.open("rb") as log:
            log.seek(began_at)
            found = _LISTENING.search(log.read())
        if found is None:
            return False
        self.host, self.port = found[1].decode(), int(found[2])
        try:
            return httpx2.get(f"{self.url}{path}", timeout=5).status_code == 200
        except httpx2.TransportError:
            return False

    def stop(self) -> int:
        """Ask it to end, as a service manager does; its exit code."""
        return self._end(signal.SIGTERM)

    def kill9(self) -> None:
        """End it as a crash does: it gets no chance to do anything."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        assert process is not None, "the server has not been started"
        process.send_signal(number)
        try:
            return process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def wait_end(self, *, timeout_s: float = 20) -> int:
        """Its exit code, once it has ended by itself."""
        process, self._process = self._process, None
        assert process is not None, "the server has not been started"
        try:
            return process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self._process = process
            raise

    def restart(self) -> Self:
        """Stop it if it runs, and start it on the same stores and port."""
        if self._process is not None:
            self.stop()
        return self.start()

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def objects(self) -> list[Path]:
        """Where the blobs lie, whatever the server says; in a folder, temporary files included."""
        claim = self.blobs_path / "graph"
        return sorted(p for p in self.blobs_path.rglob("*") if p.is_file() and p != claim)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                self.stop()
            self._process = None


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that keep to a project of their own."""
    with Server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def shared_server_on_neo4j(tmp_path_factory: pytest.TempPathFactory, s3: S3) -> Iterator[Server]:
    """As `shared_server`, over a Neo4j that no other test wipes, and a bucket."""
    folder = tmp_path_factory.mktemp("server-on-neo4j")
    with Neo4j(folder / "neo4j") as graph, Server(folder, graph_url=graph.url, s3=s3) as running:
        yield running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server of this test alone, with empty stores."""
    with Server(tmp_path) as running:
        yield running
