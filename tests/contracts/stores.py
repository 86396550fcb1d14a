"""Graph stores for tests, each named by a URL, so that other processes can open it too."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from cypher.store import Neo4jGraphStore
from lineage.ports import GraphStore
from sql.store import SqlGraphStore
from tests.services.neo4j import Database

__all__ = ["GRAPHS", "empty_graph", "open_graph", "open_neo4j"]

GRAPHS: Final = ("sqlite", "neo4j")
_SQLITE: Final = "sqlite://"


def empty_graph(kind: str, folder: Path, request: pytest.FixtureRequest) -> str:
    """The URL of an empty graph, the only one of its kind that the test has."""
    if kind == "sqlite":
        return f"{_SQLITE}{folder / 'graph.db'}"
    database: Database = request.getfixturevalue("neo4j")
    database.wipe()
    return database.url


def open_graph(url: str) -> GraphStore:
    """The graph store that a URL names; what Neo4j warns of is an error."""
    if url.startswith(_SQLITE):
        return SqlGraphStore(Path(url.removeprefix(_SQLITE)))
    return Neo4jGraphStore.at(url, warns=True)


def open_neo4j(database: Database, *, timeout_s: float = 60.0) -> Neo4jGraphStore:
    """A new graph in the database, emptied for it; what the database warns of is an error."""
    database.wipe()
    return Neo4jGraphStore.at(database.url, timeout_s=timeout_s, warns=True)
