"""Walks over the flow graph by VarLengthExpand(Pruning,BFS): each node once, one packed answer.

From one start or a few, the database walks. From many, as for the plan of a large deletion, it
would walk from each by itself, so then it is asked level by level.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final

from cypher.statements import Statements, load, with_hops
from lineage.model import Direction, Edge, EdgeKind, Trace, TraceQuery
from lineage.names import NodeKey

__all__ = ["batches", "find_path", "kind_of", "trace"]

_FEW: Final = 4
_BATCH: Final = 20_000  # keys in one question: bounds its packed answer

_Ends = dict[str, Sequence[str]]  # where the edges of a node lead, or come from
_Levels = Sequence[Sequence[str]]  # keys by hop, each level sorted


def kind_of(src: str, dst: str) -> EdgeKind:
    """The kind of a flow edge: the kinds of its ends say it."""
    if src.startswith("artifact:"):
        return EdgeKind.FEEDS
    return EdgeKind.LOGGED if dst.startswith("artifact:") else EdgeKind.CONTINUES


def trace(cypher: Statements, query: TraceQuery) -> Trace:
    """The closure of the starts, as `lineage.ports.Questions.trace` promises it."""
    starts = set(map(str, query.starts))
    ends: _Ends = {}
    levels: _Levels = []
    has_all = True
    if query.max_hops == 0:
        pass  # nothing is that near
    elif len(starts) <= _FEW:
        levels, ends = _walk(cypher, sorted(starts), query)
        has_all = query.limit is None or sum(map(len, levels)) <= query.limit
    else:
        levels, has_all = _level_by_level(cypher, starts, query)
    if query.limit is not None:
        levels = _first(levels, query.limit)
    # Sorting plain texts is twice as fast as sorting keys, so they become keys here.
    if not query.with_edges:
        return Trace(tuple(map(_keys, filter(None, levels))), (), has_all)
    # Levels are sorted, so sorting all of them is little more than merging.
    inside = sorted(chain(starts, *levels))
    keys = dict(zip(inside, map(NodeKey, inside), strict=True))
    found = tuple([tuple(map(keys.__getitem__, level)) for level in levels if level])
    return Trace(found, _edges(cypher, keys, ends, query.direction), has_all)


def _keys(level: Sequence[str]) -> tuple[NodeKey, ...]:
    return level if isinstance(level, tuple) else tuple(map(NodeKey, level))


def _walk(cypher: Statements, starts: Sequence[str], query: TraceQuery) -> tuple[_Levels, _Ends]:
    """Keys by hop, without the starts; and, if edges are wanted, the ends of nodes."""
    name = "trace_edges" if query.with_edges else "trace"
    text = with_hops(load()[f"{name}_{query.direction}"], query.max_hops)
    nearest: dict[str, int] = {}
    ends: _Ends = {}
    for start in starts:
        [(hops, keys, *lists)] = cypher.composed(text, {"start": start})
        if lists:
            ends.update(zip(keys, lists[0], strict=True))
        if len(starts) == 1:
            # No walk comes back to where it began.
            if hops == list(range(1, len(hops) + 1)):
                return list(zip(map(NodeKey, keys))), ends  # a chain: no list a hop
            return _by_hop(hops, keys), ends
        for key, hop in zip(keys, hops, strict=True):
            if hop < nearest.get(key, hop + 1):
                nearest[key] = hop
    for start in starts:
        nearest.pop(start, None)
    return _by_hop(nearest.values(), nearest), ends


def _by_hop(hops: Iterable[int], keys: Iterable[str]) -> _Levels:
    levels: list[list[str]] = []
    for hop, key in zip(hops, keys, strict=True):
        while len(levels) < hop:
            levels.append([])
        levels[hop - 1].append(key)
    for level in levels:
        level.sort()
    return levels


def _level_by_level(
    cypher: Statements, starts: set[str], query: TraceQuery
) -> tuple[_Levels, bool]:
    """Keys by hop, up to the level that passes the limit; and whether that is all."""
    seen, frontier = set(starts), sorted(starts)
    levels: list[list[str]] = []
    n_found = 0
    while frontier and (query.max_hops is None or len(levels) < query.max_hops):
        reached: set[str] = set()
        for batch in batches(frontier):
            reached.update(cypher.value(f"find_next_{query.direction}", keys=batch))
        reached -= seen
        seen |= reached
        frontier = sorted(reached)
        levels.append(frontier)
        n_found += len(frontier)
        if query.limit is not None and n_found > query.limit:
            return levels, False
    return levels, True


def _first(levels: _Levels, limit: int) -> _Levels:
    kept: list[Sequence[str]] = []
    for level in levels:
        kept.append(level[:limit])
        limit -= len(kept[-1])
    return kept


def batches(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    """Keys in groups, each for one question: this bounds its packed answer."""
    for start in range(0, len(keys), _BATCH):
        yield keys[start : start + _BATCH]


def _edges(
    cypher: Statements, keys: dict[str, NodeKey], ends: _Ends, direction: Direction
) -> tuple[Edge, ...]:
    """The edges among these nodes, which are given in order, by (src, dst)."""
    is_downstream = direction is Direction.DOWNSTREAM
    name = "find_edges_from" if is_downstream else "find_edges_into"
    for batch in batches([key for key in keys if key not in ends]):
        ends.update(zip(*cypher.one(name, keys=batch), strict=True))
    if not is_downstream:
        ends = _turned(ends, keys)
    edges: list[Edge] = []
    for src, tail in keys.items():
        is_version = src.startswith("artifact:")
        heads = ends.get(src, ())
        for dst in sorted(heads) if len(heads) > 1 else heads:
            head = keys.get(dst)
            if head is not None:
                edges.append(Edge(tail, head, EdgeKind.FEEDS if is_version else kind_of(src, dst)))
    return tuple(edges)


def _turned(sources: _Ends, inside: Iterable[str]) -> _Ends:
    """Where edges lead, from where they come from."""
    ends: dict[str, list[str]] = {}
    for dst in inside:
        for src in sources.get(dst, ()):
            ends.setdefault(src, []).append(dst)
    return {**ends}


def find_path(cypher: Statements, start: NodeKey, end: NodeKey) -> list[NodeKey] | None:
    """A shortest path along the flow, searched from both ends at once; None if there is none."""
    if start == end:
        return [start] if cypher.value("find_node", key=start) else None
    keys = cypher.value("find_path", start=start, end=end)
    return None if keys is None else list(map(NodeKey, keys))
