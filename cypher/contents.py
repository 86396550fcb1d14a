"""Pages and blobs, where blobs lie, and what is on its way there or from there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from cypher.columns import from_in_order, scope_values, to_in_order
from cypher.statements import Statements
from lineage.digest import Digest
from lineage.manifest import Page
from lineage.model import Blob, DraftId, ObjectName, Scope, Tombstone, Upload
from lineage.names import VersionKey
from lineage.times import from_us, from_us_or_none, to_us, to_us_or_none

__all__ = ["CypherContents", "readable_values", "to_upload"]

_NO_LIMIT: Final = 2**63 - 1


class CypherContents:
    """`lineage.ports.Contents` on Neo4j."""

    __slots__ = ("_cypher",)

    def __init__(self, cypher: Statements) -> None:
        self._cypher = cypher

    # Pages

    def find_pages(self, digests: Sequence[Digest]) -> dict[Digest, Page]:
        found = map(_page, self._cypher.all("find_pages", digests=digests))
        return {page.digest: page for page in found}

    def add_pages(self, pages: Sequence[Page]) -> None:
        for page in {page.digest: page for page in pages}.values():
            properties = {
                "digest": page.digest,
                "n_entries": page.n_entries,
                "size_bytes": page.size_bytes,
                "is_closed": page.is_closed,
                "first_path": to_in_order(page.first_path),
                "last_path": to_in_order(page.last_path),
                "body": page.body.decode(),
            }
            blobs = [digest for digest, _ in page.blobs]
            row = {"properties": properties, "blobs": blobs, "files": list(set(page.large_files))}
            self._cypher.later("add_page", row, weight=1 + len(blobs))

    def bodies(self, version: VersionKey) -> Iterator[bytes]:
        for (body,) in self._cypher.iter("iter_bodies", version=version):
            yield body.encode()

    def body_at(self, version: VersionKey, path: str) -> bytes | None:
        body = self._cypher.value("find_body_at", version=version, path=to_in_order(path))
        return None if body is None else str(body).encode()

    def pages_of(self, version: VersionKey, *, limit: int | None = None) -> list[Digest]:
        most = _NO_LIMIT if limit is None else limit
        return list(map(Digest, self._cypher.column("find_pages_of", version=version, limit=most)))

    def disown(self, version: VersionKey, pages: Sequence[Digest]) -> None:
        for page in pages:
            self._cypher.later("drop_version_page", {"version": version, "page": page})
        self._cypher.later("note_owns_no_page", version)

    def ownerless(self, pages: Sequence[Digest]) -> list[Digest]:
        return list(map(Digest, self._cypher.column("find_ownerless_pages", digests=pages)))

    def remove_pages(self, pages: Sequence[Digest]) -> list[Digest]:
        blobs = self._cypher.column("find_blobs_of_pages", digests=pages)
        for page in pages:
            self._cypher.later("remove_page", page, weight=100)
        return list(map(Digest, blobs))

    def readable_pages(self, digests: Sequence[Digest], scope: Scope) -> set[Digest]:
        return self._readable("find_readable_pages", digests, scope)

    def _readable(self, name: str, digests: Sequence[Digest], scope: Scope) -> set[Digest]:
        values = readable_values(digests, scope)
        return set(map(Digest, self._cypher.column(name, **values)))

    # Blobs

    def find_blobs(self, digests: Sequence[Digest]) -> dict[Digest, Blob]:
        found = map(_blob, self._cypher.all("find_blobs", digests=digests))
        return {blob.digest: blob for blob in found}

    def add_blobs(self, blobs: Sequence[Blob]) -> None:
        for blob in blobs:
            row = {"digest": blob.digest, "size_bytes": blob.size_bytes, "object": blob.object}
            self._cypher.later("add_blob", row | {"until": to_us(blob.until)})

    def save_blobs(self, blobs: Sequence[Blob]) -> None:
        for blob in blobs:
            row = {"digest": blob.digest, "size_bytes": blob.size_bytes, "object": blob.object}
            row |= {"until": to_us(blob.until), "is_lost": blob.is_lost}
            self._cypher.later("save_blob", row)

    def unneeded(self, digests: Sequence[Digest]) -> list[Blob]:
        return list(map(_blob, self._cypher.all("find_unneeded_blobs", digests=digests)))

    def remove_blobs(self, digests: Sequence[Digest]) -> None:
        for digest in digests:
            self._cypher.later("remove_blob", digest)

    def readable_blobs(self, digests: Sequence[Digest], scope: Scope) -> set[Digest]:
        return self._readable("find_readable_blobs", digests, scope)

    def list_blobs(self, *, after: Digest | None, limit: int) -> list[Blob]:
        return list(map(_blob, self._cypher.all("list_blobs", after=after or "", limit=limit)))

    # Uploads

    def find_uploads(self, objects: Sequence[ObjectName]) -> dict[ObjectName, Upload]:
        found = map(to_upload, self._cypher.all("find_uploads", objects=objects))
        return {upload.object: upload for upload in found}

    def uploads_of(self, draft: DraftId) -> list[Upload]:
        return list(map(to_upload, self._cypher.all("find_uploads_of", draft=draft)))

    def uploads_for(self, draft: DraftId, digests: Sequence[Digest]) -> dict[Digest, Upload]:
        rows = self._cypher.all("find_uploads_for", draft=draft, digests=digests)
        return {upload.digest: upload for upload in map(to_upload, rows)}

    def add_uploads(self, uploads: Sequence[Upload]) -> None:
        for upload in uploads:
            row = {
                "object": upload.object,
                "digest": upload.digest,
                "size_bytes": upload.size_bytes,
                "draft": upload.draft,
                "until": to_us(upload.until),
            }
            self._cypher.later("add_upload", row)

    def remove_uploads(self, objects: Sequence[ObjectName]) -> None:
        for name in objects:
            self._cypher.later("remove_upload", name)

    # Tombstones

    def add_tombstones(self, tombstones: Sequence[Tombstone]) -> None:
        for tombstone in tombstones:
            row = {
                "object": tombstone.object,
                "size_bytes": tombstone.size_bytes,
                "until": to_us(tombstone.until),
                "deleted_at": to_us_or_none(tombstone.deleted_at),
            }
            self._cypher.later("add_tombstone", row)

    def pending_tombstones(self, *, limit: int) -> list[Tombstone]:
        return list(map(_tombstone, self._cypher.all("find_pending_tombstones", limit=limit)))

    def bury(self, objects: Sequence[ObjectName], at: datetime) -> None:
        for name in objects:
            self._cypher.later("bury", {"object": name, "at": to_us(at)})

    def late_tombstones(self, before: datetime, *, limit: int) -> list[Tombstone]:
        rows = self._cypher.all("find_late_tombstones", before=to_us(before), limit=limit)
        return list(map(_tombstone, rows))

    def remove_tombstones(self, objects: Sequence[ObjectName]) -> None:
        for name in objects:
            self._cypher.later("remove_tombstone", name)

    def known_objects(self, names: Sequence[ObjectName]) -> set[ObjectName]:
        # In the order in which an object goes from one to the next: between two of these questions
        # it may move on, but never out of sight.
        kinds = ("uploads", "blobs", "tombstones")
        found = [self._cypher.column(f"find_objects_of_{kind}", objects=names) for kind in kinds]
        return {ObjectName(name) for column in found for name in column}

    def owned_deleted(self, before: datetime, *, limit: int) -> list[VersionKey]:
        found = self._cypher.column("find_owned_deleted", at=to_us(before), limit=limit)
        return list(map(VersionKey, found))


def readable_values(digests: Sequence[Digest], scope: Scope) -> dict[str, Any]:
    """Parameters of the questions which pages or blobs can be read."""
    return scope_values(scope) | {"digests": digests, "caller": scope.caller}


def _page(row: list[Any]) -> Page:
    digest, n_entries, size_bytes, is_closed, first_path, last_path = row
    return Page(
        digest=Digest(digest),
        body=b"",
        n_entries=n_entries,
        size_bytes=size_bytes,
        first_path=from_in_order(first_path),
        last_path=from_in_order(last_path),
        is_closed=is_closed,
        blobs=(),
        large_files=(),
    )


def _blob(row: list[Any]) -> Blob:
    digest, size_bytes, name, until, is_lost = row
    return Blob(Digest(digest), size_bytes, ObjectName(name), from_us(until), is_lost)


def to_upload(row: list[Any]) -> Upload:
    """From the columns of `find_uploads`."""
    name, digest, size_bytes, draft, until = row
    return Upload(ObjectName(name), Digest(digest), size_bytes, DraftId(draft), from_us(until))


def _tombstone(row: list[Any]) -> Tombstone:
    name, size_bytes, until, deleted_at = row
    return Tombstone(ObjectName(name), size_bytes, from_us(until), from_us_or_none(deleted_at))
