"""Who tells the crash story: its clock, its engine, and the answers that have arrived so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from lineage.engine import Engine
from lineage.model import Caller, DraftId, ObjectName
from lineage.ports import BlobStore

__all__ = ["ADMIN", "BEGAN_AT", "Answer", "StoryClock", "Teller"]

ADMIN: Final = Caller("ann", is_admin=True)
BEGAN_AT: Final = datetime(2024, 5, 1, 12, tzinfo=UTC)
Answer = Mapping[str, Any]


class StoryClock:
    def __init__(self) -> None:
        self.at = BEGAN_AT

    def now(self) -> datetime:
        return self.at


@dataclass(slots=True)
class Teller:
    """Answers by verb. `blobs` is for clients that reach the store themselves, or late; `step` is
    told where they are."""

    engine: Engine
    blobs: BlobStore
    answers: dict[str, Any] = field(default_factory=dict)
    is_retry: bool = False
    step: Callable[[str], None] = lambda where: None

    def again(self, *errors: type[Exception]) -> tuple[type[Exception], ...]:
        """What may be answered because the verb had been done, or half done, before."""
        return errors if self.is_retry else ()

    def objects(self, draft: DraftId) -> dict[str, ObjectName]:
        """Where the draft was told to upload, by digest."""
        found: dict[str, ObjectName] = {}
        for answer in self.answers.values():
            if answer.get("draft") == draft:
                found.update(answer.get("uploads", {}))
        return found
