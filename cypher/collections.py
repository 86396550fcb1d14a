"""Collections: named, typed series of versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cypher.statements import Statements
from lineage.model import Collection
from lineage.names import CollectionKey, ProjectKey
from lineage.times import from_us, to_us

__all__ = ["CypherCollections"]


class CypherCollections:
    """`lineage.ports.Collections` on Neo4j."""

    __slots__ = ("_cypher",)

    def __init__(self, cypher: Statements) -> None:
        self._cypher = cypher

    def find(self, keys: Sequence[CollectionKey]) -> dict[CollectionKey, Collection]:
        found = map(_collection, self._cypher.all("find_collections", keys=keys))
        return {collection.key: collection for collection in found}

    def add(self, collection: Collection) -> None:
        properties = {
            "key": collection.key,
            "project": collection.key.project,
            "name": collection.key.name,
            "type": collection.type,
            "created_at": to_us(collection.created_at),
            "next_index": collection.next_index,
            "description": collection.description,
        }
        row = {"project": collection.key.project, "properties": properties}
        self._cypher.later("add_collection", row)

    def save(self, collection: Collection) -> None:
        row = {"key": collection.key, "next_index": collection.next_index}
        self._cypher.later("save_collection", row | {"description": collection.description})

    def select(
        self, project: ProjectKey, *, type: str | None, after: CollectionKey | None, limit: int
    ) -> list[Collection]:
        values = {"prefix": f"{project}/", "type": type, "after": after or "", "limit": limit}
        return list(map(_collection, self._cypher.all("select_collections", **values)))


def _collection(row: list[Any]) -> Collection:
    key, type_, created_at, next_index, description = row
    return Collection(CollectionKey(key), type_, from_us(created_at), next_index, description)
