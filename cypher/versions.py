"""Versions and the aliases that name them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cypher.columns import packed_leaves
from cypher.compile_filter import VERSIONS, compose, cursor_of
from cypher.statements import Statements, load
from lineage.digest import Digest
from lineage.errors import Conflict, NotFound
from lineage.filters import Filter
from lineage.model import DraftId, Json, ReferenceCheck, Version, VersionState
from lineage.names import CollectionKey, ProjectKey, VersionKey
from lineage.times import from_us, from_us_or_none, to_us, to_us_or_none
from lineage.values import from_json, to_json

__all__ = ["CypherVersions", "alias_keys", "collection_values"]


class CypherVersions:
    """`lineage.ports.Versions` on Neo4j."""

    __slots__ = ("_cypher",)

    def __init__(self, cypher: Statements) -> None:
        self._cypher = cypher

    def find(self, keys: Sequence[VersionKey]) -> dict[VersionKey, Version]:
        if not keys:
            return {}
        found = map(_version, self._cypher.all("find_versions", keys=keys))
        return {version.key: version for version in found}

    def find_by_manifest(self, collection: CollectionKey, manifest: Digest) -> VersionKey | None:
        key = self._cypher.value("find_by_manifest", collection=collection, manifest=manifest)
        return None if key is None else VersionKey(key)

    def find_newest(self, collection: CollectionKey) -> VersionKey | None:
        values = {"project": collection.project, "collection": collection.name}
        key = self._cypher.value("find_newest", **values)
        return None if key is None else VersionKey(key)

    def add(self, version: Version, draft: DraftId, pages: Sequence[Digest]) -> None:
        key = version.key
        properties = {
            "key": key,
            "project": key.project,
            "collection": key.collection.name,
            "index": key.number,
            "type": version.type,
            "state": version.state,
            "digest": version.manifest,
            "size_bytes": version.size_bytes,
            "n_files": version.n_files,
            "created_at": to_us(version.created_at),
            "created_by": version.created_by,
            "deleted_at": to_us_or_none(version.deleted_at),
            "deleted_by": version.deleted_by,
        }
        row = {"collection": key.collection, "properties": properties | _properties(version)}
        self._cypher.later("add_version", row)
        for position, page in enumerate(pages):
            place = {"version": key, "position": position, "page": page}
            self._cypher.later("add_version_page", place)
        for page in pages:
            self._cypher.later("drop_draft_page", {"draft": draft, "page": page})

    def save(self, version: Version) -> None:
        missing = NotFound(f"there is no {version.key}", key=version.key)
        row = {"key": version.key, "properties": _properties(version)}
        self._cypher.later("save_version", row, missing=missing)

    def set_check(self, key: VersionKey, check: ReferenceCheck) -> None:
        properties = {
            "references_checked_at": to_us(check.checked_at),
            "references_checked_by": check.checked_by,
            "references_ok": check.n_ok,
            "references_changed": check.n_changed,
            "references_missing": check.n_missing,
            "references_unversioned": check.n_unversioned,
        }
        row = {"key": key, "properties": properties, "is_drifted": check.is_drifted}
        missing = NotFound(f"there is no {key}", key=key)
        self._cypher.later("set_reference_check", row, missing=missing)

    def drifted(self) -> list[VersionKey]:
        return list(map(VersionKey, self._cypher.column("find_drifted")))

    def mark_deleted(self, keys: Sequence[VersionKey], at: datetime, by: str) -> None:
        for key in keys:
            self._cypher.later("mark_deleted", {"key": key, "at": to_us(at), "by": by})

    def remove(self, key: VersionKey) -> None:
        missing = Conflict(f"{key} still owns pages, or is not there", key=key)
        self._cypher.later("retire_node", key, missing=missing)

    def find_aliases(
        self, collection: CollectionKey, names: Sequence[str]
    ) -> dict[str, VersionKey]:
        keys = alias_keys(collection, names)
        rows = self._cypher.all("find_aliases", keys=keys) if keys else []
        return {name: VersionKey(key) for name, key in rows}

    def set_alias(self, collection: CollectionKey, name: str, version: VersionKey) -> None:
        row = {"key": f"{collection}:{name}", "name": name, "version": version}
        self._cypher.later("set_alias", row, replaces="key")

    def drop_alias(self, collection: CollectionKey, name: str) -> None:
        self._cypher.later("drop_alias", f"{collection}:{name}")

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
        statement = load()["select_versions"]
        text, values = compose(statement, VERSIONS, where=where, order=order, after=after)
        if collection is not None:
            projects = [project for project in projects if project == collection.project]
        values |= {"projects": projects, "limit": limit + 1} | collection_values(collection)
        rows = self._cypher.composed(text, values)
        found = self.find([VersionKey(key) for key, _ in rows[:limit]])
        return [found[VersionKey(key)] for key, _ in rows[:limit]], cursor_of(rows, limit)


def collection_values(collection: CollectionKey | None) -> dict[str, str]:
    """Parameters: the one collection, or all of a project, as a range of names, which are ASCII."""
    if collection is None:
        return {"first": "", "last": "\x7f"}
    return {"first": collection.name, "last": collection.name}


def alias_keys(collection: CollectionKey, names: Sequence[str]) -> list[str]:
    return [f"{collection}:{name}" for name in names]


def _properties(version: Version) -> dict[str, Any]:
    """What `save` replaces."""
    return {
        "revision": version.revision,
        "tags": list(version.tags),
        "description": version.description,
        "metadata": to_json(version.metadata),
        "metadata_values": packed_leaves(version.metadata),
    }


def _version(row: list[Any]) -> Version:
    """From the columns of `find_versions`."""
    key, type_, state, manifest, size_bytes, n_files, created_at, created_by, *rest = row
    deleted_at, deleted_by, revision, tags, aliases, description, metadata, *check = rest
    return Version(
        key=VersionKey(key),
        type=type_,
        state=VersionState(state),
        manifest=Digest(manifest),
        size_bytes=size_bytes,
        n_files=n_files,
        created_at=from_us(created_at),
        created_by=created_by,
        metadata=from_json(metadata),
        description=description,
        tags=tuple(tags),
        aliases=tuple(aliases),
        deleted_at=from_us_or_none(deleted_at),
        deleted_by=deleted_by,
        revision=revision,
        reference_check=_check(check),
    )


def _check(columns: list[Any]) -> ReferenceCheck | None:
    """From those of the columns of `find_versions` that tell of it."""
    checked_at, *others = columns
    return None if checked_at is None else ReferenceCheck(from_us(checked_at), *others)
