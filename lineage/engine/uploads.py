"""Holds and uploads: what a draft holds, and leave to store what is not there yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from lineage.digest import Digest
from lineage.engine.access import scope_of
from lineage.engine.context import Context
from lineage.errors import Invalid, NotFound
from lineage.manifest import BlobSize
from lineage.model import Blob, Caller, Draft, DraftId, ObjectName, Tombstone, Upload
from lineage.ports import Transaction

__all__ = ["Hold", "consume", "hold_blobs"]


@dataclass(frozen=True, slots=True)
class Hold:
    """The answer for one blob: held (`upload` is None), or leave to upload it."""

    digest: Digest
    upload: Upload | None


def hold_blobs(
    context: Context,
    tx: Transaction,
    caller: Caller,
    draft: Draft,
    blobs: Sequence[BlobSize],
    now: datetime,
) -> tuple[list[Hold], list[ObjectName]]:
    """Hold what is stored and readable by the caller; fresh upload targets for the rest, and for
    what is lost.

    The draft is locked; blobs and objects are locked here.

    Returns:
        the holds, and the tombstoned objects of targets that were given up: the caller deletes
        them after the commit.
    """
    digests = sorted({digest for digest, _ in blobs})
    if not digests:
        return [], []
    scope = scope_of(caller)
    tx.lock(blobs=digests)
    tx.ahead(blobs=digests, scope=scope)
    found = tx.contents.find_blobs(digests)
    readable = tx.contents.readable_blobs(digests, scope) if found else set()
    held = {digest for digest in readable if not found[digest].is_lost}
    for digest, size_bytes in blobs:
        if digest in held and found[digest].size_bytes != size_bytes:
            actual = found[digest].size_bytes
            raise Invalid("size_bytes", f"of {digest} is {actual}, not {size_bytes}")
    if held:
        tx.drafts.hold(draft.id, sorted(held))
    wanted = {digest: size for digest, size in blobs if digest not in held}
    targets, given_up = _targets(context, tx, draft, wanted, now) if wanted else ({}, [])
    return [Hold(digest, targets.get(digest)) for digest, _ in blobs], given_up


def _targets(
    context: Context, tx: Transaction, draft: Draft, wanted: Mapping[Digest, int], now: datetime
) -> tuple[dict[Digest, Upload], list[ObjectName]]:
    """Fresh upload targets; earlier ones of the draft for the same blobs are given up."""
    old = tx.contents.uploads_for(draft.id, sorted(wanted)).values()
    until = now + context.limits.upload_ttl
    new = {
        digest: Upload(context.blobs.new_object(digest), digest, size, draft.id, until)
        for digest, size in wanted.items()
    }
    tx.lock(objects=sorted([u.object for u in old] + [u.object for u in new.values()]))
    if old:
        tx.contents.remove_uploads([upload.object for upload in old])
        tx.contents.add_tombstones([Tombstone(u.object, u.size_bytes, u.until) for u in old])
    tx.contents.add_uploads(list(new.values()))
    return new, [upload.object for upload in old]


def consume(context: Context, id: DraftId, stored: Sequence[Upload]) -> list[ObjectName]:
    """Turn uploads whose bytes are stored into blobs that the draft holds.

    A lost blob is healed: from now on it lies where these bytes do.

    Returns:
        tombstoned objects, whose bytes somebody else had stored before, or which were a lost
        blob's: the caller deletes them.
    Raises:
        NotFound: the draft or an upload is gone; the bytes are deleted.
    """
    objects = sorted(upload.object for upload in stored)

    def change(tx: Transaction) -> tuple[list[ObjectName], bool]:
        now = context.now()
        tx.lock(drafts=[id])
        draft = tx.drafts.find(id)
        tx.lock(blobs=sorted(upload.digest for upload in stored), objects=objects)
        current = tx.contents.find_uploads(objects) if draft is not None else {}
        if len(current) < len(objects):
            # Expired or replaced meanwhile: its tombstone, or nothing, names the object now.
            return [name for name in objects if name not in current], True
        digests = sorted({upload.digest for upload in stored})
        found = tx.contents.find_blobs(digests)
        new: dict[Digest, Blob] = {}
        late: list[Upload | Blob] = []
        for upload in stored:
            there = found.get(upload.digest)
            if upload.digest in new or (there is not None and not there.is_lost):
                late.append(upload)  # another upload of these bytes was first
                continue
            blob = Blob(upload.digest, upload.size_bytes, upload.object, upload.until)
            new[upload.digest] = blob
            if there is not None:
                late.append(there)
        tx.lock(objects=sorted(gone.object for gone in late))
        tx.contents.remove_uploads(objects)
        tx.contents.add_blobs([new[digest] for digest in sorted(new) if digest not in found])
        tx.contents.save_blobs([new[digest] for digest in sorted(new) if digest in found])
        tx.contents.add_tombstones([Tombstone(g.object, g.size_bytes, g.until) for g in late])
        tx.drafts.hold(id, digests)
        if draft is not None:
            expires_at = now + context.limits.draft_ttl
            tx.drafts.save(replace(draft, expires_at=expires_at))
        return [gone.object for gone in late], False

    unneeded, was_late = context.graph.write(change)
    if was_late:
        context.blobs.delete(unneeded)
        raise NotFound("the upload has expired: ask the draft for a new one")
    return unneeded
