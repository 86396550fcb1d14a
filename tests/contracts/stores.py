"""Graph stores for tests, each empty when it is made."""

from __future__ import annotations

from cypher.store import Neo4jGraphStore
from tests.services.neo4j import Database

__all__ = ["open_neo4j"]


def open_neo4j(database: Database, *, timeout_s: float = 60.0) -> Neo4jGraphStore:
    """A new graph in the database, emptied for it; what the database warns of is an error."""
    database.wipe()
    return Neo4jGraphStore.at(database.url, timeout_s=timeout_s, warns=True)
