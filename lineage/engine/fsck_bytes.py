"""fsck of bytes: objects beside blobs, both ways, in one pass over both."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from typing import Final, TypeVar

from lineage.digest import Digest
from lineage.engine.context import Context, record
from lineage.engine.findings import KEPT, Checked, Finding, with_needers
from lineage.engine.reclaim import Reclaim, reclaim
from lineage.errors import NotFound, Unavailable
from lineage.model import Blob, Caller, ObjectName, StoredObject
from lineage.ports import Transaction

__all__ = ["BytesCheck"]

_AT_ONCE: Final = 1000
_READ_AT_ONCE: Final = 16
_N_READERS: Final = 8  # a bucket answers each of them as fast as one alone
_DETAILS: Final = {
    "blob_unreadable": "reading it fails: look at the server's log and the disk",
    "blob_without_object": "repair marks it, and logging these bytes again heals it",
    "blob_damaged": "repair marks it, and logging these bytes again heals it",
    "blob_whole": "it is marked as lost, and its bytes are there again",
}
_IS_MARKED: Final = "it is marked: logging these bytes again heals it"

T = TypeVar("T")


class BytesCheck:
    """Objects are listed by name and blobs by digest, which is one order: so whatever has a
    partner meets it on the way, and only what does not is asked for by itself."""

    def __init__(
        self, context: Context, caller: Caller, *, deep: bool, repair: bool, removes: bool
    ) -> None:
        self._context = context
        self._caller = caller
        self._graph = context.graph
        self._store = context.blobs
        self._deep = deep
        self._repair = repair
        self._removes = removes

    def check(self) -> Iterator[Finding | Checked]:
        with ThreadPoolExecutor(_N_READERS, "lineage-fsck") as readers:
            for blobs, sizes, others in self._side_by_side():
                yield from self._unknown(others)
                unneeded = self._unneeded(blobs)
                yield from unneeded.values()
                needed = [blob for blob in blobs if blob.digest not in unneeded]
                look = partial(self._faults, sizes=sizes)
                # What a listing tells needs no thread; reading does, a few blobs at a time.
                parts = _grouped(needed, _READ_AT_ONCE)
                each = readers.map(look, parts) if self._deep else map(look, parts)
                for blob, fault in zip(needed, chain.from_iterable(each), strict=True):
                    if fault is not None and self._is_current(blob):
                        yield from self._faulty(blob, fault)
                    if self._deep:  # each takes its time
                        yield Checked(n_blobs=1)
                n_blobs = len(unneeded) if self._deep else len(blobs)
                yield Checked(n_objects=len(sizes) + len(others), n_blobs=n_blobs)

    def _side_by_side(
        self,
    ) -> Iterator[tuple[list[Blob], dict[ObjectName, int], list[StoredObject]]]:
        """Some blobs, by digest; the sizes of those of their objects that were met; and objects
        that were met and are none of theirs."""
        objects = self._store.iter_objects()
        ahead: list[StoredObject] = []
        for blobs in self._blobs():
            names = {blob.object for blob in blobs}
            last = max(names)
            sizes: dict[ObjectName, int] = {}
            others: list[StoredObject] = []
            for stored in chain(ahead, objects):
                ahead = []
                if stored.name > last:
                    ahead = [stored]
                    break
                if stored.name in names:
                    sizes[stored.name] = stored.size_bytes
                else:
                    others.append(stored)
                if len(others) == _AT_ONCE:
                    yield [], {}, others
                    others = []
            yield blobs, sizes, others
        for others in _grouped(chain(ahead, objects), _AT_ONCE):
            yield [], {}, others

    def _blobs(self) -> Iterator[list[Blob]]:
        after: Digest | None = None
        while blobs := self._graph.read(partial(_list, after=after)):
            yield blobs
            after = blobs[-1].digest

    # Objects without a blob

    def _unknown(self, found: Sequence[StoredObject]) -> Iterator[Finding]:
        if not found:
            return
        known = self._graph.read(partial(_known, names=[stored.name for stored in found]))
        leaked = [stored for stored in found if stored.name not in known]
        # What is unknown now stays so: an object is named by an upload before it is stored, and
        # goes before its last name does. No name is given twice.
        leaked = [stored for stored in leaked if self._store.find_size(stored.name) is not None]
        if self._removes and leaked:
            self._store.delete([stored.name for stored in leaked])
        for stored in leaked:
            yield self._leak("object_without_blob", stored.name, stored.size_bytes)

    def _leak(self, kind: str, subject: str, size_bytes: int) -> Finding:
        detail = KEPT if self._repair and not self._removes else ""
        return Finding(kind, subject, size_bytes, detail=detail, is_repaired=self._removes)

    # Blobs

    def _unneeded(self, blobs: Sequence[Blob]) -> dict[Digest, Finding]:
        digests = [blob.digest for blob in blobs]
        found = self._graph.read(lambda tx: tx.contents.unneeded(digests)) if digests else []
        if not found:
            return {}
        names = [blob.digest for blob in found]

        def look(tx: Transaction) -> list[Blob]:
            if self._removes:
                return reclaim(tx, [], names)[1]
            tx.lock(blobs=names)
            return tx.contents.unneeded(names)

        found = self._graph.write(look)
        if self._removes:
            Reclaim(self._context).delete_objects([blob.object for blob in found])
        return {
            blob.digest: self._leak("blob_unneeded", blob.digest, blob.size_bytes) for blob in found
        }

    def _faults(
        self, blobs: Sequence[Blob], *, sizes: Mapping[ObjectName, int]
    ) -> list[str | None]:
        return [self._fault(blob, sizes=sizes) for blob in blobs]

    def _fault(self, blob: Blob, *, sizes: Mapping[ObjectName, int]) -> str | None:
        """What is wrong with the blob's bytes; None if nothing is."""
        size_bytes = sizes.get(blob.object)
        if size_bytes != blob.size_bytes:
            size_bytes = self._store.find_size(blob.object)  # again: it may have come meanwhile
        if size_bytes is None:
            return "blob_without_object"
        if size_bytes != blob.size_bytes:
            return "blob_damaged"
        if not self._deep and not blob.is_lost:
            return None
        try:
            is_whole = self._is_whole(blob)
        except Unavailable:
            # A store that is away says so again, and that is the end of this.
            is_there = self._store.find_size(blob.object) is not None
            return "blob_unreadable" if is_there else "blob_without_object"
        if not is_whole:
            return "blob_damaged"
        return "blob_whole" if blob.is_lost else None

    def _is_whole(self, blob: Blob) -> bool:
        hasher = hashlib.sha256()
        try:
            with self._store.read(blob.object) as chunks:
                for chunk in chunks:
                    hasher.update(chunk)
        except NotFound:
            return False
        return hasher.hexdigest() == blob.digest.hex

    def _is_current(self, blob: Blob) -> bool:
        """Whether the graph still says the same: then the object was the blob's all the time."""
        found = self._graph.read(lambda tx: tx.contents.find_blobs([blob.digest]))
        return found.get(blob.digest) == blob

    def _faulty(self, blob: Blob, kind: str) -> Iterator[Finding]:
        is_lost = kind in ("blob_without_object", "blob_damaged")
        wants_change = kind != "blob_unreadable" and blob.is_lost != is_lost
        is_changed = self._repair and wants_change and self._mark(blob, is_lost=is_lost)
        is_marked = is_lost if is_changed else blob.is_lost
        finding = Finding(
            kind,
            blob.digest,
            blob.size_bytes,
            detail=_IS_MARKED if is_lost and is_marked else _DETAILS[kind],
            is_repaired=is_changed and not is_lost,
        )
        yield from with_needers(finding, partial(self._holders, blob.digest))

    def _mark(self, blob: Blob, *, is_lost: bool) -> bool:
        """Mark the blob, or take the mark away; False if it has changed meanwhile."""

        def change(tx: Transaction) -> bool:
            tx.lock(blobs=[blob.digest])
            if tx.contents.find_blobs([blob.digest]).get(blob.digest) != blob:
                return False
            tx.contents.save_blobs([replace(blob, is_lost=is_lost)])
            verb = "blob.lost" if is_lost else "blob.whole"
            record(tx, self._caller, self._context.now(), verb, blob.digest)
            return True

        return self._graph.write(change)

    def _holders(self, blob: Digest, after: str, limit: int) -> list[str]:
        return self._graph.read(
            lambda tx: tx.inventory.blob_holders(blob, after=after, limit=limit)
        )


def _known(tx: Transaction, *, names: list[ObjectName]) -> set[ObjectName]:
    return tx.contents.known_objects(names)


def _list(tx: Transaction, *, after: Digest | None) -> list[Blob]:
    return tx.contents.list_blobs(after=after, limit=_AT_ONCE)


def _grouped(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while group := list(islice(iterator, size)):
        yield group
