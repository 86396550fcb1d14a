"""The statements of this store, and how a verb runs them on its connection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import apsw

__all__ = ["Statements", "is_duplicate", "load"]


@cache
def load() -> Mapping[str, str]:
    """Every statement by name, read once from `statements/`; comments are left behind."""
    folder = Path(__file__).with_name("statements")
    return MappingProxyType({path.stem: _read(path) for path in sorted(folder.glob("*.sql"))})


def _read(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("--")).strip()


def is_duplicate(exc: apsw.ConstraintError) -> bool:
    """Whether a key was there already; else something that a row refers to is not there."""
    return str(exc).startswith("UNIQUE")


class Statements:
    """Runs named statements on one connection. Rows are tuples in the statement's column order."""

    __slots__ = ("_changes", "_execute", "_executemany", "_text")

    def __init__(self, connection: apsw.Connection) -> None:
        self._execute = connection.execute
        self._executemany = connection.executemany
        self._changes = connection.changes
        self._text = load()

    def one(self, name: str, *values: Any) -> Any:
        """The first row; None if there is none."""
        return self._execute(self._text[name], values).fetchone()

    def value(self, name: str, *values: Any) -> Any:
        """The first column of the first row; None if there is none."""
        row = self._execute(self._text[name], values).fetchone()
        return None if row is None else row[0]

    def all(self, name: str, *values: Any) -> list[Any]:
        return self._execute(self._text[name], values).fetchall()

    def column(self, name: str, *values: Any) -> list[Any]:
        """The first column of every row."""
        return [row[0] for row in self._execute(self._text[name], values)]

    def iter(self, name: str, *values: Any) -> Iterator[Any]:
        """The rows, one at a time; to be read to the end within the transaction."""
        return iter(self._execute(self._text[name], values))

    def run(self, name: str, *values: Any) -> int:
        """How many rows it changed."""
        self._execute(self._text[name], values)
        return self._changes()

    def many(self, name: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Once for each row of values."""
        self._executemany(self._text[name], rows)

    def composed(self, sql: str, values: Mapping[str, Any]) -> list[Any]:
        """The rows of a statement that `compile_filter` has put together."""
        return self._execute(sql, values).fetchall()
