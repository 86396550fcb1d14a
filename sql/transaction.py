"""What `fn` gets: the verbs of every noun, and the order of locks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import apsw

from lineage.digest import Digest
from lineage.model import DraftId, ObjectName
from lineage.names import CollectionKey, NodeKey, ProjectKey, RunKey, SweepKey
from sql.collections import SqlCollections
from sql.contents import SqlContents
from sql.drafts import SqlDrafts
from sql.events import SqlEvents
from sql.flow import SqlFlow
from sql.inventory import SqlInventory
from sql.plans import SqlPlans
from sql.projects import SqlProjects
from sql.questions import SqlQuestions
from sql.receipts import SqlReceipts
from sql.runs import SqlRuns
from sql.statements import Statements
from sql.sweeps import SqlSweeps
from sql.versions import SqlVersions

__all__ = ["SqlTransaction"]

_CLASSES: Final = (
    "drafts", "projects", "collections", "sweeps", "nodes", "graph", "pages", "blobs", "objects",
)  # fmt: skip


class SqlTransaction:
    """`lineage.ports.Transaction` on one connection, for one transaction after another."""

    __slots__ = (
        "_latest", "collections", "contents", "drafts", "events", "flow", "inventory", "plans",
        "projects", "questions", "receipts", "runs", "sweeps", "versions",
    )  # fmt: skip

    def __init__(self, connection: apsw.Connection) -> None:
        sql = Statements(connection)
        self.projects = SqlProjects(sql)
        self.runs = SqlRuns(sql)
        self.collections = SqlCollections(sql)
        self.versions = SqlVersions(sql)
        self.drafts = SqlDrafts(sql)
        self.contents = SqlContents(sql)
        self.flow = SqlFlow(sql)
        self.sweeps = SqlSweeps(sql)
        self.plans = SqlPlans(sql)
        self.receipts = SqlReceipts(sql)
        self.events = SqlEvents(sql)
        self.questions = SqlQuestions(sql)
        self.inventory = SqlInventory(sql)
        self._latest = 0

    def begin(self) -> None:
        """A new transaction: it has locked nothing yet."""
        self._latest = 0

    def lock(
        self,
        *,
        drafts: Sequence[DraftId] = (),
        projects: Sequence[ProjectKey] = (),
        collections: Sequence[CollectionKey] = (),
        sweeps: Sequence[SweepKey] = (),
        nodes: Sequence[NodeKey | RunKey] = (),
        graph: bool = False,
        pages: Sequence[Digest] = (),
        blobs: Sequence[Digest] = (),
        objects: Sequence[ObjectName] = (),
    ) -> None:
        """Check the order of locks; there is nothing to wait for, for SQLite has one writer.

        Raises:
            RuntimeError: an earlier class after a later one, which elsewhere could deadlock.
        """
        asked = (drafts, projects, collections, sweeps, nodes, graph, pages, blobs, objects)
        for rank, wanted in enumerate(asked):
            if wanted:
                if rank < self._latest:
                    late, early = _CLASSES[self._latest], _CLASSES[rank]
                    raise RuntimeError(f"locks {early} after {late}: never go back")
                self._latest = rank

    def ahead(self, **_: object) -> None:
        """Nothing to gain: a question costs no round trip."""
