"""Questions that the database answers as a whole: closures, rankings, what a deletion would do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

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
from sql.columns import integers, raw_digests, scope_values, texts
from sql.statements import Statements
from sql.trace import trace

__all__ = ["SqlQuestions"]


class SqlQuestions:
    """`lineage.ports.Questions` on SQLite."""

    __slots__ = ("_sql",)

    def __init__(self, sql: Statements) -> None:
        self._sql = sql

    def trace(self, query: TraceQuery) -> Trace:
        return trace(self._sql, query)

    def describe(self, keys: Sequence[NodeKey]) -> dict[NodeKey, NodeInfo]:
        found: dict[NodeKey, NodeInfo] = {}
        for key, state, type_, at, drifted in self._sql.all("describe_versions", texts(keys)):
            node, name = NodeKey(key), key.rpartition("/")[2]
            found[node] = NodeInfo(node, state, type_, name, from_us(at), bool(drifted))
        for key, state, type_, name, at in self._sql.all("describe_segments", texts(keys)):
            node = NodeKey(key)
            found[node] = NodeInfo(node, state, type_, name, from_us(at))
        return found

    def rank(self, sweep: SweepKey, *, metric: str, goal: Goal, limit: int) -> Ranking:
        name = "rank_minimize" if goal is Goal.MINIMIZE else "rank_maximize"
        rows = self._sql.all(name, sweep, metric, limit)
        runs = tuple(Ranked(RunKey(key), float(value)) for key, value in rows)
        return Ranking(runs, self._sql.value("count_unranked", sweep, metric))

    def deletion_facts(
        self, versions: Sequence[VersionKey], runs: Sequence[RunKey]
    ) -> DeletionFacts:
        ids = self._sql.column("find_node_ids", texts(versions))
        dying_pages, all_blobs, dying = self._fate(ids)
        kept = all_blobs.keys() - {blob for blob, _, _ in dying}
        consumers = self._sql.column("find_consumers", texts(versions))
        going = {str(run) for run in runs}
        return DeletionFacts(
            n_pages=len(dying_pages),
            n_blobs=len(dying),
            freed_bytes=sum(size for _, _, size in dying),
            blobs=Digest.of(b"".join(raw for _, raw, _ in dying)),
            joint_bytes=self._sql.value("find_joint_bytes", integers([id for id, _, _ in dying])),
            n_shared=len(kept),
            shared_bytes=sum(map(all_blobs.__getitem__, kept)),
            consumers=tuple(RunKey(key) for key in consumers if key not in going),
        )

    def holders(self, versions: Sequence[VersionKey]) -> list[Holder]:
        ids = self._sql.column("find_node_ids", texts(versions))
        _, all_blobs, dying = self._fate(ids)
        kept = all_blobs.keys() - {blob for blob, _, _ in dying}
        rows = self._sql.all("find_holders", integers(kept), integers(ids))
        return sorted((Holder(name[1:], *n) for name, *n in rows), key=_by_key)

    def holder_of(
        self, blobs: Sequence[Digest], versions: Sequence[VersionKey]
    ) -> dict[Digest, str]:
        ids = self._sql.column("find_node_ids", texts(versions))
        rows = self._sql.all("find_holder_of", raw_digests(blobs), integers(ids))
        return {Digest.from_raw(raw): name[1:] for raw, name in rows}

    def _fate(self, ids: Sequence[int]) -> tuple[set[int], dict[int, int], list[Any]]:
        """If these versions went: the pages that go; all their blobs with sizes; the blobs that go.

        Rows of blobs that go are (id, raw digest, size in bytes), by digest.
        """
        pages = self._sql.column("find_page_ids", integers(ids))
        staying = self._sql.column("find_surviving_pages", integers(pages), integers(ids))
        dying_pages = set(pages).difference(staying)
        all_blobs = dict(self._sql.all("find_contained", integers(pages)))
        dying = self._sql.all("find_dying_blobs", integers(sorted(dying_pages)))
        return dying_pages, all_blobs, dying

    def stored_bytes(self, versions: Sequence[VersionKey]) -> Bytes:
        return self._bytes(self._sql.column("find_node_ids", texts(versions)))

    def stored_bytes_in(self, project: ProjectKey, collection: CollectionKey | None) -> Bytes:
        return self._bytes(self._sql.column("find_live_version_ids", project, collection))

    def _bytes(self, ids: Sequence[int]) -> Bytes:
        _, all_blobs, dying = self._fate(ids)
        all_bytes = sum(all_blobs.values())
        return Bytes(all_bytes, all_bytes - sum(size for _, _, size in dying), len(all_blobs))

    def containing(
        self, scope: Scope, *, digest: Digest | None, path: str | None, limit: int
    ) -> list[VersionKey]:
        pages: Iterable[int] = ()
        if digest is not None:
            pages = self._sql.column("find_pages_with_digest", digest.raw, digest.is_blob)
            if path is not None:
                bodies = self._sql.iter("find_bodies", integers(list(pages)))
                pages = [page for page, body in bodies if has_file(body, path, digest)]
        elif path is not None:
            spelled = b'"path":' + orjson.dumps(path)
            bodies = self._sql.iter("find_pages_spanning", path, spelled)
            pages = [page for page, body in bodies if has_file(body, path, None)]
        values = (integers(list(pages)), *scope_values(scope), limit)
        return list(map(VersionKey, self._sql.column("find_readable_owners", *values)))

    def stats(self) -> Stats:
        return Stats(*self._sql.one("count_all"))


def _by_key(holder: Holder) -> str:
    return holder.key
