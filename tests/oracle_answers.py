"""What the oracle says about traces and deletions: the questions that look at all there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import networkx as nx

from lineage.digest import Digest
from lineage.engine import DeletionRequest
from lineage.errors import Blocked, Denied, Gone, NotFound, PlanChanged
from lineage.model import Caller, DeletionFacts, Direction, RunState
from lineage.names import NodeKey, RunKey, VersionKey
from tests.oracle import Oracle, blobs_of, size_of

__all__ = ["PlanFacts", "TraceFacts", "delete", "facts_of", "masked", "plan", "trace"]


def masked(oracle: Oracle, caller: Caller, key: str) -> str:
    """The key, or what hides it: the number that the engine puts there means nothing."""
    kind, _, path = key.partition(":")
    if kind == "draft" or oracle.may_read(caller, "/".join(path.split("/")[:2])):
        return key
    return f"hidden:{kind}"


@dataclass
class TraceFacts:
    levels: list[Counter[str]]
    edges: Counter[tuple[str, str, str]]
    complete: bool
    n_runs: int
    n_versions: int
    n_hidden: int


def trace(
    oracle: Oracle,
    caller: Caller,
    starts: Iterable[RunKey | VersionKey],
    direction: Direction,
    *,
    max_hops: int | None,
    limit: int | None,
) -> TraceFacts:
    graph = oracle.flow
    nodes: set[str] = set()
    for start in starts:
        oracle.require_read(caller, start.project)
        if start not in graph:
            raise NotFound(start)
        nodes |= set(oracle.segments(start)) if isinstance(start, RunKey) else {start}
    walked = graph if direction is Direction.DOWNSTREAM else graph.reverse()
    hops: dict[str, int] = {}
    for node in nodes:
        for reached, hop in nx.single_source_shortest_path_length(walked, node).items():
            hops[reached] = min(hop, hops.get(reached, hop))
    order = sorted((hop, node) for node, hop in hops.items() if node not in nodes)
    order = [(hop, node) for hop, node in order if max_hops is None or hop <= max_hops]
    told = order[:limit]
    levels = [Counter[str]() for _ in range(max((hop for hop, _ in told), default=0))]
    for hop, node in told:
        levels[hop - 1][masked(oracle, caller, node)] += 1
    inside = nodes | {node for _, node in told}
    edges = Counter(
        (masked(oracle, caller, src), masked(oracle, caller, dst), kind)
        for src, dst, kind in graph.subgraph(inside).edges(data="kind")
    )
    runs = {n.partition("#")[0] for _, n in told if n.startswith("run:")}
    return TraceFacts(
        levels=levels,
        edges=edges,
        complete=len(told) == len(order),
        n_runs=len(runs - {node.partition("#")[0] for node in nodes}),
        n_versions=sum(node.startswith("artifact:") for _, node in told),
        n_hidden=sum(masked(oracle, caller, node) != node for _, node in told),
    )


@dataclass
class PlanFacts:
    versions: set[VersionKey]
    runs: set[RunKey]
    aliases: list[str]
    facts: DeletionFacts
    blockers: list[tuple[str, str]]
    actor: str = ""
    request: DeletionRequest = field(default_factory=DeletionRequest)
    done: DeletionFacts | None = None  # what executing it freed

    @property
    def binds(self) -> tuple[object, ...]:
        """What a plan promises: what goes, what blocks, and who reads it directly."""
        f = self.facts
        gone = (f.n_pages, f.n_blobs, f.freed_bytes, f.blobs, f.consumers)
        return (self.versions, self.runs, self.aliases, self.blockers, *gone)


def facts_of(
    oracle: Oracle, versions: Sequence[VersionKey], runs: Iterable[RunKey]
) -> DeletionFacts:
    inside = oracle.contained_in(versions)
    staying = oracle.stored_blobs(without=versions)
    pages = oracle.stored_pages() - oracle.stored_pages(without=versions)
    going = inside - staying
    consumers = {run for version in versions for run in oracle.consumers(version)}
    return DeletionFacts(
        n_pages=len(pages),
        n_blobs=len(going),
        freed_bytes=size_of(going),
        blobs=Digest.of(b"".join(digest.raw for digest, _ in sorted(going))),
        joint_bytes=size_of(
            {blob for blob in going if sum(blob in oracle.contained_in([v]) for v in versions) > 1}
        ),
        n_shared=len(inside & staying),
        shared_bytes=size_of(inside & staying),
        consumers=tuple(sorted(consumers - set(runs))),
    )


def holders_of(oracle: Oracle, caller: Caller, versions: Sequence[VersionKey]) -> Counter[object]:
    """(name, number of blobs, bytes) of each holder, with how often it is there."""
    shared = oracle.contained_in(versions) & oracle.stored_blobs(without=versions)
    kept: dict[str, set[tuple[Digest, int]]] = {}
    for blob in shared:
        live = [k for k, v in oracle.versions.items() if v.is_live and k not in set(versions)]
        owners = sorted(key for key in live if blob in oracle.contained_in([key]))
        for id, draft in sorted(oracle.drafts.items()):
            attached = {b for page in draft.attached for b in blobs_of(oracle.bodies[page])}
            if blob in attached or blob[0] in draft.held:
                owners.append(f"draft:{id}")
        kept.setdefault(owners[0], set()).add(blob)
    return Counter(
        (masked(oracle, caller, name), len(blobs), size_of(blobs)) for name, blobs in kept.items()
    )


def plan(
    oracle: Oracle, caller: Caller, request: DeletionRequest, *, has_plan: bool = True
) -> PlanFacts:
    """What the request would do now."""
    projects = {key.project for key in (*request.versions, *request.runs)}
    if request.collection is not None:
        projects.add(request.collection.project)
    if request.project is not None:
        projects.add(request.project)
    for project in sorted(projects):
        oracle.require_write(caller, project)
    versions = {*request.versions, *chosen(oracle, caller, request)}
    runs = set(request.runs)
    if request.project is not None and not request.keep_last:
        of_project = {run for run in oracle.runs if run.project == request.project}
        runs |= {run for run in of_project if oracle.runs[run].state is not RunState.DELETED}
    for run in runs if request.with_logged else ():
        versions |= oracle.logged(run)
    if not all(oracle.may_write(caller, key.project) for key in versions):
        raise Denied("of another project")
    for key in request.versions:
        if key not in oracle.versions:
            raise NotFound(key)
        if not oracle.versions[key].is_live and not request.purge:
            raise Gone(key)
    for run in request.runs:
        if run not in oracle.runs:
            raise NotFound(run)
        if oracle.runs[run].state is RunState.DELETED and not request.purge:
            raise Gone(run)
    going = {k for k in versions if k in request.versions or oracle.versions[k].is_live}
    if not going and not runs:
        raise NotFound("nothing matches")
    return _planned(oracle, going, runs, request, has_plan=has_plan)


def chosen(oracle: Oracle, caller: Caller, request: DeletionRequest) -> set[VersionKey]:
    """The live versions that the request chooses, without the newest that it keeps."""
    live = {key for key, version in oracle.versions.items() if version.is_live}
    if request.digest is not None:
        seen = {key for key in live if oracle.may_read(caller, key.project)}
        found = {
            key
            for key in seen
            if request.digest in {digest for digest, _ in oracle.contained_in([key])}
        }
    elif request.collection is not None:
        found = {key for key in live if key.collection == request.collection}
    elif request.project is not None:
        found = {key for key in live if key.project == request.project}
    else:
        return set()
    for collection in {key.collection for key in found} if request.keep_last else ():
        numbers = sorted(key.number for key in live if key.collection == collection)
        found -= {collection.version(number) for number in numbers[-request.keep_last :]}
    return found


def _planned(
    oracle: Oracle,
    versions: set[VersionKey],
    runs: set[RunKey],
    request: DeletionRequest,
    *,
    has_plan: bool,
) -> PlanFacts:
    facts = facts_of(oracle, sorted(versions), runs)
    aliases = sorted(
        f"{collection}:{alias}"
        for (collection, alias), key in oracle.aliases.items()
        if key in versions and alias != "latest"
    )
    blockers = [] if request.delete_aliases else [("alias", alias) for alias in aliases]
    blockers += [
        ("running", run.path) for run in sorted(runs) if oracle.seen_state(run) is RunState.RUNNING
    ]
    if request.purge and not has_plan:
        left = {key for run in runs for key in oracle.logged(run)} - versions
        blockers += [("downstream", key) for key in (*facts.consumers, *sorted(left))]
    return PlanFacts(versions, runs, aliases, facts, blockers)


def replan(oracle: Oracle, caller: Caller, kept: PlanFacts) -> PlanFacts:
    """What the kept plan names, as it is now; what is gone is left out."""
    for project in sorted({key.project for key in (*kept.versions, *kept.runs)}):
        oracle.require_write(caller, project)
    purge = kept.request.purge
    versions = {
        key
        for key in kept.versions & oracle.versions.keys()
        if purge or oracle.versions[key].is_live
    }
    runs = {
        run
        for run in kept.runs & oracle.runs.keys()
        if purge or oracle.runs[run].state is not RunState.DELETED
    }
    now = _planned(oracle, versions, runs, kept.request, has_plan=True)
    if now.binds != kept.binds:
        raise PlanChanged("changed")
    return now


def delete(oracle: Oracle, what: PlanFacts, *, purge: bool) -> DeletionFacts:
    """Do it, and say what it freed."""
    if what.blockers:
        raise Blocked("blocked")
    freed = facts_of(oracle, sorted(what.versions), what.runs)
    for key in what.versions:
        oracle.versions[key].is_live = False
        oracle.versions[key].tags = set()
    headless = {c for (c, alias), key in oracle.aliases.items() if key in what.versions}
    oracle.aliases = {a: key for a, key in oracle.aliases.items() if key not in what.versions}
    for collection in headless:
        live = [k for k, v in oracle.versions.items() if v.is_live and k.collection == collection]
        if live:
            newest = max(live, key=lambda key: key.number)
            oracle.aliases.setdefault((collection, "latest"), newest)
    for run in what.runs:
        oracle.runs[run].state = RunState.DELETED
    if purge:
        _purge(oracle, what)
    return freed


def _purge(oracle: Oracle, what: PlanFacts) -> None:
    nodes: set[str] = set(what.versions)
    for run in what.runs:
        nodes |= set(oracle.segments(run))
    oracle.flow.remove_nodes_from(map(NodeKey, nodes))
    oracle.purged |= nodes
    oracle.versions = {k: v for k, v in oracle.versions.items() if k not in nodes}
    oracle.runs = {k: run for k, run in oracle.runs.items() if k not in nodes}
    oracle.reproduced = {(s, v) for s, v in oracle.reproduced if s not in nodes and v not in nodes}
    oracle.creators = {
        v: run for v, run in oracle.creators.items() if v not in nodes and run not in nodes
    }
