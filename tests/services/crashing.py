"""A process that tells the story over real stores and kills itself, as `kill -9`, at a given step.

    told = tell(folder, url, answers, kill_at=17)     # None: to the end

A step lies before, inside and after each transaction, around each query that one sends to Neo4j,
before, amid and after each call of the blob store, and before and after each call that it makes of
the system. The stores are wrapped and the system's calls replaced in that process alone: the
product does not know.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import cypher.store
from cypher.statements import Runner, Statements
from lineage.digest import Digest
from lineage.engine import Engine
from lineage.model import ObjectName, StoredObject, Upload
from lineage.ports import BlobStore, GraphStore, Transaction
from storage.local import LocalBlobStore
from tests.contracts.stores import open_graph
from tests.services.story import BEGAN_AT, STORY, StoryClock, Teller

__all__ = ["Told", "go_on", "open_stores", "tell"]

T = TypeVar("T")
REPOSITORY: Final = Path(__file__).parents[2]
# Of equal steps within one call of the blob store the first few stand for all.
_ALIKE: Final = 3


@dataclass(frozen=True, slots=True)
class Told:
    """What a telling came to: the answers that arrived, the steps taken, and how it ended."""

    answers: dict[str, Any]
    steps: list[str]  # only of one that came to its end
    was_killed: bool


def tell(folder: Path, url: str, answers: dict[str, Any], *, kill_at: int | None) -> Told:
    """Go on with the story in a process of its own, after the answers that have arrived.

    Args:
        folder: where the blobs lie.
        url: of the graph; `open_graph` reads it.
    """
    arguments = [str(folder), url, str(kill_at or 0)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.services.crashing", *arguments],
        cwd=REPOSITORY,
        input=json.dumps(answers).encode(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    steps = lines.pop()["steps"] if done.returncode == 0 else []
    arrived = {line["verb"]: line["answer"] for line in lines}
    return Told({**answers, **arrived}, steps, done.returncode != 0)


def open_stores(folder: Path, url: str) -> tuple[GraphStore, LocalBlobStore]:
    return open_graph(url), LocalBlobStore(folder / "blobs")


def go_on(
    engine: Engine, clock: StoryClock, answers: dict[str, Any], *, is_restart: bool
) -> Iterator[tuple[str, Any]]:
    """The verbs without an answer, one after another, with theirs.

    Args:
        is_restart: finish what is left first, as every process does at its start; the first verb
            may have been done, for all that its client knows.
    """
    left = STORY[len(answers) :]
    teller = Teller(engine, dict(answers))
    clock.at = BEGAN_AT + (left or STORY[-1:])[0].at
    if is_restart:
        engine.reclaim.finish()
    for number, verb in enumerate(left):
        clock.at = BEGAN_AT + verb.at
        teller.is_retry = is_restart and number == 0
        # What arrives is JSON.
        answer = teller.answers[verb.name] = json.loads(json.dumps(verb.do(teller)))
        yield verb.name, answer


class Steps:
    def __init__(self, kill_at: int) -> None:
        self.taken: list[str] = []
        self.call = ""
        self._kill_at = kill_at
        self._alike: Counter[str] = Counter()

    def begin(self, call: str) -> None:
        """A call of the blob store begins: steps within it are told apart by its name."""
        self.call = call
        self._alike.clear()

    def __call__(self, where: str) -> None:
        self._alike[where] += 1
        if self.call and self._alike[where] > _ALIKE:
            return
        self.taken.append(f"{where} {self.call}".strip())
        if len(self.taken) == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


class SteppingGraph:
    """A GraphStore with steps around each transaction and before its commit."""

    def __init__(self, graph: GraphStore, steps: Steps) -> None:
        self._graph = graph
        self._steps = steps

    def write(self, fn: Callable[[Transaction], T]) -> T:
        def stepping(tx: Transaction) -> T:
            result = fn(tx)
            self._steps("before the commit of a transaction")
            return result

        self._steps("before a transaction")
        result = self._graph.write(stepping)
        self._steps("after a transaction")
        return result

    def read(self, fn: Callable[[Transaction], T]) -> T:
        return self._graph.read(fn)

    @property
    def identity(self) -> str:
        return self._graph.identity

    def check(self) -> None:
        self._graph.check()

    def close(self) -> None:
        self._graph.close()


class SteppingBlobs:
    """A BlobStore with steps before, amid and after what changes it."""

    def __init__(self, blobs: BlobStore, steps: Steps) -> None:
        self._blobs = blobs
        self._steps = steps

    def _stepping(self, call: str, do: Callable[[], None]) -> None:
        self._steps.begin(call)
        try:
            self._steps("before")
            do()
            self._steps("after")
        finally:
            self._steps.begin("")

    def new_object(self, digest: Digest) -> ObjectName:
        return self._blobs.new_object(digest)

    def claim(self, graph: str) -> None:
        self._blobs.claim(graph)

    def put(self, upload: Upload, chunks: Iterable[bytes], *, now: datetime) -> None:
        pieces = list(chunks)

        def stepping() -> Iterator[bytes]:
            half = len(pieces) // 2
            yield from pieces[:half]
            self._steps("after half of the chunks in")
            yield from pieces[half:]
            self._steps("after the last chunk in")

        self._stepping("put", lambda: self._blobs.put(upload, stepping(), now=now))

    def put_many(self, items: Iterable[tuple[Upload, bytes]], *, now: datetime) -> None:
        listed = list(items)

        def stepping() -> Iterator[tuple[Upload, bytes]]:
            for number, item in enumerate(listed):
                yield item
                if number in (0, len(listed) // 2, len(listed) - 1):
                    self._steps(f"after file {number + 1} of {len(listed)} in")

        self._stepping("put_many", lambda: self._blobs.put_many(stepping(), now=now))

    def read(
        self, name: ObjectName, *, start: int = 0, size_bytes: int | None = None
    ) -> AbstractContextManager[Iterator[bytes]]:
        return self._blobs.read(name, start=start, size_bytes=size_bytes)

    def find_size(self, name: ObjectName) -> int | None:
        return self._blobs.find_size(name)

    def delete(self, names: Sequence[ObjectName]) -> None:
        self._stepping("delete", lambda: self._blobs.delete(names))

    def iter_objects(self) -> Iterator[StoredObject]:
        return self._blobs.iter_objects()

    def check(self) -> None:
        self._blobs.check()


def _step_around_queries(steps: Steps) -> None:
    """Of transactions that write: what only reads leaves nothing half done."""

    class SteppingStatements(Statements):
        def __init__(self, runner: Runner, *, is_writer: bool) -> None:
            super().__init__(runner, is_writer=is_writer)
            if is_writer:
                self._run = stepping(runner)

    def stepping(runner: Runner) -> Callable[..., Any]:
        def run(query: str, parameters: dict[str, Any]) -> Any:
            steps("before a query")
            result = runner.run(query, parameters)
            steps("after a query")
            return result

        return run

    cypher.store.Statements = SteppingStatements  # type: ignore[misc]


def _step_around_system_calls(steps: Steps) -> None:
    def around(name: str) -> None:
        real = getattr(os, name)

        def stepping(*args: Any, **kwargs: Any) -> Any:
            steps(f"before {name} in")
            result = real(*args, **kwargs)
            steps(f"after {name} in")
            return result

        setattr(os, name, stepping)

    for name in ("link", "fsync", "unlink"):
        around(name)
    real_write = os.write

    def write(fd: int, data: bytes) -> int:
        half = real_write(fd, memoryview(data)[: len(data) // 2])
        steps("amid write in")
        return half + real_write(fd, memoryview(data)[half:])

    os.write = write  # type: ignore[assignment]


def _main(folder: Path, url: str, kill_at: int) -> None:
    answers = json.load(sys.stdin)
    steps = Steps(kill_at)
    _step_around_system_calls(steps)
    _step_around_queries(steps)
    is_restart = (folder / "blobs").exists()
    steps.begin("opening the folder")
    blobs = LocalBlobStore(folder / "blobs")
    steps.begin("")
    graph = open_graph(url)
    clock = StoryClock()
    engine = Engine(SteppingGraph(graph, steps), SteppingBlobs(blobs, steps), clock)
    for name, answer in go_on(engine, clock, answers, is_restart=is_restart):
        print(json.dumps({"verb": name, "answer": answer}), flush=True)  # noqa: T201
    graph.close()
    print(json.dumps({"steps": steps.taken}), flush=True)  # noqa: T201


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
