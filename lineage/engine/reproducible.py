"""What can be made again: least fixpoints over segments, versions and the edges between them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Set
from dataclasses import dataclass, field

from lineage.model import Edge, EdgeKind
from lineage.names import NodeKey, SegmentKey, VersionKey

__all__ = ["Region", "reproducible"]


@dataclass(slots=True)
class Region:
    """A part of the graph, closed under what decides about it.

    For each of its segments it knows the one before and all inputs; for each of its versions all
    segments that logged or reproduced it. A version that it has not is stored.
    """

    before: dict[SegmentKey, SegmentKey] = field(default_factory=dict)
    inputs: dict[SegmentKey, set[VersionKey]] = field(default_factory=dict)
    makers: dict[VersionKey, set[SegmentKey]] = field(default_factory=dict)

    def add(self, nodes: Iterable[NodeKey]) -> None:
        for node in nodes:
            if node.startswith("artifact:"):
                self.makers.setdefault(VersionKey(node), set())
            else:
                self.inputs.setdefault(SegmentKey(node), set())

    def connect(
        self, edges: Iterable[Edge], reproductions: Iterable[tuple[SegmentKey, VersionKey]]
    ) -> None:
        """Edges into nodes of the region; those that lead elsewhere are left out."""
        for edge in edges:
            if edge.kind is EdgeKind.FEEDS and edge.dst in self.inputs:
                self.inputs[SegmentKey(edge.dst)].add(VersionKey(edge.src))
            elif edge.kind is EdgeKind.CONTINUES and edge.dst in self.inputs:
                self.before[SegmentKey(edge.dst)] = SegmentKey(edge.src)
            elif edge.kind is EdgeKind.LOGGED and edge.dst in self.makers:
                self.makers[VersionKey(edge.dst)].add(SegmentKey(edge.src))
        for segment, version in reproductions:
            if version in self.makers:
                self.makers[version].add(segment)


def reproducible(
    region: Region, *, gone: Set[VersionKey], lost: Collection[SegmentKey]
) -> set[NodeKey]:
    """The segments that can be repeated and the versions that can be rebuilt.

    A segment can be repeated if it is not lost, the one before it can, and each of its inputs is
    stored or can be rebuilt. A version can be rebuilt if any segment that logged or reproduced it
    can be repeated. Nothing else can: it is the least fixpoint, so two that could only be made
    from each other cannot be made.

    Args:
        gone: versions whose files are not stored; all of the region's others are.
        lost: segments of deleted runs: nobody knows any more what they did.
    Cost: O(n + m).
    """
    n_missing: dict[SegmentKey, int] = {}
    next_of: dict[SegmentKey, list[SegmentKey]] = {}
    users: dict[VersionKey, list[SegmentKey]] = {}
    products: dict[SegmentKey, list[VersionKey]] = {}
    for segment, inputs in region.inputs.items():
        wanted = [version for version in inputs if version in gone]
        for version in wanted:
            users.setdefault(version, []).append(segment)
        n_missing[segment] = len(wanted)
        previous = region.before.get(segment)
        if previous is not None:
            next_of.setdefault(previous, []).append(segment)
            n_missing[segment] += 1
    for version, makers in region.makers.items():
        for segment in makers:
            products.setdefault(segment, []).append(version)
    barred = set(lost)
    found: set[NodeKey] = set()
    ready = [segment for segment, n in n_missing.items() if n == 0 and segment not in barred]
    while ready:
        segment = ready.pop()
        found.add(segment)
        freed = list(next_of.get(segment, ()))
        for version in products.get(segment, ()):
            if version not in found:
                found.add(version)
                freed += users.get(version, ())
        for other in freed:
            n_missing[other] -= 1
            if n_missing[other] == 0 and other not in barred:
                ready.append(other)
    return found
