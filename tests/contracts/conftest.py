"""Fixtures of the tests of ports and engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.contracts.lab import Lab
from tests.contracts.stores import PAIRS, empty_blobs, empty_graph, open_blobs, open_graph

# Where bytes are the point, each pair of stores. Elsewhere each store: the pair of a laptop, and
# that of an organisation.
_EACH_PAIR: Final = ("test_engine_deletion", "test_engine_drafts", "test_engine_fsck")
_EACH_STORE: Final = ("sqlite-folder", "neo4j-s3")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "lab" in metafunc.fixturenames:
        is_about_bytes = metafunc.module.__name__.endswith(_EACH_PAIR)
        metafunc.parametrize("lab", PAIRS if is_about_bytes else _EACH_STORE, indirect=True)


@pytest.fixture
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    """On a pair of stores."""
    graph_kind, blobs_kind = request.param.split("-")
    graph = open_graph(empty_graph(graph_kind, tmp_path, request))
    yield Lab(graph, open_blobs(empty_blobs(blobs_kind, tmp_path, request)))
    graph.close()
