"""A process that tells the story over real stores and kills itself, as `kill -9`, at a given step.

    told = tell(stores, answers, kill_at=17)     # None: to the end

A step lies before, inside and after each transaction, around each query that one sends to Neo4j,
before, amid and after each call of the blob store, and before and after each call that it makes of
the system, or of a bucket. The stores are wrapped and the system's calls replaced in that process
alone: the product does not know.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import cypher.store
import storage.bucket
from cypher.statements import Runner, Statements
from lineage.digest import Digest
from lineage.engine import Engine
from lineage.model import Link, ObjectName, StoredObject, Upload
from lineage.ports import BlobStore, DirectTransfer, GraphStore, Transaction
from tests.contracts.stores import open_blobs, open_graph
from tests.services.story import STORY
from tests.services.teller import BEGAN_AT, StoryClock, Teller

__all__ = ["Stores", "Told", "go_on", "tell"]

T = TypeVar("T")
REPOSITORY: Final = Path(__file__).parents[2]
# Of equal steps within one call of the blob store the first few stand for all.
_ALIKE: Final = 3
_KEYS_AT_ONCE: Final = 8  # in one request that deletes, so that a deletion is several


@dataclass(frozen=True, slots=True)
class Stores:
    """The URLs of a pair of stores."""

    graph_url: str
    blobs_url: str

    def open(self) -> tuple[GraphStore, BlobStore]:
        return open_graph(self.graph_url), open_blobs(self.blobs_url)


@dataclass(frozen=True, slots=True)
class Told:
    """What a telling came to: the answers that arrived, the steps taken, and how it ended."""

    answers: dict[str, Any]
    steps: list[str]  # only of one that came to its end
    was_killed: bool


def tell(
    stores: Stores, answers: dict[str, Any], *, kill_at: int | None, is_restart: bool = False
) -> Told:
    """Go on with the story in a process of its own, after the answers that have arrived."""
    begins = "restart" if is_restart else "start"
    arguments = [stores.graph_url, stores.blobs_url, str(kill_at or 0), begins]
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


def go_on(
    engine: Engine,
    blobs: BlobStore,
    clock: StoryClock,
    answers: dict[str, Any],
    *,
    is_restart: bool,
    step: Callable[[str], None] = lambda where: None,
) -> Iterator[tuple[str, Any]]:
    """The verbs without an answer, one after another, with theirs.

    Args:
        is_restart: finish what is left first, as every process does at its start; the first verb
            may have been done, for all that its client knows.
    """
    left = STORY[len(answers) :]
    teller = Teller(engine, blobs, dict(answers), step=step)
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
        self._lock = threading.Lock()

    def begin(self, call: str) -> None:
        """A call of the blob store begins: steps within it are told apart by its name."""
        self.call = call
        self._alike.clear()

    def __call__(self, where: str) -> None:
        with self._lock:
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


class SteppingBucket(SteppingBlobs):
    """Clients reach the bucket themselves: it is a DirectTransfer too."""

    def __init__(self, blobs: BlobStore, steps: Steps) -> None:
        super().__init__(blobs, steps)
        assert isinstance(blobs, DirectTransfer)
        self._links: DirectTransfer = blobs

    def upload_link(self, upload: Upload, *, now: datetime) -> Link:
        return self._links.upload_link(upload, now=now)

    def download_link(self, name: ObjectName, *, until: datetime, now: datetime) -> Link:
        return self._links.download_link(name, until=until, now=now)

    def find_uploaded(self, uploads: Sequence[Upload]) -> set[ObjectName]:
        return self._links.find_uploaded(uploads)


def _step_around_calls(blobs: BlobStore, steps: Steps) -> SteppingBlobs:
    is_direct = isinstance(blobs, DirectTransfer)
    return SteppingBucket(blobs, steps) if is_direct else SteppingBlobs(blobs, steps)


def _step_around_requests(steps: Steps) -> None:
    """Of a bucket, those that change it."""
    storage.bucket._BATCH = _KEYS_AT_ONCE  # type: ignore[misc]
    real = storage.bucket.Bucket.call

    def call(self: storage.bucket.Bucket, operation: str, **how: Any) -> dict[str, Any]:
        if operation not in ("PutObject", "DeleteObjects"):
            return real(self, operation, **how)
        steps(f"before {operation} in")
        answer = real(self, operation, **how)
        steps(f"after {operation} in")
        return answer

    storage.bucket.Bucket.call = call  # type: ignore[method-assign]


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


def _main(stores: Stores, kill_at: int, *, is_restart: bool) -> None:
    answers = json.load(sys.stdin)
    steps = Steps(kill_at)
    _step_around_system_calls(steps)
    _step_around_queries(steps)
    _step_around_requests(steps)
    steps.begin("opening the store")
    blobs = _step_around_calls(open_blobs(stores.blobs_url), steps)
    steps.begin("")
    graph = open_graph(stores.graph_url)
    clock = StoryClock()
    engine = Engine(SteppingGraph(graph, steps), blobs, clock)
    told = go_on(engine, blobs, clock, answers, is_restart=is_restart, step=steps)
    for name, answer in told:
        print(json.dumps({"verb": name, "answer": answer}), flush=True)  # noqa: T201
    graph.close()
    print(json.dumps({"steps": steps.taken}), flush=True)  # noqa: T201


if __name__ == "__main__":
    _main(Stores(*sys.argv[1:3]), int(sys.argv[3]), is_restart=sys.argv[4] == "restart")
