"""The contract on Neo4j, and what is peculiar to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from cypher.store import Neo4jGraphStore
from tests.contracts.graph_store import GraphStoreContract
from tests.contracts.graph_values import seed
from tests.contracts.stores import open_neo4j
from tests.services.neo4j import Database


@pytest.fixture
def make_store(neo4j: Database) -> Iterator[Callable[[], Neo4jGraphStore]]:
    """A new graph at each call: there is one database, so the one before is gone then."""
    made: list[Neo4jGraphStore] = []

    def make() -> Neo4jGraphStore:
        made.append(open_neo4j(neo4j))
        seed(made[-1])
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture
def store(make_store: Callable[[], Neo4jGraphStore]) -> Neo4jGraphStore:
    return make_store()


class TestNeo4jGraphStore(GraphStoreContract):
    pass
