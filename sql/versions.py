"""Versions and the aliases that name them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import apsw

from lineage.digest import Digest
from lineage.errors import AlreadyExists, Conflict, NotFound
from lineage.filters import Filter
from lineage.model import DraftId, Json, ReferenceCheck, Version, VersionState
from lineage.names import CollectionKey, ProjectKey, VersionKey
from lineage.times import from_us, from_us_or_none, to_us, to_us_or_none
from lineage.values import from_json, to_json
from sql.columns import integers, leaves, raw_digests, text_list, texts
from sql.compile_filter import VERSIONS, compose, cursor_of
from sql.statements import Statements, load

__all__ = ["SqlVersions"]


class SqlVersions:
    """`lineage.ports.Versions` on SQLite."""

    __slots__ = ("_sql",)

    def __init__(self, sql: Statements) -> None:
        self._sql = sql

    def find(self, keys: Sequence[VersionKey]) -> dict[VersionKey, Version]:
        found = map(_version, self._sql.all("find_versions", texts(keys)))
        return {version.key: version for version in found}

    def find_by_manifest(self, collection: CollectionKey, manifest: Digest) -> VersionKey | None:
        key = self._sql.value("find_by_manifest", collection, manifest.raw)
        return None if key is None else VersionKey(key)

    def find_newest(self, collection: CollectionKey) -> VersionKey | None:
        key = self._sql.value("find_newest", collection)
        return None if key is None else VersionKey(key)

    def add(self, version: Version, draft: DraftId, pages: Sequence[Digest]) -> None:
        key = version.key
        try:
            version_id = self._sql.value("add_node", key)
        except apsw.ConstraintError as exc:
            raise AlreadyExists(f"{key} is there already", key=key) from exc
        if version_id is None:
            raise AlreadyExists(f"{key} was purged, and its key is never given again", key=key)
        self._sql.run(
            "add_version", version_id, key.collection, key.number, version.state, bool(pages),
            version.manifest.raw, version.size_bytes, version.n_files, to_us(version.created_at),
            version.created_by, to_us_or_none(version.deleted_at), version.deleted_by,
            version.revision, to_json(version.tags), version.description,
            to_json(version.metadata),
        )  # fmt: skip
        values = leaves(version.metadata)
        self._sql.many("set_version_value", [(version_id, *item) for item in values.items()])
        self._sql.many(
            "add_version_page", [(version_id, i, page.raw) for i, page in enumerate(pages)]
        )
        self._sql.run("drop_draft_pages", draft, raw_digests(pages))

    def save(self, version: Version) -> None:
        row = self._sql.one("find_version_document", version.key)
        if row is None:
            raise NotFound(f"there is no {version.key}", key=version.key)
        version_id, before = row
        metadata = to_json(version.metadata)
        self._sql.run(
            "save_version", version_id, metadata, version.description, to_json(version.tags),
            version.revision,
        )  # fmt: skip
        if metadata != before:
            old, new = leaves(from_json(before)), leaves(version.metadata)
            gone = [(version_id, path) for path in old if path not in new]
            self._sql.many("drop_version_value", gone)
            self._sql.many("set_version_value", [(version_id, *item) for item in new.items()])

    def set_check(self, key: VersionKey, check: ReferenceCheck) -> None:
        row = self._sql.one("find_version_document", key)
        if row is None:
            raise NotFound(f"there is no {key}", key=key)
        self._sql.run(
            "set_reference_check", row[0], to_us(check.checked_at), check.checked_by, check.n_ok,
            check.n_changed, check.n_missing, check.n_unversioned,
        )  # fmt: skip

    def drifted(self) -> list[VersionKey]:
        return list(map(VersionKey, self._sql.column("find_drifted")))

    def mark_deleted(self, keys: Sequence[VersionKey], at: datetime, by: str) -> None:
        ids = self._sql.column("find_node_ids", texts(keys))
        self._sql.run("mark_deleted", integers(ids), to_us(at), by)
        self._sql.run("drop_version_values", integers(ids))
        self._sql.run("drop_aliases", integers(ids))
        self._sql.run("drop_reference_checks", integers(ids))

    def remove(self, key: VersionKey) -> None:
        try:
            n_removed = self._sql.run("remove_version", key)
        except apsw.ConstraintError as exc:
            raise Conflict(f"{key} still owns pages", key=key) from exc
        if n_removed:
            self._sql.run("retire_key", key)

    def find_aliases(
        self, collection: CollectionKey, names: Sequence[str]
    ) -> dict[str, VersionKey]:
        rows = self._sql.all("find_aliases", collection, texts(names))
        return {name: VersionKey(key) for name, key in rows}

    def set_alias(self, collection: CollectionKey, name: str, version: VersionKey) -> None:
        self._sql.run("set_alias", collection, name, version)

    def drop_alias(self, collection: CollectionKey, name: str) -> None:
        self._sql.run("drop_alias", collection, name)

    def select(
        self,
        projects: Sequence[ProjectKey],
        *,
        collection: CollectionKey | None,
        where: Filter | None,
        order: str,
        after: Json,
        limit: int,
    ) -> tuple[list[Version], Json]:
        ids = self._sql.column("find_project_ids", texts(projects))
        statement = load()["select_versions"]
        text, values = compose(statement, VERSIONS, where=where, order=order, after=after)
        values |= {"projects": integers(ids), "collection": collection, "limit": limit + 1}
        rows = self._sql.composed(text, values)
        found = self.find([VersionKey(key) for key, _ in rows[:limit]])
        return [found[VersionKey(key)] for key, _ in rows[:limit]], cursor_of(rows, limit)


def _version(row: tuple[Any, ...]) -> Version:
    """From the columns of `find_versions`."""
    key, type_, state, manifest, size_bytes, n_files, created_at, created_by, *rest = row
    deleted_at, deleted_by, revision, tags, aliases, description, metadata, *check = rest
    return Version(
        key=VersionKey(key),
        type=type_,
        state=VersionState(state),
        manifest=Digest.from_raw(manifest),
        size_bytes=size_bytes,
        n_files=n_files,
        created_at=from_us(created_at),
        created_by=created_by,
        metadata=from_json(metadata),
        description=description,
        tags=text_list(tags),
        aliases=text_list(aliases),
        deleted_at=from_us_or_none(deleted_at),
        deleted_by=deleted_by,
        revision=revision,
        reference_check=_check(check),
    )


def _check(columns: list[Any]) -> ReferenceCheck | None:
    """From those of the columns of `find_versions` that tell of it."""
    checked_at, *others = columns
    return None if checked_at is None else ReferenceCheck(from_us(checked_at), *others)
