"""What a stranger learns about a project that he may not read: nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lineage.digest import Digest
from lineage.engine import (
    DeletionRequest,
    RunStart,
)
from lineage.errors import (
    Conflict,
    LineageError,
    NotFound,
)
from lineage.manifest import Entry, cut
from lineage.model import Direction
from lineage.names import ArtifactRef, CollectionKey
from tests.contracts.lab import (
    DIGITS,
    EVAL,
    EVE,
    GRID,
    SWEEP,
    TRAIN,
    VISION,
    A,
    C,
    Lab,
)


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
