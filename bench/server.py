"""Our API as a process of its own, on a folder of the measurement's."""

import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType
from typing import Self

import httpx2


class Server:
    """`python -m api` over `folder`/graph.db, or another graph, and `folder`/blobs."""

    def __init__(self, folder: Path, graph_url: str | None = None) -> None:
        self._folder = folder
        self._graph_url = graph_url or f"sqlite://{folder}/graph.db"
        self.key = secrets.token_hex(20)
        self.headers = {"Authorization": f"Bearer {self.key}"}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        settings = {
            "LINEAGE_GRAPH_URL": self._graph_url,
            "LINEAGE_BLOBS_URL": f"file://{self._folder}/blobs",
            "LINEAGE_PORT": str(self._port),
            "LINEAGE_ADMIN_KEY": self.key,
        }
        ours = {k: v for k, v in os.environ.items() if not k.startswith("LINEAGE_")}
        self._log = (self._folder / "server.log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "api"],
            env=ours | settings,
            cwd=Path(__file__).resolve().parents[1],
            stdout=self._log,
            stderr=self._log,
        )
        deadline = monotonic() + 30
        while monotonic() < deadline and self._process.poll() is None:
            try:
                if httpx2.get(f"{self.url}/readyz", timeout=1).status_code == 200:
                    return self
            except httpx2.TransportError:
                sleep(0.05)
        self.__exit__(None, None, None)
        raise SystemExit(f"the server did not start: see {self._folder}/server.log")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)
        self._log.close()

    def peak_bytes(self) -> int:
        """The most memory the process has had."""
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
        return 0

    def resident_bytes(self) -> int:
        """The memory the process has now."""
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        return 0
