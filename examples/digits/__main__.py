"""`make demo`: the digits pipeline against a server of its own, told in words and as a tree.

    python -m examples.digits                    # over SQLite
    python -m examples.digits --graph neo4j      # over a Neo4j of its own, which is left running
    python -m examples.digits --blobs s3         # files in an S3 server of its own, likewise

The server keeps everything in a new folder, ./var/demo-1 or the next number that is free.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import boto3

import lineage
from examples.digits import pipeline
from lineage.client.recorded import RecordedRun
from lineage.client.sweep import Sweep

_BUCKET = "lineage"
_ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.digits", description=__doc__)
    parser.add_argument("--graph", choices=("sqlite", "neo4j"), default="sqlite")
    parser.add_argument("--blobs", choices=("folder", "s3"), default="folder")
    options = parser.parse_args()
    graph = options.graph
    began = time.monotonic()
    folder = _new_folder()
    stores = {"LINEAGE_GRAPH_URL": f"sqlite://{folder}/graph.db"}
    if graph == "neo4j":
        stores["LINEAGE_GRAPH_URL"] = _start_neo4j(folder)
    blobs: _Folder | _Bucket = _Folder(folder / "blobs")
    if options.blobs == "s3":
        blobs = _Bucket(_start_s3(folder))
    stores |= blobs.settings
    os.chdir(folder)  # downloads go to ./artifacts
    with _server(folder, stores), tempfile.TemporaryDirectory() as scratch:
        sweep = _train(Path(scratch))
        best = _best(sweep, Path(scratch))
        _tell("What the evaluation was made from, all the way up:")
        _command("trace", "upstream", "evaluation:best")
        _delete_the_losers(sweep, best, blobs)
        _tell(f"fsck compares graph and {blobs}, both ways, and proves that there is no cycle:")
        _command("fsck", "--deep")
    _tell(f"Done in {time.monotonic() - began:.0f} s. To look around in what is left:")
    for name, value in stores.items():
        print("    export " + shlex.quote(f"{name}={value}"))
    print("    make serve")
    if options.blobs == "s3":
        _tell("The S3 server goes on. To stop it:")
        print(f"    {sys.executable} -m tests.services.s3 stop --folder {folder}/s3")
    if graph == "neo4j":
        _tell("The graph itself, in Neo4j Browser (whoever signs in there may change everything):")
        _neo4j("start", folder)
        print("`make serve` then offers a style, favourites and a guide for it at /browser/")


def _new_folder() -> Path:
    """Never one that is there: a server may still be running on it."""
    for number in count(1):
        folder = _ROOT / "var" / f"demo-{number}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise AssertionError


def _start_neo4j(folder: Path) -> str:
    """A Neo4j for this demo alone; those of earlier ones stop, and keep their data."""
    for earlier in sorted(folder.parent.glob("demo-*/neo4j")):
        _neo4j("stop", earlier.parent, quiet=True)
    _tell("Start Neo4j; the first time it is fetched from Maven Central")
    return _neo4j("start", folder, "--url", quiet=True)


def _neo4j(verb: str, folder: Path, *options: str, quiet: bool = False) -> str:
    command = [sys.executable, "-m", "tests.services.neo4j", verb, "--folder", f"{folder}/neo4j"]
    done = subprocess.run([*command, *options], cwd=_ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode and verb == "start":
        raise SystemExit(done.returncode)
    if not quiet:
        print(done.stdout, end="", flush=True)
    return done.stdout.strip()


class _Folder:
    """Where the server keeps its files: a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.settings = {"LINEAGE_BLOBS_URL": f"file://{path}"}

    def __str__(self) -> str:
        return "folder"

    def stored_bytes(self) -> int:
        files = (self._path / "sha256").rglob("*")
        return sum(path.stat().st_size for path in files if path.is_file())


class _Bucket:
    """Where the server keeps its files: a bucket of an S3 server."""

    def __init__(self, settings: dict[str, str]) -> None:
        self.settings = {
            "LINEAGE_BLOBS_URL": f"s3://{_BUCKET}",
            "LINEAGE_S3_ENDPOINT_URL": settings["AWS_ENDPOINT_URL_S3"],
            **{name: value for name, value in settings.items() if name != "AWS_ENDPOINT_URL_S3"},
        }
        session = boto3.Session(
            settings["AWS_ACCESS_KEY_ID"],
            settings["AWS_SECRET_ACCESS_KEY"],
            region_name=settings["AWS_DEFAULT_REGION"],
        )
        self._client = session.client("s3", endpoint_url=settings["AWS_ENDPOINT_URL_S3"])

    def __str__(self) -> str:
        return "bucket"

    def stored_bytes(self) -> int:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=_BUCKET, Prefix="sha256/"
        )
        return sum(item["Size"] for page in pages for item in page.get("Contents", ()))


def _start_s3(folder: Path) -> dict[str, str]:
    """An S3 server for this demo alone; those of earlier ones stop, and keep their data."""
    for earlier in sorted(folder.parent.glob("demo-*/s3")):
        _s3("stop", earlier)
    _tell("Start an S3 server, versitygw; the first time it is built, which takes a minute or two")
    told = _s3("start", folder / "s3", "--bucket", _BUCKET, "--environment")
    return dict(line.split("=", 1) for line in told.splitlines())


def _s3(verb: str, folder: Path, *options: str) -> str:
    command = [sys.executable, "-m", "tests.services.s3", verb, "--folder", str(folder), *options]
    done = subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode and verb == "start":
        raise SystemExit(done.returncode)
    return done.stdout


def _tell(text: str) -> None:
    print(f"\n== {text}", flush=True)


@contextmanager
def _server(folder: Path, stores: dict[str, str]) -> Iterator[None]:
    """`python -m api` on a free port; the environment then names it for client and commands."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    key = secrets.token_hex(20)
    for name in [name for name in os.environ if name.startswith("LINEAGE_")]:
        del os.environ[name]
    settings = {
        **stores,
        "LINEAGE_PORT": str(port),
        "LINEAGE_ADMIN_KEY": key,
    }
    with (folder / "server.log").open("wb") as log:
        command = [sys.executable, "-m", "api"]
        environment = os.environ | settings
        process = subprocess.Popen(command, cwd=_ROOT, env=environment, stdout=log, stderr=log)
        os.environ |= {
            "LINEAGE_URL": f"http://127.0.0.1:{port}",
            "LINEAGE_API_KEY": key,
            "LINEAGE_PROJECT": "digits",
            "LINEAGE_CACHE_DIR": str(folder / "cache"),
        }
        try:
            _wait(port, process, folder / "server.log")
            graph = "SQLite" if stores["LINEAGE_GRAPH_URL"].startswith("sqlite") else "Neo4j"
            blobs = "a folder" if stores["LINEAGE_BLOBS_URL"].startswith("file") else "a bucket"
            _tell(f"A server is running on {graph} and {blobs}, in {folder}")
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"the server did not start; it says:\n{log.read_text()}")


def _train(scratch: Path) -> Sweep:
    _tell("Import the images, split them, and train six models in a sweep")
    pipeline.import_images(scratch)
    pipeline.split(scratch)
    sweep_id = lineage.sweep(pipeline.SWEEP)
    lineage.agent(sweep_id, function=lambda: pipeline.train(scratch))
    _command("sweep", "best", sweep_id, "--limit=6")
    return lineage.Api().sweep(sweep_id)


def _best(sweep: Sweep, scratch: Path) -> RecordedRun:
    """Find the best run, download its model, evaluate it."""
    best = sweep.best_run()
    if best is None:
        raise SystemExit("no run of the sweep has a val_acc")
    [model] = [a for a in best.logged_artifacts() if a.collection == pipeline.SWEEP_NAME]
    accuracy = best.summary["val_acc"]
    _tell(f"The best run is {best.name} (val_acc {accuracy:.1%}); its model is {model.name}")
    accuracy = pipeline.evaluate(scratch, model)
    print(f"On images it has never seen it is right in {accuracy:.1%} of cases.")
    report = Path(lineage.Api().artifact("evaluation:best").download()).resolve()
    print(f"What it confuses, as a picture: {report / 'confusion.png'}")
    return best


def _delete_the_losers(sweep: Sweep, best: RecordedRun, blobs: _Folder | _Bucket) -> None:
    """Plan, do it, and count the stored bytes before and after."""
    losers = [run for run in sweep.runs if run.id != best.id]
    models = {a.qualified_name for run in losers for a in run.logged_artifacts()}
    models -= {a.qualified_name for a in best.logged_artifacts()}
    _tell(f"{len(losers)} runs lost. What would deleting all their models break, and free?")
    plan = lineage.Api().deletion_plan(artifacts=sorted(models))
    print(plan)
    before = blobs.stored_bytes()
    receipt = plan.execute()
    gone = before - blobs.stored_bytes()
    _tell(f"Done: the server says {receipt.bytes_freed:,} bytes freed; the {blobs} lost {gone:,}")
    if gone != receipt.bytes_freed:
        raise SystemExit("these should be equal")


def _command(*arguments: str) -> None:
    """Run `lineage …` as a person would, and show it."""
    print(f"$ lineage {shlex.join(arguments)}", flush=True)
    executable = Path(sys.executable).with_name("lineage")
    subprocess.run([str(executable), *arguments], check=True)


if __name__ == "__main__":
    main()
