"""All that is recorded, listed for fsck, and what cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cypher.columns import from_in_order
from cypher.contents import to_upload
from cypher.statements import Statements
from lineage.digest import Digest
from lineage.manifest import Page
from lineage.model import DraftId, Misplaced, ObjectName, Sums, Upload
from lineage.names import CollectionKey, VersionKey

__all__ = ["CypherInventory"]


class CypherInventory:
    """`lineage.ports.Inventory` on Neo4j."""

    __slots__ = ("_cypher",)

    def __init__(self, cypher: Statements) -> None:
        self._cypher = cypher

    def list_pages(self, *, after: Digest | None, limit: int) -> list[Digest]:
        found = self._cypher.column("list_pages", after=after or "", limit=limit)
        return list(map(Digest, found))

    def recorded_pages(self, digests: Sequence[Digest]) -> list[Page]:
        return list(map(_page, self._cypher.all("find_recorded_pages", digests=digests)))

    def list_versions(self, *, after: VersionKey | None, limit: int) -> list[VersionKey]:
        values = {"after": after or "artifact:", "end": "artifact;", "limit": limit}
        return list(map(VersionKey, self._cypher.column("list_versions", **values)))

    def sums(self, versions: Sequence[VersionKey]) -> dict[VersionKey, Sums]:
        rows = self._cypher.all("find_sums", keys=versions)
        return {
            VersionKey(key): Sums(tuple(map(Digest, pages)), size_bytes, n_entries)
            for key, pages, size_bytes, n_entries in rows
        }

    def page_owners(self, page: Digest, *, after: str, limit: int) -> list[str]:
        return self._cypher.column("find_page_owners", digest=page, after=after, limit=limit)

    def blob_holders(self, blob: Digest, *, after: str, limit: int) -> list[str]:
        return self._cypher.column("find_blob_holders", digest=blob, after=after, limit=limit)

    def impossible_drafts(self) -> list[tuple[DraftId, str]]:
        return [(DraftId(id), what) for id, what in self._cypher.all("find_impossible_drafts")]

    def draftless_uploads(self) -> list[Upload]:
        return list(map(to_upload, self._cypher.all("find_draftless_uploads")))

    def shared_objects(self) -> list[ObjectName]:
        return list(map(ObjectName, self._cypher.column("find_shared_objects")))

    def short_collections(self) -> list[tuple[CollectionKey, int]]:
        return [(CollectionKey(key), n) for key, n in self._cypher.all("find_short_collections")]

    def misplaced_edges(self) -> list[Misplaced]:
        return [Misplaced(*row) for row in self._cypher.all("find_misplaced_edges")]


def _page(row: list[Any]) -> Page:
    digest, n_entries, size_bytes, is_closed, first_path, last_path, body, blobs, files = row
    return Page(
        digest=Digest(digest),
        body=body.encode(),
        n_entries=n_entries,
        size_bytes=size_bytes,
        first_path=from_in_order(first_path),
        last_path=from_in_order(last_path),
        is_closed=is_closed,
        blobs=tuple(sorted((Digest(blob), size) for blob, size in blobs)),
        large_files=tuple(sorted(map(Digest, files))),
    )
