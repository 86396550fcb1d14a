"""The engine verb that logs a one-file version whose blob is there already, from four threads."""

import os
import shutil
import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from lineage.digest import Digest
from lineage.engine import DraftRequest, Engine
from lineage.manifest import Entry, cut
from lineage.model import Caller, DraftId, Upload
from lineage.names import CollectionKey, ProjectKey
from sql.store import SqlGraphStore
from storage.local import LocalBlobStore

_PROJECT = ProjectKey("bench/verbs")
_ADMIN = Caller("bench", is_admin=True)


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Rate:
    n_threads: int
    a_second: float
    flushes_a_second: float  # one fsync of a small append after the other, on the same disk


def measure(scratch: Path, *, n_threads: int = 4, seconds: float = 5.0) -> Rate:
    folder = scratch / "verbs"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    store = SqlGraphStore(folder / "graph.db")
    engine = Engine(store, LocalBlobStore(folder / "blobs"), SystemClock())
    content = b"the same file in every version"
    _log(engine, CollectionKey(f"{_PROJECT}/first"), "first.bin", content)
    counts = [0] * n_threads
    deadline = perf_counter() + seconds

    def work(number: int) -> None:
        collection = CollectionKey(f"{_PROJECT}/c{number}")
        while perf_counter() < deadline:
            _log(engine, collection, f"{counts[number]}.bin", content)
            counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(n_threads)]
    began = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    a_second = sum(counts) / (perf_counter() - began)
    store.close()
    flushes = _flush_rate(folder)
    shutil.rmtree(folder)
    return Rate(n_threads, a_second, flushes)


def _log(engine: Engine, collection: CollectionKey, path: str, content: bytes) -> None:
    """One version of one file; its content is uploaded only if it is not there yet."""
    entry = Entry(path, len(content), Digest.of(content))
    [body] = cut([entry])
    request = DraftRequest(DraftId(uuid.uuid4().hex), collection, "dataset", (Digest.of(body),))
    answer = engine.drafts.begin(_ADMIN, request, bodies=[body])
    if answer.committed is None:
        for hold in answer.holds:
            upload = hold.upload
            assert isinstance(upload, Upload)
            engine.drafts.store(_ADMIN, upload.object, [content])
        answer = engine.drafts.begin(_ADMIN, request, bodies=[body])
    assert answer.committed is not None
    assert answer.committed.created


def _flush_rate(folder: Path) -> float:
    with (folder / "probe").open("wb") as file:
        began = perf_counter()
        for _ in range(200):
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
        return 200 / (perf_counter() - began)
