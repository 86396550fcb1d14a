"""Our client storing the measured files, as a process of its own: prints one JSON line.

    python -m bench.ours <workload> <folder of data>

The server is the one that the environment names. Starting the run is not timed; logging, which
returns when the version is committed and durable, and finishing are.
"""

import json
import os
import resource
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, sleep

import lineage

N_EDITED = 10


class _Memory:
    """The most resident memory of this process while the block runs, above what it began with."""

    def __enter__(self) -> "_Memory":
        self.began = self.most = self._now()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def growth_bytes(self) -> int:
        return self.most - self.began

    def _watch(self) -> None:
        while not self._stop.is_set():
            self.most = max(self.most, self._now())
            sleep(0.01)

    def _now(self) -> int:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize()


def small(data: Path, run: lineage.Run) -> int:
    files = sorted(data.iterdir())
    for path in files:
        artifact = lineage.Artifact("small", "dataset")
        artifact.add_file(str(path), name="data.bin")
        run.log_artifact(artifact)
    return len(files)


def folder(data: Path, run: lineage.Run) -> int:
    artifact = lineage.Artifact(data.name, "dataset")
    artifact.add_dir(str(data))
    run.log_artifact(artifact)
    return 1


def edit(data: Path) -> None:
    """New content for ten files spread over the folder."""
    files = sorted(data.iterdir())
    for path in files[:: len(files) // N_EDITED][:N_EDITED]:
        path.write_bytes(os.urandom(path.stat().st_size))


def main() -> None:
    workload, data = sys.argv[1], Path(sys.argv[2])
    work: Callable[[Path, lineage.Run], int] = small if workload == "small" else folder
    run = lineage.init(project="bench")
    tiny = lineage.Artifact("tiny", "dataset")
    with tiny.new_file("tiny.bin", mode="wb") as file:
        file.write(os.urandom(16))
    run.log_artifact(tiny)  # brings in what is imported late
    with _Memory() as memory:
        began = perf_counter()
        n = work(data, run)
        run.finish()
        seconds = (perf_counter() - began) / n
    figures = {"workload": workload, "seconds": seconds, "growth_bytes": memory.growth_bytes}
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
