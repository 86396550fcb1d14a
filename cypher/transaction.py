"""What `fn` gets: the verbs of every noun, and locks in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cypher.collections import CypherCollections
from cypher.contents import CypherContents
from cypher.drafts import CypherDrafts
from cypher.events import CypherEvents
from cypher.flow import CypherFlow
from cypher.plans import CypherPlans
from cypher.projects import CypherProjects
from cypher.questions import CypherQuestions
from cypher.runs import CypherRuns
from cypher.statements import Statements
from cypher.sweeps import CypherSweeps
from cypher.versions import CypherVersions
from lineage.digest import Digest
from lineage.model import DraftId, ObjectName
from lineage.names import CollectionKey, NodeKey, ProjectKey, RunKey, SweepKey

__all__ = ["GRAPH", "CypherTransaction"]

GRAPH: Final = "lineage"  # the name of the one Graph node


class CypherTransaction:
    """`lineage.ports.Transaction` in one transaction of the driver."""

    __slots__ = (
        "_cypher", "_latest", "collections", "contents", "drafts", "events", "flow", "plans",
        "projects", "questions", "runs", "sweeps", "versions",
    )  # fmt: skip

    def __init__(self, cypher: Statements) -> None:
        self._cypher = cypher
        self.projects = CypherProjects(cypher)
        self.runs = CypherRuns(cypher)
        self.collections = CypherCollections(cypher)
        self.versions = CypherVersions(cypher)
        self.drafts = CypherDrafts(cypher)
        self.contents = CypherContents(cypher)
        self.flow = CypherFlow(cypher)
        self.sweeps = CypherSweeps(cypher)
        self.plans = CypherPlans(cypher)
        self.events = CypherEvents(cypher)
        self.questions = CypherQuestions(cypher)
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
        """Lock before the next read: what that returns is then all that exists.

        A lock is the writing of a property. Each class is locked in the order of its keys.

        Raises:
            RuntimeError: an earlier class after a later one, which could deadlock.
        """
        asked: tuple[tuple[str, Sequence[str]], ...] = (
            ("lock_drafts", drafts),
            ("lock_projects", projects),
            ("lock_collections", collections),
            ("lock_sweeps", sweeps),
            ("lock_nodes", nodes),
            ("lock_graph", [GRAPH] if graph else []),
            ("lock_pages", pages),
            ("lock_blobs", blobs),
            ("lock_uploads", objects),
            ("lock_tombstones", objects),
        )
        for rank, (name, wanted) in enumerate(asked):
            if not wanted:
                continue
            if rank < self._latest:
                raise RuntimeError(f"{name} after {asked[self._latest][0]}: never go back")
            self._latest = min(rank, len(asked) - 2)  # uploads and tombstones are one class
            for key in sorted(set(wanted)):
                self._cypher.later(name, key)
