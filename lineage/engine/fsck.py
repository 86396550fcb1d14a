"""fsck: compare what the graph says with what the store holds, both ways, and prove acyclicity."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeVar

from lineage.digest import Digest
from lineage.engine.access import scope_of
from lineage.engine.context import Context
from lineage.errors import Denied, NotFound
from lineage.model import Blob, Caller, Edge, ObjectName
from lineage.names import NodeKey, VersionKey
from lineage.ports import Transaction

__all__ = ["Finding", "Fsck", "unsorted_nodes"]

_AT_ONCE = 1000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    `kind` is `object_without_blob` (its bytes are leaked), `blob_without_object` or
    `blob_damaged` (its bytes are lost: `versions` names who needs them), or `cycle`.
    """

    kind: str
    subject: str
    size_bytes: int = 0
    versions: tuple[VersionKey, ...] = ()
    is_repaired: bool = False


class Fsck:
    """Safe while others write: whatever looks wrong is looked at again before it is told."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def run(self, caller: Caller, *, deep: bool = False, repair: bool = False) -> Iterator[Finding]:
        """Every finding, as it is found; none means all is well.

        Args:
            deep: also read every blob and compare its digest.
            repair: delete objects that no blob, upload or tombstone knows; nothing else is
                provably safe.
        Raises:
            Denied: the caller is not an administrator.
            Conflict: the store belongs to another graph, where every object would look leaked.
        """
        if not caller.is_admin:
            raise Denied("only an administrator runs fsck")
        self._context.blobs.claim(self._context.graph.identity)
        yield from self._objects(repair=repair)
        yield from self._blobs(caller, deep=deep)
        yield from self._cycle()

    def _objects(self, *, repair: bool) -> Iterator[Finding]:
        blobs, graph = self._context.blobs, self._context.graph
        for group in _grouped(blobs.iter_objects(), _AT_ONCE):
            names = [stored.name for stored in group]
            known = graph.read(partial(_known, names=names))
            for stored in group:
                if stored.name in known or blobs.find_size(stored.name) is None:
                    continue
                if repair:
                    blobs.delete([stored.name])
                yield Finding(
                    "object_without_blob", stored.name, stored.size_bytes, is_repaired=repair
                )

    def _blobs(self, caller: Caller, *, deep: bool) -> Iterator[Finding]:
        after: Digest | None = None
        graph = self._context.graph
        while True:
            group = graph.read(partial(_list, after=after))
            for blob in group:
                kind = self._fault(blob, deep=deep)
                if kind is not None and self._is_current(blob):
                    versions = self._versions(caller, blob.digest)
                    yield Finding(kind, blob.digest, blob.size_bytes, versions)
            if len(group) < _AT_ONCE:
                return
            after = group[-1].digest

    def _fault(self, blob: Blob, *, deep: bool) -> str | None:
        size_bytes = self._context.blobs.find_size(blob.object)
        if size_bytes is None:
            return "blob_without_object"
        if size_bytes != blob.size_bytes:
            return "blob_damaged"
        return "blob_damaged" if deep and not self._is_whole(blob.object, blob.digest) else None

    def _is_whole(self, name: ObjectName, digest: Digest) -> bool:
        hasher = hashlib.sha256()
        try:
            with self._context.blobs.read(name) as chunks:
                for chunk in chunks:
                    hasher.update(chunk)
        except NotFound:
            return False
        return hasher.hexdigest() == digest.hex

    def _is_current(self, blob: Blob) -> bool:
        found = self._context.graph.read(lambda tx: tx.contents.find_blobs([blob.digest]))
        return found.get(blob.digest) == blob

    def _versions(self, caller: Caller, digest: Digest) -> tuple[VersionKey, ...]:
        scope = scope_of(caller)
        return tuple(
            self._context.graph.read(
                lambda tx: tx.questions.containing(scope, digest=digest, path=None, limit=100_000)
            )
        )

    def _cycle(self) -> Iterator[Finding]:
        def ask(tx: Transaction) -> list[NodeKey]:
            return unsorted_nodes(tx.flow.iter_edges())

        left = self._context.graph.read(ask)
        # Edges that were purged while others were read may have looked like one.
        again = set(self._context.graph.read(ask)) if left else set()
        left = [node for node in left if node in again]
        if left:
            yield Finding("cycle", " ".join(left[:20]))


def unsorted_nodes(edges: Iterable[Edge]) -> list[NodeKey]:
    """The nodes that a topological sort cannot place: on a cycle, or after one. O(n + m).

    Source: A. B. Kahn, Topological sorting of large networks, CACM 5(11), 1962.
    """
    ends: dict[NodeKey, list[NodeKey]] = {}
    n_in: dict[NodeKey, int] = {}
    for edge in edges:
        ends.setdefault(edge.src, []).append(edge.dst)
        n_in[edge.dst] = n_in.get(edge.dst, 0) + 1
        n_in.setdefault(edge.src, 0)
    ready = [node for node, n in n_in.items() if n == 0]
    while ready:
        for end in ends.get(ready.pop(), ()):
            n_in[end] -= 1
            if n_in[end] == 0:
                ready.append(end)
    return sorted(node for node, n in n_in.items() if n > 0)


def _known(tx: Transaction, *, names: list[ObjectName]) -> set[ObjectName]:
    return tx.contents.known_objects(names)


def _list(tx: Transaction, *, after: Digest | None) -> list[Blob]:
    return tx.contents.list_blobs(after=after, limit=_AT_ONCE)


def _grouped(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while group := list(islice(iterator, size)):
        yield group
