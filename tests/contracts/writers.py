"""Somebody busy on shared stores: logs, uses, moves aliases, deletes; or one of two who feed each
other. Run it in several threads, and in several processes with

    python -m tests.contracts.writers GRAPH_URL BLOBS_URL SEED work|feed N_STEPS
"""

from __future__ import annotations

import json
import random
import sys
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from lineage.digest import Digest
from lineage.engine import (
    DeletionRequest,
    DraftRequest,
    Engine,
    RunStart,
    VersionPatch,
)
from lineage.errors import Blocked, CycleError, Gone, NotFound, PlanChanged
from lineage.manifest import Entry, cut
from lineage.model import Caller, DraftId, Version
from lineage.names import ArtifactRef, CollectionKey, ProjectKey, RunKey, VersionKey
from tests.contracts.stores import open_blobs, open_graph

__all__ = [
    "ADMIN",
    "PATHS",
    "PROJECT",
    "SystemClock",
    "Writer",
    "loop_collections",
    "shared_collections",
]

ADMIN = Caller("ann", is_admin=True)
PROJECT = ProjectKey.parse("acme/vision")
POOL = [bytes([n]) * (n + 1) for n in range(8)]  # contents that everybody logs
PATHS = [f"file{n}" for n in range(5)]


def shared_collections() -> list[CollectionKey]:
    return [CollectionKey.of(PROJECT, f"shared{n}") for n in range(2)]


def loop_collections() -> list[CollectionKey]:
    """Whoever logs to one of them reads the other."""
    return [CollectionKey.of(PROJECT, name) for name in ("weights", "episodes")]


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class Writer:
    """One of many. `created` counts the versions that it was told it made, by collection."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self.engine = engine
        self.rng = random.Random(seed)
        self.seed = seed
        self.own = CollectionKey.of(PROJECT, f"own{seed}")
        self.run = RunKey.of(PROJECT, f"run{seed}")
        self.runs = [self.run, RunKey.of(PROJECT, "everybodys")]
        self.created: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.kept: dict[VersionKey, dict[str, bytes]] = {}

    def work(self, n_steps: int) -> None:
        for run in self.runs:
            self.engine.runs.start(ADMIN, RunStart(run, "allow"))
        steps: list[Callable[[], object]] = [
            self.log_shared, self.log_shared, self.log_shared, self.log_own, self.use, self.use,
            self.declare, self.move_an_alias, self.delete, self.delete_as_planned, self.give_up,
        ]  # fmt: skip
        for number in range(n_steps):
            try:
                self.rng.choice(steps)()
            except (Blocked, CycleError, Gone, NotFound, PlanChanged) as exc:
                # Somebody was faster: the one honest answer. Anything else fails the test.
                self.refused[type(exc).__name__] += 1
            if number % 10 == 9:
                self.engine.reclaim.finish()
        for key, content in self.kept.items():
            assert self.content_of(key) == content, key

    def feed(self, n_rounds: int) -> None:
        """Read what the others logged and log what they read, in one run for many rounds; then say
        of the run as a whole that it read what was made from its own."""
        self.engine.runs.start(ADMIN, RunStart(self.run, "allow"))
        mine = loop_collections()[self.seed % 2]
        theirs = loop_collections()[1 - self.seed % 2]
        for number in range(n_rounds):
            with suppress(NotFound):  # they have not begun
                self.engine.runs.use(ADMIN, self.run, self.latest(theirs))
            self.log(mine, {"x": b"%d of %d" % (number, self.seed)}, run=self.run)
            if number % 5 == 4:
                self.try_to_close_a_cycle(theirs)

    def try_to_close_a_cycle(self, theirs: CollectionKey) -> None:
        try:
            self.engine.runs.use(ADMIN, self.run, self.latest(theirs), declared=True)
        except (CycleError, NotFound) as exc:
            self.refused[type(exc).__name__] += 1

    def latest(self, collection: CollectionKey) -> VersionKey:
        return self.engine.versions.get(ADMIN, ArtifactRef(collection)).key

    def some_content(self) -> dict[str, bytes]:
        n_files = self.rng.randint(1, len(PATHS))
        return {path: self.rng.choice(POOL) for path in self.rng.sample(PATHS, n_files)}

    def request(
        self, collection: CollectionKey, content: dict[str, bytes], run: RunKey | None = None
    ) -> DraftRequest:
        entries = [Entry(path, len(data), Digest.of(data)) for path, data in content.items()]
        self.bodies = list(cut(entries))
        return DraftRequest(
            id=DraftId(uuid.UUID(int=self.rng.getrandbits(128)).hex),
            collection=collection,
            type="dataset",
            pages=tuple(map(Digest.of, self.bodies)),
            run=run or self.rng.choice([None, *self.runs]),
        )

    def log(
        self, collection: CollectionKey, content: dict[str, bytes], run: RunKey | None = None
    ) -> Version:
        request = self.request(collection, content, run)
        answer = self.engine.drafts.begin(ADMIN, request, bodies=self.bodies)
        for upload in [hold.upload for hold in answer.holds if hold.upload is not None]:
            data = next(data for data in content.values() if Digest.of(data) == upload.digest)
            self.engine.drafts.store(ADMIN, upload.object, [data])
        if answer.committed is None:
            answer = self.engine.drafts.begin(ADMIN, request, bodies=self.bodies)
        assert answer.committed is not None, "every blob was held, and yet it is no version"
        self.created[collection] += answer.committed.created
        return answer.committed.version

    def log_shared(self) -> None:
        self.log(self.rng.choice(shared_collections()), self.some_content())

    def log_own(self) -> None:
        """Nobody deletes these: their bytes must be there to the end, whoever shares them."""
        content = self.some_content()
        self.kept[self.log(self.own, content).key] = content

    def content_of(self, key: VersionKey) -> dict[str, bytes]:
        versions = self.engine.versions
        found = {}
        for path in PATHS:
            with suppress(NotFound):
                entry = versions.entry(ADMIN, key, path)
                with versions.read(ADMIN, entry) as chunks:
                    found[path] = b"".join(chunks)
        return found

    def some_version(self) -> VersionKey:
        return self.latest(self.rng.choice(shared_collections()))

    def use(self) -> None:
        self.engine.runs.use(ADMIN, self.rng.choice(self.runs), self.some_version())

    def declare(self) -> None:
        run, version = self.rng.choice(self.runs), self.some_version()
        if self.rng.random() < 0.5:
            self.engine.runs.use(ADMIN, run, version, declared=True)
        else:
            self.engine.runs.declare_logged(ADMIN, run, version)

    def move_an_alias(self) -> None:
        alias = self.rng.choice(["prod", "best"])
        change = VersionPatch(add_aliases=(alias,))
        self.engine.versions.update(ADMIN, self.some_version(), change)

    def delete(self) -> None:
        request = DeletionRequest(versions=(self.some_version(),), delete_aliases=True)
        self.engine.deletion.delete(ADMIN, request)

    def delete_as_planned(self) -> None:
        request = DeletionRequest(versions=(self.some_version(),), delete_aliases=True)
        plan = self.engine.deletion.plan(ADMIN, request)
        receipt = self.engine.deletion.execute(ADMIN, plan.digest)
        assert receipt.freed.size_bytes <= plan.facts.freed_bytes  # others may have shared it since

    def give_up(self) -> None:
        request = self.request(self.rng.choice(shared_collections()), self.some_content())
        answer = self.engine.drafts.begin(ADMIN, request, bodies=self.bodies)
        self.created[request.collection] += bool(answer.committed and answer.committed.created)
        self.engine.drafts.discard(ADMIN, request.id)


def main() -> None:
    url, blobs, seed, role, n_steps = sys.argv[1:]
    store = open_graph(url)
    writer = Writer(Engine(store, open_blobs(blobs), SystemClock()), int(seed))
    (writer.feed if role == "feed" else writer.work)(int(n_steps))
    told = {"created": writer.created, "refused": writer.refused}
    json.dump(told | {"n_retries": getattr(store, "n_retries", 0)}, sys.stdout)
    store.close()


if __name__ == "__main__":
    main()
