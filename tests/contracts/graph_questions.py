"""Traces, rankings, what a deletion would do, and where content is, against plain Python."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.digest import Digest, combine
from lineage.manifest import Entry, Page, cut, parse_page
from lineage.model import (
    Blob,
    Bytes,
    Collection,
    DeletionFacts,
    Direction,
    DraftId,
    Edge,
    EdgeKind,
    Goal,
    Holder,
    NodeInfo,
    ObjectName,
    ReferenceCheck,
    RunState,
    Scope,
    Stats,
    TraceQuery,
)
from lineage.names import CollectionKey, NodeKey, VersionKey
from lineage.ports import GraphStore, Transaction
from tests.contracts.graph_values import (
    ALL,
    DIGITS,
    NOW,
    PROJECT,
    RIVAL,
    blob,
    commit,
    draft,
    page,
    run,
    run_key,
    segment,
    sweep,
    version,
)

__all__ = ["QuestionsContract"]

# Each run uses some of the versions before it and logs some new ones: numbers of the used, count.
histories = st.lists(
    st.tuples(st.sets(st.integers(0, 14), max_size=4), st.integers(0, 3)), max_size=12
)


def build(store: GraphStore, history: list[tuple[set[int], int]]) -> nx.DiGraph[NodeKey]:
    """Two versions from outside, then the runs; the same as a graph of networkx."""
    graph: nx.DiGraph[NodeKey] = nx.DiGraph()

    def fn(tx: Transaction) -> None:
        n_versions = 0

        def add_version() -> VersionKey:
            nonlocal n_versions
            made = version(n_versions)
            n_versions += 1
            tx.versions.add(made, DraftId("none"), [])
            graph.add_node(made.key)
            return made.key

        for _ in range(2):
            add_version()
        for number, (uses, n_logged) in enumerate(history):
            tx.runs.add(run(f"r{number}"))
            at = segment(f"r{number}")
            graph.add_node(at)
            for used in uses:
                if used < n_versions:
                    tx.flow.add_use(at, DIGITS.version(used))
                    graph.add_edge(DIGITS.version(used), at, kind=EdgeKind.FEEDS)
            for _ in range(n_logged):
                key = add_version()
                tx.flow.add_logged(at, key)
                graph.add_edge(at, key, kind=EdgeKind.LOGGED)

    store.write(fn)
    return graph


def hops_from(graph: nx.DiGraph[NodeKey], starts: set[NodeKey]) -> dict[NodeKey, int]:
    hops = nx.multi_source_dijkstra_path_length(graph, starts & set(graph), weight=None)
    return {node: int(hop) for node, hop in hops.items() if node not in starts}


class QuestionsContract:
    n_examples = 50
    width = 40_000

    def test_a_trace_is_all_that_can_be_reached_nearest_first(
        self, make_store: Callable[[], GraphStore]
    ) -> None:
        @settings(max_examples=self.n_examples)
        @given(
            history=histories,
            picks=st.sets(st.integers(0, 40), min_size=1, max_size=3),
            direction=st.sampled_from(Direction),
            max_hops=st.none() | st.integers(0, 5),
            limit=st.none() | st.integers(0, 12),
        )
        def check(
            history: list[tuple[set[int], int]],
            picks: set[int],
            direction: Direction,
            max_hops: int | None,
            limit: int | None,
        ) -> None:
            store = make_store()
            graph = build(store, history)
            nodes = sorted(graph)
            starts = {nodes[pick % len(nodes)] for pick in picks}
            is_down = direction is Direction.DOWNSTREAM
            hops = hops_from(graph if is_down else graph.reverse(), starts)
            order = sorted((hop, node) for node, hop in hops.items())
            order = [(hop, node) for hop, node in order if max_hops is None or hop <= max_hops]
            told = order if limit is None else order[:limit]
            query = TraceQuery(tuple(starts), direction, max_hops, limit, with_edges=True)
            found = store.read(lambda tx: tx.questions.trace(query))
            assert [
                (hop, node) for hop, level in enumerate(found.levels, 1) for node in level
            ] == told
            assert found.complete == (len(told) == len(order))
            assert all(found.levels)
            inside = graph.subgraph(starts | {node for _, node in told})
            edges = sorted(inside.edges(data="kind"))
            assert list(found.edges) == [Edge(src, dst, kind) for src, dst, kind in edges]

        check()

    def test_a_start_that_does_not_exist_leads_nowhere(self, store: GraphStore) -> None:
        query = TraceQuery((DIGITS.version(7),), Direction.UPSTREAM, with_edges=True)
        found = store.read(lambda tx: tx.questions.trace(query))
        assert (found.levels, found.edges, found.complete) == ((), (), True)

    def test_a_wide_level_is_traced_whole(self, store: GraphStore) -> None:
        n = self.width

        def fn(tx: Transaction) -> None:
            tx.versions.add(version(0), DraftId("none"), [])
            tx.versions.add(version(1), DraftId("none"), [])
            for number in range(n):
                tx.runs.add(run(f"r{number}"))
                tx.flow.add_use(segment(f"r{number}"), DIGITS.version(0))
            tx.flow.add_logged(segment(f"r{n - 1}"), DIGITS.version(1))

        store.write(fn)
        query = TraceQuery((DIGITS.version(0),), Direction.DOWNSTREAM)
        found = store.read(lambda tx: tx.questions.trace(query))
        assert found.levels[0] == tuple(sorted(segment(f"r{number}") for number in range(n)))
        assert found.levels[1:] == ((DIGITS.version(1),),)

    def test_a_path_is_a_shortest_one(self, make_store: Callable[[], GraphStore]) -> None:
        @settings(max_examples=self.n_examples)
        @given(history=histories, ends=st.tuples(st.integers(0, 40), st.integers(0, 40)))
        def check(history: list[tuple[set[int], int]], ends: tuple[int, int]) -> None:
            store = make_store()
            graph = build(store, history)
            start, end = (sorted(graph)[pick % len(graph)] for pick in ends)
            found = store.read(lambda tx: tx.flow.find_path(start, end))
            if not nx.has_path(graph, start, end):
                assert found is None
                return
            assert found is not None
            assert (found[0], found[-1]) == (start, end)
            assert nx.is_path(graph, found)
            assert len(found) == len(nx.shortest_path(graph, start, end))
            assert store.read(lambda tx: tx.flow.find_path(start, segment("none"))) is None

        check()

    def test_nodes_are_described(self, store: GraphStore) -> None:
        def fn(tx: Transaction) -> None:
            tx.runs.add(run("a", name="first", job_type="train"))
            tx.runs.add_segment(segment("a", 2), NOW + timedelta(hours=1))
            tx.versions.add(version(0), DraftId("none"), [])

        store.write(fn)
        keys = [segment("a", 2), DIGITS.version(0), DIGITS.version(9)]
        later = NOW + timedelta(hours=1)
        assert store.read(lambda tx: tx.questions.describe(keys)) == {
            keys[0]: NodeInfo(keys[0], "running", "train", "first", later),
            keys[1]: NodeInfo(keys[1], "committed", "dataset", "digits:v0", NOW),
        }
        check = ReferenceCheck(NOW, "ada", n_missing=1)
        store.write(lambda tx: tx.versions.set_check(DIGITS.version(0), check))
        described = store.read(lambda tx: tx.questions.describe(keys))
        assert [described[key].is_drifted for key in keys[:2]] == [False, True]

    @pytest.mark.parametrize("goal", Goal)
    def test_the_best_runs_come_first_and_ties_go_to_the_earliest(
        self, store: GraphStore, goal: Goal
    ) -> None:
        said: dict[str, Any] = {
            "half": 0.5, "late": 1, "early": 1.0, "inf": math.inf, "nan": math.nan, "flag": True,
            "text": "1", "none": None, "gone": -5,
        }  # fmt: skip

        def fn(tx: Transaction) -> None:
            tx.sweeps.add(sweep("s"))
            key = sweep("s").key
            for name, value in said.items():
                at = NOW - timedelta(hours=name == "early")
                made = run(name, summary={"m": {"acc": value}}, sweep=key, created_at=at)
                tx.runs.add(made)
            tx.runs.add(run("unsaid", sweep=key))
            tx.runs.add(run("elsewhere", summary={"m": {"acc": 9}}))
            gone = tx.runs.find([run_key("gone")])[run_key("gone")]
            tx.runs.save(run("gone", state=RunState.DELETED, summary=gone.summary))

        store.write(fn)
        key = sweep("s").key
        ranking = store.read(lambda tx: tx.questions.rank(key, metric="m.acc", goal=goal, limit=9))
        told = [(each.run.name, each.value) for each in ranking.runs]
        ups = [("half", 0.5), ("early", 1.0), ("late", 1.0), ("inf", math.inf)]
        downs = [("inf", math.inf), ("early", 1.0), ("late", 1.0), ("half", 0.5)]
        assert told == (ups if goal is Goal.MINIMIZE else downs)
        assert ranking.n_without == 5
        short = store.read(lambda tx: tx.questions.rank(key, metric="m.acc", goal=goal, limit=1))
        assert (short.runs, short.n_without) == (ranking.runs[:1], 5)

    def test_content_is_found_by_digest_and_by_path(self, store: GraphStore) -> None:
        secret = CollectionKey.of(RIVAL, "secret")
        parts = (Digest.of(b"part 1"), Digest.of(b"part 2"))
        large = combine(parts)
        entry = Entry("large", 64 * 1024 * 1024 + 1, large, parts)
        lone = Entry("ref", ref="s3://b/k", digest=Digest.of(b"x"))
        [with_large] = map(parse_page, cut([entry, lone]))

        def fn(tx: Transaction) -> None:
            tx.collections.add(Collection(secret, "dataset", NOW))
            commit(tx, 0, [page({"a": b"x", "b": b"y"})])
            commit(tx, 1, [page({"a": b"y", 'q"\\é': b"z"}), with_large])
            commit(tx, 2, [page({"a": b"x"})])
            commit(tx, 0, [page({"a": b"x", "c": b"y"})], of=secret)
            tx.versions.mark_deleted([DIGITS.version(2)], NOW, "ada")

        store.write(fn)

        def found(
            data: bytes | Digest | None, path: str | None, scope: Scope = ALL, n: int = 9
        ) -> list[str]:
            digest = Digest.of(data) if isinstance(data, bytes) else data
            keys = store.read(
                lambda tx: tx.questions.containing(scope, digest=digest, path=path, limit=n)
            )
            return [key.path for key in keys]

        v0, v1, other = "acme/vision/digits:v0", "acme/vision/digits:v1", "rival/secret/secret:v0"
        assert found(b"x", None) == [v0, other]
        assert found(b"x", None, Scope("ada", frozenset({"acme"}))) == [v0]
        assert found(b"x", None, Scope("ada", frozenset())) == []
        assert found(b"x", None, n=1) == [v0]
        assert found(b"y", "a") == [v1]
        assert found(b"y", "b") == [v0]
        assert found(None, "a") == [v0, v1, other]
        assert found(None, 'q"\\é') == [v1]
        assert found(None, "ref") == [v1]
        assert found(None, "aa") == []
        assert found(large, None) == found(parts[0], None) == found(parts[0], "large") == [v1]
        assert found(large, "a") == []
        assert found(b"x", "ref") == []

    def test_totals_count_each_blob_once(self, store: GraphStore) -> None:
        def fn(tx: Transaction) -> None:
            tx.runs.add(run("a"))
            commit(tx, 0, [page({"a": b"xx", "b": b"yyy"})])
            commit(tx, 1, [page({"a": b"xx"})])
            commit(tx, 2, [page({"a": b"zzzz"})])
            tx.versions.mark_deleted([DIGITS.version(2)], NOW, "ada")

        assert store.read(lambda tx: tx.questions.stats()) == Stats(0, 0, 0, 0)
        store.write(fn)
        assert store.read(lambda tx: tx.questions.stats()) == Stats(1, 2, 3, 9)

    def test_runs_that_go_along_are_no_consumers(self, store: GraphStore) -> None:
        def fn(tx: Transaction) -> None:
            for name in "cab":
                tx.runs.add(run(name))
            for number in range(2):
                tx.versions.add(version(number), DraftId("none"), [])
            tx.flow.add_use(segment("c"), DIGITS.version(0))
            tx.flow.add_use(segment("a"), DIGITS.version(0))
            tx.flow.add_use(segment("a"), DIGITS.version(1))
            tx.flow.add_reproduced(segment("b"), DIGITS.version(0))

        store.write(fn)
        both = [DIGITS.version(0), DIGITS.version(1)]
        facts = store.read(lambda tx: tx.questions.deletion_facts(both, []))
        assert facts.consumers == (run_key("a"), run_key("c"))
        facts = store.read(lambda tx: tx.questions.deletion_facts(both, [run_key("a")]))
        assert facts.consumers == (run_key("c"),)

    def test_a_page_that_nobody_owns_keeps_a_blob_and_is_no_holder(self, store: GraphStore) -> None:
        store.write(lambda tx: commit(tx, 0, [page({"x": b"a"})]))
        store.write(lambda tx: tx.contents.add_pages([page({"y": b"a"})]))
        facts = store.read(lambda tx: tx.questions.deletion_facts([DIGITS.version(0)], []))
        assert (facts.n_pages, facts.n_blobs, facts.n_shared) == (1, 0, 1)
        assert store.read(lambda tx: tx.questions.holders([DIGITS.version(0)])) == []

    def test_a_blob_in_no_page_is_kept_by_the_draft_that_holds_it(self, store: GraphStore) -> None:
        def fn(tx: Transaction) -> None:
            tx.contents.add_blobs([blob(b"a")])
            tx.drafts.add(draft(DraftId("d")))
            tx.drafts.hold(DraftId("d"), [blob(b"a").digest])

        store.write(fn)
        found = store.read(lambda tx: tx.questions.holder_of([blob(b"a").digest], []))
        assert found == {blob(b"a").digest: "draft:d"}

    def test_facts_of_a_deletion_are_those_of_trying_it(
        self, make_store: Callable[[], GraphStore]
    ) -> None:
        @settings(max_examples=self.n_examples)
        @given(data=st.data())
        def check(data: st.DataObject) -> None:
            store = make_store()
            world = World(data)
            store.write(world.build)
            chosen = data.draw(st.sets(st.integers(0, len(world.versions) - 1)), label="chosen")
            keys = [DIGITS.version(number) for number in sorted(chosen)]
            assert store.read(lambda tx: tx.questions.deletion_facts(keys, [])) == world.facts(
                chosen
            )
            assert store.read(lambda tx: tx.questions.holders(keys)) == world.held(chosen)
            every = [Digest.of(data) for data in world.blobs]
            assert store.read(lambda tx: tx.questions.holder_of(every, keys)) == {
                digest: name
                for number, digest in enumerate(every)
                for name in world.holders(number, chosen)[:1]
            }
            assert store.read(lambda tx: tx.questions.stored_bytes(keys)) == world.stored(chosen)
            live = set(range(len(world.versions))) - world.deleted
            for collection in (None, DIGITS):
                found = store.read(
                    lambda tx, c=collection: tx.questions.stored_bytes_in(PROJECT, c)
                )
                assert found == world.stored(live)
            empty = store.read(lambda tx: tx.questions.stored_bytes_in(RIVAL, None))
            assert empty == Bytes(0, 0, 0)

        check()


class World:
    """A few blobs, pages, versions and drafts that share as often as they can."""

    blobs = (b"a", b"bb", b"cccc", b"d" * 8, b"e" * 16)

    def __init__(self, data: st.DataObject) -> None:
        subsets = st.sets(st.integers(0, 4), min_size=1)
        self.pages = data.draw(st.lists(subsets, min_size=1, max_size=6), label="pages")
        owned = st.sets(st.integers(0, len(self.pages) - 1))
        self.versions = data.draw(st.lists(owned, min_size=1, max_size=11), label="versions")
        numbers = st.integers(0, len(self.versions) - 1)
        self.deleted = data.draw(st.sets(numbers, max_size=2), label="deleted")
        drafts = st.lists(st.tuples(owned, st.sets(st.integers(0, 4), max_size=2)), max_size=2)
        self.drafts = data.draw(drafts, label="drafts")

    def page(self, number: int) -> Page:
        return page({f"{number}/{blob}": self.blobs[blob] for blob in self.pages[number]})

    def build(self, tx: Transaction) -> None:
        tx.contents.add_blobs(
            [
                Blob(blob(data).digest, len(data), ObjectName(str(n)), NOW)
                for n, data in enumerate(self.blobs)
            ]
        )
        made = [self.page(number) for number in range(len(self.pages))]
        tx.contents.add_pages(made)
        for number, owned in enumerate(self.versions):
            commit(tx, number, [made[page] for page in sorted(owned)])
        for number, (owned, held) in enumerate(self.drafts):
            id = DraftId(f"draft{number}")
            tx.drafts.add(draft(id))
            tx.drafts.attach(id, [made[page].digest for page in owned])
            tx.drafts.hold(id, [Digest.of(self.blobs[blob]) for blob in held])
        tx.versions.mark_deleted([DIGITS.version(n) for n in self.deleted], NOW, "ada")

    def inside(self, pages: set[int]) -> set[int]:
        return {blob for page in pages for blob in self.pages[page]}

    def holders(self, blob: int, without: set[int]) -> list[str]:
        """Who keeps the blob, the first in front; versions being deleted come last."""
        others = [n for n in range(len(self.versions)) if n not in without]
        owners = [n for n in others if blob in self.inside(self.versions[n])]
        live = sorted(str(DIGITS.version(n)) for n in owners if n not in self.deleted)
        drafts = [
            f"draft:draft{n}"
            for n, (pages, held) in enumerate(self.drafts)
            if blob in held | self.inside(pages)
        ]
        return live + drafts + sorted(str(DIGITS.version(n)) for n in owners if n in self.deleted)

    def facts(self, chosen: set[int]) -> DeletionFacts:
        staying = [self.versions[n] for n in range(len(self.versions)) if n not in chosen]
        staying += [pages for pages, _ in self.drafts]
        kept_pages = {page for pages in staying for page in pages}
        # A page that nobody owns is still there, and keeps what it contains.
        owned = {page for pages in [*self.versions, *staying] for page in pages}
        kept_pages |= set(range(len(self.pages))) - owned
        mine = {page for number in chosen for page in self.versions[number]}
        kept = self.inside(kept_pages) | {blob for _, held in self.drafts for blob in held}
        going, shared = self.inside(mine) - kept, self.inside(mine) & kept
        raws = sorted(Digest.of(self.blobs[blob]).raw for blob in going)
        contained = {n: self.inside(self.versions[n]) for n in chosen}
        joint = {b for b in going if sum(b in blobs for blobs in contained.values()) > 1}
        return DeletionFacts(
            n_pages=len(mine - kept_pages),
            n_blobs=len(going),
            freed_bytes=sum(len(self.blobs[number]) for number in going),
            blobs=Digest.of(b"".join(raws)),
            joint_bytes=sum(len(self.blobs[number]) for number in joint),
            n_shared=len(shared),
            shared_bytes=sum(len(self.blobs[number]) for number in shared),
            consumers=(),
        )

    def held(self, chosen: set[int]) -> list[Holder]:
        mine = {page for number in chosen for page in self.versions[number]}
        by_holder: dict[str, list[int]] = {}
        for number in self.inside(mine):
            for name in self.holders(number, chosen)[:1]:
                by_holder.setdefault(name, []).append(len(self.blobs[number]))
        return [Holder(k, len(by_holder[k]), sum(by_holder[k])) for k in sorted(by_holder)]

    def stored(self, chosen: set[int]) -> Bytes:
        facts = self.facts(chosen)
        n_blobs = facts.n_blobs + facts.n_shared
        return Bytes(facts.freed_bytes + facts.shared_bytes, facts.shared_bytes, n_blobs)
