from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

import lineage
from lineage.client import run as run_module
from lineage.client.ending import interrupts_put_off
from lineage.errors import AlreadyExists, Gone, Invalid, NotFound, Unauthenticated, Unavailable
from tests.client.conftest import settle_in
from tests.services.server import REPOSITORY, Server


def eventually(what: Callable[[], bool], *, timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def run_script(text: str) -> subprocess.CompletedProcess[str]:
    """A program of a user's, run to its end."""
    Path("script.py").write_text(f"import lineage as wandb, sys\n{text}\n")
    return subprocess.run(
        [sys.executable, "-W", "error", "script.py"],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_run_keeps_what_it_was_begun_with(project: str) -> None:
    with lineage.init(
        name="baseline",
        job_type="train",
        group="g",
        tags=["a"],
        notes="n",
        config={"lr": 0.1, "model": {"depth": 3}},
    ) as run:
        assert lineage.run is run
        assert lineage.config.lr == 0.1
        assert lineage.config["model.depth"] == 3
        lineage.config.batch = np.int64(8)
    assert lineage.run is None
    found = lineage.Api().run(run.id)
    assert (found.name, found.job_type, found.group, found.notes) == ("baseline", "train", "g", "n")
    assert found.tags == ("a",)
    assert found.config.as_dict() == {"lr": 0.1, "model": {"depth": 3}, "batch": 8}
    assert found.state == "finished"
    assert found.exit_code == 0


def test_the_summary_keeps_the_last_value_and_every_extreme(project: str) -> None:
    with lineage.init() as run:
        for value in (0.5, 0.1, 0.9, 0.3):
            run.log({"acc": value, "deep": {"loss": -value}}, step=7)
    found = lineage.Api().run(run.id).value
    assert found.summary == {"acc": 0.3, "deep": {"loss": -0.3}, "_step": 7}
    assert found.summary_min == {"acc": 0.1, "deep.loss": -0.9, "_step": 7}
    assert found.summary_max == {"acc": 0.9, "deep.loss": -0.1, "_step": 7}


def test_nan_and_infinities_are_kept(project: str) -> None:
    with lineage.init() as run:
        run.log({"loss": 0.5})
        run.log({"loss": math.nan, "up": math.inf, "tensor": np.float32(0.25)})
    found = lineage.Api().run(run.id)
    assert math.isnan(found.summary["loss"])
    assert found.summary.up == math.inf
    assert found.summary.get("tensor") == 0.25
    assert found.value.summary_min["loss"] == 0.5


def test_the_summary_is_set_by_key_attribute_and_update_in_order(project: str) -> None:
    with lineage.init() as run:
        run.log({"best": 1})
        run.summary.best = 2
        run.log({"other": 3})
        lineage.summary.update({"more": {"x": 4}})
        assert run.summary["more.x"] == 4
    found = lineage.Api().run(run.id)
    assert found.summary.as_dict() == {"best": 2, "other": 3, "more": {"x": 4}}
    found.summary.update(later=5)
    assert lineage.Api().run(run.id).summary["later"] == 5


def test_what_json_cannot_say_is_refused_where_it_is_logged(project: str) -> None:
    with lineage.init() as run:
        with pytest.raises(Invalid, match="type object"):
            run.log({"x": object()})
        run.log({"y": 1})
    assert lineage.Api().run(run.id).summary.as_dict() == {"y": 1}


def test_metrics_arrive_within_moments_while_the_run_goes_on(project: str) -> None:
    with lineage.init() as run:
        run.log({"x": 1})
        eventually(lambda: lineage.Api().run(run.id).summary.get("x") == 1)


def test_a_silent_run_says_that_it_is_alive(project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "_BEAT_S", 0.1)

    def beaten_at() -> datetime:
        return lineage.Api().run(run.id).heartbeat_at

    with lineage.init() as run:
        first = beaten_at()
        eventually(lambda: beaten_at() > first)


def test_an_exception_makes_the_run_failed_and_is_told(project: str) -> None:
    def train() -> None:
        with lineage.init(id="r") as run:
            run.log({"x": 1})
            run.log({"y": 1 / (run.summary["x"] - 1)})

    with pytest.raises(ZeroDivisionError):
        train()
    found = lineage.Api().run("r")
    assert (found.state, found.exit_code) == ("failed", 1)
    assert "ZeroDivisionError: division by zero" in found.error
    assert found.summary["x"] == 1


@pytest.mark.parametrize(
    ("ending", "exit_code", "state", "error"),
    [
        ("", 0, "finished", ""),
        ("sys.exit(0)", 0, "finished", ""),
        ("sys.exit(3)", 3, "failed", "exit code 3"),
        ("sys.exit('no data')", 1, "failed", "no data"),
        ("raise ValueError('bad')", 1, "failed", "ValueError: bad"),
        ("wandb.finish(exit_code=2)", 0, "failed", ""),
        # An exit that is caught is no end.
        ("try: sys.exit(4)\nexcept SystemExit: wandb.log({'x': 1})", 0, "finished", ""),
    ],
)
def test_a_program_ends_its_run_as_it_ends(
    project: str, ending: str, exit_code: int, state: str, error: str
) -> None:
    done = run_script(f"wandb.init(id='r')\nwandb.log({{'seen': 1}})\n{ending}")
    assert done.returncode == exit_code, done.stderr
    found = lineage.Api().run("r")
    assert found.state == state
    assert error in found.error
    assert bool(found.error) == bool(error)
    assert found.summary["seen"] == 1


STORM = """
import time
{begin}
print("ready", flush=True)
{body}
"""


@pytest.mark.parametrize(
    ("begin", "body"),
    [
        ("wandb.init(id='r')", "while True: time.sleep(0.001)"),
        ("run = wandb.init(id='r')", "with run:\n    while True: time.sleep(0.001)"),
    ],
    ids=["plain", "block"],
)
@pytest.mark.parametrize("n_interrupts", [1, 30])
def test_a_storm_of_interrupts_leaves_a_failed_run(
    project: str, begin: str, body: str, n_interrupts: int
) -> None:
    text = "import lineage as wandb\n" + STORM.format(begin=begin, body=body)
    process = subprocess.Popen(
        [sys.executable, "-c", text],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    for _ in range(n_interrupts):
        process.send_signal(signal.SIGINT)
        time.sleep(0.003)
    process.communicate(timeout=20)
    found = lineage.Api().run("r")
    assert (found.state, found.exit_code) == ("failed", 130)
    assert "KeyboardInterrupt" in found.error


def test_an_interrupt_of_a_hook_does_not_make_the_run_finished(project: str) -> None:
    """As when Ctrl-C comes again before the hook could note anything."""
    broken = "def hook(*_): raise KeyboardInterrupt\nsys.excepthook = hook\nraise ValueError('bad')"
    run_script(f"wandb.init(id='r')\n{broken}")
    found = lineage.Api().run("r")
    assert (found.state, "ValueError: bad" in found.error) == ("failed", True)


def test_an_interrupt_that_is_put_off_counts_afterwards() -> None:
    reached = []
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - what comes after it is the question
        with interrupts_put_off():
            signal.raise_signal(signal.SIGINT)
            reached.append("the end of the block")
        reached.append("too far")
    assert reached == ["the end of the block"]
    with interrupts_put_off(then_raise=False):
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_run_that_cannot_be_finished_says_so_in_one_line(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle_in(monkeypatch, tmp_path, server.url, server.key)
    monkeypatch.setenv("LINEAGE_RETRY_S", "0")
    stopped = f"wandb.init(id='r')\nos.kill({server.pid}, 9)\ntime.sleep(0.3)"
    done = run_script(f"import os, time\n{stopped}")
    (line,) = done.stderr.splitlines()
    assert "could not be finished: no server answers" in line
    assert "refused" in line
    server.wait_end()


def test_a_second_init_finishes_the_first(project: str) -> None:
    first = lineage.init()
    second = lineage.init()
    assert first.is_finished
    assert lineage.run is second
    assert lineage.Api().run(first.id).state == "finished"
    with pytest.raises(Invalid, match="has finished"):
        first.log({"x": 1})


def test_a_child_process_is_told_that_the_run_is_not_its_own(project: str) -> None:
    done = run_script(
        """
import multiprocessing
def work():
    try:
        wandb.log({"x": 1})
    except wandb.LineageError as exc:
        print(exc)
if __name__ == "__main__":
    wandb.init(id="r")
    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join()
    wandb.log({"y": 1})
"""
    )
    assert "another process" in done.stdout, done.stderr
    found = lineage.Api().run("r")
    assert (found.state, found.summary.as_dict()) == ("finished", {"y": 1})


def test_resume_says_what_an_existing_id_means(project: str) -> None:
    with pytest.raises(NotFound):
        lineage.init(id="r", resume="must")
    with lineage.init(id="r", config={"a": 1}) as run:
        run.log({"x": 1})
    for never in (None, False, "never"):
        with pytest.raises(AlreadyExists, match="resume"):
            lineage.init(id="r", resume=never)
    for again in ("allow", True, "must"):
        with lineage.init(id="r", resume=again, config={"b": 2}) as run:
            assert run.config.as_dict() == {"a": 1, "b": 2}
            assert run.summary["x"] == 1
    with pytest.raises(Invalid, match="resume"):
        lineage.init(id="r", resume="maybe")


def test_without_a_run_the_functions_say_to_begin_one(project: str) -> None:
    with pytest.raises(Invalid, match=r"init\(\)"):
        lineage.log({"x": 1})
    with pytest.raises(Invalid, match=r"init\(\)"):
        lineage.config.lr = 1
    lineage.finish()


def test_without_a_server_there_is_a_clear_error_within_five_seconds(
    project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINEAGE_URL", "http://127.0.0.1:1")
    began = time.monotonic()
    with pytest.raises(Unavailable, match=r"no server answers at http://127\.0\.0\.1:1"):
        lineage.init()
    assert time.monotonic() - began < 5


def test_a_server_that_swallows_packets_is_noticed_within_five_seconds(
    project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINEAGE_URL", "http://192.0.2.1:8000")  # RFC 5737: leads nowhere
    began = time.monotonic()
    with pytest.raises(Unavailable, match="no server answers"):
        lineage.Api().run("r")
    assert time.monotonic() - began < 5


def test_a_wrong_key_is_told_apart_from_no_server(
    project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINEAGE_API_KEY", "ab" * 20)
    with pytest.raises(Unauthenticated):
        lineage.init()


def test_an_outage_does_not_stop_a_run_and_loses_nothing(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle_in(monkeypatch, tmp_path, server.url, server.key)
    with lineage.init() as run:
        run.log({"before": 1})
        run.flush()
        server.stop()
        for step in range(100):
            run.log({"during": step})
        server.start()
    found = lineage.Api().run(run.id)
    assert found.summary.as_dict() == {"before": 1, "during": 99}
    assert found.value.summary_min["during"] == 0
    assert found.state == "finished"


def test_a_run_that_was_deleted_meanwhile_is_told_of_it(project: str) -> None:
    run = lineage.init()
    lineage.finish()
    assert lineage.Api().run(run.id).delete().runs
    with pytest.raises(Gone):
        lineage.init(id=run.id, resume="allow")
    assert lineage.Api().run(run.id).state == "deleted"


def test_edges_are_declared_afterwards(project: str) -> None:
    Path("a.txt").write_text("a")
    Path("b.txt").write_text("b")
    with lineage.init() as first:
        data = first.log_artifact("a.txt", name="data", type="dataset")
    with lineage.init() as second:
        pass
    api = lineage.Api()
    model = lineage.Artifact("model", "model")
    model.add_file("b.txt")
    api.log_artifact(model)
    assert model.logged_by() is None
    later = api.run(second.id)
    assert later.use_artifact("data:latest").name == "data:v0"
    assert later.log_artifact(model)
    assert data.downstream().runs == [second.path]
    assert data.impact().n_versions == 1
    with pytest.raises(lineage.LineageError, match="cycle"):
        api.run(first.id).use_artifact(model)


def test_runs_are_filtered_by_text_and_by_objects(project: str) -> None:
    for lr in (0.1, 0.2, 0.3):
        with lineage.init(config={"lr": lr}, tags=["odd"] if lr == 0.2 else []) as run:
            run.log({"acc": lr})
    api = lineage.Api()

    def found(filters: object, order: str = "created_at") -> list[float]:
        return [run.config.lr for run in api.runs(project, filters, order)]

    assert found("config.lr > 0.15") == [0.2, 0.3]
    assert found({"config.lr": {"$lt": 0.25}, "state": "finished"}) == [0.1, 0.2]
    assert found({"$or": [{"tags": "odd"}, {"summary_metrics.acc": 0.1}]}) == [0.1, 0.2]
    assert found({"config.lr": {"$ne": 0.1}}) == [0.2, 0.3]
    assert found({"config.lr": {"$nin": [0.1, 0.2]}}) == [0.3]
    assert found({"config.none": {"$exists": False}}, "-summary_metrics.acc") == [0.3, 0.2, 0.1]
    paged = api.runs(project, per_page=2)
    assert len(paged) == 3
    assert paged[-1].config.lr == 0.1
    with pytest.raises(Invalid, match=r"\$regex"):
        api.runs(project, {"name": {"$regex": "a.*"}})


def test_log_artifact_survives_a_restart_of_the_server_in_its_middle(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settle_in(monkeypatch, tmp_path, server.url, server.key)
    Path("data").mkdir()
    for number in range(12):
        Path(f"data/{number}.bin").write_bytes(os.urandom(2 * 1024 * 1024))
    artifact = lineage.Artifact("x", "dataset")
    artifact.add_dir("data")

    def crash() -> None:
        eventually(lambda: bool(server.objects()))
        server.kill9()
        time.sleep(3)
        server.start()

    with lineage.init() as run:
        crashing = threading.Thread(target=crash)
        crashing.start()
        run.log_artifact(artifact)
        crashing.join()
    told = [record.message for record in caplog.records if "does not answer" in record.message]
    assert len(told) == 1, caplog.text
    artifact.download("out")
    artifact.verify("out")
    assert lineage.Api().run(run.id).state == "finished"


def test_a_server_that_was_there_is_waited_for_as_long_as_is_set(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle_in(monkeypatch, tmp_path, server.url, server.key)
    monkeypatch.setenv("LINEAGE_RETRY_S", "1")
    api = lineage.Api()
    api.whoami()
    server.stop()
    began = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        api.whoami()
    assert 0.3 < time.monotonic() - began < 3
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_disabled_run_records_nothing_and_needs_no_server(
    project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINEAGE_URL", "http://127.0.0.1:1")
    Path("a.txt").write_text("a")
    with lineage.init(mode="disabled", config={"lr": 1}, name="n") as run:
        assert isinstance(run, lineage.Run)
        assert lineage.run is run
        assert run.config.lr == 1
        run.log({"acc": 0.5}, step=3, commit=False)
        assert run.summary.as_dict() == {"acc": 0.5, "_step": 3}
        run.name = "other"
        assert (run.name, run.url) == ("other", "")
        artifact = run.log_artifact("a.txt", name="a", type="dataset").wait()
        assert artifact.is_draft
        assert list(artifact.manifest.entries) == ["a.txt"]
        with pytest.raises(Invalid, match="disabled run has no server"):
            run.use_artifact("a:latest")
    assert lineage.run is None
    with pytest.raises(Invalid, match="has finished"):
        run.log({"acc": 1})


def test_what_init_does_not_know_is_refused_with_what_there_is(project: str) -> None:
    with pytest.raises(Invalid, match=r"knows no dir; there are project, .*mode"):
        lineage.init(dir="/nowhere")
    with pytest.raises(Invalid, match="neither online nor disabled"):
        lineage.init(mode="offline")
    with pytest.raises(Invalid, match="reinit"):
        lineage.init(reinit=False)
    with lineage.init(mode="online", reinit=True) as run:
        run.log({"x": 1}, commit=True)
        assert run.url.startswith("http")
        assert run.url.endswith(f"/api/v1/projects/local/{project}/runs/{run.id}")


def test_init_says_on_a_terminal_where_it_records(
    project: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with lineage.init():
        pass
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with lineage.init() as run:
        pass
    (line,) = capsys.readouterr().err.splitlines()
    assert f"lineage: recording run {run.path} at http://127.0.0.1:" in line
