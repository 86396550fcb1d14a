"""The engine: every rule of the product, over a graph store, a blob store and a clock.

    engine = Engine(graph, blobs, clock)
    engine.runs.start(caller, RunStart(RunKey.parse("acme/vision/3f2a9c")))

One verb is one transaction, or a row of bounded ones that the next start can finish.
"""

from __future__ import annotations

from lineage.engine.access import Projects
from lineage.engine.context import Context, Limits
from lineage.engine.deletion import Deletion
from lineage.engine.drafts import (
    Committed,
    DraftAnswer,
    DraftRequest,
    Drafts,
    check_draft_id,
)
from lineage.engine.findings import Checked, Finding
from lineage.engine.fsck import Fsck
from lineage.engine.impact import Impact, Impacts
from lineage.engine.links import Links
from lineage.engine.planning import Blocker, DeletionPlan, DeletionRequest
from lineage.engine.reclaim import Reclaim
from lineage.engine.record import Resume, RunPatch, Runs, RunStart
from lineage.engine.selection import Selection
from lineage.engine.sweeps import Best, Sweeps
from lineage.engine.trace import TraceAnswer, Traces
from lineage.engine.uploads import Hold
from lineage.engine.versions import VersionPatch, Versions
from lineage.errors import Denied
from lineage.model import Caller, Event, Freed, Stats
from lineage.ports import BlobStore, Clock, GraphStore

__all__ = [
    "Best",
    "Blocker",
    "Checked",
    "Committed",
    "DeletionPlan",
    "DeletionRequest",
    "DraftAnswer",
    "DraftRequest",
    "Engine",
    "Finding",
    "Freed",
    "Hold",
    "Impact",
    "Limits",
    "Resume",
    "RunPatch",
    "RunStart",
    "Selection",
    "TraceAnswer",
    "VersionPatch",
    "check_draft_id",
]


class Engine:
    """The verbs, grouped by noun. Thread-safe; keeps no state of its own."""

    def __init__(
        self,
        graph: GraphStore,
        blobs: BlobStore,
        clock: Clock,
        *,
        limits: Limits | None = None,
    ) -> None:
        self._context = context = Context(graph, blobs, clock, limits or Limits())
        self.projects = Projects(context)
        self.runs = Runs(context)
        self.drafts = Drafts(context)
        self.links = Links(context)
        self.versions = Versions(context)
        self.traces = Traces(context)
        self.sweeps = Sweeps(context)
        self.impacts = Impacts(context)
        self.deletion = Deletion(context)
        self.reclaim = Reclaim(context)
        self.fsck = Fsck(context)

    def check(self) -> None:
        """Raise Unavailable if a store does not answer."""
        self._context.graph.check()
        self._context.blobs.check()

    def events(
        self,
        caller: Caller,
        *,
        subject: str | None = None,
        after: int | None = None,
        limit: int = 100,
    ) -> list[Event]:
        """The record of changes, oldest first, for administrators."""
        if not caller.is_admin:
            raise Denied("only an administrator reads the record of changes")
        return self._context.graph.read(
            lambda tx: tx.events.select(subject=subject, after=after, limit=limit)
        )

    def stats(self) -> Stats:
        """Totals, for metrics."""
        return self._context.graph.read(lambda tx: tx.questions.stats())
