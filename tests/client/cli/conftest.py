from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.client.connection import close_connections
from tests.client.cli.world import World
from tests.services.server import Server


@pytest.fixture(scope="session", autouse=True)
def _closed_connections() -> Iterator[None]:
    """A process keeps its connections until it ends; here they end with the tests."""
    yield
    close_connections()


@pytest.fixture(scope="session")
def asked(shared_server: Server, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The lineage of `World.fill`: no test changes what is in it."""
    return World(shared_server, tmp_path_factory.mktemp("home")).fill()


@pytest.fixture
def world(shared_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """An empty project of this test alone, in a current folder of its own."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return World(shared_server, tmp_path / "home")
