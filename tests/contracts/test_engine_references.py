"""What the engine keeps of a look at references, and who is told of drift."""

from __future__ import annotations

import pytest

from lineage.engine import DeletionRequest, RunStart
from lineage.errors import Denied, Gone, Invalid, NotFound
from lineage.model import Access, Direction, ReferenceCheck, Version
from lineage.names import ArtifactRef, CollectionKey, NodeKey, ProjectKey, RunKey, VersionKey
from tests.contracts.lab import (
    ANN,
    BOB,
    COL,
    DIGITS,
    EVAL,
    EVE,
    MODELS,
    TRAIN,
    VISION,
    A,
    B,
    C,
    Lab,
)

FINE = {"n_ok": 1, "n_changed": 0, "n_missing": 0, "n_unversioned": 0}
CHANGED = {"n_ok": 0, "n_changed": 1, "n_missing": 0, "n_unversioned": 0}
MISSING = {"n_ok": 0, "n_changed": 0, "n_missing": 1, "n_unversioned": 0}


def check(lab: Lab, version: Version, found: dict[str, int] = CHANGED) -> Version:
    return lab.engine.versions.record_check(BOB, version.key, **found)


def ref(key: VersionKey) -> ArtifactRef:
    return ArtifactRef(key.collection, f"v{key.number}")


def below(lab: Lab, start: VersionKey, direction: Direction, **options: int) -> list[str]:
    """Of what a trace tells BOB of, starts included: what was made from drifted versions."""
    answer = lab.engine.traces.trace(BOB, [ref(start)], direction, with_nodes=True, **options)
    assert answer.below_drifted <= set(answer.nodes)
    return sorted(answer.below_drifted)


def test_the_last_check_stays_with_the_version_and_is_no_edit(lab: Lab) -> None:
    version = lab.version(B)
    assert version.reference_check is None
    assert version.is_drifted is False
    told = lab.engine.versions.record_check(
        COL, version.key, n_ok=1, n_changed=0, n_missing=0, n_unversioned=1
    )
    expected = ReferenceCheck(lab.clock.at, "col", n_ok=1, n_unversioned=1)
    assert told.reference_check == expected
    assert told.is_drifted is False
    again = check(lab, version, MISSING)
    found = lab.engine.versions.get(BOB, ref(version.key))
    assert found == again
    assert (found.is_drifted, found.revision) == (True, version.revision)
    *_, event = lab.engine.events(ANN, subject=version.key)
    assert (event.verb, event.actor) == ("version.check", "bob")
    assert event.before == {"n_ok": 1, "n_changed": 0, "n_missing": 0, "n_unversioned": 1}
    assert event.after == MISSING


def test_only_who_may_write_records_a_check(lab: Lab) -> None:
    version = lab.version(A)
    n_events = len(lab.verbs())
    with pytest.raises(NotFound):
        lab.engine.versions.record_check(EVE, version.key, **CHANGED)
    lab.engine.projects.set_access(BOB, VISION, Access.PUBLIC)
    with pytest.raises(Denied):
        lab.engine.versions.record_check(EVE, version.key, **CHANGED)
    assert lab.engine.versions.get(BOB, ref(version.key)).reference_check is None
    assert lab.verbs()[n_events:] == ["project.access"]


@pytest.mark.parametrize(
    "counts",
    [
        {**FINE, "n_ok": 0},
        {**FINE, "n_ok": 2},
        {**FINE, "n_changed": -1},
        {**FINE, "n_unversioned": 2**53},
    ],
    ids=["none", "more than there are", "negative", "huge"],
)
def test_a_check_counts_what_is_in_the_version(lab: Lab, counts: dict[str, int]) -> None:
    version = lab.version(A)
    with pytest.raises(Invalid):
        check(lab, version, counts)
    assert lab.verbs()[-1] != "version.check"


def test_a_deleted_version_forgets_its_check_and_gets_none(lab: Lab) -> None:
    version = lab.version(A)
    check(lab, version)
    lab.engine.deletion.delete(BOB, DeletionRequest(versions=(version.key,)))
    gone = lab.engine.versions.get(BOB, ref(version.key))
    assert (gone.reference_check, gone.is_drifted) == (None, False)
    with pytest.raises(Gone):
        check(lab, version)
    with pytest.raises(NotFound):
        lab.engine.versions.record_check(BOB, DIGITS.version(9), **FINE)


def test_everything_made_from_a_drifted_version_is_told(lab: Lab) -> None:
    lab.start(TRAIN, EVAL)
    raw, other = lab.version(A), lab.version(B)
    lab.engine.runs.use(BOB, TRAIN, raw.key)
    model = lab.version(C, run=TRAIN, collection=MODELS)
    lab.engine.runs.use(BOB, EVAL, model.key)
    lab.engine.runs.use(BOB, EVAL, other.key)
    report = lab.version({"r": b"report"}, run=EVAL)
    assert below(lab, raw.key, Direction.DOWNSTREAM) == []
    check(lab, raw)
    below_raw = sorted([EVAL, TRAIN, model.key, report.key])
    assert below(lab, raw.key, Direction.DOWNSTREAM) == below_raw
    assert below(lab, report.key, Direction.UPSTREAM) == below_raw
    # What has drifted may lie outside the answer.
    assert below(lab, other.key, Direction.DOWNSTREAM) == sorted([EVAL, report.key])
    assert below(lab, report.key, Direction.UPSTREAM, max_hops=1) == sorted([EVAL, report.key])
    assert below(lab, other.key, Direction.UPSTREAM) == []
    nodes = lab.engine.traces.trace(
        BOB, [ref(report.key)], Direction.UPSTREAM, with_nodes=True
    ).nodes
    assert [key for key, info in nodes.items() if info.is_drifted] == [raw.key]
    check(lab, raw, FINE)
    assert below(lab, raw.key, Direction.DOWNSTREAM) == []


def test_one_drifted_version_may_be_made_from_another(lab: Lab) -> None:
    lab.start(TRAIN)
    raw = lab.version(A)
    lab.engine.runs.use(BOB, TRAIN, raw.key)
    model = lab.version(B, run=TRAIN, collection=MODELS)
    for version in (raw, model):
        check(lab, version)
    assert below(lab, raw.key, Direction.DOWNSTREAM) == sorted([TRAIN, model.key])
    check(lab, raw, FINE)
    assert below(lab, raw.key, Direction.DOWNSTREAM) == []


def test_drift_in_a_project_that_one_may_not_read_stays_there(lab: Lab) -> None:
    secret = ProjectKey.parse("evil/secret")
    hidden = CollectionKey.of(secret, "scans")
    run = RunKey.of(secret, "mix")
    lab.engine.projects.set_access(ANN, VISION, Access.OPEN)
    scans = lab.version(A, caller=EVE, collection=hidden)
    lab.engine.runs.start(EVE, RunStart(run))
    lab.engine.runs.use(EVE, run, scans.key)
    made = lab.version(B, caller=EVE, run=run)
    lab.engine.versions.record_check(EVE, scans.key, **CHANGED)
    assert below(lab, made.key, Direction.UPSTREAM) == []
    answer = lab.engine.traces.trace(EVE, [ref(made.key)], Direction.UPSTREAM, with_nodes=True)
    assert answer.below_drifted == {NodeKey(run), made.key}
