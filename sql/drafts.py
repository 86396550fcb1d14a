"""Drafts: what they will be, and what they hold and own meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import apsw

from lineage.digest import Digest
from lineage.errors import AlreadyExists, Conflict
from lineage.model import Draft, DraftId
from lineage.names import CollectionKey, RunKey, SegmentKey, VersionKey
from lineage.times import from_us, to_us
from lineage.values import from_json, to_json
from sql.columns import raw_digests, text_list
from sql.statements import Statements

__all__ = ["SqlDrafts"]


class SqlDrafts:
    """`lineage.ports.Drafts` on SQLite."""

    __slots__ = ("_sql",)

    def __init__(self, sql: Statements) -> None:
        self._sql = sql

    def find(self, id: DraftId) -> Draft | None:
        row = self._sql.one("find_draft", id)
        if row is None:
            return None
        collection, type_, actor, pages, expires_at, segment, *rest = row
        aliases, tags, metadata, description, version, created, run = rest
        return Draft(
            id=id,
            collection=CollectionKey(collection),
            type=type_,
            actor=actor,
            pages=tuple(Digest.from_raw(pages[i : i + 32]) for i in range(0, len(pages), 32)),
            expires_at=from_us(expires_at),
            run=None if run is None else RunKey(run),
            segment=None if segment is None else SegmentKey(segment),
            aliases=text_list(aliases),
            tags=text_list(tags),
            metadata=from_json(metadata),
            description=description,
            version=None if version is None else VersionKey(version),
            created=None if created is None else bool(created),
        )

    def add(self, draft: Draft) -> None:
        pages = b"".join(page.raw for page in draft.pages)
        try:
            self._sql.run(
                "add_draft", draft.id, draft.collection, draft.type, draft.actor, pages,
                to_us(draft.expires_at), draft.segment, to_json(draft.aliases),
                to_json(draft.tags), to_json(draft.metadata), draft.description, draft.version,
                draft.created, draft.run,
            )  # fmt: skip
        except apsw.ConstraintError as exc:
            raise AlreadyExists(f"draft {draft.id} is there already", id=draft.id) from exc

    def save(self, draft: Draft) -> None:
        expires_at = to_us(draft.expires_at)
        values = (draft.id, expires_at, draft.segment, draft.version, draft.created)
        self._sql.run("save_draft", *values)

    def remove(self, id: DraftId) -> None:
        try:
            self._sql.run("remove_draft", id)
        except apsw.ConstraintError as exc:
            raise Conflict(f"draft {id} still has uploads", id=id) from exc

    def expired(self, now: datetime, *, limit: int) -> list[DraftId]:
        return [DraftId(key) for key in self._sql.column("find_expired_drafts", to_us(now), limit)]

    def hold(self, id: DraftId, blobs: Sequence[Digest]) -> None:
        self._sql.many("hold_blob", ((id, blob.raw) for blob in blobs))

    def release(self, id: DraftId, blobs: Sequence[Digest]) -> None:
        self._sql.run("release_blobs", id, raw_digests(blobs))

    def held(self, id: DraftId) -> set[Digest]:
        return set(map(Digest.from_raw, self._sql.column("find_held", id)))

    def attach(self, id: DraftId, pages: Sequence[Digest]) -> None:
        self._sql.many("attach_page", ((id, page.raw) for page in pages))

    def detach(self, id: DraftId, pages: Sequence[Digest]) -> None:
        self._sql.run("drop_draft_pages", id, raw_digests(pages))

    def attached(self, id: DraftId) -> set[Digest]:
        return set(map(Digest.from_raw, self._sql.column("find_attached", id)))
