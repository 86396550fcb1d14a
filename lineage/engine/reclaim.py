"""Remove what nothing contains or holds, and finish what a crash left unfinished.

`reclaim` is the only code that removes pages and blobs; deletion, expiry and commit all end in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from lineage.digest import Digest
from lineage.engine.context import Context, record
from lineage.model import Blob, Caller, DraftId, Freed, ObjectName, Receipt, ReceiptId, Tombstone
from lineage.names import RunKey, VersionKey
from lineage.ports import Transaction

__all__ = ["Reclaim", "Settled", "bury_uploads", "reclaim", "settle"]

_PAGES_AT_ONCE = 16  # about 4,096 blobs a transaction
_BLOBS_AT_ONCE = 4096
_VERSIONS_AT_ONCE = 100
_NODES_AT_ONCE = 500


def reclaim(
    tx: Transaction, pages: Sequence[Digest], blobs: Sequence[Digest]
) -> tuple[int, list[Blob]]:
    """Remove those of the pages that nothing owns, and then the blobs that nothing needs.

    Args:
        pages: pages that have just lost an owner; locked here.
        blobs: blobs that have just lost a hold; locked here with those of the dying pages.
    Returns:
        how many pages went, and the blobs that went. Each is a tombstone now: the caller deletes
        the objects once the transaction has committed.
    """
    tx.lock(pages=pages)
    dying = tx.contents.ownerless(pages) if pages else []
    cut = tx.contents.remove_pages(dying) if dying else []
    candidates = sorted({*cut, *blobs})
    if not candidates:
        return len(dying), []
    tx.lock(blobs=candidates)
    going = tx.contents.unneeded(candidates)
    tx.contents.remove_blobs([blob.digest for blob in going])
    tx.lock(objects=sorted(blob.object for blob in going))
    tx.contents.add_tombstones(
        [Tombstone(blob.object, blob.size_bytes, blob.until) for blob in going]
    )
    return len(dying), going


def bury_uploads(tx: Transaction, draft: DraftId) -> list[ObjectName]:
    """Make the draft's uploads tombstones; the caller deletes the objects after the commit."""
    uploads = tx.contents.uploads_of(draft)
    objects = [upload.object for upload in uploads]
    tx.lock(objects=objects)
    tx.contents.remove_uploads(objects)
    tx.contents.add_tombstones([Tombstone(u.object, u.size_bytes, u.until) for u in uploads])
    return objects


@dataclass(frozen=True, slots=True)
class Settled:
    """A step of settling a draft; the caller deletes the objects after the commit."""

    is_last: bool
    objects: list[ObjectName]


def settle(tx: Transaction, draft: DraftId) -> Settled:
    """Drop a committed draft's holds, at most so many at once, and with the last its uploads.

    The draft is locked. Its version's pages keep what they contain. The first step belongs to the
    transaction that commits: a crash must not leave bytes held that a deletion would free.
    """
    held = sorted(tx.drafts.held(draft))[:_BLOBS_AT_ONCE]
    tx.drafts.release(draft, held)
    _, going = reclaim(tx, [], held)
    is_last = len(held) < _BLOBS_AT_ONCE
    late = bury_uploads(tx, draft) if is_last else []
    return Settled(is_last, [blob.object for blob in going] + late)


def _owned(
    tx: Transaction, keys: Sequence[VersionKey]
) -> tuple[dict[VersionKey, list[Digest]], bool]:
    """Pages of these versions, as many as one transaction may cut, and whether these are all."""
    owned: dict[VersionKey, list[Digest]] = {}
    n_entries = 0
    for key in keys:
        pages = tx.contents.pages_of(key, limit=_PAGES_AT_ONCE)
        facts = tx.contents.find_pages(pages) if pages else {}
        owned[key] = pages
        n_entries += sum(page.n_entries for page in facts.values())
        if len(pages) == _PAGES_AT_ONCE or n_entries >= _BLOBS_AT_ONCE:
            return owned, key == keys[-1] and len(pages) < _PAGES_AT_ONCE
    return owned, True


def _unfinished(tx: Transaction, *, before: datetime) -> list[VersionKey]:
    return tx.contents.owned_deleted(before, limit=100)


class Reclaim:
    """The row of bounded transactions behind a deletion, an expiry and a start after a crash."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def delete_objects(self, objects: Sequence[ObjectName]) -> None:
        """Delete tombstones' objects, then record that it is done."""
        if objects:
            self._context.blobs.delete(objects)
            now = self._context.now()

            def bury(tx: Transaction) -> None:
                tx.lock(objects=sorted(objects))
                tx.contents.bury(objects, now)

            self._context.graph.write(bury)

    def cut_version(self, key: VersionKey) -> Freed:
        """Take a deleted version's pages from it, and all that only they needed from the store."""
        freed = Freed()
        is_last = False
        while not is_last:
            is_last, step = self._cut([key], lambda *_: None)
            freed += step
        return freed

    def carry_out(self, id: ReceiptId, *, is_stopped: Callable[[], bool] = lambda: False) -> Freed:
        """Free what a deletion frees, from where its receipt stands, and finish the receipt.

        Several processes may do so at once: each step is counted by the transaction that does it.

        Returns:
            what this call has freed.
        """
        graph, total = self._context.graph, Freed()
        receipt = graph.read(lambda tx: tx.receipts.find(id))
        if receipt is None or receipt.finished_at is not None:
            return total
        if receipt.n_done or receipt.freed.n_pages:
            self._bury_pending()  # whoever began it may have left objects
        for first in range(receipt.n_done, len(receipt.versions), _VERSIONS_AT_ONCE):
            keys = receipt.versions[first : first + _VERSIONS_AT_ONCE]

            def note(
                tx: Transaction, freed: Freed, is_last: bool, n_done: int = first + len(keys)
            ) -> None:
                tx.receipts.advance(
                    id,
                    self._context.now(),
                    n_done=n_done if is_last else 0,
                    freed=freed,
                )

            is_last = False
            while not is_last:
                if is_stopped():
                    return total
                is_last, freed = self._cut(keys, note)
                total += freed
        if receipt.purge:
            self._purge(receipt)
        graph.write(lambda tx: tx.receipts.finish(id, self._context.now()))
        return total

    def _cut(
        self, keys: Sequence[VersionKey], note: Callable[[Transaction, Freed, bool], None]
    ) -> tuple[bool, Freed]:
        """A bounded part of it for these deleted versions; whether it was the last, and what it
        freed. `note` belongs to the same transaction."""

        def step(tx: Transaction) -> tuple[bool, Freed, list[Blob]]:
            tx.lock(nodes=sorted(keys))
            owned, is_last = _owned(tx, keys)
            pages = sorted({page for some in owned.values() for page in some})
            tx.lock(pages=pages)
            for key, some in owned.items():
                tx.contents.disown(key, some)
            n_pages, going = reclaim(tx, pages, [])
            freed = Freed(n_pages, len(going), sum(blob.size_bytes for blob in going))
            note(tx, freed, is_last)
            return is_last, freed, going

        is_last, freed, going = self._context.graph.write(step)
        self.delete_objects([blob.object for blob in going])
        return is_last, freed

    def _purge(self, receipt: Receipt) -> None:
        nodes = [*receipt.versions, *receipt.runs]
        caller = Caller(receipt.deleted_by)
        for first in range(0, len(nodes), _NODES_AT_ONCE):

            def change(
                tx: Transaction, some: Sequence[str] = nodes[first : first + _NODES_AT_ONCE]
            ) -> None:
                versions = [VersionKey(key) for key in some if key.startswith("artifact:")]
                runs = [RunKey(key) for key in some if not key.startswith("artifact:")]
                tx.lock(nodes=sorted({*versions, *runs}))
                now = self._context.now()
                for version in sorted(tx.versions.find(versions)):
                    tx.versions.remove(version)
                    record(tx, caller, now, "version.purge", version)
                for run in sorted(tx.runs.find(runs)):
                    tx.runs.remove(run)
                    record(tx, caller, now, "run.purge", run)
                tx.receipts.advance(receipt.id, now)

            self._context.graph.write(change)

    def settle_draft(self, id: DraftId, settled: Settled) -> None:
        """Go on where a commit's own transaction has stopped, and delete the objects."""

        def step(tx: Transaction) -> Settled:
            tx.lock(drafts=[id])
            return settle(tx, id)

        self.delete_objects(settled.objects)
        while not settled.is_last:
            settled = self._context.graph.write(step)
            self.delete_objects(settled.objects)

    def drop_draft(self, id: DraftId, *, expired_at: datetime | None) -> Freed | None:
        """Remove a draft and what it alone held.

        Args:
            expired_at: leave it alone if it was used meanwhile and now lives past this; None
                removes it in any case.
        Returns:
            None if it was left alone or is not there.
        """
        freed = Freed()
        while True:

            def step(tx: Transaction) -> tuple[str, int, list[Blob], list[ObjectName]]:
                tx.lock(drafts=[id])
                draft = tx.drafts.find(id)
                if draft is None or (expired_at is not None and draft.expires_at > expired_at):
                    return "kept", 0, [], []
                pages = sorted(tx.drafts.attached(id))[:_PAGES_AT_ONCE]
                held = sorted(tx.drafts.held(id))[:_BLOBS_AT_ONCE]
                tx.lock(pages=pages)
                tx.drafts.detach(id, pages)
                tx.drafts.release(id, held)
                n_pages, going = reclaim(tx, pages, held)
                is_last = len(pages) < _PAGES_AT_ONCE and len(held) < _BLOBS_AT_ONCE
                objects = bury_uploads(tx, id) if is_last else []
                if is_last:
                    tx.drafts.remove(id)
                return "gone" if is_last else "more", n_pages, going, objects

            state, n_pages, going, objects = self._context.graph.write(step)
            self.delete_objects([blob.object for blob in going] + objects)
            freed += Freed(n_pages, len(going), sum(blob.size_bytes for blob in going))
            if state != "more":
                return freed if state == "gone" else None

    def finish(self, *, min_age: timedelta = timedelta(0)) -> Freed:
        """Take up all work that is left: each process does this at its start and ever again.

        Args:
            min_age: leave deletions alone that began more recently: their own requests are
                likely still at work, and count what they free.

        Deletions that a crash cut short, tombstones whose object may still be there, drafts past
        their time, and tombstones that have waited long enough for a late upload.
        """
        graph, freed = self._context.graph, Freed()
        before = self._context.now() - min_age
        while unfinished := graph.read(lambda tx: tx.receipts.unfinished(before, limit=100)):
            for id in unfinished:
                freed += self.carry_out(id)
        while deleted := graph.read(partial(_unfinished, before=before)):
            for key in deleted:
                freed += self.cut_version(key)
        freed += self._bury_pending()
        now = self._context.now()
        while expired := graph.read(lambda tx: tx.drafts.expired(now, limit=100)):
            freed += sum(
                (self.drop_draft(id, expired_at=now) or Freed() for id in expired), Freed()
            )
        self._drop_late_tombstones()
        graph.write(lambda tx: tx.plans.remove_expired(now))
        return freed

    def _bury_pending(self) -> Freed:
        """Delete the objects of all tombstones that wait for it."""
        graph, freed = self._context.graph, Freed()
        while pending := graph.read(lambda tx: tx.contents.pending_tombstones(limit=1000)):
            objects = [tombstone.object for tombstone in pending]
            # Many were never stored: what an upload target was given for and never came.
            sizes = [
                size for size in map(self._context.blobs.find_size, objects) if size is not None
            ]
            self.delete_objects(objects)
            freed += Freed(0, len(sizes), sum(sizes))
        return freed

    def _drop_late_tombstones(self) -> None:
        graph = self._context.graph
        before = self._context.now() - self._context.limits.longest_transfer
        while late := graph.read(lambda tx: tx.contents.late_tombstones(before, limit=1000)):
            objects = [tombstone.object for tombstone in late]
            self._context.blobs.delete(objects)  # began after the last moment one could land

            def drop(tx: Transaction, objects: Sequence[ObjectName] = objects) -> None:
                tx.lock(objects=objects)
                tx.contents.remove_tombstones(objects)

            graph.write(drop)
