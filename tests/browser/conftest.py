from __future__ import annotations

from collections.abc import Iterator

import pytest

from storage.local import LocalBlobStore
from tests.browser.recorded import record
from tests.contracts.lab import Lab
from tests.contracts.stores import open_neo4j
from tests.services.neo4j import Database
from tests.services.server import Server


@pytest.fixture(scope="module")
def recorded(neo4j: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The database, with a small graph as the engine records it."""
    graph = open_neo4j(neo4j)
    record(Lab(graph, LocalBlobStore(tmp_path_factory.mktemp("blobs"))))
    yield neo4j
    graph.close()
    neo4j.wipe()


@pytest.fixture(scope="module")
def api(neo4j: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Our server on Neo4j. What this folder serves needs no data, so it keeps none."""
    with Server(tmp_path_factory.mktemp("api"), graph_url=neo4j.url) as running:
        yield running
