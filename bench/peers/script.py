"""What the scripts of this folder share: their arguments, their clock, the line they print.

Storing:  <workload> <folder of data> <scratch folder>
Closures: <graph> <start>
A workload is the name of the data; `-again` after it does it once more, unchanged, in a new process
on the scratch folder that the first one left.
"""

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from bench.data import settle

T = TypeVar("T")
AGAIN = "-again"


@dataclass(frozen=True, slots=True)
class Job:
    """One measurement of storing: which data, where it lies, and where the peer may write.

    `scratch` is the peer's own for this data: empty the first time, as left by it when `is_again`.
    """

    workload: str
    is_again: bool
    data: Path
    scratch: Path

    def tiny_file(self) -> Path:
        """A file to store before the clock starts: that brings in what a tool imports late."""
        path = self.scratch / "tiny.bin"
        path.write_bytes(b"tiny")
        return path

    def files(self) -> list[Path]:
        return sorted(self.data.iterdir())


def store(peer: str, version: str, workloads: Mapping[str, Callable[[Job], float]]) -> None:
    """Do the workload that the command line names and print the seconds that it returns.

    `workloads` is by name of the data. The data are in the page cache and the disk is idle when it
    is called.
    """
    try:
        workload, data, scratch = sys.argv[1:]
        measure = workloads[workload.removesuffix(AGAIN)]
    except (ValueError, KeyError):
        raise SystemExit(f"{peer}: {sorted(workloads)}[{AGAIN}] <data> <scratch>") from None
    job = _job(peer, workload, data=Path(data).resolve(), scratch=Path(scratch).resolve())
    settle(job.data)
    print_result(peer, workload, seconds=measure(job), version=version)


def graph_and_start(peer: str) -> tuple[str, int]:
    """The graph's name and the number of the node to start from."""
    try:
        graph, start = sys.argv[1:]
        return graph, int(start)
    except ValueError:
        raise SystemExit(f"{peer}: <graph> <start>") from None


def fastest(work: Callable[[], T], *, times: int = 3) -> tuple[float, T]:
    """Seconds of the fastest of so many calls, fewer if they are long; the answer of the last."""
    shortest, total = float("inf"), 0.0
    for _ in range(times):
        began = perf_counter()
        answer = work()
        seconds = perf_counter() - began
        shortest, total = min(shortest, seconds), total + seconds
        if total > 20:
            break
    return shortest, answer


def print_result(peer: str, workload: str, **figures: object) -> None:
    sys.stdout.write(json.dumps({"peer": peer, "workload": workload, **figures}) + "\n")


def _job(peer: str, workload: str, *, data: Path, scratch: Path) -> Job:
    name = workload.removesuffix(AGAIN)
    is_again = name != workload
    own = scratch / peer / name
    if is_again and not own.exists():
        raise SystemExit(f"{peer}: {workload} needs {name} to be done on this scratch folder first")
    if not is_again:
        shutil.rmtree(own, ignore_errors=True)
        own.mkdir(parents=True)
    return Job(workload, is_again, data, own)
