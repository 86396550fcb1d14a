"""What `fn` gets: the verbs of every noun, and locks in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from cypher.collections import CypherCollections
from cypher.contents import CypherContents, readable_values
from cypher.drafts import CypherDrafts
from cypher.events import CypherEvents
from cypher.flow import CypherFlow
from cypher.inventory import CypherInventory
from cypher.plans import CypherPlans
from cypher.projects import CypherProjects
from cypher.questions import CypherQuestions
from cypher.receipts import CypherReceipts
from cypher.runs import CypherRuns
from cypher.statements import Statements
from cypher.sweeps import CypherSweeps
from cypher.versions import CypherVersions, alias_keys
from lineage.digest import Digest
from lineage.model import DraftId, ObjectName, Scope
from lineage.names import CollectionKey, NodeKey, ProjectKey, RunKey, SweepKey, VersionKey

__all__ = ["GRAPH", "CypherTransaction"]

GRAPH: Final = "lineage"  # the name of the one Graph node


class CypherTransaction:
    """`lineage.ports.Transaction` in one transaction of the driver."""

    __slots__ = (
        "_cypher", "_latest", "collections", "contents", "drafts", "events", "flow",
        "inventory", "plans", "projects", "questions", "receipts", "runs", "sweeps", "versions",
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
        self.receipts = CypherReceipts(cypher)
        self.events = CypherEvents(cypher)
        self.questions = CypherQuestions(cypher)
        self.inventory = CypherInventory(cypher)
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

    def ahead(
        self,
        *,
        projects: Sequence[ProjectKey] = (),
        drafts: Sequence[DraftId] = (),
        collections: Sequence[CollectionKey] = (),
        aliases: tuple[CollectionKey, Sequence[str]] | None = None,
        manifest: tuple[CollectionKey, Digest] | None = None,
        runs: Sequence[RunKey] = (),
        versions: Sequence[VersionKey] = (),
        readable_pages: Sequence[Digest] = (),
        blobs: Sequence[Digest] = (),
        scope: Scope | None = None,
    ) -> None:
        """Ask all of this in one query, behind the locks that wait."""
        asked: list[tuple[str, dict[str, Any]]] = []
        asked += (("find_project", {"key": key}) for key in projects)
        asked += (("find_draft", {"id": id}) for id in drafts)
        asked += (("find_collections", {"keys": [key]}) for key in collections)
        if aliases is not None:
            asked.append(("find_aliases", {"keys": alias_keys(*aliases)}))
        if manifest is not None:
            collection, digest = manifest
            asked.append(("find_by_manifest", {"collection": collection, "manifest": digest}))
        for run in runs:
            asked.append(("find_runs", {"keys": [run]}))
            asked.append(("find_segments", {"key": run}))
            if versions:
                asked.append(("find_used_by_run", {"key": run}))
        asked += (("find_versions", {"keys": [key]}) for key in versions)
        if scope is not None and readable_pages:
            asked.append(("find_readable_pages", readable_values(readable_pages, scope)))
        if scope is not None and blobs:
            asked.append(("find_blobs", {"digests": blobs}))
            asked.append(("find_readable_blobs", readable_values(blobs, scope)))
        self._cypher.ask_ahead(asked)
