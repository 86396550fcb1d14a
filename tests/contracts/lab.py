"""An engine over two stores, and short words for what its tests do all the time."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from lineage.digest import Digest
from lineage.engine import (
    Committed,
    DraftRequest,
    Engine,
    RunStart,
)
from lineage.manifest import Entry, cut
from lineage.model import Caller, Version
from lineage.names import ArtifactRef, CollectionKey, ProjectKey, RunKey, SweepKey
from lineage.ports import BlobStore, GraphStore
from tests.contracts.machine_ground import FakeClock

ANN = Caller("ann", is_admin=True)
BOB = Caller("bob", frozenset({"acme"}))
COL = Caller("col", frozenset({"acme"}))
EVE = Caller("eve", frozenset({"evil"}))
VISION, OPEN = ProjectKey.parse("acme/vision"), ProjectKey.parse("acme/open")
DIGITS, MODELS = CollectionKey.of(VISION, "digits"), CollectionKey.of(VISION, "models")
TRAIN, EVAL = RunKey.of(VISION, "train"), RunKey.of(VISION, "eval")
LATEST = ArtifactRef(DIGITS)
SWEEP = SweepKey.of(VISION, "lr")
A, B, C = ({"a": b"one"}, {"a": b"two", "b": b"one"}, {"a": b"three"})

GRID = {"method": "grid", "metric": {"name": "acc", "goal": "maximize"}}
GRID |= {"parameters": {"lr": {"values": [0.1, 0.2]}, "layers": {"min": 1, "max": 2}}}


class Lab:
    """An engine over these stores, and short words for what the tests do all the time."""

    def __init__(self, graph: GraphStore, blobs: BlobStore) -> None:
        self.graph, self.blobs = graph, blobs
        self.clock = FakeClock()
        self.engine = Engine(self.graph, self.blobs, self.clock)

    def request(self, pages: list[bytes], **others: Any) -> DraftRequest:
        digests = tuple(map(Digest.of, pages))
        values = {"id": uuid.uuid4().hex, "collection": DIGITS, "type": "dataset"} | others
        return DraftRequest(pages=digests, **values)

    def log(self, content: Mapping[str, bytes], caller: Caller = BOB, **others: Any) -> Committed:
        pages = list(cut(Entry(p, len(data), Digest.of(data)) for p, data in content.items()))
        request = self.request(pages, **others)
        answer = self.engine.drafts.begin(caller, request, bodies=pages)
        for upload in [hold.upload for hold in answer.holds if hold.upload is not None]:
            data = next(data for data in content.values() if Digest.of(data) == upload.digest)
            self.engine.drafts.store(caller, upload.object, [data])
        done = self.engine.drafts.begin(caller, request, bodies=pages).committed
        assert done is not None
        return done

    def version(self, content: Mapping[str, bytes], **others: Any) -> Version:
        return self.log(content, **others).version

    def latest(self) -> str:
        return self.engine.versions.get(BOB, ArtifactRef(DIGITS)).key.path

    def start(self, *runs: RunKey, finished: bool = False) -> None:
        for run in runs:
            self.engine.runs.start(BOB, RunStart(run))
            if finished:
                self.engine.runs.finish(BOB, run)

    def n_bytes(self) -> int:
        return sum(stored.size_bytes for stored in self.blobs.iter_objects())

    def verbs(self) -> list[str]:
        return [event.verb for event in self.engine.events(ANN, limit=1000)]
