"""A process of many clients that log, delete, purge, give up and come too late, on the same few
contents, over stores that fail now and then. It goes on until it is killed:

    python -m tests.services.churning GRAPH_URL BLOBS_URL SEED JOURNAL N_THREADS

Each line of its journal is what was done, refused or made to fail; what was acknowledged and nobody
deletes is in it with its content.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

from lineage.digest import Digest
from lineage.engine import DeletionRequest, Engine, Limits, RunStart
from lineage.errors import (
    Blocked,
    Conflict,
    CycleError,
    Gone,
    Invalid,
    LineageError,
    NotFound,
    PlanChanged,
    Unavailable,
)
from lineage.model import Upload, Version
from lineage.names import CollectionKey, RunKey
from lineage.ports import BlobStore, DirectTransfer
from tests.contracts.stores import open_blobs, open_graph
from tests.contracts.writers import ADMIN, PATHS, SystemClock, Writer, shared_collections
from tests.services.faults import Dice, FaultyGraph, faulty_blobs
from tests.services.story_links import put_by_link

__all__ = ["LIMITS", "Churner"]

# Short, so that drafts expire amid the work; but a transfer takes longer than any pause.
LIMITS: Final = Limits(
    draft_ttl=timedelta(seconds=3),
    upload_ttl=timedelta(seconds=3),
    longest_transfer=timedelta(seconds=30),
)
RATES: Final = (0.015, 0.15)  # of faults of the graph, of the blob store, which has fewer steps
_TRIES: Final = 4
# Somebody was faster, it took too long, or a store failed: honest answers. Others end the process.
_REFUSALS: Final = (
    Blocked, Conflict, CycleError, Gone, NotFound, PlanChanged, Unavailable,
)  # fmt: skip


class Churner(Writer):
    """`note` hears of what is done; `blobs` is reached past the engine, as clients do by links."""

    def __init__(
        self, engine: Engine, blobs: BlobStore, seed: int, note: Callable[[str], None]
    ) -> None:
        super().__init__(engine, seed)
        self.blobs = blobs
        self.note = note

    def churn(self) -> None:
        steps: list[Callable[[], object]] = [
            self.log_shared, self.log_shared, self.log_shared, self.log_own, self.use, self.declare,
            self.move_an_alias, self.delete, self.delete_as_planned, self.delete_and_leave_it,
            self.purge, self.give_up, self.come_too_late, self.finish,
        ]  # fmt: skip
        while True:
            step = self.rng.choice(steps)
            try:
                for run in self.runs:
                    self.engine.runs.start(ADMIN, RunStart(run, "allow"))
                step()
            except _REFUSALS as exc:
                self.note(f"refused {type(exc).__name__}")
            except Invalid as exc:
                if exc.facts.get("field") != "upload":  # its time has passed
                    raise
                self.note("refused Invalid")
            else:
                self.note("done")

    def some_content(self) -> dict[str, bytes]:
        """What everybody logs; at times with bytes that nobody else has."""
        content = super().some_content()
        if self.rng.random() < 0.3:
            content[PATHS[0]] = self.rng.randbytes(100)
        return content

    def log(
        self, collection: CollectionKey, content: Mapping[str, bytes], run: RunKey | None = None
    ) -> Version:
        """As a client does: what has no answer is asked again, by the same draft id."""
        request = self.request(collection, dict(content), run)
        bodies = self.bodies
        data = {Digest.of(each): each for each in content.values()}
        for left in reversed(range(_TRIES)):
            try:
                answer = self.engine.drafts.begin(ADMIN, request, bodies=bodies)
                if answer.committed is None:
                    uploads = [hold.upload for hold in answer.holds if hold.upload is not None]
                    self.send(uploads, data)
                    answer = self.engine.drafts.begin(ADMIN, request, bodies=bodies)
                if answer.committed is not None:
                    return answer.committed.version
            except (Conflict, NotFound, Unavailable):
                if not left:
                    raise
                self.note("retried")
                time.sleep(self.rng.uniform(0, 0.05))
        raise Unavailable("blobs were taken away again and again")

    def send(self, uploads: list[Upload], data: Mapping[Digest, bytes]) -> None:
        way = self.rng.choice(["one by one", "bundle", "links"])
        if not uploads:
            return
        draft = uploads[0].draft
        if way == "bundle":
            items = [(upload.digest, data[upload.digest]) for upload in uploads]
            self.engine.drafts.store_many(ADMIN, draft, items)
            return
        if way == "links" and isinstance(self.blobs, DirectTransfer):
            for upload in uploads:
                self.put(upload, data[upload.digest])
            missing = self.engine.links.confirm(ADMIN, draft, [u.digest for u in uploads])
            uploads = [upload for upload in uploads if upload.digest in missing]
        for upload in uploads:
            self.engine.drafts.store(ADMIN, upload.object, [data[upload.digest]])

    def put(self, upload: Upload, data: bytes) -> None:
        assert isinstance(self.blobs, DirectTransfer)
        with suppress(Unavailable):  # the server is away
            put_by_link(self.blobs, upload, data)

    def log_own(self) -> None:
        content = self.some_content()
        key = self.log(self.own, content).key
        self.note(json.dumps({"kept": key, "content": {p: d.hex() for p, d in content.items()}}))

    def delete_and_leave_it(self) -> None:
        """Decided, begun, and left to whoever comes by."""
        request = DeletionRequest(versions=(self.some_version(),), delete_aliases=True)
        receipt = self.engine.deletion.begin(ADMIN, request)
        if self.rng.random() < 0.5:
            asked = iter([False])
            self.engine.deletion.carry_out(receipt.id, is_stopped=lambda: next(asked, True))

    def purge(self) -> None:
        request = DeletionRequest(versions=(self.some_version(),), delete_aliases=True, purge=True)
        plan = self.engine.deletion.plan(ADMIN, request)
        self.engine.deletion.execute(ADMIN, plan.digest)

    def come_too_late(self) -> None:
        """Give a draft up, and then send what it was asked for."""
        content = self.some_content()
        request = self.request(self.rng.choice(shared_collections()), content)
        answer = self.engine.drafts.begin(ADMIN, request, bodies=self.bodies)
        self.engine.drafts.discard(ADMIN, request.id)
        for upload in [hold.upload for hold in answer.holds if hold.upload is not None]:
            data = next(d for d in content.values() if Digest.of(d) == upload.digest)
            if isinstance(self.blobs, DirectTransfer):
                self.put(upload, data)
            else:
                with suppress(LineageError):
                    self.blobs.put(upload, [data], now=self.engine._context.now())

    def finish(self) -> None:
        self.engine.reclaim.finish()


def main(graph_url: str, blobs_url: str, seed: int, journal: Path, n_threads: int) -> None:
    fd = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(line: str) -> None:
        os.write(fd, f"{line}\n".encode())

    dice, others = (Dice(seed, rate=rate, told=note) for rate in RATES)
    graph, blobs = open_graph(graph_url), open_blobs(blobs_url, timeout_s=3)
    faulty = faulty_blobs(blobs, others)
    engine = Engine(FaultyGraph(graph, dice), faulty, SystemClock(), limits=LIMITS)
    with suppress(Unavailable):
        engine.reclaim.finish()  # as every process does at its start
    churners = [Churner(engine, blobs, seed + number, note) for number in range(n_threads)]
    threads = ThreadPoolExecutor(n_threads)
    ended, _ = wait([threads.submit(each.churn) for each in churners], return_when=FIRST_EXCEPTION)
    traceback.print_exception(ended.pop().exception())
    os._exit(1)  # whatever the other threads do


if __name__ == "__main__":
    main(*sys.argv[1:3], int(sys.argv[3]), Path(sys.argv[4]), int(sys.argv[5]))
