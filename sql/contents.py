"""Pages and blobs, where blobs lie, and what is on its way there or from there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import apsw

from lineage.digest import Digest
from lineage.errors import AlreadyExists, Conflict
from lineage.manifest import Page
from lineage.model import Blob, DraftId, ObjectName, Scope, Tombstone, Upload
from lineage.names import VersionKey
from lineage.times import from_us, from_us_or_none, to_us, to_us_or_none
from sql.columns import raw_digests, scope_values, texts
from sql.statements import Statements

__all__ = ["SqlContents", "to_upload"]

_LOST: Final = "lost:"  # stands before the object of a lost blob, and of no other


class SqlContents:
    """`lineage.ports.Contents` on SQLite."""

    __slots__ = ("_sql",)

    def __init__(self, sql: Statements) -> None:
        self._sql = sql

    # Pages

    def find_pages(self, digests: Sequence[Digest]) -> dict[Digest, Page]:
        found = map(_page, self._sql.all("find_pages", raw_digests(digests)))
        return {page.digest: page for page in found}

    def add_pages(self, pages: Sequence[Page]) -> None:
        for page in pages:
            page_id = self._sql.value(
                "add_page", page.digest.raw, page.n_entries, page.size_bytes, page.is_closed,
                page.first_path, page.last_path, page.body,
            )  # fmt: skip
            if page_id is not None:
                self._sql.many("add_page_blob", [(page_id, blob.raw) for blob, _ in page.blobs])
                self._sql.many("add_page_file", [(page_id, file.raw) for file in page.large_files])

    def bodies(self, version: VersionKey) -> Iterator[bytes]:
        for (body,) in self._sql.iter("iter_bodies", version):
            yield body

    def body_at(self, version: VersionKey, path: str) -> bytes | None:
        body: bytes | None = self._sql.value("find_body_at", version, path)
        return body

    def pages_of(self, version: VersionKey, *, limit: int | None = None) -> list[Digest]:
        raws = self._sql.column("find_pages_of", version, -1 if limit is None else limit)
        return list(map(Digest.from_raw, raws))

    def disown(self, version: VersionKey, pages: Sequence[Digest]) -> None:
        version_id = self._sql.value("find_node", version)
        self._sql.run("drop_version_pages", version_id, raw_digests(pages))
        self._sql.run("note_owns_no_page", version_id)

    def ownerless(self, pages: Sequence[Digest]) -> list[Digest]:
        raws = self._sql.column("find_ownerless_pages", raw_digests(pages))
        return list(map(Digest.from_raw, raws))

    def remove_pages(self, pages: Sequence[Digest]) -> list[Digest]:
        blobs = self._sql.column("find_blobs_of_pages", raw_digests(pages))
        try:
            self._sql.run("remove_pages", raw_digests(pages))
        except apsw.ConstraintError as exc:
            raise Conflict("a version or draft still owns one of the pages") from exc
        return list(map(Digest.from_raw, blobs))

    def readable_pages(self, digests: Sequence[Digest], scope: Scope) -> set[Digest]:
        values = (raw_digests(digests), *scope_values(scope), scope.caller)
        return set(map(Digest.from_raw, self._sql.column("find_readable_pages", *values)))

    # Blobs

    def find_blobs(self, digests: Sequence[Digest]) -> dict[Digest, Blob]:
        found = map(_blob, self._sql.all("find_blobs", raw_digests(digests)))
        return {blob.digest: blob for blob in found}

    def add_blobs(self, blobs: Sequence[Blob]) -> None:
        rows = [(b.digest.raw, b.size_bytes, b.object, to_us(b.until)) for b in blobs]
        try:
            self._sql.many("add_blob", rows)
        except apsw.ConstraintError as exc:
            raise AlreadyExists("one of the blobs, or its object, is there already") from exc

    def save_blobs(self, blobs: Sequence[Blob]) -> None:
        for blob in blobs:
            name = f"{_LOST}{blob.object}" if blob.is_lost else blob.object
            values = (blob.digest.raw, blob.size_bytes, name, to_us(blob.until))
            if not self._sql.run("save_blob", *values):
                raise Conflict(f"blob {blob.digest} is not there any more")

    def unneeded(self, digests: Sequence[Digest]) -> list[Blob]:
        return list(map(_blob, self._sql.all("find_unneeded_blobs", raw_digests(digests))))

    def remove_blobs(self, digests: Sequence[Digest]) -> None:
        try:
            self._sql.run("remove_blobs", raw_digests(digests))
        except apsw.ConstraintError as exc:
            raise Conflict("a page contains or a draft holds one of the blobs") from exc

    def readable_blobs(self, digests: Sequence[Digest], scope: Scope) -> set[Digest]:
        values = (raw_digests(digests), *scope_values(scope), scope.caller)
        return set(map(Digest.from_raw, self._sql.column("find_readable_blobs", *values)))

    def list_blobs(self, *, after: Digest | None, limit: int) -> list[Blob]:
        start = b"" if after is None else after.raw
        return list(map(_blob, self._sql.all("list_blobs", start, limit)))

    # Uploads

    def find_uploads(self, objects: Sequence[ObjectName]) -> dict[ObjectName, Upload]:
        found = map(to_upload, self._sql.all("find_uploads", texts(objects)))
        return {upload.object: upload for upload in found}

    def uploads_of(self, draft: DraftId) -> list[Upload]:
        return list(map(to_upload, self._sql.all("find_uploads_of", draft)))

    def uploads_for(self, draft: DraftId, digests: Sequence[Digest]) -> dict[Digest, Upload]:
        found = map(to_upload, self._sql.all("find_uploads_for", draft, raw_digests(digests)))
        return {upload.digest: upload for upload in found}

    def add_uploads(self, uploads: Sequence[Upload]) -> None:
        rows = [(u.object, u.digest.raw, u.size_bytes, u.draft, to_us(u.until)) for u in uploads]
        self._sql.many("add_upload", rows)

    def remove_uploads(self, objects: Sequence[ObjectName]) -> None:
        self._sql.run("remove_uploads", texts(objects))

    # Tombstones

    def add_tombstones(self, tombstones: Sequence[Tombstone]) -> None:
        self._sql.many(
            "add_tombstone",
            [
                (t.object, t.size_bytes, to_us(t.until), to_us_or_none(t.deleted_at))
                for t in tombstones
            ],
        )

    def pending_tombstones(self, *, limit: int) -> list[Tombstone]:
        return list(map(_tombstone, self._sql.all("find_pending_tombstones", limit)))

    def bury(self, objects: Sequence[ObjectName], at: datetime) -> None:
        self._sql.run("bury", texts(objects), to_us(at))

    def late_tombstones(self, before: datetime, *, limit: int) -> list[Tombstone]:
        return list(map(_tombstone, self._sql.all("find_late_tombstones", to_us(before), limit)))

    def remove_tombstones(self, objects: Sequence[ObjectName]) -> None:
        self._sql.run("remove_tombstones", texts(objects))

    def known_objects(self, names: Sequence[ObjectName]) -> set[ObjectName]:
        return set(map(ObjectName, self._sql.column("find_known_objects", texts(names))))

    def owned_deleted(self, before: datetime, *, limit: int) -> list[VersionKey]:
        found = self._sql.column("find_owned_deleted", to_us(before), limit)
        return list(map(VersionKey, found))


def _page(row: tuple[Any, ...]) -> Page:
    raw, n_entries, size_bytes, is_closed, first_path, last_path = row
    return Page(
        digest=Digest.from_raw(raw),
        body=b"",
        n_entries=n_entries,
        size_bytes=size_bytes,
        first_path=first_path,
        last_path=last_path,
        is_closed=bool(is_closed),
        blobs=(),
        large_files=(),
    )


def _blob(row: tuple[Any, ...]) -> Blob:
    raw, size_bytes, name, until = row
    place = ObjectName(name.removeprefix(_LOST))
    return Blob(Digest.from_raw(raw), size_bytes, place, from_us(until), place != name)


def to_upload(row: tuple[Any, ...]) -> Upload:
    """From the columns of `find_uploads`."""
    name, raw, size_bytes, draft, until = row
    digest = Digest.from_raw(raw)
    return Upload(ObjectName(name), digest, size_bytes, DraftId(draft), from_us(until))


def _tombstone(row: tuple[Any, ...]) -> Tombstone:
    name, size_bytes, until, deleted_at = row
    deleted = from_us_or_none(deleted_at)
    return Tombstone(ObjectName(name), size_bytes, from_us(until), deleted)
