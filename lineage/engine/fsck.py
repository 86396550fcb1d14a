"""fsck: compare what the graph says with itself and with what the store holds, both ways."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lineage.engine.context import Context
from lineage.engine.findings import Checked, Finding
from lineage.engine.fsck_bytes import BytesCheck
from lineage.engine.fsck_contents import ContentsCheck
from lineage.errors import Denied
from lineage.model import Caller, Edge
from lineage.names import NodeKey
from lineage.ports import Transaction

__all__ = ["Fsck", "unsorted_nodes"]

_SHOWN = 20  # nodes of a cycle


class Fsck:
    """Safe while others write: whatever looks wrong is looked at again before it is told."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def run(self, caller: Caller, *, deep: bool = False, repair: bool = False) -> Iterator[Finding]:
        """Every finding, as it is found; none means all is well.

        Args:
            deep: also read every blob and compare its digest.
            repair: do what `Finding` says of each kind; only what is provably safe.
        Raises:
            Denied: the caller is not an administrator.
            Conflict: the store belongs to another graph, where every object would look leaked.
        Cost: one pass over objects, blobs, pages and versions, in bounded memory; the flow edges
            are held as a whole.
        """
        for told in self.watch(caller, deep=deep, repair=repair):
            if isinstance(told, Finding):
                yield told

    def watch(
        self, caller: Caller, *, deep: bool = False, repair: bool = False
    ) -> Iterator[Finding | Checked]:
        """As `run`; in between, and at the end, how much has been looked at in all."""
        if not caller.is_admin:
            raise Denied("only an administrator runs fsck")
        self._context.blobs.claim(self._context.graph.identity)
        total = Checked()
        for told in self._check(caller, deep=deep, repair=repair):
            if isinstance(told, Checked):
                total += told
                yield total
            else:
                yield told
        yield total

    def _check(self, caller: Caller, *, deep: bool, repair: bool) -> Iterator[Finding | Checked]:
        yield from self._edges()
        yield from self._cycle()
        # What pages and versions need is known only once they are known to be whole: before
        # that, what looks leaked may be what they lack.
        contents = ContentsCheck(self._context, repair=repair)
        yield from contents.damaged()
        removes = repair and not contents.is_damaged
        yield from contents.leaked(removes=removes)
        bytes_ = BytesCheck(self._context, caller, deep=deep, repair=repair, removes=removes)
        yield from bytes_.check()

    def _edges(self) -> Iterator[Finding]:
        graph = self._context.graph
        found = graph.read(lambda tx: tx.inventory.misplaced_edges())
        again = set(graph.read(lambda tx: tx.inventory.misplaced_edges())) if found else set()
        for edge in found:
            if edge in again:
                yield Finding("edge_misplaced", f"{edge.src} {edge.kind} {edge.dst}")

    def _cycle(self) -> Iterator[Finding]:
        def ask(tx: Transaction) -> list[NodeKey]:
            return unsorted_nodes(tx.flow.iter_edges())

        left = self._context.graph.read(ask)
        # Edges that were purged while others were read may have looked like one.
        again = set(self._context.graph.read(ask)) if left else set()
        left = [node for node in left if node in again]
        if left:
            detail = f"{len(left)} nodes" if len(left) > _SHOWN else ""
            yield Finding("cycle", " ".join(left[:_SHOWN]), detail=detail)


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
