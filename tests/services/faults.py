"""Stores that fail now and then: before a step, amid it, or after it, when only the answer is lost;
or the process ends there, as by `kill -9`.

    dice = Dice(seed, rate=0.02, told=print)
    engine = Engine(FaultyGraph(graph, dice), faulty_blobs(blobs, dice), clock)
"""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TypeVar

from lineage.digest import Digest
from lineage.errors import Unavailable
from lineage.model import Link, ObjectName, StoredObject, Upload
from lineage.ports import BlobStore, DirectTransfer, GraphStore, Transaction

__all__ = ["Dice", "FaultyGraph", "faulty_blobs"]

T = TypeVar("T")


class Dice:
    """Raises Unavailable at one in so many steps, and at a few of those ends the process.

    Args:
        told: hears of every fault before it comes.
    """

    def __init__(self, seed: int, *, rate: float, told: Callable[[str], None]) -> None:
        self._random = random.Random(seed)
        self._rate = rate
        self._told = told
        self._lock = threading.Lock()

    def __call__(self, where: str) -> None:
        with self._lock:
            drawn = self._random.random() / self._rate
        if drawn >= 1:
            return
        if drawn < 0.1:
            self._told(f"killed {where}")
            os.kill(os.getpid(), signal.SIGKILL)
        self._told(f"failed {where}")
        raise Unavailable(f"a fault was asked for {where}")


class FaultyGraph:
    def __init__(self, graph: GraphStore, dice: Dice) -> None:
        self._graph = graph
        self._dice = dice

    def write(self, fn: Callable[[Transaction], T]) -> T:
        def failing(tx: Transaction) -> T:
            result = fn(tx)
            self._dice("before a commit")
            return result

        self._dice("before a transaction")
        result = self._graph.write(failing)
        self._dice("after a commit")
        return result

    def read(self, fn: Callable[[Transaction], T]) -> T:
        self._dice("before a reading")
        return self._graph.read(fn)

    @property
    def identity(self) -> str:
        return self._graph.identity

    def check(self) -> None:
        self._graph.check()

    def close(self) -> None:
        self._graph.close()


class FaultyBlobs:
    def __init__(self, blobs: BlobStore, dice: Dice) -> None:
        self._blobs = blobs
        self._dice = dice

    def new_object(self, digest: Digest) -> ObjectName:
        return self._blobs.new_object(digest)

    def claim(self, graph: str) -> None:
        self._blobs.claim(graph)

    def put(self, upload: Upload, chunks: Iterable[bytes], *, now: datetime) -> None:
        def failing() -> Iterator[bytes]:
            for chunk in chunks:
                yield chunk[:1]
                self._dice("amid put")
                yield chunk[1:]

        self._dice("before put")
        self._blobs.put(upload, failing(), now=now)
        self._dice("after put")

    def put_many(self, items: Iterable[tuple[Upload, bytes]], *, now: datetime) -> None:
        def failing() -> Iterator[tuple[Upload, bytes]]:
            for item in items:
                yield item
                self._dice("amid put_many")

        self._dice("before put_many")
        self._blobs.put_many(failing(), now=now)
        self._dice("after put_many")

    def read(
        self, name: ObjectName, *, start: int = 0, size_bytes: int | None = None
    ) -> AbstractContextManager[Iterator[bytes]]:
        return self._blobs.read(name, start=start, size_bytes=size_bytes)

    def find_size(self, name: ObjectName) -> int | None:
        self._dice("before find_size")
        return self._blobs.find_size(name)

    def delete(self, names: Sequence[ObjectName]) -> None:
        self._dice("before delete")
        half = len(names) // 2
        if half:
            self._blobs.delete(names[:half])
            self._dice("amid delete")
        self._blobs.delete(names[half:])
        self._dice("after delete")

    def iter_objects(self) -> Iterator[StoredObject]:
        return self._blobs.iter_objects()

    def check(self) -> None:
        self._blobs.check()


class _FaultyBucket(FaultyBlobs):
    def __init__(self, blobs: BlobStore, dice: Dice) -> None:
        super().__init__(blobs, dice)
        assert isinstance(blobs, DirectTransfer)
        self._links: DirectTransfer = blobs

    def upload_link(self, upload: Upload, *, now: datetime) -> Link:
        return self._links.upload_link(upload, now=now)

    def download_link(self, name: ObjectName, *, until: datetime, now: datetime) -> Link:
        return self._links.download_link(name, until=until, now=now)

    def find_uploaded(self, uploads: Sequence[Upload]) -> set[ObjectName]:
        self._dice("before find_uploaded")
        return self._links.find_uploaded(uploads)


def faulty_blobs(blobs: BlobStore, dice: Dice) -> FaultyBlobs:
    is_direct = isinstance(blobs, DirectTransfer)
    return _FaultyBucket(blobs, dice) if is_direct else FaultyBlobs(blobs, dice)
