"""Collections: named, typed series of versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw

from lineage.errors import AlreadyExists
from lineage.model import Collection
from lineage.names import CollectionKey, ProjectKey
from lineage.times import from_us, to_us
from sql.columns import texts
from sql.statements import Statements, is_duplicate

__all__ = ["SqlCollections"]


class SqlCollections:
    """`lineage.ports.Collections` on SQLite."""

    __slots__ = ("_sql",)

    def __init__(self, sql: Statements) -> None:
        self._sql = sql

    def find(self, keys: Sequence[CollectionKey]) -> dict[CollectionKey, Collection]:
        found = map(_collection, self._sql.all("find_collections", texts(keys)))
        return {collection.key: collection for collection in found}

    def add(self, collection: Collection) -> None:
        key = collection.key
        created_at = to_us(collection.created_at)
        try:
            self._sql.run(
                "add_collection", key, key.project, collection.type, created_at,
                collection.next_index, collection.description,
            )  # fmt: skip
        except apsw.ConstraintError as exc:
            if not is_duplicate(exc):
                raise
            raise AlreadyExists(f"collection {key} is there already", key=key) from exc

    def save(self, collection: Collection) -> None:
        key, index, description = collection.key, collection.next_index, collection.description
        self._sql.run("save_collection", key, index, description)

    def select(
        self, project: ProjectKey, *, type: str | None, after: CollectionKey | None, limit: int
    ) -> list[Collection]:
        rows = self._sql.all("select_collections", project, type, after or "", limit)
        return list(map(_collection, rows))


def _collection(row: tuple[Any, ...]) -> Collection:
    key, type_, created_at, next_index, description = row
    return Collection(CollectionKey(key), type_, from_us(created_at), next_index, description)
