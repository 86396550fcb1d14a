"""The engine's rules one by one, where a random step would come by too rarely to be relied on."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lineage.digest import PART_SIZE_BYTES, Digest, combine
from lineage.engine import (
    Committed,
    DeletionRequest,
    DraftRequest,
    Engine,
    Freed,
    RunPatch,
    RunStart,
    VersionPatch,
)
from lineage.errors import (
    AlreadyExists,
    Blocked,
    Conflict,
    CycleError,
    Denied,
    Gone,
    Invalid,
    LineageError,
    NotFound,
    PlanChanged,
    PreconditionFailed,
)
from lineage.manifest import Entry, cut
from lineage.model import Access, Caller, Direction, DraftId, RunState, Version
from lineage.names import ArtifactRef, CollectionKey, ProjectKey, RunKey, SweepKey
from sql.store import SqlGraphStore
from storage.local import LocalBlobStore
from tests.contracts.contents import closing
from tests.contracts.machine_ground import FakeClock

ANN = Caller("ann", is_admin=True)
BOB = Caller("bob", frozenset({"acme"}))
COL = Caller("col", frozenset({"acme"}))
EVE = Caller("eve", frozenset({"evil"}))
VISION, OPEN = ProjectKey.parse("acme/vision"), ProjectKey.parse("acme/open")
DIGITS, MODELS = CollectionKey.of(VISION, "digits"), CollectionKey.of(VISION, "models")
TRAIN, EVAL = RunKey.of(VISION, "train"), RunKey.of(VISION, "eval")
A, B, C = ({"a": b"one"}, {"a": b"two", "b": b"one"}, {"a": b"three"})


class Lab:
    """An engine over real stores, and short words for what the tests do all the time."""

    def __init__(self, folder: Path) -> None:
        self.graph, self.blobs = SqlGraphStore(folder / "graph.db"), LocalBlobStore(folder / "b")
        self.clock = FakeClock()
        self.engine = Engine(self.graph, self.blobs, self.clock)

    def request(self, pages: list[bytes], **others: Any) -> DraftRequest:
        digests = tuple(map(Digest.of, pages))
        values = {"id": uuid.uuid4().hex, "collection": DIGITS, "type": "dataset"} | others
        return DraftRequest(pages=digests, **values)

    def log(self, content: Mapping[str, bytes], caller: Caller = BOB, **others: Any) -> Committed:
        pages = list(cut(Entry(p, len(data), Digest.of(data)) for p, data in content.items()))
        request = self.request(pages, **others)
        answer = self.engine.drafts.begin(caller, request, bodies=pages)
        for upload in [hold.upload for hold in answer.holds if hold.upload is not None]:
            data = next(data for data in content.values() if Digest.of(data) == upload.digest)
            self.engine.drafts.store(caller, upload.object, [data])
        done = self.engine.drafts.begin(caller, request, bodies=pages).committed
        assert done is not None
        return done

    def version(self, content: Mapping[str, bytes], **others: Any) -> Version:
        return self.log(content, **others).version

    def latest(self) -> str:
        return self.engine.versions.get(BOB, ArtifactRef(DIGITS)).key.path

    def start(self, *runs: RunKey, finished: bool = False) -> None:
        for run in runs:
            self.engine.runs.start(BOB, RunStart(run))
            if finished:
                self.engine.runs.finish(BOB, run)

    def n_bytes(self) -> int:
        return sum(stored.size_bytes for stored in self.blobs.iter_objects())

    def verbs(self) -> list[str]:
        return [event.verb for event in self.engine.events(ANN, limit=1000)]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path)
    yield lab
    lab.graph.close()


# Drafts


def test_deleting_content_that_was_logged_twice_frees_it_at_once(lab: Lab) -> None:
    first = lab.log(A)
    assert not lab.log(A).created
    receipt = lab.engine.deletion.delete(BOB, DeletionRequest(versions=(first.version.key,)))
    assert receipt.freed == Freed(1, 1, 3)
    assert lab.n_bytes() == 0


def test_a_draft_that_commits_in_one_request_gives_up_all_that_it_held(lab: Lab) -> None:
    lab.start(TRAIN)
    pages = list(cut([Entry("a", 3, Digest.of(b"one"))]))
    request = lab.request(pages)
    extra = Digest.of(b"extra")
    drafts = lab.engine.drafts
    drafts.begin(BOB, request)
    for digest, data in ((Digest.of(b"one"), b"one"), (extra, b"extra")):
        (hold,) = drafts.hold(BOB, request.id, [(digest, len(data))])
        assert hold.upload is not None
        drafts.store(BOB, hold.upload.object, [data])
    (never,) = drafts.hold(BOB, request.id, [(Digest.of(b"never"), 5)])
    answer = drafts.begin(BOB, request, bodies=pages)
    assert answer.committed is not None
    assert lab.n_bytes() == 3
    assert never.upload is not None
    with pytest.raises(NotFound):
        drafts.store(BOB, never.upload.object, [b"never"])


@pytest.mark.parametrize("fault", ["reversed", "cut too early", "overlapping"])
def test_pages_that_do_not_make_one_manifest_are_refused_at_commit(lab: Lab, fault: str) -> None:
    digest = Digest.of(b"one")
    first = list(cut([Entry("a", 3, digest), Entry(closing("b"), 3, digest)]))
    second = list(cut([Entry("c", 3, digest), Entry(closing("d"), 3, digest)]))
    pages = {
        "reversed": second + first,
        "cut too early": [*cut([Entry("a", 3, digest)]), *second],
        "overlapping": [*first, *cut([Entry("a1", 3, digest)])],
    }[fault]
    lab.version({"x": b"one"})
    with pytest.raises(Invalid) as caught:
        lab.engine.drafts.begin(BOB, lab.request(pages), bodies=pages)
    assert caught.value.field == "pages"
    assert lab.engine.versions.select(BOB, VISION)[0] == [lab.engine.versions.get(BOB, LATEST)]


def test_a_collection_keeps_its_type(lab: Lab) -> None:
    lab.version(A)
    with pytest.raises(Conflict, match="dataset") as caught:
        lab.version(A, type="model")
    assert caught.value.facts == {"type": "dataset"}


def test_a_refused_draft_leaves_not_even_its_project(lab: Lab) -> None:
    with pytest.raises(NotFound):
        lab.version(A, run=TRAIN)
    with pytest.raises(NotFound):
        lab.engine.projects.get(ANN, VISION)
    assert lab.verbs() == []


def test_an_id_of_another_draft_is_refused(lab: Lab) -> None:
    id = uuid.uuid4().hex
    lab.version(A, id=id)
    for caller, others in ((COL, {}), (BOB, {"collection": MODELS})):
        with pytest.raises(Conflict):
            lab.version(A, caller=caller, id=DraftId(id), **others)


def test_committing_again_after_the_deletion_tells_the_same_version(lab: Lab) -> None:
    request = lab.request([])
    done = lab.engine.drafts.begin(BOB, request).committed
    assert done is not None
    lab.engine.deletion.delete(BOB, DeletionRequest(versions=(done.version.key,)))
    again = lab.engine.drafts.commit(BOB, request.id)
    assert (again.version.key, again.version.state) == (done.version.key, "deleted")


def test_a_file_of_two_parts_is_stored_read_across_them_and_freed(lab: Lab) -> None:
    head, tail = bytes(PART_SIZE_BYTES), b"the rest"
    parts = (Digest.of(head), Digest.of(tail))
    size_bytes = len(head) + len(tail)
    entries = [Entry(path, size_bytes, combine(parts), parts) for path in ("a", "b")]
    pages = list(cut(entries))
    request = lab.request(pages)
    answer = lab.engine.drafts.begin(BOB, request, bodies=pages)
    uploads = [hold.upload for hold in answer.holds if hold.upload is not None]
    for upload in uploads:
        data = head if upload.digest == parts[0] else tail
        lab.engine.drafts.store(BOB, upload.object, [data])
    done = lab.engine.drafts.begin(BOB, request, bodies=pages).committed
    assert done is not None
    assert (done.version.n_files, done.version.size_bytes) == (2, 2 * size_bytes)
    assert lab.n_bytes() == size_bytes
    versions = lab.engine.versions
    entry = versions.entry(BOB, done.version.key, "b")
    with versions.read(BOB, entry, start=PART_SIZE_BYTES - 2, size_bytes=5) as chunks:
        assert b"".join(chunks) == b"\0\0the"
    for digest in (combine(parts), *parts):
        found = versions.containing(BOB, digest=digest, path=None)
        assert [version.key for version in found] == [done.version.key]
    receipt = lab.engine.deletion.delete(BOB, DeletionRequest(versions=(done.version.key,)))
    assert receipt.freed == Freed(len(pages), 2, size_bytes)


# Latest and other aliases

LATEST = ArtifactRef(DIGITS)


def test_latest_is_what_was_logged_last_even_if_it_was_there_already(lab: Lab) -> None:
    lab.version(A), lab.version(B)
    assert lab.latest() == "acme/vision/digits:v1"
    assert lab.log(A).version.key == DIGITS.version(0)
    assert lab.latest() == "acme/vision/digits:v0"


def test_deleting_another_version_leaves_latest_where_it_is(lab: Lab) -> None:
    for content in (A, B, C, A):
        lab.version(content)
    lab.engine.deletion.delete(BOB, DeletionRequest(versions=(DIGITS.version(1),)))
    assert lab.latest() == "acme/vision/digits:v0"


def test_when_latest_is_deleted_the_newest_that_remains_is_latest(lab: Lab) -> None:
    for content in (A, B, C, A):
        lab.version(content)
    delete = lab.engine.deletion.delete
    delete(BOB, DeletionRequest(versions=(DIGITS.version(0),)))
    assert lab.latest() == "acme/vision/digits:v2"
    delete(BOB, DeletionRequest(collection=DIGITS))
    with pytest.raises(NotFound, match="no live version"):
        lab.latest()
    assert lab.log(A).version.key == DIGITS.version(3)


def test_what_is_dropped_and_added_in_one_edit_is_there(lab: Lab) -> None:
    key = lab.version(A).key
    patch = VersionPatch(
        add_aliases=("prod",), drop_aliases=("prod",), add_tags=("t",), drop_tags=("t",)
    )
    told = lab.engine.versions.update(BOB, key, patch)
    assert told == lab.engine.versions.get(BOB, ArtifactRef(DIGITS, "prod"))
    assert (told.aliases, told.tags) == (("latest", "prod"), ("t",))


def test_moving_an_alias_leaves_the_old_version(lab: Lab) -> None:
    old, new = lab.version(A, aliases=("prod",)), lab.version(B)
    lab.engine.versions.update(BOB, new.key, VersionPatch(add_aliases=("prod",)))
    assert lab.engine.versions.get(BOB, ArtifactRef(DIGITS, "v0")).aliases == ()
    assert old.aliases == ("latest", "prod")
    assert lab.engine.versions.get(BOB, ArtifactRef(DIGITS, "prod")).key == new.key


@pytest.mark.parametrize("alias", ["latest", "v3", "a b"])
def test_nobody_sets_or_drops_an_alias_that_is_the_servers(lab: Lab, alias: str) -> None:
    key = lab.version(A).key
    for patch in (VersionPatch(add_aliases=(alias,)), VersionPatch(drop_aliases=(alias,))):
        with pytest.raises(Invalid):
            lab.engine.versions.update(BOB, key, patch)


# Runs


def test_the_last_value_the_least_and_the_greatest_of_a_metric_are_kept(lab: Lab) -> None:
    lab.start(TRAIN)
    for value in (3, 1.5, math.nan, True, "text", 2):
        metrics = {"loss": value, "deep": {"x": value}}
        run = lab.engine.runs.update(BOB, TRAIN, RunPatch(metrics=metrics))
    assert run == lab.engine.runs.get(BOB, TRAIN)
    assert run.summary == {"loss": 2, "deep": {"x": 2}}
    assert run.summary_min == {"loss": 1.5, "deep.x": 1.5}
    assert run.summary_max == {"loss": 3, "deep.x": 3}


def test_two_paths_that_read_alike_are_both_kept_whole(lab: Lab) -> None:
    lab.start(TRAIN)
    config = {"a.b": 1, "a": {"b": 2, "c": [math.inf, -math.inf]}}
    lab.engine.runs.update(BOB, TRAIN, RunPatch(config=config))
    assert lab.engine.runs.get(BOB, TRAIN).config == config


@pytest.mark.parametrize("text", ["x" * 20_001, "\ud800"], ids=["too long", "not utf-8"])
def test_text_that_cannot_be_kept_is_refused_wherever_it_comes_in(lab: Lab, text: str) -> None:
    lab.start(TRAIN)
    key = lab.version(A).key
    runs, n_events = lab.engine.runs, len(lab.verbs())
    verbs: list[Callable[[], object]] = [
        lambda: runs.start(BOB, RunStart(EVAL, notes=text)),
        lambda: runs.update(BOB, TRAIN, RunPatch(name=text)),
        lambda: lab.engine.versions.update(BOB, key, VersionPatch(description=text)),
        lambda: lab.version(B, description=text),
    ]
    for verb in verbs:
        with pytest.raises(Invalid):
            verb()
    assert len(lab.verbs()) == n_events
    assert runs.finish(BOB, TRAIN, exit_code=1, error="x" * 20_001).error == "x" * 20_000


def test_an_edit_of_what_somebody_else_has_edited_is_refused(lab: Lab) -> None:
    lab.start(TRAIN)
    edit = lab.engine.runs.update
    assert edit(BOB, TRAIN, RunPatch(notes="mine"), if_revision=1).revision == 2
    with pytest.raises(PreconditionFailed):
        edit(COL, TRAIN, RunPatch(notes="theirs"), if_revision=1)
    assert lab.engine.runs.get(BOB, TRAIN).notes == "mine"


def test_a_silent_run_has_crashed_until_it_is_heard_again(lab: Lab) -> None:
    lab.start(TRAIN)
    runs = lab.engine.runs
    for minutes, wanted in ((5, RunState.RUNNING), (5.1, RunState.CRASHED)):
        lab.clock.at = runs.get(BOB, TRAIN).heartbeat_at + timedelta(minutes=minutes)
        assert runs.get(BOB, TRAIN).state is wanted
        assert runs.select(BOB, VISION)[0][0].state is wanted
    runs.beat(BOB, TRAIN)
    assert runs.get(BOB, TRAIN).state is RunState.RUNNING


def test_a_checkpoint_does_not_descend_from_what_was_read_after_it(lab: Lab) -> None:
    lab.start(TRAIN)
    late = lab.version(A)
    checkpoint = lab.version(B, run=TRAIN, collection=MODELS)
    lab.engine.runs.use(BOB, TRAIN, late.key)
    final = lab.version(C, run=TRAIN, collection=MODELS)

    def upstream(version: Version) -> list[str]:
        ref = ArtifactRef(MODELS, f"v{version.key.number}")
        levels = lab.engine.traces.trace(BOB, [ref], Direction.UPSTREAM).trace.levels
        return [key for level in levels for key in level]

    assert upstream(checkpoint) == [TRAIN]
    assert upstream(final) == [TRAIN.segment(2), late.key, TRAIN]


def test_a_declared_edge_that_closes_a_cycle_is_refused_with_its_path(lab: Lab) -> None:
    lab.start(TRAIN, EVAL)
    model = lab.version(A, run=TRAIN, collection=MODELS)
    lab.engine.runs.use(BOB, EVAL, model.key)
    report = lab.version(B, run=EVAL)
    with pytest.raises(CycleError) as caught:
        lab.engine.runs.use(BOB, TRAIN, report.key, declared=True)
    assert caught.value.path == [TRAIN, model.key, EVAL, report.key]
    made = lab.version(C)
    lab.engine.runs.use(BOB, TRAIN, made.key, declared=True)
    with pytest.raises(CycleError):
        lab.engine.runs.declare_logged(BOB, EVAL, made.key)


def test_declaring_what_another_run_logged_is_recorded_as_reproduced(lab: Lab) -> None:
    lab.start(TRAIN, EVAL)
    made = lab.version(A, run=TRAIN)
    assert lab.engine.runs.declare_logged(BOB, EVAL, made.key) is False
    assert lab.engine.runs.declare_logged(BOB, TRAIN, made.key) is True
    assert lab.verbs().count("run.declare_logged") == 1
    assert [version.key for version in lab.engine.runs.logged(BOB, EVAL)] == [made.key]
    creator = lab.engine.versions.logged_by(BOB, made.key)
    assert creator is not None
    assert creator.key == TRAIN


# Deletion


def test_a_plan_says_what_goes_what_stays_and_who_is_downstream(lab: Lab) -> None:
    lab.start(TRAIN, EVAL, finished=True)
    data = lab.version(B, aliases=("prod",))
    kept = lab.version(A, collection=MODELS)
    lab.engine.runs.use(BOB, TRAIN, data.key)
    model = lab.version(C, run=TRAIN, collection=MODELS)
    request = DeletionRequest(versions=(data.key,))
    plan = lab.engine.deletion.plan(BOB, request)
    assert (plan.facts.n_blobs, plan.facts.freed_bytes) == (1, 3)
    assert [(h.key, h.n_blobs, h.size_bytes) for h in plan.facts.holders] == [(kept.key, 1, 3)]
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
    lab.engine.deletion.execute(BOB, plans[0].digest)
    with pytest.raises(PlanChanged):
        lab.engine.deletion.execute(BOB, plans[0].digest)
    lab.clock.at += timedelta(hours=24)
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
        plan.facts.holders,
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
    assert [h.key for h in seen.facts.holders] == [secret.key]
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


# Sweeps

SWEEP = SweepKey.of(VISION, "lr")
GRID = {"method": "grid", "metric": {"name": "acc", "goal": "maximize"}}
GRID |= {"parameters": {"lr": {"values": [0.1, 0.2]}, "layers": {"min": 1, "max": 2}}}


def test_every_point_of_a_grid_is_given_to_one_run(lab: Lab) -> None:
    sweeps = lab.engine.sweeps
    sweep = sweeps.create(BOB, SWEEP, GRID)
    assert sweeps.create(COL, SWEEP, GRID) == sweep
    runs = [sweeps.next_run(BOB, SWEEP, RunKey.of(VISION, f"p{n}")) for n in range(5)]
    configs = [(run.config["lr"], run.config["layers"]) for run in runs if run is not None]
    assert configs == [(0.1, 1), (0.1, 2), (0.2, 1), (0.2, 2)]
    assert runs[4] is None
    assert sweeps.next_run(BOB, SWEEP, RunKey.of(VISION, "p1")) == runs[1]


def test_a_sweep_stops_at_its_cap_and_when_it_is_told(lab: Lab) -> None:
    sweeps = lab.engine.sweeps
    sweeps.create(BOB, SWEEP, {**GRID, "run_cap": 1})
    assert sweeps.next_run(BOB, SWEEP, TRAIN) is not None
    assert sweeps.next_run(BOB, SWEEP, EVAL) is None
    other = SweepKey.of(VISION, "other")
    sweeps.create(BOB, other, GRID)
    assert sweeps.stop(BOB, other).is_stopped
    assert sweeps.next_run(BOB, other, EVAL) is None


def test_the_best_runs_are_ranked_and_those_without_a_number_are_counted(lab: Lab) -> None:
    sweeps = lab.engine.sweeps
    sweeps.create(BOB, SWEEP, GRID)
    for name, acc in (("w", 0.5), ("x", math.nan), ("y", 0.9), ("z", True)):
        sweeps.next_run(BOB, SWEEP, RunKey.of(VISION, name))
        lab.engine.runs.update(BOB, RunKey.of(VISION, name), RunPatch(summary={"acc": acc}))
    best = sweeps.best(BOB, SWEEP, limit=9)
    assert [(run.key.name, value) for run, value in best.runs] == [("y", 0.9), ("w", 0.5)]
    assert best.n_without == 2
    with pytest.raises(Invalid) as caught:
        sweeps.best(BOB, SWEEP, metric="loss")
    assert caught.value.field == "goal"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"method": "bayes"}, "method"),
        ({"method": ["grid"]}, "method"),
        ({"metric": "acc"}, "metric"),
        ({"metric": {"goal": "up"}}, "metric.goal"),
        ({"run_cap": 0}, "run_cap"),
        ({"run_cap": True}, "run_cap"),
        ({"parameters": {}}, "parameters"),
        ({"parameters": [1]}, "parameters"),
        ({"parameters": {"x": 1}}, "parameters.x"),
        ({"parameters": {"x": {"values": []}}}, "parameters.x.values"),
        ({"parameters": {"x": {"values": "ab"}}}, "parameters.x.values"),
        ({"parameters": {"x": {"min": 1}}}, "parameters.x"),
        ({"parameters": {"x": {"min": 2, "max": 1}}}, "parameters.x"),
        ({"parameters": {"x": {"min": False, "max": True}}}, "parameters.x"),
        ({"parameters": {"x": {"min": 0, "max": math.nan}}}, "parameters.x"),
        ({"parameters": {"x": {"min": 0.5, "max": 1.5}}}, "parameters.x"),
        ({"parameters": {"x": {"min": -(2**63), "max": 2**63 - 1}}}, "parameters"),
        (
            {"parameters": {"x": {"min": 1, "max": 2, "distribution": ["uniform"]}}},
            "parameters.x.distribution",
        ),
        (
            {"parameters": {"x": {"min": 0, "max": 2, "distribution": "log_uniform_values"}}},
            "parameters.x.min",
        ),
    ],
)
def test_a_sweep_that_cannot_be_run_is_refused(lab: Lab, change: Any, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        lab.engine.sweeps.create(BOB, SWEEP, {**GRID, **change})
    assert caught.value.field == field


def test_a_sweep_is_not_changed_by_making_it_again(lab: Lab) -> None:
    lab.engine.sweeps.create(BOB, SWEEP, GRID)
    with pytest.raises(AlreadyExists):
        lab.engine.sweeps.create(BOB, SWEEP, {**GRID, "run_cap": 3})


# What a stranger learns


def strange_questions(lab: Lab) -> dict[str, Callable[[], object]]:
    e, ref, key = lab.engine, ArtifactRef(DIGITS), DIGITS.version(0)
    blob = Digest.of(b"one")
    return {
        "project": lambda: e.projects.get(EVE, VISION),
        "version": lambda: e.versions.get(EVE, ref),
        "collection": lambda: e.versions.collection(EVE, DIGITS),
        "versions": lambda: e.versions.select(EVE, VISION),
        "pages": lambda: list(e.versions.page_bodies(EVE, key)),
        "entry": lambda: e.versions.entry(EVE, key, "a"),
        "blob": lambda: e.versions.blobs(EVE, [blob]),
        "bytes": lambda: e.versions.stored_bytes(EVE, DIGITS),
        "run": lambda: e.runs.get(EVE, TRAIN),
        "used": lambda: e.runs.used(EVE, TRAIN),
        "trace": lambda: e.traces.trace(EVE, [TRAIN], Direction.UPSTREAM),
        "plan": lambda: e.deletion.plan(EVE, DeletionRequest(versions=(key,))),
        "start": lambda: e.runs.start(EVE, RunStart(EVAL)),
        "log": lambda: lab.version(C, caller=EVE),
        "sweep": lambda: e.sweeps.create(EVE, SWEEP, GRID),
    }


def test_what_a_stranger_may_not_read_is_not_there(lab: Lab) -> None:
    lab.start(TRAIN)
    lab.version(A)
    for name, ask in strange_questions(lab).items():
        with pytest.raises(LineageError) as caught:
            ask()
        assert type(caught.value) is NotFound, name
    assert lab.engine.versions.containing(EVE, digest=Digest.of(b"one"), path=None) == []


def test_knowing_a_digest_gives_nobody_the_bytes(lab: Lab) -> None:
    lab.version(A)
    pages = list(cut([Entry("a", 3, Digest.of(b"one"))]))
    loot = CollectionKey.parse("evil/lab/loot")
    answer = lab.engine.drafts.begin(EVE, lab.request(pages, collection=loot), bodies=pages)
    (hold,) = answer.holds
    assert answer.missing_pages == tuple(map(Digest.of, pages))
    assert hold.upload is not None
    with pytest.raises(LineageError):
        lab.engine.drafts.store(EVE, hold.upload.object, [b"two"])
    with pytest.raises(Conflict):
        lab.engine.drafts.commit(EVE, answer.draft.id)
