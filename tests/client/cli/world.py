"""A project with a little lineage in it, made over REST, and the command line to ask about it.

raw:v0 ─ split ┬ train:v0 ┬ r0 ─ model:v0
               │          ├ r1 ─ model:v1 (alias prod)
               │          └ r2 ─ model:v2 ┬ eval ─ report:v0
               └ test:v0 ─────────────────┘
"""

from __future__ import annotations

import os
import ssl
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import orjson
from typer.testing import CliRunner, Result

from lineage.cli.app import app
from lineage.digest import Digest
from lineage.manifest import Entry, cut
from lineage.names import ArtifactRef
from tests.services.server import Server

INSTALLED = Path(sysconfig.get_path("scripts")) / "lineage"
EXECUTABLE = [str(INSTALLED)] if INSTALLED.exists() else [sys.executable, "-m", "lineage.cli"]

_TLS = ssl.create_default_context()  # made once: it takes longer than a request


@dataclass
class World:
    server: Server
    home: Path
    project: str = field(default_factory=lambda: f"p{uuid4().hex[:12]}")
    key: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LINEAGE_URL": self.server.url,
            "LINEAGE_API_KEY": self.key or self.server.key,
            "LINEAGE_ENTITY": "local",
            "LINEAGE_PROJECT": self.project,
            "LINEAGE_CACHE_DIR": str(self.home / "cache"),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "COLUMNS": "200",
        }

    @property
    def process_environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), **self.environment}

    def cli(
        self, *args: str, exits: int = 0, stdin: str | None = None, **settings: str | None
    ) -> Result:
        """The command line, in this process; checks how it ended, and that it ended well."""
        env: Mapping[str, str | None] = {**self.environment, **settings}
        result = CliRunner(env=env).invoke(app, list(args), input=stdin, prog_name="lineage")
        assert result.exit_code == exits, f"{args} {result.output} {result.exception!r}"
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert "Traceback" not in result.output
        return result

    def json(self, *args: str, exits: int = 0, stdin: str | None = None) -> Any:
        """The one document that the command answers with `--json`."""
        return orjson.loads(self.cli(*args, "--json", exits=exits, stdin=stdin).stdout)

    def rows(self, *args: str, exits: int = 0) -> list[Any]:
        """The lines of a list that the command answers with `--json`."""
        lines = self.cli(*args, "--json", exits=exits).stdout.splitlines()
        return [orjson.loads(line) for line in lines]

    def rest(self, method: str, path: str, body: Any = None, content: bytes | None = None) -> Any:
        """One request; paths that begin with a dot are in this world's project."""
        path = path.replace(".", f"/projects/local/{self.project}", 1) if path[0] == "." else path
        kind = "application/json" if content is None else "application/octet-stream"
        response = httpx2.request(
            method,
            f"{self.server.url}/api/v1{path}",
            headers={**self.server.headers, "Content-Type": kind},
            content=orjson.dumps(body or {}) if content is None else content,
            verify=_TLS,
        )
        assert response.is_success, response.text
        return orjson.loads(response.content) if response.content else None

    def run(self, id: str, *uses: str, **fields: Any) -> str:
        """Start a run that uses these versions."""
        self.rest("POST", "./runs", {"id": id, "resume": "never", **fields})
        for name in uses:
            ref = ArtifactRef.parse(name, entity="local", project=self.project)
            self.rest("POST", f"./runs/{id}/used", {"artifact": str(ref)})
        return id

    def log(
        self,
        collection: str,
        files: Mapping[str, bytes],
        *,
        run: str | None = None,
        type: str = "dataset",
        refs: int = 0,
        **more: Any,
    ) -> str:
        """A version with these files, and with so many references; its name in the project."""
        entries = [Entry(path, len(data), Digest.of(data)) for path, data in files.items()]
        entries += [Entry(f"ref/{n:06}.png", ref=f"https://example.org/{n}") for n in range(refs)]
        bodies = list(cut(sorted(entries, key=lambda entry: entry.path.encode())))
        draft = {
            "id": uuid4().hex,
            "collection": f"local/{self.project}/{collection}",
            "type": type,
            "run": run and f"local/{self.project}/{run}",
            "pages": [Digest.of(body) for body in bodies],
            "bodies": [body.decode() for body in bodies],
            **more,
        }
        answer = self.rest("POST", "/drafts", draft)
        data_of = {Digest.of(data): data for data in files.values()}
        for hold in answer["holds"]:
            if hold["upload"]:
                url = hold["upload"]["url"].removeprefix("/api/v1")
                self.rest("PUT", url, content=data_of[hold["digest"]])
        if answer["version"] is None:
            answer = self.rest("POST", "/drafts", draft)
        return str(answer["version"]["name"])

    def fill(self) -> World:
        """The lineage at the top of this module, and a sweep of r0, r1 and r2's like."""
        self.log("raw", {"images/1.png": b"one", "images/2.png": b"two"}, tags=["nist"])
        self.run("split", "raw:v0", name="splitter", job_type="prep")
        self.log("train", {"1.png": b"one"}, run="split")
        self.log("test", {"2.png": b"two", "readme": b"only for tests"}, run="split")
        for n in range(3):
            run = self.run(f"r{n}", "train:v0", name=f"train-{n}", config={"lr": n})
            aliases = ["prod"] if n == 1 else []
            self.log("model", {"weights": b"%d" % n}, run=run, type="model", aliases=aliases)
            self.rest("PATCH", f"./runs/{run}", {"summary": {"acc": n / 2}})
            self.rest("POST", f"./runs/{run}/finish", {"exit_code": 0})
        self.run("eval", "model:v2", "test:v0")
        self.log("report", {"report.md": b"# good"}, run="eval", type="report")
        sweep = {
            "id": "search",
            "method": "grid",
            "metric": {"name": "acc", "goal": "maximize"},
            "parameters": {"lr": {"values": [1, 2, 3]}},
        }
        self.rest("POST", "./sweeps", sweep)
        for n, acc in enumerate([0.5, 0.9, None]):
            self.rest("POST", "./sweeps/search/next", {"run": f"s{n}"})
            if acc is not None:
                self.rest("PATCH", f"./runs/s{n}", {"summary": {"acc": acc}})
                self.log("tried", {"weights": b"tried %d" % n}, run=f"s{n}", type="model")
        return self
