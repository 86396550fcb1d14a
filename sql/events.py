"""Events: one for every change, in the transaction that made it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lineage.model import Event
from lineage.times import from_us, to_us
from lineage.values import from_json, to_json
from sql.statements import Statements

__all__ = ["SqlEvents"]


class SqlEvents:
    """`lineage.ports.Events` on SQLite."""

    __slots__ = ("_sql",)

    def __init__(self, sql: Statements) -> None:
        self._sql = sql

    def append(self, events: Sequence[Event]) -> None:
        self._sql.many(
            "append_event",
            [
                (to_us(e.at), e.actor, e.verb, e.subject, _json(e.before), _json(e.after))
                for e in events
            ],
        )

    def select(self, *, subject: str | None, after: int | None, limit: int) -> list[Event]:
        start = -1 if after is None else after
        if subject is None:
            rows = self._sql.all("select_events", start, limit)
        else:
            rows = self._sql.all("select_events_about", start, limit, subject)
        return list(map(_event, rows))


def _json(value: Any) -> str | None:
    return None if value is None else to_json(value)


def _event(row: tuple[Any, ...]) -> Event:
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
