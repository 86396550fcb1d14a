"""Random steps on the engine over a pair of real stores and on the oracle, compared after each.

    class MachineOnMyStores(EngineMachine):
        make_stores = staticmethod(my_stores)      # a fresh folder -> (graph store, blob store)

Every verb is called with whatever comes to hand: other people's drafts, deleted versions, uploads
that were replaced, sizes that lie. The oracle says whether it must be refused and how; what was
refused must leave nothing, and after each step all there is is compared with the oracle's state.
The steps that write are in `machine_writing.py`; here are deletion, time and questions.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from lineage.digest import Digest
from lineage.engine import DeletionRequest
from lineage.errors import NotFound
from lineage.model import Caller, DeletionFacts, Direction, Freed
from lineage.names import ArtifactRef, ProjectKey, RunKey, VersionKey
from tests import oracle_answers as answers
from tests.contracts.contents import BLOBS
from tests.contracts.machine_ground import ANN, COLLECTIONS, LOGGED, PEOPLE, PROJECTS, mostly
from tests.contracts.machine_links import Linking
from tests.oracle import Oracle

__all__ = ["EngineMachine"]


class EngineMachine(Linking):
    def __init__(self) -> None:
        super().__init__()
        self.plans: dict[Digest, answers.PlanFacts] = {}
        self.plans_end: dict[Digest, datetime] = {}

    # Deletion

    def a_deletion(self, data: st.DataObject) -> tuple[DeletionRequest, Caller]:
        purge = data.draw(st.sampled_from([True, False, False]))
        gone = [key for key, v in self.oracle.versions.items() if not v.is_live]
        if purge and gone and data.draw(st.booleans()):
            one = data.draw(st.sampled_from(gone))
        else:
            one = self.a_version(data)
        near = [key for key in self.oracle.versions if key.project.entity == one.project.entity]
        others = data.draw(st.lists(mostly(near, [one]), max_size=data.draw(st.integers(0, 2))))
        ended = [run for run, r in self.oracle.runs.items() if r.state in ("finished", "failed")]
        runs = [data.draw(mostly(ended, [self.a_run(data, of=one.project.entity)]))]
        kinds = ["versions", "versions", "runs", "both", "collection", "project", "digest"]
        kind = data.draw(st.sampled_from(kinds))
        keep_last = data.draw(st.sampled_from([0, 1, 1, 2])) if kind in kinds[-3:] else 0
        request = DeletionRequest(
            versions=tuple({one: 1, **dict.fromkeys(others)})
            if kind in ("versions", "both")
            else (),
            runs=tuple(runs) if kind in ("runs", "both") else (),
            collection=data.draw(st.sampled_from(COLLECTIONS)) if kind == "collection" else None,
            project=one.project if kind == "project" else None,
            digest=Digest.of(data.draw(st.sampled_from(BLOBS))) if kind == "digest" else None,
            keep_last=keep_last,
            with_logged=data.draw(st.booleans()),
            delete_aliases=data.draw(st.sampled_from([True, True, False])),
            purge=purge,
        )
        return request, self.a_caller(data, (request.collection or one).project)

    @LOGGED
    @rule(data=st.data(), at_once=st.booleans())
    def plan_a_deletion(self, data: st.DataObject, at_once: bool) -> None:
        request, caller = self.a_deletion(data)
        both = self.both(
            lambda: self.engine.deletion.plan(caller, request),
            lambda oracle: answers.plan(oracle, caller, request),
        )
        if both is None:
            return
        plan, wanted = both
        self._same_facts(plan.facts, wanted.facts, caller)
        holders = Counter((unnumbered(h.key), h.n_blobs, h.size_bytes) for h in plan.holders)
        assert holders == answers.holders_of(self.oracle, caller, sorted(wanted.versions))
        assert (set(plan.versions), set(plan.runs)) == (wanted.versions, wanted.runs)
        assert list(plan.aliases) == wanted.aliases
        found = [(blocker.kind, blocker.name) for blocker in plan.blockers]
        assert Counter(found) == Counter(wanted.blockers)
        starts = [*wanted.versions, *wanted.runs]
        below = answers.trace(
            self.oracle, ANN, starts, Direction.DOWNSTREAM, max_hops=None, limit=None
        )
        assert list(map(len, plan.downstream.levels)) == [
            sum(level.values()) for level in below.levels
        ]
        wanted.actor, wanted.request = caller.name, request
        self.plans[plan.digest] = wanted
        self.plans_end[plan.digest] = self.clock.at + timedelta(hours=24)
        if at_once:
            self.execute(plan.digest, caller, with_request=data.draw(st.booleans()))

    def _same_facts(self, found: DeletionFacts, wanted: DeletionFacts, caller: Caller) -> None:
        consumers = Counter(answers.masked(self.oracle, caller, key) for key in wanted.consumers)
        assert Counter(map(unnumbered, found.consumers)) == consumers
        assert replace(found, consumers=()) == replace(wanted, consumers=())

    @precondition(lambda self: self.plans)
    @rule(data=st.data())
    def execute_a_plan(self, data: st.DataObject) -> None:
        digest = data.draw(mostly(list(self.plans)[-1:], list(self.plans)))
        owner = PEOPLE[self.plans[digest].actor]
        caller = data.draw(mostly([owner], list(PEOPLE.values())))
        self.execute(digest, caller, with_request=data.draw(st.booleans()))

    def execute(self, digest: Digest, caller: Caller, *, with_request: bool) -> None:
        kept = self.plans[digest]

        def on_oracle(oracle: Oracle) -> DeletionFacts:
            if caller.name == kept.actor and kept.done is not None:
                return kept.done
            if caller.name != kept.actor or self.plans_end[digest] <= self.clock.at:
                raise NotFound("plan")
            now = answers.replan(oracle, caller, kept)
            kept.done = answers.delete(oracle, now, purge=kept.request.purge)
            return kept.done

        both = self.both(
            lambda: (
                self.engine.deletion.delete(caller, kept.request, plan=digest)
                if with_request
                else self.engine.deletion.execute(caller, digest)
            ),
            on_oracle,
        )
        if both is not None:
            self._freed_what_was_said(both[0].freed, both[1])

    @LOGGED
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        request, caller = self.a_deletion(data)

        def on_oracle(oracle: Oracle) -> DeletionFacts:
            what = answers.plan(oracle, caller, request, has_plan=False)
            return answers.delete(oracle, what, purge=request.purge)

        both = self.both(lambda: self.engine.deletion.delete(caller, request), on_oracle)
        if both is not None:
            self._freed_what_was_said(both[0].freed, both[1])

    @LOGGED
    @rule(
        data=st.data(),
        n_steps=st.integers(0, 4),
        by_janitor=st.booleans(),
        meanwhile=st.booleans(),
    )
    def delete_with_a_break(
        self, data: st.DataObject, n_steps: int, by_janitor: bool, meanwhile: bool
    ) -> None:
        """Who deletes stops after so many steps; somebody logs; somebody finishes."""
        request, caller = self.a_deletion(data)

        def on_oracle(oracle: Oracle) -> DeletionFacts:
            what = answers.plan(oracle, caller, request, has_plan=False)
            return answers.delete(oracle, what, purge=request.purge)

        both = self.both(lambda: self.engine.deletion.begin(caller, request), on_oracle)
        if both is None:
            return
        begun, said = both
        left = iter(range(n_steps))
        is_stopped = partial(next, left, "stop")
        self.engine.deletion.carry_out(begun.id, is_stopped=lambda: is_stopped() == "stop")
        self.skip_events()
        if meanwhile:
            self.log_a_small_version(data)
        if by_janitor:
            self.engine.reclaim.finish()
            self.oracle.reclaim()
            self.forget_late()
        else:
            self.engine.deletion.carry_out(begun.id)
        self.skip_events()
        receipt = self.engine.deletion.receipt(ANN, begun.id)
        assert receipt.finished_at is not None
        assert receipt.n_done == len(receipt.versions)
        if meanwhile:
            assert receipt.freed.size_bytes <= said.freed_bytes
        else:
            self._freed_what_was_said(receipt.freed, said)
        self.oracle.forget_lost()

    def _freed_what_was_said(self, freed: Freed, said: DeletionFacts) -> None:
        assert freed == Freed(said.n_pages, said.n_blobs, said.freed_bytes)

    # Time

    @rule(hours=st.sampled_from([0.05, 0.2, 2, 25]), reclaims=st.booleans())
    def let_time_pass(self, hours: float, reclaims: bool) -> None:
        self.clock.at += timedelta(hours=hours)
        self.oracle.now = self.clock.at
        if reclaims:
            self.reclaim()

    @rule()
    def reclaim(self) -> None:
        pages, blobs = self.oracle.stored_pages(), self.oracle.stored_blobs()
        self.oracle.reclaim()
        going = blobs - self.oracle.stored_blobs()
        n_pages = len(pages - self.oracle.stored_pages())
        wanted = Freed(n_pages, len(going), sum(size_bytes for _, size_bytes in going))
        assert self.engine.reclaim.finish() == wanted
        assert self.engine.reclaim.finish() == Freed()
        self.forget_late()
        self.oracle.forget_lost()
        assert self.graph.read(lambda tx: tx.contents.pending_tombstones(limit=1)) == []

    # Questions

    @LOGGED
    @rule(
        data=st.data(),
        direction=st.sampled_from(Direction),
        max_hops=st.sampled_from([None, None, 1, 3]),
        limit=st.sampled_from([None, None, 1, 4]),
    )
    def trace(
        self, data: st.DataObject, direction: Direction, max_hops: int | None, limit: int | None
    ) -> None:
        node = st.builds(self.a_run, st.just(data)) | st.builds(self.a_version, st.just(data))
        starts: list[Any] = [data.draw(node) for _ in range(data.draw(st.integers(1, 2)))]
        caller = self.a_caller(data, starts[0].project)
        refs = [start if isinstance(start, RunKey) else ref_to(start) for start in starts]
        both = self.both(
            lambda: self.engine.traces.trace(
                caller, refs, direction, max_hops=max_hops, limit=limit, with_edges=True
            ),
            lambda oracle: answers.trace(
                oracle, caller, starts, direction, max_hops=max_hops, limit=limit
            ),
        )
        if both is None:
            return
        found, wanted = both
        assert [Counter(map(unnumbered, level)) for level in found.trace.levels] == wanted.levels
        assert all(list(level) == sorted(level) for level in found.trace.levels)
        edges = [(unnumbered(e.src), unnumbered(e.dst), e.kind.value) for e in found.trace.edges]
        assert Counter(edges) == wanted.edges
        assert found.trace.complete == wanted.complete
        assert (found.n_runs, found.n_versions) == (wanted.n_runs, wanted.n_versions)
        assert found.n_hidden == wanted.n_hidden

    @rule(data=st.data())
    def ask_for_stored_bytes(self, data: st.DataObject) -> None:
        of = data.draw(st.sampled_from([*sorted(self.oracle.versions), *COLLECTIONS, *PROJECTS]))
        project = of if isinstance(of, ProjectKey) else of.project
        caller = self.a_caller(data, project)

        def on_oracle(oracle: Oracle) -> object:
            oracle.require_read(caller, project)
            if isinstance(of, VersionKey):
                oracle.live_version(of)
            inside = [
                key
                for key, version in oracle.versions.items()
                if version.is_live and of in (key, key.collection, key.project)
            ]
            return oracle.stored_bytes(inside)

        both = self.both(lambda: self.engine.versions.stored_bytes(caller, of), on_oracle)
        if both is not None:
            assert both[0] == both[1]


def ref_to(key: VersionKey) -> ArtifactRef:
    return ArtifactRef(key.collection, f"v{key.number}")


def unnumbered(key: str) -> str:
    return key.rpartition(":")[0] if key.startswith("hidden:") else key
