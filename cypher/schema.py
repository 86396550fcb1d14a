"""The schema: bringing a database up to date, and refusing what is not ours."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Final

from neo4j import Session

from cypher.statements import Runner, Statements, read_cypher
from lineage.errors import Unavailable

__all__ = ["migrate"]

_OLDEST: Final = (5, 26)
_AWAIT: Final = "CALL db.awaitIndexes(300)"


def migrate(session: Session) -> str:
    """Apply the schema files that this database has not seen, in order; the graph's identity.

    A schema change is no part of a transaction that also writes, so each statement says IF NOT
    EXISTS, and a start that was cut short, or several at once, do no harm.

    Raises:
        Unavailable: the database is too old, holds another program's data, or is newer than this
            program.
    """
    files = sorted(Path(__file__).with_name("schema").glob("*.cypher"))
    seen, identity, has_nodes = session.execute_read(_find)
    if seen is None and has_nodes:
        raise Unavailable(
            "the Neo4j database holds another program's data: name an empty one",
            reason="settings",
        )
    if seen is not None and seen > len(files):
        raise Unavailable(
            f"the Neo4j database has schema {seen}, and this program knows {len(files)}:"
            " upgrade it",
            reason="settings",
        )
    if seen is not None and seen == len(files):
        return str(identity)
    _refuse_old(session)
    for file in files[seen or 0 :]:
        for statement in filter(None, map(str.strip, read_cypher(file).split(";"))):
            session.run(statement).consume()
    session.run(_AWAIT).consume()
    return session.execute_write(_note, len(files))


def _find(tx: Runner) -> tuple[int | None, str | None, bool]:
    seen, identity, has_nodes = Statements(tx, is_writer=False).one("find_schema")
    return seen, identity, has_nodes


def _note(tx: Runner, number: int) -> str:
    statements = Statements(tx, is_writer=True)
    return str(statements.value("note_schema", number=number, id=uuid.uuid4().hex))


def _refuse_old(session: Session) -> None:
    agent = session.run("RETURN 1").consume().server.agent
    found = re.search(r"/(\d+)\.(\d+)", agent)
    if found is not None and (int(found[1]), int(found[2])) < _OLDEST:
        raise Unavailable(f"this is {agent}: Neo4j 5.26 or newer is needed", reason="settings")
