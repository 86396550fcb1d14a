"""What every verb needs: the stores, the clock, and how long things last."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lineage.model import Caller, Event, Json
from lineage.ports import BlobStore, Clock, GraphStore, Transaction

__all__ = ["Context", "Limits", "record"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Lifetimes. A run is crashed when it has been silent for longer than `crashed_after`."""

    draft_ttl: timedelta = timedelta(hours=24)
    upload_ttl: timedelta = timedelta(hours=1)
    longest_transfer: timedelta = timedelta(hours=1)
    plan_ttl: timedelta = timedelta(hours=24)
    crashed_after: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Context:
    graph: GraphStore
    blobs: BlobStore
    clock: Clock
    limits: Limits = field(default_factory=Limits)

    def now(self) -> datetime:
        return self.clock.now()


def record(
    tx: Transaction,
    caller: Caller,
    at: datetime,
    verb: str,
    subject: str,
    *,
    before: Json = None,
    after: Json = None,
) -> None:
    """Append the event of a change to the transaction that makes it."""
    tx.events.append([Event(at, caller.name, verb, subject, before, after)])
