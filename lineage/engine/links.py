"""Bytes that go past the API: links for clients that can reach the store themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lineage.digest import MAX_BUNDLED_BYTES, Digest
from lineage.engine.context import Context
from lineage.engine.drafts import own_draft
from lineage.engine.reclaim import Reclaim
from lineage.engine.uploads import Hold, consume
from lineage.engine.versions import Versions
from lineage.model import Caller, DraftId, Link, ObjectName, Upload
from lineage.ports import DirectTransfer, Transaction

__all__ = ["Links"]


class Links:
    """Where the store gives none, all is as if nobody had asked: bytes go through the API."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._reclaim = Reclaim(context)
        self._versions = Versions(context)
        blobs = context.blobs
        self._store = blobs if isinstance(blobs, DirectTransfer) else None

    def for_uploads(self, holds: Iterable[Hold]) -> dict[ObjectName, Link]:
        """Leave to store what these holds name and is large, each until its upload's deadline."""
        if self._store is None:
            return {}
        now = self._context.now()
        return {
            hold.upload.object: self._store.upload_link(hold.upload, now=now)
            for hold in holds
            if hold.upload is not None and hold.upload.size_bytes > MAX_BUNDLED_BYTES
        }

    def confirm(self, caller: Caller, id: DraftId, digests: Sequence[Digest]) -> list[Digest]:
        """Take in what this caller has put by links; the draft holds it from then on.

        Saying so again changes nothing.

        Returns:
            those of the blobs that are not there: ask for their holds again.
        Raises:
            NotFound: no such draft of this caller.
        """

        def ask(tx: Transaction) -> tuple[dict[Digest, Upload], set[Digest]]:
            own_draft(tx, caller, id)
            uploads = tx.contents.uploads_for(id, sorted(set(digests)))
            held = tx.drafts.held(id).intersection(digests)
            found = tx.contents.find_blobs(sorted(held))
            return uploads, {digest for digest, blob in found.items() if not blob.is_lost}

        uploads, held = self._context.graph.read(ask)
        found: set[ObjectName] = set()
        if self._store is not None and uploads:
            found = self._store.find_uploaded(list(uploads.values()))
        stored = [upload for upload in uploads.values() if upload.object in found]
        if stored:
            self._reclaim.delete_objects(consume(self._context, id, stored))
        here = held.union(upload.digest for upload in stored)
        return [digest for digest in dict.fromkeys(digests) if digest not in here]

    def for_downloads(
        self, caller: Caller, digests: Sequence[Digest]
    ) -> dict[Digest, tuple[int, Link | None]]:
        """The size of each blob, and leave to get it for a while.

        Raises:
            NotFound: the caller may not read one of them.
        """
        found = self._versions.blobs(caller, digests)
        now = self._context.now()
        until = now + self._context.limits.upload_ttl
        store = self._store
        return {
            digest: (
                blob.size_bytes,
                None if store is None else store.download_link(blob.object, until=until, now=now),
            )
            for digest, blob in found.items()
        }
