"""Drafts: what they will be, and what they hold and own meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cypher.statements import Statements
from lineage.digest import Digest
from lineage.errors import Conflict
from lineage.model import Draft, DraftId
from lineage.names import CollectionKey, RunKey, SegmentKey, VersionKey
from lineage.times import from_us, to_us
from lineage.values import from_json, to_json

__all__ = ["CypherDrafts"]


class CypherDrafts:
    """`lineage.ports.Drafts` on Neo4j."""

    __slots__ = ("_cypher",)

    def __init__(self, cypher: Statements) -> None:
        self._cypher = cypher

    def find(self, id: DraftId) -> Draft | None:
        row = self._cypher.one("find_draft", id=id)
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
            aliases=tuple(aliases),
            tags=tuple(tags),
            metadata=from_json(metadata),
            description=description,
            version=None if version is None else VersionKey(version),
            created=created,
        )

    def add(self, draft: Draft) -> None:
        self._cypher.later(
            "add_draft",
            {
                "id": draft.id,
                "collection": draft.collection,
                "type": draft.type,
                "actor": draft.actor,
                "pages": b"".join(page.raw for page in draft.pages),
                "expires_at": to_us(draft.expires_at),
                "segment": draft.segment,
                "aliases": list(draft.aliases),
                "tags": list(draft.tags),
                "metadata": to_json(draft.metadata),
                "description": draft.description,
                "version": draft.version,
                "created": draft.created,
                "run": draft.run,
            },
        )

    def save(self, draft: Draft) -> None:
        row = {"id": draft.id, "expires_at": to_us(draft.expires_at), "segment": draft.segment}
        row |= {"version": draft.version, "created": draft.created}
        self._cypher.later("save_draft", row)

    def remove(self, id: DraftId) -> None:
        missing = Conflict(f"draft {id} still has uploads, or is not there", id=id)
        self._cypher.later("remove_draft", id, missing=missing)

    def expired(self, now: datetime, *, limit: int) -> list[DraftId]:
        found = self._cypher.column("find_expired_drafts", now=to_us(now), limit=limit)
        return list(map(DraftId, found))

    def hold(self, id: DraftId, blobs: Sequence[Digest]) -> None:
        for blob in blobs:
            self._cypher.later("hold_blob", {"draft": id, "blob": blob})

    def release(self, id: DraftId, blobs: Sequence[Digest]) -> None:
        for blob in blobs:
            self._cypher.later("release_blob", {"draft": id, "blob": blob})

    def held(self, id: DraftId) -> set[Digest]:
        return set(map(Digest, self._cypher.column("find_held", id=id)))

    def attach(self, id: DraftId, pages: Sequence[Digest]) -> None:
        for page in pages:
            self._cypher.later("attach_page", {"draft": id, "page": page})

    def detach(self, id: DraftId, pages: Sequence[Digest]) -> None:
        for page in pages:
            self._cypher.later("drop_draft_page", {"draft": id, "page": page})

    def attached(self, id: DraftId) -> set[Digest]:
        return set(map(Digest, self._cypher.column("find_attached", id=id)))
