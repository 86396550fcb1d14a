from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

import lineage
from tests.services.proxy import Proxy
from tests.services.server import Server


def settle_in(monkeypatch: pytest.MonkeyPatch, folder: Path, url: str, key: str) -> str:
    """Make this process a user of the server, in a folder and a project of the test's own."""
    project = f"p-{uuid4().hex[:10]}"
    monkeypatch.setenv("LINEAGE_URL", url)
    monkeypatch.setenv("LINEAGE_API_KEY", key)
    monkeypatch.setenv("LINEAGE_PROJECT", project)
    monkeypatch.setenv("LINEAGE_CACHE_DIR", str(folder / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    work = folder / "work"
    work.mkdir(exist_ok=True)
    monkeypatch.chdir(work)
    return project


@pytest.fixture
def project(
    shared_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The project that names without one mean, on the server that all tests share."""
    yield settle_in(monkeypatch, tmp_path, shared_server.url, shared_server.key)
    lineage.finish()


@pytest.fixture
def proxy(
    shared_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Proxy]:
    """As `project`, with a proxy between, which the test may let break connections."""
    with Proxy(shared_server.port) as between:
        settle_in(monkeypatch, tmp_path, between.url, shared_server.key)
        yield between
        lineage.finish()
