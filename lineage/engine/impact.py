"""Impact: who is downstream of something, and what could not be made again without it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lineage.engine.access import HIDDEN, Mask
from lineage.engine.context import Context
from lineage.engine.reproducible import Region, reproducible
from lineage.engine.selection import Selection, Targets, nodes_of, select
from lineage.engine.trace import count, mask_trace
from lineage.model import Caller, Direction, NodeInfo, Trace, TraceQuery
from lineage.names import NodeKey, RunKey, SegmentKey, VersionKey
from lineage.ports import Transaction

__all__ = ["Impact", "Impacts", "Share"]

_DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Share:
    """How much of what is downstream lies in one collection, or belongs to one entity."""

    name: str
    n_runs: int
    n_versions: int


@dataclass(frozen=True, slots=True)
class Impact:
    """What depends on a set of versions and runs. Hidden nodes are as in a trace: of a hidden run,
    each segment is one."""

    versions: tuple[NodeKey, ...]
    runs: tuple[RunKey, ...]
    downstream: Trace
    nodes: dict[NodeKey, NodeInfo]  # of the set and of all downstream that is not hidden
    n_runs: int
    n_versions: int
    n_hidden: int  # nodes downstream that the caller may not see
    collections: tuple[Share, ...]  # by name; what is hidden is in neither of these
    owners: tuple[Share, ...]
    irreproducible: tuple[NodeKey, ...]  # runs and versions that stay, and could be made again
    lost: tuple[NodeKey, ...]  # versions of the set: gone for good


class Impacts:
    def __init__(self, context: Context) -> None:
        self._context = context

    def impact(self, caller: Caller, selection: Selection, *, with_edges: bool = False) -> Impact:
        """What is downstream of a set, and what could not be made again if it were deleted.

        Args:
            with_edges: the trace has the edges among the set and what is downstream.
        Raises:
            NotFound: something named is not there, or nothing is chosen.
        Cost: O(n + m) of what is downstream, and of what that was made from and is not stored.
        """

        def ask(tx: Transaction) -> Impact:
            targets = select(
                self._context, tx, caller, selection, to_change=False, with_deleted=True
            )
            return _impact(tx, Mask(tx, caller), targets, with_edges=with_edges)

        return self._context.graph.read(ask)


def _impact(tx: Transaction, mask: Mask, targets: Targets, *, with_edges: bool) -> Impact:
    starts = nodes_of(tx, targets)
    query = TraceQuery(starts, Direction.DOWNSTREAM, with_edges=with_edges)
    trace = tx.questions.trace(query)
    reached = [key for level in trace.levels for key in level]
    infos = tx.questions.describe([*starts, *reached])
    flipped = _irreproducible(tx, starts, reached, infos, targets)
    n_runs, n_versions = count(trace, starts)
    masked = mask_trace(mask, trace)
    below = {key for key in map(mask, reached) if not key.startswith(HIDDEN)}
    n_hidden = len(reached) - len(below)
    in_set: set[NodeKey] = {*targets.versions, *map(NodeKey, targets.runs)}
    return Impact(
        versions=tuple(sorted(map(mask, targets.versions))),
        runs=tuple(sorted(targets.runs)),
        downstream=masked,
        nodes={key: infos[key] for key in sorted({*map(mask, starts), *below}) if key in infos},
        n_runs=n_runs,
        n_versions=n_versions,
        n_hidden=n_hidden,
        collections=_shares(below, targets, of_collections=True),
        owners=_shares(below, targets, of_collections=False),
        irreproducible=_masked(mask, flipped - in_set, reached),
        lost=tuple(sorted(mask(key) for key in flipped if key in targets.versions)),
    )


def _masked(mask: Mask, flipped: set[NodeKey], reached: Sequence[NodeKey]) -> tuple[NodeKey, ...]:
    """Runs by the keys of their first segments; a hidden run by those that the trace shows."""
    segments: dict[RunKey, list[NodeKey]] = {}
    for key in reached:
        if not key.startswith("artifact:"):
            segments.setdefault(SegmentKey(key).run, []).append(key)
    told: set[NodeKey] = set()
    for key in flipped:
        is_hidden_run = not key.startswith("artifact:") and mask(key).startswith(HIDDEN)
        shown = segments.get(RunKey(key), [key]) if is_hidden_run else [key]
        told.update(map(mask, shown))
    return tuple(sorted(told))


def _shares(
    nodes: Iterable[NodeKey], targets: Targets, *, of_collections: bool
) -> tuple[Share, ...]:
    runs: dict[str, set[RunKey]] = {}
    n_versions: dict[str, int] = {}
    for key in nodes:
        if key.startswith("artifact:"):
            collection = VersionKey(key).collection
            name = str(collection) if of_collections else collection.project.entity
            n_versions[name] = n_versions.get(name, 0) + 1
        elif not of_collections:
            run = SegmentKey(key).run
            if run not in targets.runs:
                runs.setdefault(run.project.entity, set()).add(run)
    return tuple(
        Share(name, len(runs.get(name, ())), n_versions.get(name, 0))
        for name in sorted({*runs, *n_versions})
    )


def _irreproducible(
    tx: Transaction,
    starts: Sequence[NodeKey],
    reached: Sequence[NodeKey],
    infos: dict[NodeKey, NodeInfo],
    targets: Targets,
) -> set[NodeKey]:
    """The runs, as the keys of their first segments, and the versions that can be made again now,
    and not without the targets; also each version of the set that is lost with it."""
    region, infos = _region(tx, {*starts, *reached}, dict(infos))
    is_deleted = {key for key, info in infos.items() if info.state == _DELETED}
    gone = {version for version in region.makers if version in is_deleted}
    lost = {segment for segment in region.inputs if segment in is_deleted}
    before = reproducible(region, gone=gone, lost=lost)
    going = {segment for segment in region.inputs if segment.run in targets.runs}
    after = reproducible(region, gone=gone | targets.versions.keys(), lost=lost | going)
    changed = before - after
    runs = {segment.run for segment in region.inputs if segment in changed}
    segments: dict[RunKey, list[SegmentKey]] = {run: [] for run in runs}
    for segment in region.inputs:
        if segment.run in segments:
            segments[segment.run].append(segment)
    flipped: set[NodeKey] = {
        run.segment(1) for run, parts in segments.items() if before.issuperset(parts)
    }
    flipped |= {version for version in region.makers if version in changed}
    return flipped | {v for v in targets.versions if v not in after and v not in gone}


def _region(
    tx: Transaction, affected: set[NodeKey], infos: dict[NodeKey, NodeInfo]
) -> tuple[Region, dict[NodeKey, NodeInfo]]:
    """All whose reproducibility may depend on the affected nodes, and all that decides about it."""
    region = Region()
    region.add(affected)
    new = set(affected)
    # Forward: content that an affected segment reproduced, and what was made from it.
    while new:
        keys = sorted(new)
        pairs = tx.flow.reproductions(keys)
        region.connect(tx.flow.edges_into(keys), pairs)
        products = {version for _, version in pairs} - affected
        if not products:
            break
        trace = tx.questions.trace(TraceQuery(tuple(sorted(products)), Direction.DOWNSTREAM))
        new = products.union(*trace.levels) - affected
        region.add(new)
        infos.update(tx.questions.describe(sorted(new)))
        affected |= new
    # Backward: earlier segments, and what made those inputs that are not stored.
    new = affected
    while new := _undecided(tx, region, infos, new):
        keys = sorted(new)
        region.add(keys)
        region.connect(tx.flow.edges_into(keys), tx.flow.reproductions(keys))
    return region, infos


def _undecided(
    tx: Transaction, region: Region, infos: dict[NodeKey, NodeInfo], nodes: Iterable[NodeKey]
) -> set[NodeKey]:
    """What these rest on and the region does not know yet: segments, and unstored versions."""
    segments: set[SegmentKey] = set()
    versions: set[VersionKey] = set()
    for node in nodes:
        if node.startswith("artifact:"):
            segments |= region.makers[VersionKey(node)]
            continue
        versions |= region.inputs[SegmentKey(node)]
        previous = region.before.get(SegmentKey(node))
        segments |= set() if previous is None else {previous}
    new: set[NodeKey] = {segment for segment in segments if segment not in region.inputs}
    new |= {version for version in versions if version not in region.makers}
    infos.update(tx.questions.describe(sorted(new - infos.keys())))
    return {
        key
        for key in new
        if not key.startswith("artifact:") or (key in infos and infos[key].state == _DELETED)
    }
