"""Runs: what is kept of them, and how what they read and log becomes lineage."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta

import pytest

from lineage.engine import (
    RunPatch,
    RunStart,
    VersionPatch,
)
from lineage.errors import (
    CycleError,
    Invalid,
    PreconditionFailed,
)
from lineage.model import Direction, RunState, Version
from lineage.names import ArtifactRef
from tests.contracts.lab import (
    BOB,
    COL,
    DIGITS,
    EVAL,
    MODELS,
    TRAIN,
    VISION,
    A,
    B,
    C,
    Lab,
)


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


def test_what_is_read_after_a_declared_output_does_not_flow_into_it(lab: Lab) -> None:
    lab.start(TRAIN)
    made, late = lab.version(A), lab.version(B)
    lab.engine.runs.declare_logged(BOB, TRAIN, made.key)
    lab.engine.runs.use(BOB, TRAIN, late.key)
    start = [ArtifactRef(DIGITS, "v0")]
    answer = lab.engine.traces.trace(BOB, start, Direction.UPSTREAM)
    assert answer.trace.levels == ((TRAIN,),)


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
