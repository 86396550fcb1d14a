"""What the machine stands on: the stores, the oracle, the comparison, and what to draw from."""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from unittest import mock

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition

from lineage.digest import Digest
from lineage.engine import DraftRequest, Engine, Limits, RunStart, reclaim
from lineage.errors import LineageError
from lineage.model import Access, Caller, ObjectName, Upload
from lineage.names import CollectionKey, ProjectKey, RunKey, VersionKey
from lineage.ports import BlobStore, GraphStore
from tests.contracts.contents import BLOBS
from tests.contracts.look_around import look_around, what_the_oracle_says
from tests.oracle import DraftFacts, Oracle

__all__ = [
    "ANN",
    "COLLECTIONS",
    "LOGGED",
    "PEOPLE",
    "PROJECTS",
    "RUNS",
    "FakeClock",
    "Ground",
    "mostly",
]

T = TypeVar("T")

# How much one transaction of a long row takes, so that small contents take several.
_AT_ONCE = ["_PAGES_AT_ONCE", "_BLOBS_AT_ONCE", "_VERSIONS_AT_ONCE"]

ANN = Caller("ann", is_admin=True)
BOB = Caller("bob", frozenset({"acme"}))
EVE = Caller("eve", frozenset({"evil"}))
PEOPLE = {caller.name: caller for caller in (ANN, BOB, EVE)}
VISION, SHARED, LAB = map(ProjectKey.parse, ("acme/vision", "acme/shared", "evil/lab"))
PROJECTS = [VISION, SHARED, LAB]
COLLECTIONS = [
    CollectionKey.of(project, name)
    for project, name in ((VISION, "digits"), (VISION, "models"), (SHARED, "pool"), (LAB, "loot"))
]
RUNS = [RunKey.of(VISION, f"r{n}") for n in range(4)]
RUNS += [RunKey.of(SHARED, "r"), RunKey.of(LAB, "r")]
# Durability is not what is tested here, and waiting for a disk is nine tenths of the time.
IN_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108


LOGGED = precondition(lambda self: any(v.is_live for v in self.oracle.versions.values()))
"""For steps that mean little before there is a version."""


def mostly(common: Sequence[T], rare: Sequence[T]) -> st.SearchStrategy[T]:
    """One of the rare about every twentieth time."""
    if not common:
        return st.sampled_from(rare)
    times = -(-20 * len(rare) // len(common))
    return st.sampled_from([*common] * times + [*rare])


class FakeClock:
    def __init__(self) -> None:
        self.at = datetime(2024, 5, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


class Ground(RuleBasedStateMachine):
    make_stores: ClassVar[Callable[[Path], tuple[GraphStore, BlobStore]]]
    steps_per_look: ClassVar[int] = 1  # more, where a look around takes long

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="lineage-machine-", dir=IN_MEMORY))
        self.graph, self.blobs = type(self).make_stores(self.folder)
        self.clock = FakeClock()
        limits = Limits()
        self.engine = Engine(self.graph, self.blobs, self.clock, limits=limits)
        self.oracle = Oracle(limits, self.clock.at, blobs=BLOBS)
        self.requests: list[DraftRequest] = []
        self.late: dict[ObjectName, Upload] = {}  # put under a name that is a tombstone by then
        self.patches = [mock.patch.object(reclaim, name, 2) for name in _AT_ONCE]
        for patch in self.patches:
            patch.start()
        self.last_event = 0
        self.n_steps = 0

    def teardown(self) -> None:
        try:
            self.look()
            self.exactly_the_needed_bytes_are_stored()
            self.every_byte_can_be_read()
            found = [(f.kind, f.subject) for f in self.engine.fsck.run(ANN, deep=True)]
            assert found == [("blob_without_object", digest) for digest in sorted(self.oracle.lost)]
        finally:
            for patch in self.patches:
                patch.stop()
            self.graph.close()
            shutil.rmtree(self.folder)

    def both(self, on_engine: Callable[[], Any], on_oracle: Callable[[Oracle], Any]) -> Any:
        """(the engine's answer, the oracle's); None if both refuse, in the same way."""
        before = pickle.dumps(self.oracle)  # five times faster than a deep copy
        wanted, found, refusal, refused = None, None, None, None
        try:
            wanted = on_oracle(self.oracle)
        except LineageError as exc:
            self.oracle, refusal = pickle.loads(before), exc  # noqa: S301 - our own
        try:
            found = on_engine()
        except LineageError as exc:
            refused = exc
        assert type(refused) is type(refusal), f"{refused!r} instead of {refusal!r}"
        events = self.engine.events(ANN, after=self.last_event, limit=1000)
        if refused is None:
            self.last_event = max([self.last_event, *(event.id or 0 for event in events)])
            self.oracle.forget_lost()
            return found, wanted
        assert events == [], "a refused verb has left an event"
        return None

    def skip_events(self) -> None:
        """Those of what was not asked through `both`."""
        events = self.engine.events(ANN, after=self.last_event, limit=1000)
        self.last_event = max([self.last_event, *(event.id or 0 for event in events)])

    @initialize(n_runs=st.integers(3, len(RUNS)))
    def open_a_project_and_start_runs(self, n_runs: int) -> None:
        self.both(
            lambda: self.engine.projects.set_access(ANN, SHARED, Access.OPEN),
            lambda oracle: oracle.set_access(ANN, SHARED, Access.OPEN),
        )
        for run in RUNS[:n_runs]:
            self.start_run(self.team_of(run.project), run, "never")

    def start_run(self, caller: Caller, run: RunKey, resume: Any) -> None:
        both = self.both(
            lambda: self.engine.runs.start(caller, RunStart(run, resume)),
            lambda oracle: oracle.start(caller, run, resume),
        )
        if both is not None:
            assert both[0][1] == both[1]

    # What to draw from: mostly what makes sense

    def team_of(self, project: str) -> Caller:
        return EVE if project.startswith("evil/") else BOB

    def a_caller(self, data: st.DataObject, project: str) -> Caller:
        return data.draw(mostly([self.team_of(project)], [ANN, BOB, EVE]))

    def a_run(self, data: st.DataObject, *, of: str | None = None) -> RunKey:
        there = [run for run in RUNS if run in self.oracle.runs]
        near = [run for run in there if of is None or run.project.entity == of]
        return data.draw(mostly(near or there, RUNS))

    def a_version(self, data: st.DataObject, *, of: str | None = None) -> VersionKey:
        live = sorted(key for key, v in self.oracle.versions.items() if v.is_live)
        near = [key for key in live if of is None or key.project.entity == of]
        never = COLLECTIONS[0].version(99)
        return data.draw(mostly(near or live, [*sorted(self.oracle.versions), never]))

    def a_draft(
        self, data: st.DataObject, *, is_open: bool
    ) -> tuple[DraftRequest, DraftFacts | None, Caller]:
        """A draft, if it is there, and usually its owner."""
        drafts = self.oracle.drafts
        there = [r for r in self.requests if r.id in drafts]
        fit = [r for r in there if (drafts[r.id].version is None) == is_open]
        request = data.draw(mostly((fit or there)[-4:], self.requests[-8:]))
        draft = drafts.get(request.id)
        owner = PEOPLE[draft.actor] if draft is not None else BOB
        return request, draft, data.draw(mostly([owner], [ANN, BOB, EVE]))

    def bytes_of(self, digest: Digest) -> bytes:
        return next(data for data in BLOBS if Digest.of(data) == digest)

    # What always holds

    @invariant()
    def everything_is_as_the_oracle_says(self) -> None:
        if self.n_steps % self.steps_per_look == 0:
            self.look()
        # Listing 256 folders takes longer than all the rest; what leaks stays leaked for a while.
        if self.n_steps % 4 == 0:
            self.exactly_the_needed_bytes_are_stored()
        self.n_steps += 1

    def look(self) -> None:
        found = look_around(self.graph, self.oracle)
        for name, wanted in what_the_oracle_says(self.oracle).items():
            assert found[name] == wanted, name

    def exactly_the_needed_bytes_are_stored(self) -> None:
        found = []
        for stored in self.blobs.iter_objects():
            with self.blobs.read(stored.name) as chunks:
                content = b"".join(chunks)
            assert len(content) == stored.size_bytes
            found.append((Digest.of(content), len(content)))
        wanted = [blob for blob in self.oracle.stored_blobs() if blob[0] not in self.oracle.lost]
        for draft in self.oracle.drafts.values():
            wanted += [(digest, self.oracle.sizes[digest]) for digest in draft.landed]
        wanted += [(u.digest, u.size_bytes) for u in self.late.values()]
        assert sorted(found) == sorted(wanted)

    def every_byte_can_be_read(self) -> None:
        for key, version in self.oracle.versions.items():
            if not version.is_live:
                continue
            bodies = list(self.engine.versions.page_bodies(ANN, key))
            assert bodies == [self.oracle.bodies[page] for page in version.pages]
            for digest, size_bytes in self.oracle.contained_in([key]):
                if digest in self.oracle.lost:
                    continue
                (found,) = self.engine.versions.blobs(ANN, [digest]).values()
                with self.blobs.read(found.object) as chunks:
                    content = b"".join(chunks)
                assert (Digest.of(content), len(content)) == (digest, size_bytes)
