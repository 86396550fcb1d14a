"""The edges between segments and versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cypher.statements import Statements
from cypher.trace import batches, find_path, kind_of
from lineage.model import Edge
from lineage.names import NodeKey, RunKey, SegmentKey, VersionKey

__all__ = ["CypherFlow", "runs_of"]


class CypherFlow:
    """`lineage.ports.Flow` on Neo4j."""

    __slots__ = ("_cypher",)

    def __init__(self, cypher: Statements) -> None:
        self._cypher = cypher

    def add_use(self, segment: SegmentKey, version: VersionKey) -> None:
        self._cypher.later("add_use", {"segment": segment, "version": version})

    def add_logged(self, segment: SegmentKey, version: VersionKey) -> None:
        self._cypher.later("add_logged", {"segment": segment, "version": version})

    def add_reproduced(self, segment: SegmentKey, version: VersionKey) -> None:
        self._cypher.later("add_reproduced", {"segment": segment, "version": version})

    def used_by_run(self, run: RunKey) -> list[VersionKey]:
        return list(map(VersionKey, self._cypher.column("find_used_by_run", key=run)))

    def logged_by_run(self, run: RunKey) -> tuple[list[VersionKey], list[VersionKey]]:
        logged = self._cypher.column("find_logged_by_run", key=run)
        reproduced = self._cypher.column("find_reproduced_by_run", key=run)
        return list(map(VersionKey, logged)), list(map(VersionKey, reproduced))

    def loggers(self, versions: Sequence[VersionKey]) -> dict[VersionKey, SegmentKey]:
        rows = self._cypher.all("find_loggers", keys=versions)
        return {VersionKey(version): SegmentKey(segment) for version, segment in rows}

    def consumers(self, version: VersionKey) -> list[RunKey]:
        return runs_of(self._cypher.column("find_consumers", keys=[version]))

    def reproducers(self, version: VersionKey) -> list[RunKey]:
        return runs_of(self._cypher.column("find_reproducers", key=version))

    def edges_into(self, nodes: Sequence[NodeKey]) -> list[Edge]:
        found: set[tuple[str, str]] = set()
        for batch in batches(nodes):
            for dst, sources in zip(*self._cypher.one("find_edges_into", keys=batch), strict=True):
                found.update((src, dst) for src in sources)
        return [Edge(NodeKey(src), NodeKey(dst), kind_of(src, dst)) for src, dst in sorted(found)]

    def reproductions(self, nodes: Sequence[NodeKey]) -> list[tuple[SegmentKey, VersionKey]]:
        found: set[tuple[str, str]] = set()
        for batch in batches(nodes):
            for key, ends in zip(*self._cypher.one("find_reproductions", keys=batch), strict=True):
                is_version = key.startswith("artifact:")
                found.update((end, key) if is_version else (key, end) for end in ends)
        return [(SegmentKey(segment), VersionKey(version)) for segment, version in sorted(found)]

    def find_path(self, start: NodeKey, end: NodeKey) -> list[NodeKey] | None:
        return find_path(self._cypher, start, end)

    def iter_edges(self) -> Iterator[Edge]:
        for src, ends in self._cypher.iter("iter_edges"):
            for dst in sorted(ends):
                yield Edge(NodeKey(src), NodeKey(dst), kind_of(src, dst))


def runs_of(segments: Sequence[str]) -> list[RunKey]:
    """The runs of these segments, each once, by key."""
    return sorted({SegmentKey(segment).run for segment in segments})
