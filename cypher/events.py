"""Events: one for every change, in the transaction that made it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cypher.statements import Statements
from lineage.model import Event
from lineage.times import from_us, to_us
from lineage.values import from_json, to_json

__all__ = ["CypherEvents"]


class CypherEvents:
    """`lineage.ports.Events` on Neo4j."""

    __slots__ = ("_cypher",)

    def __init__(self, cypher: Statements) -> None:
        self._cypher = cypher

    def append(self, events: Sequence[Event]) -> None:
        for event in events:
            row = {
                "at": to_us(event.at),
                "actor": event.actor,
                "verb": event.verb,
                "subject": event.subject,
                "before": _json(event.before),
                "after": _json(event.after),
            }
            self._cypher.later("append_event", row)

    def select(self, *, subject: str | None, after: int | None, limit: int) -> list[Event]:
        start = -1 if after is None else after
        if subject is None:
            rows = self._cypher.all("select_events", after=start, limit=limit)
        else:
            values = {"subject": subject, "after": start, "limit": limit}
            rows = self._cypher.all("select_events_about", **values)
        return list(map(_event, rows))


def _json(value: Any) -> str | None:
    return None if value is None else to_json(value)


def _event(row: list[Any]) -> Event:
    id_, at, actor, verb, subject, before, after = row
    return Event(
        at=from_us(at),
        actor=actor,
        verb=verb,
        subject=subject,
        before=None if before is None else from_json(before),
        after=None if after is None else from_json(after),
        id=id_,
    )
