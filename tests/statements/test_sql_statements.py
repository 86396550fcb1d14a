"""Every SQL statement loads, is used, says what it takes, and is accepted by EXPLAIN."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from sql import statements
from sql.compile_filter import RUNS, VERSIONS, compose
from sql.database import migrate, open_database

FOLDER = Path(statements.__file__).with_name("statements")
FILES = sorted(FOLDER.glob("*.sql"))
TEXTS = statements.load()
CODE = "".join(path.read_text() for path in sorted(FOLDER.parent.glob("*.py")))
READ_WHOLE = {
    "count_all", "find_draftless_uploads", "find_impossible_drafts", "find_late_tombstones",
    "find_misplaced_edges", "find_owned_deleted", "find_shared_objects", "find_short_collections",
    "iter_edges",
}  # fmt: skip


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[apsw.Connection]:
    path = tmp_path_factory.mktemp("sql") / "graph.db"
    connection = open_database(path, is_writer=True)
    migrate(connection, path)
    yield connection
    connection.close()


def parameters(text: str) -> set[str]:
    return set(re.findall(r"\?\d+|(?<!\w):[a-z_]\w*", text))


def explain(connection: apsw.Connection, text: str) -> list[str]:
    names = parameters(text)
    numbers = [int(name[1:]) for name in names if name.startswith("?")]
    values = {name[1:]: None for name in names} if not numbers else (None,) * max(numbers)
    rows = connection.execute(f"EXPLAIN QUERY PLAN {text}", values or None).fetchall()
    return [str(row[3]) for row in rows]


def test_there_are_statements_and_all_of_them_load() -> None:
    assert {path.stem for path in FILES} == set(TEXTS)
    assert all(text.endswith(";") and "--" not in text for text in TEXTS.values())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_statement_is_explained_used_and_accepted(
    connection: apsw.Connection, path: Path
) -> None:
    name, text = path.stem, TEXTS[path.stem]
    head = path.read_text().partition(text.splitlines()[0])[0]
    assert re.match(r"-- [A-Z][^\n]*[^.\n]", head), "says first what it answers or does"
    assert f'"{name}"' in CODE, "no verb runs it"
    explain(connection, text)
    is_read = bool(re.match(r"(SELECT|WITH)\b", text)) or "RETURNING" in text
    assert ("-- Columns:" in head) == ("-- Order:" in head) == is_read
    told = head.partition("-- Parameters:")[2]
    assert told or "Parameters: none" in head
    assert parameters(told.partition("-- Columns:")[0]) >= parameters(text)
    in_text, in_head = parameters(text), parameters(told.partition("-- Columns:")[0])
    assert {p for p in in_head if p.startswith("?")} == {p for p in in_text if p.startswith("?")}


@pytest.mark.parametrize("name", sorted(set(TEXTS) - READ_WHOLE))
def test_no_statement_reads_a_whole_table(connection: apsw.Connection, name: str) -> None:
    tables = "|".join(
        str(row[0])
        for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    )
    aliases = dict(re.findall(rf"\b({tables})\s+AS\s+(\w+)", TEXTS[name]))
    scanned = {*tables.split("|"), *aliases.values()} - {"k", "x", "f", "a"}
    for step in explain(connection, TEXTS[name]):
        match = re.match(r"SCAN (\w+)(?! VIRTUAL)", step)
        is_partial = any(name in step for name in ("tombstone_pending", "reference_check_drifted"))
        assert match is None or match[1] not in scanned or is_partial, step
        assert "AUTOMATIC" not in step or name == "find_holders", step


@pytest.mark.parametrize("order", ["-created_at", "config.x", "-point"])
def test_a_composed_statement_is_accepted(connection: apsw.Connection, order: str) -> None:
    text, _ = compose(TEXTS["select_runs"], RUNS, where=None, order=order, after=None)
    explain(connection, text)
    assert text != TEXTS["select_runs"]
    text, _ = compose(TEXTS["select_versions"], VERSIONS, where=None, order="index", after=None)
    explain(connection, text)
