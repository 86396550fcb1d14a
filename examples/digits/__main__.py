"""`make demo`: the digits pipeline against a server of its own, told in words and as a tree.

    python -m examples.digits [--keep]

The server keeps everything in ./var/demo: a SQLite file and a folder of blobs.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lineage
from examples.digits import pipeline
from lineage.client.recorded import RecordedRun

_ROOT = Path(__file__).resolve().parents[2]
_DATA = _ROOT / "var" / "demo"


def main() -> None:
    began = time.monotonic()
    shutil.rmtree(_DATA, ignore_errors=True)
    _DATA.mkdir(parents=True)
    os.chdir(_DATA)  # downloads go to ./artifacts
    with _server(), tempfile.TemporaryDirectory() as scratch:
        _train(Path(scratch))
        best = _best(Path(scratch))
        _tell("What the evaluation was made from, all the way up:")
        _command("trace", "upstream", "evaluation:best")
        _delete_the_losers(best)
        _tell(
            "fsck compares the graph with the folder, both ways, and proves that there is no cycle:"
        )
        _command("fsck", "--deep")
    _tell(f"Done in {time.monotonic() - began:.0f} s. To look around in what is left:")
    print(f"    export LINEAGE_GRAPH_URL=sqlite://{_DATA}/graph.db")
    print(f"    export LINEAGE_BLOBS_URL=file://{_DATA}/blobs")
    print("    make serve")


def _tell(text: str) -> None:
    print(f"\n== {text}", flush=True)


@contextmanager
def _server() -> Iterator[None]:
    """`python -m api` on a free port; the environment then names it for client and commands."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    key = secrets.token_hex(20)
    mine = {name: value for name, value in os.environ.items() if not name.startswith("LINEAGE_")}
    settings = {
        "LINEAGE_GRAPH_URL": f"sqlite://{_DATA}/graph.db",
        "LINEAGE_BLOBS_URL": f"file://{_DATA}/blobs",
        "LINEAGE_PORT": str(port),
        "LINEAGE_ADMIN_KEY": key,
    }
    with (_DATA / "server.log").open("wb") as log:
        command = [sys.executable, "-m", "api"]
        process = subprocess.Popen(command, cwd=_ROOT, env=mine | settings, stdout=log, stderr=log)
        for name in [name for name in os.environ if name.startswith("LINEAGE_")]:
            del os.environ[name]
        os.environ |= {
            "LINEAGE_URL": f"http://127.0.0.1:{port}",
            "LINEAGE_API_KEY": key,
            "LINEAGE_PROJECT": "digits",
            "LINEAGE_CACHE_DIR": str(_DATA / "cache"),
        }
        try:
            _wait(port, process)
            _tell(f"A server is running on SQLite and a folder, in {_DATA}")
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"the server did not start; it says:\n{(_DATA / 'server.log').read_text()}")


def _train(scratch: Path) -> None:
    _tell("Import the images, split them, and train six models in a sweep")
    pipeline.import_images(scratch)
    pipeline.split(scratch)
    sweep_id = lineage.sweep(pipeline.SWEEP)
    lineage.agent(sweep_id, function=lambda: pipeline.train(scratch))
    os.environ["DEMO_SWEEP"] = sweep_id
    _command("sweep", "best", sweep_id, "--limit=6")


def _best(scratch: Path) -> RecordedRun:
    """Find the best run, download its model, evaluate it."""
    sweep = lineage.Api().sweep(os.environ["DEMO_SWEEP"])
    best = sweep.best_run()
    if best is None:
        raise SystemExit("no run of the sweep has a val_acc")
    [model] = [a for a in best.logged_artifacts() if a.collection == pipeline.SWEEP_NAME]
    accuracy = best.summary["val_acc"]
    _tell(f"The best run is {best.name} (val_acc {accuracy:.1%}); its model is {model.name}")
    accuracy = pipeline.evaluate(scratch, model)
    print(f"On images it has never seen it is right in {accuracy:.1%} of cases.")
    folder = Path(lineage.Api().artifact("evaluation:best").download())
    print(f"What it confuses, as a picture: {folder.resolve() / 'confusion.png'}")
    return best


def _delete_the_losers(best: RecordedRun) -> None:
    """Plan, do it, and count the bytes in the folder before and after."""
    sweep = lineage.Api().sweep(os.environ["DEMO_SWEEP"])
    losers = [run for run in sweep.runs if run.id != best.id]
    models = {a.qualified_name for run in losers for a in run.logged_artifacts()}
    models -= {a.qualified_name for a in best.logged_artifacts()}
    _tell(f"{len(losers)} runs lost. What would deleting all their models break, and free?")
    plan = lineage.Api().deletion_plan(artifacts=sorted(models))
    print(plan)
    before = _stored_bytes()
    receipt = plan.execute()
    gone = before - _stored_bytes()
    _tell(f"Done: the server says {receipt.bytes_freed:,} bytes freed; the folder lost {gone:,}")
    if gone != receipt.bytes_freed:
        raise SystemExit("these should be equal")


def _stored_bytes() -> int:
    blobs = (_DATA / "blobs" / "sha256").rglob("*")
    return sum(path.stat().st_size for path in blobs if path.is_file())


def _command(*arguments: str) -> None:
    """Run `lineage …` as a person would, and show it."""
    print(f"$ lineage {' '.join(arguments)}", flush=True)
    executable = Path(sys.executable).with_name("lineage")
    subprocess.run([str(executable), *arguments], check=True)


if __name__ == "__main__":
    main()
