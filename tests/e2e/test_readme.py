"""The README, read by a machine: its code runs, its links lead somewhere, its commands exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.server import REPOSITORY, Server

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
FAQ = [
    "When are artifact files deleted",
    "Who has access to my artifacts",
    "How do I log an artifact to an existing run",
    "Which artifacts did a run log or use",
    "How do I best log models from runs in a sweep",
    "How do I find an artifact from the best run in a sweep",
    "How do I save code",
    "Several architectures and runs",
    "version IDs and ETags",
]


@pytest.mark.parametrize("store", ["sqlite", "neo4j"])
def test_every_block_of_python_runs_as_it_stands_one_after_the_other(
    store: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    name = "server" if store == "sqlite" else "shared_server_on_neo4j"
    server: Server = request.getfixturevalue(name)
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    script = tmp_path / "train.py"
    script.write_text("\n".join(blocks), encoding="utf-8")
    here = tmp_path / "here"
    here.mkdir()
    environment = server.environment | {
        "LINEAGE_URL": server.url,
        "LINEAGE_API_KEY": server.key,
        "LINEAGE_CACHE_DIR": str(tmp_path / "cache"),
    }
    command = [sys.executable, "-W", "error", str(script)]
    done = subprocess.run(
        command, cwd=here, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "v2 v1" in done.stdout, "mlp:latest and mlp:best"
    assert re.search(r"^14$", done.stdout, flags=re.MULTILINE), "a first draft and its newline"


@pytest.mark.parametrize("question", FAQ)
def test_each_of_the_nine_questions_is_answered(question: str) -> None:
    assert any(question in line for line in README.splitlines() if line.startswith("### "))


def test_every_link_within_the_repository_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert links
    missing = [link for link in links if not (REPOSITORY / link).exists()]
    assert not missing


def test_the_make_targets_that_it_names_exist() -> None:
    targets = set(
        re.findall(r"^([a-z0-9-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    )
    assert set(re.findall(r"make ([a-z]+)", README)) <= targets
