"""All that is recorded, listed for fsck, and what cannot be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from lineage.digest import Digest
from lineage.manifest import BlobSize, Page
from lineage.model import DraftId, Misplaced, ObjectName, Sums, Upload
from lineage.names import CollectionKey, VersionKey
from sql.columns import integers, raw_digests
from sql.contents import to_upload
from sql.statements import Statements

__all__ = ["SqlInventory"]


class SqlInventory:
    """`lineage.ports.Inventory` on SQLite."""

    __slots__ = ("_sql",)

    def __init__(self, sql: Statements) -> None:
        self._sql = sql

    def list_pages(self, *, after: Digest | None, limit: int) -> list[Digest]:
        start = b"" if after is None else after.raw
        return list(map(Digest.from_raw, self._sql.column("list_pages", start, limit)))

    def recorded_pages(self, digests: Sequence[Digest]) -> list[Page]:
        rows = self._sql.all("find_recorded_pages", raw_digests(digests))
        ids = [row[0] for row in rows]
        blobs: defaultdict[int, list[BlobSize]] = defaultdict(list)
        for id, raw, size_bytes in self._sql.iter("find_recorded_blobs", integers(ids)):
            blobs[id].append((Digest.from_raw(raw), size_bytes))
        files: defaultdict[int, list[Digest]] = defaultdict(list)
        for id, raw in self._sql.iter("find_recorded_files", integers(ids)):
            files[id].append(Digest("sha256-64m:" + raw.hex()))
        return [_page(row, blobs[row[0]], files[row[0]]) for row in rows]

    def list_versions(self, *, after: VersionKey | None, limit: int) -> list[VersionKey]:
        found = self._sql.column("list_versions", after or "artifact:", limit)
        return list(map(VersionKey, found))

    def sums(self, versions: Sequence[VersionKey]) -> dict[VersionKey, Sums]:
        return {key: self._sums(key) for key in versions}

    def _sums(self, key: VersionKey) -> Sums:
        rows = self._sql.all("find_sums", key)
        pages = tuple(Digest.from_raw(row[0]) for row in rows)
        return Sums(pages, sum(row[1] for row in rows), sum(row[2] for row in rows))

    def page_owners(self, page: Digest, *, after: str, limit: int) -> list[str]:
        return self._sql.column("find_page_owners", page.raw, after, limit)

    def blob_holders(self, blob: Digest, *, after: str, limit: int) -> list[str]:
        return self._sql.column("find_blob_holders", blob.raw, after, limit)

    def impossible_drafts(self) -> list[tuple[DraftId, str]]:
        return [(DraftId(key), what) for key, what in self._sql.all("find_impossible_drafts")]

    def draftless_uploads(self) -> list[Upload]:
        return list(map(to_upload, self._sql.all("find_draftless_uploads")))

    def shared_objects(self) -> list[ObjectName]:
        return list(map(ObjectName, self._sql.column("find_shared_objects")))

    def short_collections(self) -> list[tuple[CollectionKey, int]]:
        return [(CollectionKey(key), n) for key, n in self._sql.all("find_short_collections")]

    def misplaced_edges(self) -> list[Misplaced]:
        return [Misplaced(*row) for row in self._sql.all("find_misplaced_edges")]


def _page(row: tuple[Any, ...], blobs: list[BlobSize], files: list[Digest]) -> Page:
    _, raw, n_entries, size_bytes, is_closed, first_path, last_path, body = row
    return Page(
        digest=Digest.from_raw(raw),
        body=body,
        n_entries=n_entries,
        size_bytes=size_bytes,
        first_path=first_path,
        last_path=last_path,
        is_closed=bool(is_closed),
        blobs=tuple(blobs),
        large_files=tuple(files),
    )
