from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import pytest

import lineage
from lineage.errors import Invalid, NotFound
from tests.services.proxy import Proxy
from tests.services.server import REPOSITORY

GRID = {
    "method": "grid",
    "metric": {"name": "acc", "goal": "maximize"},
    "parameters": {"lr": {"values": [1, 2, 3]}, "depth": {"min": 1, "max": 2}},
}

AGENT = """
import lineage, sys
def train():
    with lineage.init() as run:
        run.log({"acc": run.config.lr * 10 + run.config.depth})
print(lineage.agent(sys.argv[1], train))
"""


def test_several_agents_never_do_a_point_twice(project: str) -> None:
    sweep_id = lineage.sweep(GRID)
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    agents = [
        subprocess.Popen(
            [sys.executable, "-c", AGENT, sweep_id], env=environment, stdout=subprocess.PIPE
        )
        for _ in range(3)
    ]
    tried = [int(agent.communicate(timeout=30)[0]) for agent in agents]
    sweep = lineage.Api().sweep(sweep_id)
    points = Counter((run.config.lr, run.config.depth) for run in sweep.runs)
    assert points == {(lr, depth): 1 for lr in (1, 2, 3) for depth in (1, 2)}
    assert sum(tried) == 6
    best = sweep.best_run()
    assert best is not None
    assert best.summary["acc"] == 32
    worst = sweep.best_runs("acc", "minimize", limit=2)
    assert [ranked.value for ranked in worst] == [11, 12]
    assert sweep.best_run("none", "minimize") is None


def test_an_answer_that_was_lost_costs_no_point(proxy: Proxy) -> None:
    sweep_id = lineage.sweep(GRID)
    proxy.cut_answers(after_bytes=0)
    assert lineage.agent(sweep_id, lambda: None, count=1) == 1
    assert [run.point for run in lineage.Api().sweep(sweep_id).runs] == [0]


def test_the_sweep_chooses_and_the_script_has_defaults(
    project: str, caplog: pytest.LogCaptureFixture
) -> None:
    seen = []

    def train() -> None:
        config = {"lr": 99, "batch": 8}
        with lineage.init(project="elsewhere", id="myid", config=config) as run:
            seen.append((run.project, run.config.as_dict(), run.sweep_id))

    sweep_id = lineage.sweep(GRID)
    assert lineage.agent(sweep_id, train, count=2) == 2
    assert seen[0] == (project, {"lr": 1, "depth": 1, "batch": 8}, sweep_id)
    (told,) = caplog.messages  # once, however many points there are
    assert "init(project='elsewhere', id='myid') is ignored" in told


def test_a_function_that_raises_fails_its_run_and_the_next_is_tried(
    project: str, caplog: pytest.LogCaptureFixture
) -> None:
    def train() -> None:
        lineage.init()
        if lineage.config.depth == 1:
            raise ValueError("too shallow")

    sweep_id = lineage.sweep(GRID)
    assert lineage.agent(sweep_id, train) == 6
    assert caplog.messages[-1] == "3 of 6 points finished, 3 failed"
    runs = lineage.Api().sweep(sweep_id).runs
    assert [run.state for run in runs] == ["failed", "finished"] * 3
    assert "too shallow" in runs[0].error


def test_an_agent_gives_up_after_five_failures_in_a_row(project: str) -> None:
    def train() -> None:
        raise ValueError("always")

    sweep_id = lineage.sweep({**GRID, "method": "random"})
    with pytest.raises(ValueError, match="always"):
        lineage.agent(sweep_id, train)
    assert [run.state for run in lineage.Api().sweep(sweep_id).runs] == ["failed"] * 5


def test_a_stopped_sweep_hands_out_no_points(project: str) -> None:
    sweep_id = lineage.sweep(GRID, id="mine")
    assert lineage.sweep(GRID, id="mine") == sweep_id == "mine"
    lineage.Api().sweep("mine").stop()
    assert lineage.agent("mine", lambda: None) == 0
    with pytest.raises(NotFound):
        lineage.agent("none", lambda: None)
    with pytest.raises(Invalid, match="early_terminate"):
        lineage.sweep({**GRID, "early_terminate": {}})
