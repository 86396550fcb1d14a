"""The statements of this store, and how a verb runs them: as few round trips as their order allows.

A round trip costs about as much as a statement, so writes and locks wait until something has to be
read, or until the commit, and then travel in front of it as unit subqueries of one query. A row
joins the list of an earlier one of its statement, unless something that waits between them touches
the same things; otherwise all run in the order in which they were given.

What must be there for a write is checked by the write itself: a statement that ends in
`RETURN count(*) AS n` has to count as many as it was given, else the query fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol

from lineage.errors import Conflict, LineageError

__all__ = ["Runner", "Statements", "find_missing", "load", "read_cypher", "with_hops"]

_CHECKED: Final = {"RETURN count(*) AS n": "WITH count(*) AS n", "\nRETURN n": ""}
_READABLE: Final = frozenset({"find_readable_blobs", "find_readable_pages"})
# What statements change besides the answers that name what they touch.
_CHANGES_ALSO: Final[Mapping[str, frozenset[str]]] = {
    "add_version_page": _READABLE,
    "attach_page": _READABLE,
    "drop_alias": frozenset({"find_versions"}),
    "drop_draft_page": _READABLE,
    "drop_version_page": _READABLE,
    "remove_draft": _READABLE,
    "remove_page": _READABLE,
    "save_blob": _READABLE,
    "set_access": _READABLE,
    "set_alias": frozenset({"find_versions"}),
}
_CHANGES_MUCH: Final = frozenset({"mark_deleted", "retire_node"})
_COLUMN: Final = re.compile(r"\bAS (\w+)(?=,|\n|$)")
_PARAMETER: Final = re.compile(r"\$(?=[a-z])")
_MISSING: Final = re.compile(r"missing s(\d+) of ")
_MAX_ROWS: Final = 5_000  # that wait, counting the blobs of a page each
_MAX_PARTS: Final = 5  # of a query: each sequence of statements is planned once, and kept


@cache
def load() -> Mapping[str, str]:
    """Every statement by name, read once from `statements/`; comments are left behind."""
    folder = Path(__file__).with_name("statements")
    return MappingProxyType(
        {path.stem: read_cypher(path) for path in sorted(folder.glob("*.cypher"))}
    )


def read_cypher(path: Path) -> str:
    """The text of a file without its comments."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("//")).strip()


def with_hops(text: str, max_hops: int | None) -> str:
    """A trace's statement with its bound, which cannot be a parameter.

    Raises:
        ValueError: not a whole number of at least 1.
    """
    if max_hops is None:
        return text
    if type(max_hops) is not int or not 1 <= max_hops < 2**31:
        raise ValueError(f"{max_hops!r:.50} is no number of hops")
    return text.replace("*1..]", f"*1..{max_hops}]")


def find_missing(message: str) -> int | None:
    """Which part of a query found less than it was to change, by the error's message."""
    found = _MISSING.search(message)
    return None if found is None else int(found[1])


@cache
def _subquery(name: str, position: int) -> str:
    """A waiting statement as a unit subquery, with parameters of its own."""
    text = load()[name].removesuffix(";")
    for ending, counted in _CHECKED.items():
        if text.endswith(ending):
            # A date that cannot be read is the one error whose words a statement can choose.
            text = (
                f"{text.removesuffix(ending)}{counted}\n"
                "FOREACH (_ IN CASE n WHEN size($rows) THEN []"
                f" ELSE [date('missing s{position} of ' + n)] END | CREATE (:Missing))"
            )
            break
    return f"CALL () {{\n{_PARAMETER.sub(f'$s{position}_', text)}\n}}\n"


@cache
def _collected(names: tuple[str, ...]) -> str:
    """Several questions as one, whose row has a list of rows for each."""
    parts = []
    for i, name in enumerate(names):
        text = load()[name].removesuffix(";")
        columns = _COLUMN.findall(text[text.rindex("\nRETURN ") :])
        inner = _PARAMETER.sub(f"$a{i}_", text)
        parts.append(
            f"CALL () {{\nCALL () {{\n{inner}\n}}\n"
            f"RETURN collect([{', '.join(columns)}]) AS a{i}\n}}\n"
        )
    return "".join(parts) + f"RETURN {', '.join(f'a{i}' for i in range(len(names)))}"


def _question(name: str, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells a question from every other."""
    values = (
        (key, tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value)
        for key, value in sorted(parameters.items())
    )
    return (name, *values)


class Runner(Protocol):
    """What a statement runs on: a transaction of the driver."""

    def run(self, query: str, parameters: dict[str, Any], /) -> Any: ...


@dataclass(slots=True)
class _Waiting:
    name: str
    missing: LineageError | None
    rows: list[Any] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)  # keys, digests, objects


def _touched(row: Any) -> set[str]:
    """The things that a row names."""
    if isinstance(row, str):
        return {row}
    if not isinstance(row, dict):
        return set()
    found = {value for value in row.values() if isinstance(value, str)}
    properties = row.get("properties")
    if properties is not None:
        found.add(properties.get("key") or properties.get("digest"))
        found.update(row.get("blobs", ()))
    return found


class Statements:
    """Runs named statements in one transaction. Rows are lists in the statement's column order."""

    __slots__ = ("_answers", "_is_writer", "_n_waiting", "_run", "_sent", "_text", "_waiting")

    def __init__(self, runner: Runner, *, is_writer: bool) -> None:
        self._run = runner.run
        self._is_writer = is_writer
        self._text = load()
        self._waiting: list[_Waiting] = []
        self._n_waiting = 0
        self._answers: dict[tuple[Any, ...], list[Any]] = {}  # to what was asked ahead
        self._sent: list[_Waiting] = []  # what stands in the query that runs, or has failed

    def later(
        self,
        name: str,
        row: Any,
        *,
        weight: int = 1,
        missing: LineageError | None = None,
        replaces: str | None = None,
    ) -> None:
        """Run a statement for this row, before anything is read or committed.

        Args:
            weight: how many rows it counts for.
            missing: what to raise if what it changes is not there; otherwise a Conflict.
            replaces: a field; a waiting row with the same value in it does not run any more.
        Raises:
            RuntimeError: in a transaction that only reads.
        """
        if not self._is_writer:
            raise RuntimeError("a verb that writes was called in read()")
        touched = _touched(row)
        self._forget(name, touched)
        joined = None if missing is not None else self._find_earlier(name, touched)
        if joined is None:
            if len(self._waiting) >= _MAX_PARTS:
                self.flush()
            joined = _Waiting(name, missing)
            self._waiting.append(joined)
        if replaces is not None:
            joined.rows = [other for other in joined.rows if other[replaces] != row[replaces]]
        joined.rows.append(row)
        joined.touched.update(touched)
        self._n_waiting += weight
        if self._n_waiting >= _MAX_ROWS:
            self.flush()

    def _find_earlier(self, name: str, touched: set[str]) -> _Waiting | None:
        """What waits of this statement and may run before all that was given since."""
        for waiting in reversed(self._waiting):
            if waiting.name == name and waiting.missing is None:
                return waiting
            if not waiting.touched.isdisjoint(touched):
                return None
        return None

    def _forget(self, name: str, touched: set[str]) -> None:
        """Drop the answers that a statement may change, or that a lock lets others change."""
        if not self._answers:
            return
        if name in _CHANGES_MUCH or name.startswith("lock_"):
            self._answers.clear()
            return
        changed = _CHANGES_ALSO.get(name, frozenset())
        touched = touched | {key.partition("#")[0] for key in touched if key}  # a segment's run
        for question in list(self._answers):
            named = {value for _, value in question[1:] if isinstance(value, str)}
            named.update(*(value for _, value in question[1:] if isinstance(value, tuple)))
            if question[0] in changed or not named.isdisjoint(touched):
                del self._answers[question]

    def ask_ahead(self, asked: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Ask several questions in one query. `all` gives each answer once, if nothing that the
        question names is written or locked before."""
        if len(asked) < 2:
            return
        text = _collected(tuple(name for name, _ in asked))
        parameters = {
            f"a{i}_{k}": v for i, (_, values) in enumerate(asked) for k, v in values.items()
        }
        [answers] = self.composed(text, parameters)
        for (name, values), rows in zip(asked, answers, strict=True):
            self._answers[_question(name, values)] = rows

    def flush(self) -> None:
        """Run all that waits."""
        if self._waiting:
            before, parameters = self._take_waiting()
            self._run(f"{before}FINISH", parameters).consume()

    def _take_waiting(self) -> tuple[str, dict[str, Any]]:
        self._sent, self._waiting, self._n_waiting = self._waiting, [], 0
        parts = [_subquery(waiting.name, i) for i, waiting in enumerate(self._sent)]
        parameters = {f"s{i}_rows": waiting.rows for i, waiting in enumerate(self._sent)}
        return "".join(parts), parameters

    def _answer(self, text: str, parameters: dict[str, Any]) -> Any:
        if not self._waiting:
            self._sent = []
            return self._run(text, parameters)
        before, waiting = self._take_waiting()
        return self._run(before + text, parameters | waiting)

    def explain(self, message: str) -> LineageError | None:
        """What it means that the query which ran last failed with this message; None if nothing
        was missing."""
        position = find_missing(message)
        if position is None:
            return None
        told = self._sent[position].missing if position < len(self._sent) else None
        return told or Conflict("what this builds on is not there, or not any more")

    def composed(self, text: str, parameters: dict[str, Any]) -> list[Any]:
        """The rows of a statement that `compile_filter` or `with_hops` has put together."""
        rows: list[Any] = self._answer(text, parameters).values()
        return rows

    def all(self, name: str, **parameters: Any) -> list[Any]:
        if self._answers:
            known = self._answers.pop(_question(name, parameters), None)
            if known is not None:
                return known
        return self.composed(self._text[name], parameters)

    def one(self, name: str, **parameters: Any) -> Any:
        """The first row; None if there is none."""
        rows = self.all(name, **parameters)
        return rows[0] if rows else None

    def value(self, name: str, **parameters: Any) -> Any:
        """The first column of the first row; None if there is none."""
        rows = self.all(name, **parameters)
        return rows[0][0] if rows else None

    def column(self, name: str, **parameters: Any) -> list[Any]:
        """The first column of every row."""
        return [row[0] for row in self.all(name, **parameters)]

    def iter(self, name: str, **parameters: Any) -> Iterator[Any]:
        """The rows, fetched as they are read; to be read to the end within the transaction."""
        for record in self._answer(self._text[name], parameters):
            yield list(record.values())
