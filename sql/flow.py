"""The edges between segments and versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lineage.model import Edge, EdgeKind
from lineage.names import NodeKey, RunKey, SegmentKey, VersionKey
from sql.columns import KINDS, texts
from sql.statements import Statements
from sql.trace import find_path

__all__ = ["SqlFlow"]


class SqlFlow:
    """`lineage.ports.Flow` on SQLite. FEEDS alone is stored: USED is the same edge seen from its
    other end."""

    __slots__ = ("_sql",)

    def __init__(self, sql: Statements) -> None:
        self._sql = sql

    def add_use(self, segment: SegmentKey, version: VersionKey) -> None:
        self._sql.run("add_flow", version, segment, KINDS.index(EdgeKind.FEEDS))

    def add_logged(self, segment: SegmentKey, version: VersionKey) -> None:
        self._sql.run("add_flow", segment, version, KINDS.index(EdgeKind.LOGGED))

    def add_reproduced(self, segment: SegmentKey, version: VersionKey) -> None:
        self._sql.run("add_reproduced", segment, version)

    def used_by_run(self, run: RunKey) -> list[VersionKey]:
        return list(map(VersionKey, self._sql.column("find_used_by_run", run)))

    def logged_by_run(self, run: RunKey) -> tuple[list[VersionKey], list[VersionKey]]:
        logged = self._sql.column("find_logged_by_run", run)
        reproduced = self._sql.column("find_reproduced_by_run", run)
        return list(map(VersionKey, logged)), list(map(VersionKey, reproduced))

    def loggers(self, versions: Sequence[VersionKey]) -> dict[VersionKey, SegmentKey]:
        rows = self._sql.all("find_loggers", texts(versions))
        return {VersionKey(version): SegmentKey(segment) for version, segment in rows}

    def consumers(self, version: VersionKey) -> list[RunKey]:
        return list(map(RunKey, self._sql.column("find_consumers", texts([version]))))

    def reproducers(self, version: VersionKey) -> list[RunKey]:
        return list(map(RunKey, self._sql.column("find_reproducers", version)))

    def edges_into(self, nodes: Sequence[NodeKey]) -> list[Edge]:
        rows = self._sql.all("find_sources", texts(nodes))
        return [Edge(NodeKey(src), NodeKey(dst), KINDS[kind]) for src, dst, kind in rows]

    def reproductions(self, nodes: Sequence[NodeKey]) -> list[tuple[SegmentKey, VersionKey]]:
        rows = self._sql.all("find_reproductions", texts(nodes))
        return [(SegmentKey(segment), VersionKey(version)) for segment, version in rows]

    def find_path(self, start: NodeKey, end: NodeKey) -> list[NodeKey] | None:
        return find_path(self._sql, start, end)

    def iter_edges(self) -> Iterator[Edge]:
        for src, dst, kind in self._sql.iter("iter_edges"):
            yield Edge(NodeKey(src), NodeKey(dst), KINDS[kind])
