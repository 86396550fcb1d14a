"""`make bench`: every measurement in one run, beside peers and limits; a table at the end.

python -m bench [--only closures,verbs,storing,edit,stores,deleting,bucket] [--graphs G1,G2]
                [--no-peers] [--keep]
"""

import argparse
import platform
import shutil
import sqlite3
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from bench import closures, deleting, engine_verbs, stores, storing
from bench.graphs import GRAPHS
from bench.report import Report
from tests.services.neo4j import wipe

_ROOT = Path(__file__).resolve().parents[1]
_PARTS = ("closures", "verbs", "storing", "edit", "stores", "deleting", "bucket")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", default=",".join(_PARTS), help="parts, joined by commas")
    parser.add_argument("--graphs", default=",".join(GRAPHS), help="graphs, joined by commas")
    parser.add_argument("--no-peers", action="store_true", help="measure ours and the limits only")
    parser.add_argument("--scratch", type=Path, default=_ROOT / "var" / "bench")
    parser.add_argument("--keep", action="store_true", help="write docs/performance.md")
    options = parser.parse_args()
    parts = options.only.split(",")
    python = None if options.no_peers else _ROOT / ".venv-bench" / "bin" / "python"
    options.scratch.mkdir(parents=True, exist_ok=True)
    report = Report(_machine())
    if "closures" in parts:
        for name in options.graphs.split(","):
            print(f"closure of {name} …", flush=True)
            report.add_closure(closures.measure(name, options.scratch, python))
    if "verbs" in parts:
        print("engine verbs …", flush=True)
        report.add_rate(engine_verbs.measure(options.scratch))
    if "storing" in parts:
        for name in ("small", "files10k", "file2g"):
            print(f"storing {name} …", flush=True)
            report.add_stored(storing.measure(name, options.scratch, python))
    if "edit" in parts:
        print("storing files100k, then 10 edits …", flush=True)
        report.add_stored(storing.measure_edit(options.scratch))
    if "stores" in parts:
        _measure_stores(report, options.scratch, options.graphs.split(","))
    if "deleting" in parts:
        _measure_deleting(report, options.scratch)
    if "bucket" in parts:
        print("2 GiB into a bucket …", flush=True)
        report.add_bucket_upload(deleting.measure_bucket(options.scratch))
    print(report.text())
    if options.keep:
        (_ROOT / "docs" / "performance.md").write_text(report.text(), encoding="utf-8")
    shutil.rmtree(options.scratch, ignore_errors=True)


def _measure_stores(report: Report, scratch: Path, graphs: list[str]) -> None:
    """Neo4j beside SQLite, on a server of its own."""
    with stores.neo4j_server(scratch) as server:
        for n_threads in (1, 8, 16):
            print(f"recording runs, {n_threads} threads …", flush=True)
            report.add_recording(stores.measure_recording(scratch, server, n_threads=n_threads))
        report.add_recording(stores.measure_recording(scratch, None, n_threads=8))
        print("best of 100,000 runs …", flush=True)
        report.add_best_run(stores.measure_best_run(scratch, server))
        report.add_best_run(stores.measure_best_run(scratch, None))
        for name in graphs:
            print(f"closure of {name} on both stores …", flush=True)
            report.add_store_closure(stores.measure_closure(name, scratch, server))
        print("storing files100k on Neo4j, then 10 edits …", flush=True)
        wipe(server.url)
        report.add_stored(storing.measure_edit(scratch, server.url, " on Neo4j"))


def _measure_deleting(report: Report, scratch: Path) -> None:
    with stores.neo4j_server(scratch) as neo4j:
        for server in (None, neo4j):
            print("deleting 10,000 versions, then one of many that share …", flush=True)
            report.add_planned_set(deleting.measure_plan(scratch, server))
            for n_versions in (10, 1000):
                report.add_shared_deletion(deleting.measure_shared(scratch, server, n_versions))


def _machine() -> str:
    listed = subprocess.run(["lscpu"], capture_output=True, text=True, check=False).stdout
    named = [line.partition(":")[2].strip() for line in listed.splitlines() if "Model name" in line]
    processor = named[0] if named else platform.processor() or "unknown processor"
    memory = int(Path("/proc/meminfo").read_text().split()[1]) // 2**20
    cores = len(
        [line for line in Path("/proc/cpuinfo").read_text().splitlines() if "processor" in line]
    )
    day = datetime.now(UTC).date().isoformat()
    python = f"Python {platform.python_version()}, its own SQLite {sqlite3.sqlite_version}"
    return f"{day}, {cores} cores of {processor}, {memory} GiB, {python}"


if __name__ == "__main__":
    main()
