"""Sweeps: each point once, and the best of what came of them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from lineage.engine import (
    RunPatch,
)
from lineage.errors import (
    AlreadyExists,
    Invalid,
)
from lineage.names import RunKey, SweepKey
from tests.contracts.lab import (
    BOB,
    COL,
    EVAL,
    GRID,
    SWEEP,
    TRAIN,
    VISION,
    Lab,
)


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


@pytest.mark.parametrize(
    "range_",
    [
        {"min": 1.2, "max": 1.4, "distribution": "int_uniform"},
        {"min": -1.7e308, "max": 1.7e308},
    ],
)
def test_a_range_that_has_no_point_of_its_kind_is_refused(lab: Lab, range_: dict[str, Any]) -> None:
    config = {"method": "random", "parameters": {"x": range_}}
    with pytest.raises(Invalid, match=r"parameters\.x"):
        lab.engine.sweeps.create(BOB, SWEEP, config)
