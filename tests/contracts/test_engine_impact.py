"""Impact: what is downstream, what could not be made again, and what a caller learns of it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import networkx as nx
import pytest

from lineage.digest import Digest
from lineage.engine import DeletionRequest, Impact, RunStart, Selection
from lineage.errors import Gone, NotFound
from lineage.model import Access, DraftId, RunState, Version
from lineage.names import CollectionKey, NodeKey, RunKey, SegmentKey, VersionKey
from lineage.ports import Transaction
from tests.contracts import graph_values
from tests.contracts.graph_values import NOW, run_key, segment
from tests.contracts.lab import (
    BOB,
    DIGITS,
    EVAL,
    EVE,
    MODELS,
    OPEN,
    TRAIN,
    VISION,
    A,
    B,
    C,
    Lab,
)

POOL = CollectionKey.of(OPEN, "pool")
R = [RunKey.of(VISION, f"r{n}") for n in range(4)]


def impact_of(lab: Lab, *keys: Version | RunKey, caller: Any = BOB, **others: Any) -> Impact:
    versions = tuple(key.key for key in keys if isinstance(key, Version))
    runs = tuple(key for key in keys if isinstance(key, RunKey))
    return lab.engine.impacts.impact(caller, Selection(versions=versions, runs=runs, **others))


def make(lab: Lab, run: RunKey, text: str, *inputs: Version, **others: Any) -> Version:
    """A version that a run made from these."""
    lab.engine.runs.start(BOB, RunStart(run, "allow"))
    for version in inputs:
        lab.engine.runs.use(BOB, run, version.key)
    return lab.version({"x": text.encode()}, run=run, **others)


def delete(lab: Lab, *keys: Version | RunKey) -> None:
    for key in keys:
        if isinstance(key, RunKey):
            lab.engine.runs.finish(BOB, key)
            lab.engine.deletion.delete(BOB, DeletionRequest(runs=(key,)))
        else:
            lab.engine.deletion.delete(BOB, DeletionRequest(versions=(key.key,)))


def test_what_is_downstream_is_told_by_hop_and_counted(lab: Lab) -> None:
    raw = lab.version(A)
    first = make(lab, TRAIN, "1", raw, collection=MODELS)
    second = make(lab, TRAIN, "2", first, collection=MODELS)
    make(lab, EVAL, "3", second, collection=POOL)
    found = impact_of(lab, raw)
    report = POOL.version(0)
    assert found.versions == (raw.key,)
    assert found.downstream.levels == (
        (TRAIN,),
        (first.key, TRAIN.segment(2)),
        (second.key,),
        (EVAL,),
        (report,),
    )
    assert (found.n_runs, found.n_versions, found.n_hidden) == (2, 3, 0)
    shares = [(share.name, share.n_runs, share.n_versions) for share in found.collections]
    assert shares == [(str(POOL), 0, 1), (str(MODELS), 0, 2)]
    assert [(share.name, share.n_runs, share.n_versions) for share in found.owners] == [
        ("acme", 2, 3)
    ]
    assert found.downstream.edges == ()
    assert set(found.nodes) == {raw.key, *sum(found.downstream.levels, ())}
    selection = Selection(versions=(raw.key,))
    with_edges = lab.engine.impacts.impact(BOB, selection, with_edges=True)
    assert {(edge.src, edge.dst) for edge in with_edges.downstream.edges} == {
        (raw.key, TRAIN),
        (TRAIN, first.key),
        (TRAIN, TRAIN.segment(2)),
        (first.key, TRAIN.segment(2)),
        (TRAIN.segment(2), second.key),
        (second.key, EVAL),
        (EVAL, report),
    }


def test_a_run_of_the_set_is_not_downstream_of_itself(lab: Lab) -> None:
    raw = lab.version(A)
    make(lab, TRAIN, "1", raw)
    make(lab, TRAIN, "2", raw)
    found = impact_of(lab, TRAIN)
    assert (found.n_runs, found.n_versions) == (0, 2)
    assert [(share.n_runs, share.n_versions) for share in found.owners] == [(0, 2)]
    assert found.irreproducible == (DIGITS.version(1), DIGITS.version(2))
    assert found.lost == ()


def test_what_nothing_made_is_lost_and_with_it_all_that_rests_on_it(lab: Lab) -> None:
    raw, other = lab.version(A), lab.version(B)
    model = make(lab, TRAIN, "model", raw, collection=MODELS)
    make(lab, EVAL, "report", model, other, collection=POOL)
    found = impact_of(lab, raw)
    assert found.lost == (raw.key,)
    # The report can be made again from the model, which is stored.
    assert found.irreproducible == (model.key, TRAIN)
    found = impact_of(lab, model)
    assert (found.lost, found.irreproducible) == ((), ())
    found = impact_of(lab, raw, model)
    assert found.lost == (raw.key, model.key)
    assert found.irreproducible == (POOL.version(0), EVAL, TRAIN)


def test_a_version_that_another_run_reproduced_can_be_made_by_that(lab: Lab) -> None:
    raw, other = lab.version(A), lab.version(B)
    model = make(lab, TRAIN, "model", raw, collection=MODELS)
    assert make(lab, EVAL, "model", other, collection=MODELS) == model
    assert lab.graph.read(lambda tx: tx.flow.reproducers(model.key)) == [EVAL]
    assert impact_of(lab, raw).irreproducible == (TRAIN,)
    assert impact_of(lab, other).irreproducible == (EVAL,)
    assert impact_of(lab, raw, other).irreproducible == (model.key, EVAL, TRAIN)
    delete(lab, raw)
    found = impact_of(lab, other)  # now its only way; and it is not downstream along the flow
    assert found.irreproducible == (model.key, EVAL)
    assert (found.n_runs, found.n_versions) == (1, 0)


def test_what_rests_on_a_reproduced_version_that_is_gone_is_found_too(lab: Lab) -> None:
    raw, other = lab.version(A), lab.version(B)
    model = make(lab, TRAIN, "model", raw, collection=MODELS)
    make(lab, EVAL, "model", other, collection=MODELS)
    report = make(lab, R[0], "report", model, collection=POOL)
    delete(lab, model, raw)
    found = impact_of(lab, other)
    assert found.downstream.levels == ((EVAL,),)
    assert found.irreproducible == tuple(sorted([model.key, report.key, EVAL, R[0]]))


def test_a_later_segment_needs_the_ones_before_it_and_not_the_other_way_round(lab: Lab) -> None:
    raw, late = lab.version(A), lab.version(B)
    first = make(lab, TRAIN, "1", raw, collection=MODELS)
    second = make(lab, TRAIN, "2", late, collection=MODELS)
    assert impact_of(lab, late).irreproducible == (second.key, TRAIN)
    assert impact_of(lab, raw).irreproducible == (first.key, second.key, TRAIN)


def test_a_chain_of_deleted_versions_is_rebuilt_from_where_something_is_stored(lab: Lab) -> None:
    raw = lab.version(A)
    chain = [raw]
    for n, run in enumerate(R):
        chain.append(make(lab, run, f"{n}", chain[-1], collection=MODELS))
    delete(lab, *chain[1:4])
    last = chain[4]
    found = impact_of(lab, last)
    assert (found.lost, found.irreproducible) == ((), ())
    found = impact_of(lab, raw)
    assert found.lost == (raw.key,)
    assert found.irreproducible == (*(v.key for v in chain[1:]), *R)
    delete(lab, R[1])  # the chain is broken in its middle
    found = impact_of(lab, last)
    assert (found.lost, found.irreproducible) == ((last.key,), ())
    assert impact_of(lab, raw).irreproducible == (chain[1].key, R[0])


def test_a_deleted_run_cannot_be_repeated_and_so_does_not_count_again(lab: Lab) -> None:
    raw = lab.version(A)
    model = make(lab, TRAIN, "1", raw, collection=MODELS)
    delete(lab, TRAIN)
    found = impact_of(lab, raw)
    assert (found.n_runs, found.n_versions) == (1, 1)
    assert found.irreproducible == ()
    assert impact_of(lab, model).lost == (model.key,)
    assert impact_of(lab, TRAIN).irreproducible == ()


def test_what_was_deleted_before_is_lost_when_its_last_way_goes(lab: Lab) -> None:
    raw = lab.version(A)
    model = make(lab, TRAIN, "1", raw, collection=MODELS)
    delete(lab, model)
    assert impact_of(lab, model).lost == ()
    assert impact_of(lab, model, TRAIN).lost == (model.key,)
    assert impact_of(lab, TRAIN).irreproducible == (model.key,)


def test_what_a_caller_may_not_see_is_counted_and_hidden(lab: Lab) -> None:
    lab.engine.projects.set_access(BOB, OPEN, Access.OPEN)
    shared = lab.version(A, collection=POOL)
    secret = make(lab, TRAIN, "1", shared)
    make(lab, TRAIN, "2", shared, secret)
    make(lab, RunKey.of(OPEN, "seen"), "3", secret, collection=POOL)
    full, found = (impact_of(lab, shared, caller=caller) for caller in (BOB, EVE))
    assert (found.n_runs, found.n_versions) == (full.n_runs, full.n_versions) == (2, 3)
    assert (full.n_hidden, found.n_hidden) == (0, 4)  # two segments, two versions
    assert [len(level) for level in found.downstream.levels] == [
        len(level) for level in full.downstream.levels
    ]
    assert set(found.nodes) == {shared.key, RunKey.of(OPEN, "seen"), POOL.version(1)}
    assert [(s.name, s.n_runs, s.n_versions) for s in found.collections] == [(str(POOL), 0, 1)]
    assert [(s.name, s.n_runs, s.n_versions) for s in found.owners] == [("acme", 1, 1)]
    assert full.irreproducible == (DIGITS.version(0), DIGITS.version(1), TRAIN)
    shown = set(sum(found.downstream.levels, ()))
    assert len(found.irreproducible) == 4  # of the hidden run, both segments
    assert all(key.startswith("hidden:") for key in found.irreproducible)
    assert set(found.irreproducible) <= shown
    assert "vision" not in repr(found)


def test_what_a_run_logged_elsewhere_stays_hidden_when_it_is_of_the_set(lab: Lab) -> None:
    lab.engine.projects.set_access(BOB, OPEN, Access.OPEN)
    run = RunKey.of(OPEN, "r")
    make(lab, run, "secret")
    make(lab, run, "open", collection=POOL)
    found = impact_of(lab, run, caller=EVE, with_logged=True)
    assert found.versions == (POOL.version(0), "hidden:artifact:1")
    assert found.lost == found.versions
    assert "vision" not in repr(found)


def test_a_set_that_may_not_be_read_is_not_there(lab: Lab) -> None:
    secret = lab.version(A)
    for selection in (
        Selection(versions=(secret.key,)),
        Selection(collection=DIGITS),
        Selection(project=VISION),
        Selection(digest=Digest.of(b"one")),
        Selection(path="a"),
    ):
        with pytest.raises(NotFound):
            lab.engine.impacts.impact(EVE, selection)


def test_who_may_read_but_not_write_has_an_impact_and_no_plan(lab: Lab) -> None:
    lab.engine.projects.set_access(BOB, VISION, Access.PUBLIC)
    made = lab.version(A)
    assert impact_of(lab, made, caller=EVE).lost == (made.key,)
    delete(lab, made)
    assert impact_of(lab, made, caller=EVE).lost == ()
    with pytest.raises(Gone):
        lab.engine.deletion.plan(BOB, DeletionRequest(versions=(made.key,)))
    assert lab.version(C).key == DIGITS.version(1)


# --- Against the definition, over the whole graph ------------------------------------------------


@dataclass
class Ground:
    """A random history, and what is known of it without any store."""

    versions: list[VersionKey] = field(default_factory=list)
    segments: list[SegmentKey] = field(default_factory=list)
    edges: set[tuple[NodeKey, NodeKey]] = field(default_factory=set)
    reproduced: set[tuple[SegmentKey, VersionKey]] = field(default_factory=set)
    gone: set[VersionKey] = field(default_factory=set)
    lost: set[RunKey] = field(default_factory=set)

    @property
    def runs(self) -> list[RunKey]:
        return sorted({segment.run for segment in self.segments})

    def possible(self, gone: set[VersionKey], lost: set[RunKey]) -> set[NodeKey]:
        """The segments that can be repeated and versions that can be rebuilt, by definition."""
        found: set[NodeKey] = set()
        while True:
            new = {s for s in self.segments if s.run not in lost and self._rests_on(s, gone, found)}
            made = {(src, dst) for src, dst in {*self.edges, *self.reproduced} if src in new}
            new |= {dst for _, dst in made if dst.startswith("artifact:")}
            if new <= found:
                return found
            found |= new

    def _rests_on(self, segment: SegmentKey, gone: set[VersionKey], found: set[NodeKey]) -> bool:
        sources = (src for src, dst in self.edges if dst == segment)
        return all(
            src in found or (src.startswith("artifact:") and src not in gone) for src in sources
        )

    def expected(
        self, versions: set[VersionKey], runs: set[RunKey]
    ) -> tuple[tuple[tuple[NodeKey, ...], ...], tuple[NodeKey, ...], tuple[NodeKey, ...]]:
        """Levels, what turns irreproducible, what is lost."""
        before = self.possible(self.gone, self.lost)
        after = self.possible(self.gone | versions, self.lost | runs)
        flipped: set[NodeKey] = set()
        for run in set(self.runs) - runs:
            parts = {segment for segment in self.segments if segment.run == run}
            if parts <= before and not parts <= after:
                flipped.add(run.segment(1))
        flipped |= {v for v in self.versions if v in before - after and v not in versions}
        had = (set(self.versions) - self.gone) | before
        lost = {v for v in versions if v in had and v not in after}
        starts: set[NodeKey] = {*versions, *(s for s in self.segments if s.run in runs)}
        return self._levels(starts), tuple(sorted(flipped)), tuple(sorted(lost))

    def _levels(self, starts: Iterable[NodeKey]) -> tuple[tuple[NodeKey, ...], ...]:
        graph = nx.DiGraph(self.edges)
        graph.add_nodes_from([*starts, *self.segments, *self.versions])
        first, *rest = nx.bfs_layers(graph, list(starts))
        assert set(first) == set(starts)
        return tuple(tuple(sorted(level)) for level in rest)


def grow(lab: Lab, chance: random.Random) -> Ground:
    """A random history in the store: every edge leads from what was there to what is new."""
    ground = Ground()
    is_sealed: set[SegmentKey] = set()

    def current(run: RunKey) -> SegmentKey:
        return max((s for s in ground.segments if s.run == run), key=lambda s: s.number)

    def use(tx: Transaction, run: RunKey, version: VersionKey) -> None:
        last = current(run)
        if last in is_sealed:
            new = run.segment(last.number + 1)
            tx.runs.add_segment(new, NOW)
            ground.segments.append(new)
            ground.edges.add((last, new))
            last = new
        tx.flow.add_use(last, version)
        ground.edges.add((version, last))

    def log(tx: Transaction, run: RunKey | None) -> None:
        version = DIGITS.version(len(ground.versions))
        tx.versions.add(graph_values.version(version.number), DraftId("none"), [])
        ground.versions.append(version)
        if run is not None:
            last = current(run)
            tx.flow.add_logged(last, version)
            ground.edges.add((last, version))
            is_sealed.add(last)

    def reproduce(tx: Transaction, run: RunKey, version: VersionKey) -> None:
        pair = (current(run), version)
        if pair not in ground.edges:
            tx.flow.add_reproduced(*pair)
            ground.reproduced.add(pair)
            is_sealed.add(pair[0])

    def fn(tx: Transaction) -> None:
        for n in range(6):
            tx.runs.add(graph_values.run(f"r{n}"))
            ground.segments.append(segment(f"r{n}"))
        for _ in range(2):
            log(tx, None)
        for _ in range(30):
            run = run_key(f"r{chance.randrange(6)}")
            version = chance.choice(ground.versions)
            match chance.choice(["use", "use", "log", "reproduce"]):
                case "use":
                    use(tx, run, version)
                case "log":
                    log(tx, run)
                case _:
                    reproduce(tx, run, version)
        ground.gone |= set(chance.sample(ground.versions, chance.randrange(len(ground.versions))))
        tx.versions.mark_deleted(sorted(ground.gone), NOW, "bob")
        for run in chance.sample(ground.runs, chance.choice((0, 0, 1, 2))):
            ground.lost.add(run)
            tx.runs.save(replace(graph_values.run(run.name), state=RunState.DELETED))

    lab.graph.write(fn)
    return ground


@pytest.mark.parametrize("seed", range(4))
def test_any_impact_is_what_the_definition_says_over_the_whole_graph(lab: Lab, seed: int) -> None:
    chance = random.Random(seed)
    graph_values.seed(lab.graph)
    ground = grow(lab, chance)
    for _ in range(12):
        check(lab, ground, chance)


def check(lab: Lab, ground: Ground, chance: random.Random) -> None:
    versions = some(chance, ground.versions)
    runs = some(chance, ground.runs, least=0 if versions else 1)
    found = lab.engine.impacts.impact(BOB, Selection(versions=tuple(versions), runs=tuple(runs)))
    levels, flipped, lost = ground.expected(set(versions), set(runs))
    assert found.downstream.levels == levels
    assert found.irreproducible == flipped
    assert found.lost == lost
    below = [key for level in levels for key in level]
    n_versions = sum(key.startswith("artifact:") for key in below)
    reached = {SegmentKey(key).run for key in below if key.startswith("run:")} - set(runs)
    assert (found.n_versions, found.n_runs) == (n_versions, len(reached))


def some(chance: random.Random, keys: Sequence[Any], *, least: int = 0) -> list[Any]:
    return sorted(chance.sample(keys, chance.randint(least, 3)))
