"""Questions that the database answers as a whole: closures, rankings, what a deletion would do."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from cypher.columns import SEPARATOR, leaf_of, scope_values, to_in_order
from cypher.flow import runs_of
from cypher.statements import Statements
from cypher.trace import trace
from cypher.versions import collection_values
from lineage.digest import Digest
from lineage.manifest import has_file
from lineage.model import (
    Bytes,
    DeletionFacts,
    Goal,
    Holder,
    NodeInfo,
    Ranked,
    Ranking,
    Scope,
    Stats,
    Trace,
    TraceQuery,
)
from lineage.names import CollectionKey, NodeKey, ProjectKey, RunKey, SweepKey, VersionKey
from lineage.times import from_us

__all__ = ["CypherQuestions"]


class CypherQuestions:
    """`lineage.ports.Questions` on Neo4j."""

    __slots__ = ("_cypher",)

    def __init__(self, cypher: Statements) -> None:
        self._cypher = cypher

    def trace(self, query: TraceQuery) -> Trace:
        return trace(self._cypher, query)

    def describe(self, keys: Sequence[NodeKey]) -> dict[NodeKey, NodeInfo]:
        found: dict[NodeKey, NodeInfo] = {}
        versions = [key for key in keys if key.startswith("artifact:")]
        for key, state, type_, at, drifted in self._cypher.all("describe_versions", keys=versions):
            node, name = NodeKey(key), key.rpartition("/")[2]
            found[node] = NodeInfo(node, state, type_, name, from_us(at), drifted)
        pairs = [
            {"key": key, "run": key.partition("#")[0]} for key in keys if key.startswith("run:")
        ]
        for key, state, type_, name, at in self._cypher.all("describe_segments", pairs=pairs):
            node = NodeKey(key)
            found[node] = NodeInfo(node, state, type_, name, from_us(at))
        return found

    def rank(self, sweep: SweepKey, *, metric: str, goal: Goal, limit: int) -> Ranking:
        name = "rank_minimize" if goal is Goal.MINIMIZE else "rank_maximize"
        values = {"sweep": sweep, "leaf": leaf_of(metric), "end": SEPARATOR}
        rows = self._cypher.all(name, **values, limit=limit)
        runs = tuple(Ranked(RunKey(key), float(value)) for key, value in rows)
        return Ranking(runs, self._cypher.value("count_unranked", **values))

    def deletion_facts(
        self, versions: Sequence[VersionKey], runs: Sequence[RunKey]
    ) -> DeletionFacts:
        going = set(runs)
        digests, freed_bytes, n_all, all_bytes = self._cypher.one("find_fate", keys=versions)
        consumers = runs_of(self._cypher.column("find_consumers", keys=versions))
        return DeletionFacts(
            n_pages=self._cypher.value("find_dying_pages", keys=versions),
            n_blobs=len(digests),
            freed_bytes=freed_bytes,
            blobs=Digest.of(b"".join(Digest(digest).raw for digest in digests)),
            joint_bytes=self._cypher.value("find_joint_bytes", digests=digests),
            n_shared=n_all - len(digests),
            shared_bytes=all_bytes - freed_bytes,
            consumers=tuple(run for run in consumers if run not in going),
        )

    def holders(self, versions: Sequence[VersionKey]) -> list[Holder]:
        rows = self._cypher.all("find_holders", keys=versions)
        return sorted((Holder(name[1:], *n) for name, *n in rows), key=_by_key)

    def holder_of(
        self, blobs: Sequence[Digest], versions: Sequence[VersionKey]
    ) -> dict[Digest, str]:
        rows = self._cypher.all("find_holder_of", digests=blobs, keys=versions)
        return {Digest(digest): name[1:] for digest, name in rows}

    def stored_bytes(self, versions: Sequence[VersionKey]) -> Bytes:
        own_bytes, n_blobs, all_bytes = self._cypher.one("find_bytes", keys=versions)
        return Bytes(all_bytes, all_bytes - own_bytes, n_blobs)

    def stored_bytes_in(self, project: ProjectKey, collection: CollectionKey | None) -> Bytes:
        values = collection_values(collection)
        keys = self._cypher.value("find_live_versions", project=project, **values)
        return self.stored_bytes(list(map(VersionKey, keys)))

    def containing(
        self, scope: Scope, *, digest: Digest | None, path: str | None, limit: int
    ) -> list[VersionKey]:
        pages: Sequence[str] = ()
        if digest is not None:
            kind = "blob" if digest.is_blob else "file"
            pages = self._cypher.column(f"find_pages_with_{kind}", digest=digest)
            if path is not None:
                bodies = self._cypher.iter("find_bodies", digests=pages)
                pages = [page for page, body in bodies if has_file(body.encode(), path, digest)]
        elif path is not None:
            spelled = '"path":' + orjson.dumps(path).decode()
            bodies = self._cypher.iter(
                "find_pages_spanning", path=to_in_order(path), spelled=spelled
            )
            pages = [page for page, body in bodies if has_file(body.encode(), path, None)]
        values = scope_values(scope) | {"digests": pages, "limit": limit}
        return list(map(VersionKey, self._cypher.column("find_readable_owners", **values)))

    def stats(self) -> Stats:
        return Stats(*self._cypher.one("count_all"))


def _by_key(holder: Holder) -> str:
    return holder.key
