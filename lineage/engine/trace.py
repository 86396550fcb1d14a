"""Traces: what something was made from, and what was made from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from lineage.engine.access import HIDDEN, Mask, readable
from lineage.engine.context import Context
from lineage.engine.versions import resolve
from lineage.errors import Invalid, NotFound
from lineage.model import Caller, Direction, Edge, NodeInfo, Trace, TraceQuery
from lineage.names import ArtifactRef, NodeKey, RunKey, parse_node
from lineage.ports import Transaction

__all__ = ["TraceAnswer", "Traces", "count", "mask_trace", "parse_start"]


@dataclass(frozen=True, slots=True)
class TraceAnswer:
    """A trace as its caller may see it.

    Nodes of projects the caller may not read are `hidden:run:1`, `hidden:artifact:2` and so on:
    their hop and their kind are told, and the number means something within this answer only.
    """

    starts: tuple[NodeKey, ...]  # every segment of a run that was named
    direction: Direction
    trace: Trace
    nodes: dict[NodeKey, NodeInfo]  # of starts and answer, if asked for; hidden ones left out
    n_runs: int  # runs, however many of their segments were reached
    n_versions: int
    n_hidden: int
    below_drifted: frozenset[NodeKey] = frozenset()  # of `nodes`: made from drifted versions


class Traces:
    def __init__(self, context: Context) -> None:
        self._context = context

    def trace(
        self,
        caller: Caller,
        starts: Sequence[ArtifactRef | RunKey],
        direction: Direction,
        *,
        max_hops: int | None = None,
        limit: int | None = None,
        with_edges: bool = False,
        with_nodes: bool = False,
    ) -> TraceAnswer:
        """Everything upstream (or downstream) of the starts, nearest first.

        Args:
            starts: one or more versions and runs; a run means all its segments. Not in the answer.
            max_hops: edges to follow, >= 1; None goes to the end.
            limit: nodes in the answer, >= 1; None has no limit. `complete` tells if it was cut.
            with_edges: also the edges among the starts and the answer.
            with_nodes: also the state, type and name of each node, and whether it was made from
                a drifted version, in the answer or not, of a project that the caller may read.
        Raises:
            NotFound: a start does not exist, or the caller may not read it.
        Cost: O(n + m), one query; with nodes, also that of all downstream of drifted versions.
        Source: W3C PROV-DM section 5.2 (derivation).
        """
        for name, bound in (("max_hops", max_hops), ("limit", limit)):
            if bound is not None and bound < 1:
                raise Invalid(name, "is less than 1")
        if not starts:
            raise Invalid("start", "names nothing to start from")

        def ask(tx: Transaction) -> TraceAnswer:
            nodes = self._starts(tx, caller, starts)
            query = TraceQuery(nodes, direction, max_hops, limit, with_edges)
            trace = tx.questions.trace(query)
            mask = Mask(tx, caller)
            masked = trace if caller.is_admin else mask_trace(mask, trace)
            infos: dict[NodeKey, NodeInfo] = {}
            below: frozenset[NodeKey] = frozenset()
            if with_nodes:
                keys = [*nodes, *(key for level in masked.levels for key in level)]
                seen = [key for key in keys if not key.startswith(HIDDEN)]
                infos = tx.questions.describe(seen)
                below = _below_drifted(tx, caller, infos)
            n_runs, n_versions = count(trace, nodes)
            return TraceAnswer(
                nodes, direction, masked, infos, n_runs, n_versions, mask.n_hidden, below
            )

        return self._context.graph.read(ask)

    def _starts(
        self, tx: Transaction, caller: Caller, starts: Sequence[ArtifactRef | RunKey]
    ) -> tuple[NodeKey, ...]:
        nodes: set[NodeKey] = set()
        for start in starts:
            if isinstance(start, RunKey):
                readable(tx, caller, start.project)
                segments = tx.runs.segments(start)
                if not segments:
                    raise NotFound(f"there is no run {start.path}")
                nodes.update(segment.key for segment in segments)
            else:
                readable(tx, caller, start.collection.project)
                key = resolve(tx, start)
                if key not in tx.versions.find([key]):
                    raise NotFound(f"there is no version {key.path}")
                nodes.add(key)
        return tuple(sorted(nodes))


def _below_drifted(tx: Transaction, caller: Caller, nodes: Iterable[NodeKey]) -> frozenset[NodeKey]:
    """Those of the nodes that were made from a drifted version that the caller may see.

    Downstream from what has drifted, as that may lie outside the answer; mostly it is nothing.
    """
    mask = Mask(tx, caller)
    drifted = [key for key in tx.versions.drifted() if mask(key) == key]
    if not drifted:
        return frozenset()
    trace = tx.questions.trace(TraceQuery(tuple(drifted), Direction.DOWNSTREAM))
    reached = {key for level in trace.levels for key in level}
    # A start is not part of a trace, though one drifted version may be made from another.
    reached |= {edge.dst for edge in tx.flow.edges_into(drifted) if edge.src in reached}
    return frozenset(reached.intersection(nodes))


def count(trace: Trace, starts: Sequence[NodeKey]) -> tuple[int, int]:
    """The runs of a trace, without those that it starts from, and its versions."""
    started = {key.partition("#")[0] for key in starts}
    runs: set[str] = set()
    n_versions = 0
    for level in trace.levels:
        for key in level:
            if key.startswith("artifact:"):
                n_versions += 1
            else:
                runs.add(key.partition("#")[0])
    return len(runs - started), n_versions


def mask_trace(mask: Mask, trace: Trace) -> Trace:
    """The trace with what the caller may not read hidden: after the walk, never inside it."""
    levels = tuple(tuple(sorted(map(mask, level))) for level in trace.levels)
    edges = (Edge(mask(edge.src), mask(edge.dst), edge.kind) for edge in trace.edges)
    ordered = sorted(edges, key=lambda edge: (edge.src, edge.dst))
    return replace(trace, levels=levels, edges=tuple(ordered))


def parse_start(text: str) -> ArtifactRef | RunKey:
    """The start that a full key or a full path names."""
    if text.startswith("run:"):
        node = parse_node(text)
        return RunKey(node.partition("#")[0])
    return ArtifactRef.parse(text)
