"""Fixtures of the tests of ports and engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.local import LocalBlobStore
from tests.contracts.lab import Lab
from tests.contracts.stores import GRAPHS, empty_graph, open_graph


@pytest.fixture(params=GRAPHS)
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    """On every graph store there is."""
    graph = open_graph(empty_graph(request.param, tmp_path, request))
    yield Lab(graph, LocalBlobStore(tmp_path / "blobs"))
    graph.close()
