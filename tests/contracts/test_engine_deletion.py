"""Deletion, branch by branch: plans, what blocks, purging, and who may."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lineage.digest import Digest
from lineage.engine import (
    DeletionRequest,
    Freed,
    RunStart,
)
from lineage.errors import (
    AlreadyExists,
    Blocked,
    CycleError,
    Denied,
    Gone,
    Invalid,
    NotFound,
    PlanChanged,
)
from lineage.manifest import Entry, cut
from lineage.model import Access, RunState
from lineage.names import ArtifactRef, CollectionKey, RunKey
from tests.contracts.lab import (
    BOB,
    COL,
    DIGITS,
    EVAL,
    EVE,
    LATEST,
    MODELS,
    OPEN,
    TRAIN,
    A,
    B,
    C,
    Lab,
)


def test_a_plan_says_what_goes_what_stays_and_who_is_downstream(lab: Lab) -> None:
    lab.start(TRAIN, EVAL, finished=True)
    data = lab.version(B, aliases=("prod",))
    kept = lab.version(A, collection=MODELS)
    lab.engine.runs.use(BOB, TRAIN, data.key)
    model = lab.version(C, run=TRAIN, collection=MODELS)
    request = DeletionRequest(versions=(data.key,))
    plan = lab.engine.deletion.plan(BOB, request)
    assert (plan.facts.n_blobs, plan.facts.freed_bytes) == (1, 3)
    assert [(h.key, h.n_blobs, h.size_bytes) for h in plan.holders] == [(kept.key, 1, 3)]
    assert (plan.facts.n_shared, plan.facts.shared_bytes) == (1, 3)
    assert plan.facts.consumers == (TRAIN,)
    assert plan.downstream.levels == ((TRAIN,), (model.key,))
    assert plan.aliases == ("acme/vision/digits:prod",)
    assert [(b.kind, b.name) for b in plan.blockers] == [("alias", "acme/vision/digits:prod")]
    with pytest.raises(Blocked) as caught:
        lab.engine.deletion.execute(BOB, plan.digest)
    assert caught.value.blockers[0]["name"] == "acme/vision/digits:prod"
    plan = lab.engine.deletion.plan(BOB, replace(request, delete_aliases=True))
    receipt = lab.engine.deletion.execute(BOB, plan.digest)
    assert receipt.freed.size_bytes == plan.facts.freed_bytes
    assert lab.n_bytes() == 3 + 5
    with pytest.raises(Gone):
        list(lab.engine.versions.page_bodies(BOB, data.key))


def test_a_plan_that_no_longer_holds_tells_the_difference_and_deletes_nothing(lab: Lab) -> None:
    key = lab.version(A).key
    plan = lab.engine.deletion.plan(BOB, DeletionRequest(versions=(key,)))
    lab.version(A, collection=MODELS)
    with pytest.raises(PlanChanged) as caught:
        lab.engine.deletion.execute(BOB, plan.digest)
    assert caught.value.difference["freed_bytes"] == {"planned": 3, "now": 0}
    assert lab.latest() == "acme/vision/digits:v0"


def test_a_plan_is_done_once_and_not_after_its_time(lab: Lab) -> None:
    keys = [lab.version(content).key for content in (A, B)]
    plans = [lab.engine.deletion.plan(BOB, DeletionRequest(versions=(key,))) for key in keys]
    receipt = lab.engine.deletion.execute(BOB, plans[0].digest)
    lab.clock.at += timedelta(hours=24)
    assert lab.engine.deletion.execute(BOB, plans[0].digest) == receipt
    with pytest.raises(NotFound, match="expired"):
        lab.engine.deletion.execute(BOB, plans[1].digest)


def test_two_people_may_plan_the_same_and_each_has_a_plan(lab: Lab) -> None:
    request = DeletionRequest(versions=(lab.version(A).key,))
    bobs, cols = (lab.engine.deletion.plan(caller, request).digest for caller in (BOB, COL))
    with pytest.raises(NotFound):
        lab.engine.deletion.execute(COL, bobs)
    assert bobs != cols
    lab.engine.deletion.execute(BOB, bobs)


def test_a_run_goes_with_what_it_logged_as_planned(lab: Lab) -> None:
    lab.start(TRAIN, finished=True)
    made = lab.version(A, run=TRAIN)
    lab.version(B)
    request = DeletionRequest(runs=(TRAIN,), with_logged=True)
    plan = lab.engine.deletion.plan(BOB, request)
    assert plan.versions == (made.key,)
    for other in (replace(request, runs=(EVAL,)), replace(request, purge=True)):
        with pytest.raises(Invalid, match="another deletion"):
            lab.engine.deletion.delete(BOB, other, plan=plan.digest)
    receipt = lab.engine.deletion.delete(BOB, request, plan=plan.digest)
    assert (receipt.versions, receipt.runs) == ((made.key,), (TRAIN,))
    assert lab.engine.runs.get(BOB, TRAIN).state is RunState.DELETED
    with pytest.raises(Gone):
        lab.engine.runs.start(BOB, RunStart(TRAIN, "allow"))


def test_a_running_run_blocks_its_deletion_and_a_crashed_one_does_not(lab: Lab) -> None:
    lab.start(TRAIN)
    request = DeletionRequest(runs=(TRAIN,))
    with pytest.raises(Blocked):
        lab.engine.deletion.delete(BOB, request)
    lab.clock.at += timedelta(minutes=6)
    lab.engine.deletion.delete(BOB, request)


def test_a_version_deleted_before_can_be_purged_by_a_plan_alone_if_it_was_read(lab: Lab) -> None:
    lab.start(TRAIN)
    key = lab.version(A).key
    lab.engine.runs.use(BOB, TRAIN, key)
    lab.engine.deletion.delete(BOB, DeletionRequest(versions=(key,)))
    purge = DeletionRequest(versions=(key,), purge=True)
    with pytest.raises(Blocked) as caught:
        lab.engine.deletion.delete(BOB, purge)
    assert [b["kind"] for b in caught.value.blockers] == ["downstream"]
    plan = lab.engine.deletion.plan(BOB, purge)
    assert lab.engine.deletion.execute(BOB, plan.digest).versions == (key,)
    with pytest.raises(NotFound):
        lab.engine.versions.get(BOB, ArtifactRef(DIGITS, "v0"))
    assert lab.log(A).version.key == DIGITS.version(1)


def test_purging_a_run_is_blocked_by_what_it_logged_unless_planned(lab: Lab) -> None:
    lab.start(TRAIN, finished=True)
    made = lab.version(A, run=TRAIN)
    purge = DeletionRequest(runs=(TRAIN,), purge=True)
    with pytest.raises(Blocked) as caught:
        lab.engine.deletion.delete(BOB, purge)
    assert [b["name"] for b in caught.value.blockers] == [made.key.path]
    lab.engine.deletion.execute(BOB, lab.engine.deletion.plan(BOB, purge).digest)
    assert lab.engine.versions.logged_by(BOB, made.key) is None
    for resume, error in (("allow", AlreadyExists), ("must", NotFound)):
        with pytest.raises(error):
            lab.engine.runs.start(BOB, RunStart(TRAIN, resume))  # type: ignore[arg-type]


def test_a_run_cannot_be_deleted_with_what_its_deleter_may_not_write(lab: Lab) -> None:
    lab.engine.projects.set_access(BOB, OPEN, Access.OPEN)
    run = RunKey.of(OPEN, "r")
    lab.start(run, finished=True)
    made = lab.version(A, run=run)
    request = DeletionRequest(runs=(run,), with_logged=True)
    for refused in (
        lambda: lab.engine.deletion.plan(EVE, request),
        lambda: lab.engine.deletion.delete(EVE, request),
    ):
        with pytest.raises(Denied) as caught:
            refused()
        assert "vision" not in str(caught.value)
    assert lab.engine.versions.get(BOB, LATEST).key == made.key
    lab.engine.deletion.delete(EVE, replace(request, with_logged=False))


def test_a_plan_hides_what_its_caller_may_not_read(lab: Lab) -> None:
    lab.engine.projects.set_access(BOB, OPEN, Access.OPEN)
    shared = lab.version(A, collection=CollectionKey.of(OPEN, "pool"))
    secret = lab.version(A)
    lab.start(TRAIN)
    lab.engine.runs.use(BOB, TRAIN, shared.key)
    model = lab.version(C, run=TRAIN, collection=MODELS)
    plan = lab.engine.deletion.plan(EVE, DeletionRequest(versions=(shared.key,)))
    (holder,), (consumer,), ((run,), (made,)) = (
        plan.holders,
        plan.facts.consumers,
        plan.downstream.levels,
    )
    assert consumer == run  # the same run has the same number in all of the answer
    assert [key.rpartition(":")[0] for key in (holder.key, run, made)] == [
        "hidden:artifact",
        "hidden:run",
        "hidden:artifact",
    ]
    assert len({holder.key, run, made}) == 3
    seen = lab.engine.deletion.plan(BOB, DeletionRequest(versions=(shared.key,)))
    assert [h.key for h in seen.holders] == [secret.key]
    assert seen.downstream.levels == ((TRAIN,), (model.key,))
    lab.start(EVAL)
    lab.engine.runs.use(BOB, EVAL, shared.key)
    with pytest.raises(PlanChanged) as caught:
        lab.engine.deletion.execute(EVE, plan.digest)
    assert "vision" not in repr(caught.value.facts)


def test_a_cycle_through_what_the_caller_may_not_read_keeps_its_secret(lab: Lab) -> None:
    lab.engine.projects.set_access(BOB, OPEN, Access.OPEN)
    pool, run = CollectionKey.of(OPEN, "pool"), RunKey.of(OPEN, "r")
    lab.start(run, TRAIN)
    start = lab.version(A, collection=pool, run=run)
    lab.engine.runs.use(BOB, TRAIN, start.key)
    end = lab.version(B, collection=pool, run=TRAIN)
    with pytest.raises(CycleError) as caught:
        lab.engine.runs.use(EVE, run, end.key, declared=True)
    assert caught.value.path == [run, start.key, "hidden:run:1", end.key]
    assert "train" not in str(caught.value)


def test_finishing_what_was_left_counts_only_bytes_that_were_there(lab: Lab) -> None:
    pages = list(cut([Entry("a", 3, Digest.of(b"one"))]))
    for _ in range(2):  # the second time, the first upload is given up
        lab.engine.drafts.begin(BOB, (request := lab.request(pages)), bodies=pages)
        lab.engine.drafts.begin(BOB, request, bodies=pages)
    assert lab.engine.reclaim.finish() == Freed()
    lab.clock.at += timedelta(hours=25)
    assert lab.engine.reclaim.finish() == Freed()
    lab.clock.at += timedelta(hours=25)
    lab.engine.reclaim.finish()
    assert lab.graph.read(lambda tx: tx.contents.late_tombstones(lab.clock.at, limit=9)) == []
