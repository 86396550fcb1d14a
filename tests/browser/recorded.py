"""A small graph as the engine records it, with all that the Browser's queries name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from lineage.digest import Digest
from lineage.engine import DeletionRequest, RunPatch, RunStart
from lineage.manifest import Entry, cut
from lineage.model import Version
from lineage.names import CollectionKey, RunKey
from tests.contracts.lab import ANN, BOB, GRID, MODELS, SWEEP, VISION, Lab

__all__ = ["record"]

_STUDENT = CollectionKey.of(VISION, "student")
_ARCHITECTURE = b"two layers"


def record(lab: Lab) -> None:
    """A data set, a sweep of two runs over it, an evaluation of the best, and a run that resumes
    after it has logged; the model that lost is deleted, and a draft is left unfinished."""
    runs, sweeps = lab.engine.runs, lab.engine.sweeps
    imported = _start(lab, "import")
    data = _log(lab, {"a": b"digits", "b": b"labels"}, run=imported)

    sweeps.create(BOB, SWEEP, GRID)
    for number, accuracy in enumerate([0.9, 0.75]):
        trained = RunKey.of(VISION, f"train-{number}")
        assert sweeps.next_run(BOB, SWEEP, trained)
        runs.use(BOB, trained, data.key)
        runs.update(BOB, trained, RunPatch(summary={"acc": accuracy}))
        content = {"architecture": _ARCHITECTURE, "weights": b"w%d" % number}
        _log(lab, content, collection=MODELS, type="model", run=trained)
        runs.finish(BOB, trained)
    best, lost = MODELS.version(0), MODELS.version(1)

    evaluated = _start(lab, "evaluate")
    runs.use(BOB, evaluated, best)
    report = CollectionKey.of(VISION, "report")
    content = {"r": b"90 %", "labels": b"labels"}
    _log(lab, content, collection=report, type="report", run=evaluated, aliases=("prod",))
    # What the collection had already.
    assert not lab.log({"a": b"digits", "b": b"labels"}, run=evaluated).created

    distilled = _start(lab, "distill")
    runs.use(BOB, distilled, data.key)
    _log(lab, {"s": b"first"}, collection=_STUDENT, type="model", run=distilled)
    runs.use(BOB, distilled, best)
    _log(lab, {"s": b"second"}, collection=_STUDENT, type="model", run=distilled)

    lab.engine.deletion.delete(ANN, DeletionRequest(versions=(lost,)))

    pages = list(cut([Entry("x", 10, Digest.of(b"unfinished")), Entry("y", 4, Digest.of(b"more"))]))
    holds = lab.engine.drafts.begin(BOB, lab.request(pages), bodies=pages).holds
    upload = next(hold.upload for hold in holds if hold.digest == Digest.of(b"more"))
    assert upload is not None
    lab.engine.drafts.store(BOB, upload.object, [b"more"])


def _log(lab: Lab, content: dict[str, bytes], **others: Any) -> Version:
    lab.clock.at += timedelta(minutes=1)
    return lab.version(content, **others)


def _start(lab: Lab, name: str) -> RunKey:
    lab.clock.at += timedelta(minutes=1)
    key = RunKey.of(VISION, name)
    lab.engine.runs.start(BOB, RunStart(key))
    return key
