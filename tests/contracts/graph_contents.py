"""Drafts, pages, blobs, uploads and tombstones, in the port's words."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from lineage.digest import Digest, combine
from lineage.errors import AlreadyExists, Conflict, LineageError
from lineage.manifest import Entry, Page, cut, parse_page
from lineage.model import Access, DraftId, ObjectName, Scope, Tombstone, Upload
from lineage.names import VersionKey
from lineage.ports import GraphStore, Transaction
from tests.contracts.graph_values import (
    ALL,
    DIGITS,
    NOW,
    PROJECT,
    blob,
    commit,
    draft,
    page,
    segment,
)

__all__ = ["ContentsContract"]

LATER = NOW + timedelta(hours=1)
D0 = DraftId("d0")
ADA = Scope("ada", frozenset({"acme"}))
EVE = Scope("eve", frozenset({"elsewhere"}))


def put(store: GraphStore, *datas: bytes) -> list[Digest]:
    blobs = [blob(data) for data in datas]
    store.write(lambda tx: tx.contents.add_blobs(blobs))
    return [each.digest for each in blobs]


class ContentsContract:
    def test_a_draft_keeps_every_field(self, store: GraphStore) -> None:
        pages = [page({"b": b"1"}), page({"a": b"2"})]
        full = draft(
            "d0", pages, segment=segment("a"), aliases=("prod", "best"), tags=("t",),
            metadata={"x": [1, {"y": None}]}, description="d",
        )  # fmt: skip
        store.write(lambda tx: tx.drafts.add(full))
        assert store.read(lambda tx: tx.drafts.find(D0)) == full
        assert store.read(lambda tx: tx.drafts.find(DraftId("none"))) is None
        with pytest.raises(AlreadyExists):
            store.write(lambda tx: tx.drafts.add(full))
        done = replace(
            full, expires_at=LATER, segment=None, version=DIGITS.version(3), created=False
        )
        store.write(lambda tx: tx.drafts.save(replace(done, type="ignored")))
        assert store.read(lambda tx: tx.drafts.find(D0)) == done

    def test_drafts_expire_oldest_first(self, store: GraphStore) -> None:
        ends = {"late": 3, "soon": 1, "next": 2, "not yet": 9}
        for name, hours in ends.items():
            end = NOW + timedelta(hours=hours)
            store.write(lambda tx, n=name, e=end: tx.drafts.add(draft(n, expires_at=e)))
        now = NOW + timedelta(hours=5)
        expired = store.read(lambda tx: tx.drafts.expired(now, limit=9))
        assert expired == ["soon", "next", "late"]
        assert store.read(lambda tx: tx.drafts.expired(now, limit=1)) == ["soon"]

    def test_holds_and_pages_are_counted_once(self, store: GraphStore) -> None:
        digests = put(store, b"a", b"b")
        made = page({"f": b"a"})

        def fn(tx: Transaction) -> None:
            tx.contents.add_pages([made, made])
            tx.drafts.add(draft())
            for _ in range(2):
                tx.drafts.hold(D0, digests)
                tx.drafts.attach(D0, [made.digest])

        store.write(fn)
        assert store.read(lambda tx: tx.drafts.held(D0)) == set(digests)
        assert store.read(lambda tx: tx.drafts.attached(D0)) == {made.digest}
        store.write(lambda tx: tx.drafts.release(D0, digests[:1]))
        store.write(lambda tx: tx.drafts.detach(D0, [made.digest]))
        assert store.read(lambda tx: tx.drafts.held(D0)) == set(digests[1:])
        assert store.read(lambda tx: tx.drafts.attached(D0)) == set()

    def test_what_does_not_exist_cannot_be_held_or_owned(self, store: GraphStore) -> None:
        none = Digest.of(b"none")
        store.write(lambda tx: tx.drafts.add(draft()))
        with pytest.raises(LineageError):
            store.write(lambda tx: tx.drafts.hold(D0, [none]))
        with pytest.raises(LineageError):
            store.write(lambda tx: tx.drafts.attach(D0, [none]))
        with pytest.raises(LineageError):
            store.write(lambda tx: tx.contents.add_pages([page({"f": b"none"})]))
        assert store.read(lambda tx: tx.contents.find_pages([page({"f": b"none"}).digest])) == {}

    def test_a_removed_draft_takes_its_holds_but_not_its_uploads(self, store: GraphStore) -> None:
        [digest] = put(store, b"a")
        upload = Upload(ObjectName("o"), Digest.of(b"u"), 1, D0, LATER)

        def fn(tx: Transaction) -> None:
            tx.drafts.add(draft())
            tx.drafts.hold(D0, [digest])
            tx.contents.add_pages([page({"f": b"a"})])
            tx.drafts.attach(D0, [page({"f": b"a"}).digest])
            tx.contents.add_uploads([upload])

        store.write(fn)
        with pytest.raises(Conflict):
            store.write(lambda tx: tx.drafts.remove(D0))
        store.write(lambda tx: (tx.contents.remove_uploads(["o"]), tx.drafts.remove(D0)))
        assert store.read(lambda tx: tx.drafts.find(D0)) is None
        ownerless = store.read(lambda tx: tx.contents.ownerless([page({"f": b"a"}).digest]))
        assert ownerless == [page({"f": b"a"}).digest]

    def test_pages_are_found_without_their_content(self, store: GraphStore) -> None:
        put(store, b"a", b"bb")
        made = page({"x/a": b"a", "x/b": b"bb"})
        store.write(lambda tx: tx.contents.add_pages([made]))
        facts = replace(made, body=b"", blobs=(), large_files=())
        found = store.read(lambda tx: tx.contents.find_pages([made.digest, Digest.of(b"none")]))
        assert found == {made.digest: facts}

    def test_the_page_that_spans_a_path_is_found(self, store: GraphStore) -> None:
        first, second = page({"a": b"1", "c": b"2"}), page({"é": b"3"})
        store.write(lambda tx: commit(tx, 0, [first, second]))

        def body_at(path: str) -> bytes | None:
            return store.read(lambda tx: tx.contents.body_at(DIGITS.version(0), path))

        assert body_at("a") == body_at("b") == body_at("c") == first.body
        assert body_at("é") == second.body
        assert body_at("d") is None
        assert body_at("z") is None

    def test_disowning_leaves_the_other_pages(self, store: GraphStore) -> None:
        pages = [page({"a": b"1"}), page({"b": b"2"})]
        store.write(lambda tx: commit(tx, 0, pages))
        key = DIGITS.version(0)
        store.write(lambda tx: tx.contents.disown(key, [pages[0].digest]))
        assert store.read(lambda tx: tx.contents.pages_of(key)) == [pages[1].digest]
        digests = sorted(page.digest for page in pages)
        none = Digest.of(b"none")
        ownerless = store.read(lambda tx: tx.contents.ownerless([*digests, none]))
        assert ownerless == [pages[0].digest]

    def test_only_ownerless_pages_can_be_removed(self, store: GraphStore) -> None:
        pages = [page({"a": b"1", "b": b"2"}), page({"c": b"2", "d": b"3"})]
        store.write(lambda tx: commit(tx, 0, pages))
        digests = [page.digest for page in pages]
        with pytest.raises(Conflict):
            store.write(lambda tx: tx.contents.remove_pages(digests[:1]))
        store.write(lambda tx: tx.contents.disown(DIGITS.version(0), digests))
        store.write(lambda tx: (tx.drafts.add(draft()), tx.drafts.attach(D0, digests[:1])))
        with pytest.raises(Conflict):
            store.write(lambda tx: tx.contents.remove_pages(digests))
        store.write(lambda tx: tx.drafts.remove(D0))
        contained = store.write(lambda tx: tx.contents.remove_pages(digests))
        assert contained == sorted(Digest.of(data) for data in (b"1", b"2", b"3"))
        assert store.read(lambda tx: tx.contents.find_pages(digests)) == {}

    def test_blobs_are_found_and_listed_by_digest(self, store: GraphStore) -> None:
        datas = [b"%d" % n for n in range(5)]
        digests = sorted(put(store, *datas))
        by_digest = {each.digest: each for each in map(blob, datas)}
        found = store.read(lambda tx: tx.contents.find_blobs([*digests, Digest.of(b"none")]))
        assert found == by_digest
        listed = store.read(lambda tx: tx.contents.list_blobs(after=None, limit=2))
        assert listed == [by_digest[digest] for digest in digests[:2]]
        rest = store.read(lambda tx: tx.contents.list_blobs(after=digests[1], limit=9))
        assert rest == [by_digest[digest] for digest in digests[2:]]
        with pytest.raises(AlreadyExists):
            put(store, b"0")

    def test_a_needed_blob_is_refused_by_the_database(self, store: GraphStore) -> None:
        held, contained, free = put(store, b"held", b"contained", b"free")

        def fn(tx: Transaction) -> None:
            tx.drafts.add(draft())
            tx.drafts.hold(D0, [held])
            tx.contents.add_pages([page({"f": b"contained"})])

        store.write(fn)
        everything = [held, contained, free, Digest.of(b"none")]
        unneeded = store.read(lambda tx: tx.contents.unneeded(everything))
        assert unneeded == [blob(b"free")]
        for digest in (held, contained):
            with pytest.raises(Conflict):
                store.write(lambda tx, d=digest: tx.contents.remove_blobs([free, d]))
        assert len(store.read(lambda tx: tx.contents.find_blobs(everything))) == 3
        store.write(lambda tx: tx.contents.remove_blobs([free]))
        assert free not in store.read(lambda tx: tx.contents.find_blobs(everything))

    def test_only_live_content_in_readable_projects_is_readable(self, store: GraphStore) -> None:
        made = page({"f": b"x"})
        store.write(lambda tx: commit(tx, 0, [made]))
        pages, blobs = [made.digest], [Digest.of(b"x")]

        def readable(scope: Scope) -> tuple[bool, bool]:
            return store.read(
                lambda tx: (
                    tx.contents.readable_pages(pages, scope) == set(pages),
                    tx.contents.readable_blobs(blobs, scope) == set(blobs),
                )
            )

        assert readable(ALL) == readable(ADA) == (True, True)
        assert readable(EVE) == (False, False)
        store.write(lambda tx: tx.projects.set_access(PROJECT, Access.PUBLIC))
        assert readable(EVE) == (True, True)
        store.write(lambda tx: tx.versions.mark_deleted([DIGITS.version(0)], LATER, "ada"))
        assert readable(ALL) == (False, False)
        store.write(lambda tx: (tx.drafts.add(draft()), tx.drafts.hold(D0, blobs)))
        assert readable(ADA) == (False, True)
        store.write(lambda tx: (tx.drafts.release(D0, blobs), tx.drafts.attach(D0, pages)))
        assert readable(ADA) == (True, True)
        assert readable(EVE) == readable(ALL) == (False, False)

    def test_uploads_are_found_by_object_and_by_draft(self, store: GraphStore) -> None:
        uploads = [
            Upload(ObjectName(name), Digest.of(name.encode()), 1, D0, LATER) for name in "ba"
        ]
        store.write(lambda tx: tx.drafts.add(draft()))
        store.write(lambda tx: tx.contents.add_uploads(uploads))
        assert store.read(lambda tx: tx.contents.uploads_of(D0)) == uploads[::-1]
        found = store.read(lambda tx: tx.contents.find_uploads([ObjectName("a"), ObjectName("c")]))
        assert found == {"a": uploads[1]}
        blobs = [uploads[0].digest, Digest.of(b"none")]
        by_blob = store.read(lambda tx: tx.contents.uploads_for(D0, blobs))
        assert by_blob == {uploads[0].digest: uploads[0]}
        store.write(lambda tx: tx.contents.remove_uploads([ObjectName("a"), ObjectName("c")]))
        assert store.read(lambda tx: tx.contents.uploads_of(D0)) == uploads[:1]

    def test_tombstones_are_buried_and_then_watched(self, store: GraphStore) -> None:
        hours = {"c": 1, "a": 3, "b": 2}
        stones = [Tombstone(ObjectName(n), 5, NOW + timedelta(hours=h)) for n, h in hours.items()]
        store.write(lambda tx: tx.contents.add_tombstones(stones))

        def pending(n: int = 9) -> list[Tombstone]:
            return store.read(lambda tx: tx.contents.pending_tombstones(limit=n))

        def late(before: Any) -> list[str]:
            found = store.read(lambda tx: tx.contents.late_tombstones(before, limit=9))
            return [stone.object for stone in found]

        assert pending() == sorted(stones, key=lambda stone: stone.object)
        assert pending(1) == [stones[1]]
        store.write(lambda tx: tx.contents.bury([ObjectName("c"), ObjectName("b")], LATER))
        assert pending() == [stones[1]]
        assert late(NOW + timedelta(hours=1)) == []
        assert late(NOW + timedelta(hours=1, seconds=1)) == ["c"]
        assert late(NOW + timedelta(days=1)) == ["b", "c"]
        store.write(lambda tx: tx.contents.remove_tombstones([ObjectName("b"), ObjectName("c")]))
        assert late(NOW + timedelta(days=1)) == []

    def test_known_objects_are_those_of_blobs_uploads_and_tombstones(
        self, store: GraphStore
    ) -> None:
        put(store, b"x")

        def fn(tx: Transaction) -> None:
            tx.drafts.add(draft())
            tx.contents.add_uploads([Upload(ObjectName("up"), Digest.of(b"u"), 1, D0, LATER)])
            tx.contents.add_tombstones([Tombstone(ObjectName("stone"), 1, LATER)])

        store.write(fn)
        names = [blob(b"x").object, ObjectName("up"), ObjectName("stone")]
        known = store.read(lambda tx: tx.contents.known_objects([*names, ObjectName("stray")]))
        assert known == set(names)

    def test_unfinished_deletions_are_deleted_versions_with_pages(self, store: GraphStore) -> None:
        pages = {n: page({"f": b"%d" % n}) for n in range(11)}
        for number, made in pages.items():
            store.write(lambda tx, n=number, p=made: commit(tx, n, [p]))
        gone = [DIGITS.version(n) for n in (10, 9, 2)]
        store.write(lambda tx: tx.versions.mark_deleted(gone, LATER, "ada"))
        store.write(lambda tx: tx.contents.disown(gone[1], [pages[9].digest]))

        def unfinished(before: datetime, n: int = 9) -> list[VersionKey]:
            return store.read(lambda tx: tx.contents.owned_deleted(before, limit=n))

        assert unfinished(LATER) == sorted([gone[0], gone[2]])
        assert unfinished(LATER, 1) == sorted([gone[0], gone[2]])[:1]
        assert unfinished(NOW) == []


def large_page() -> Page:
    """A page with one file of two parts, and its parts' bytes are not there to be had."""
    parts = (Digest.of(b"part 1"), Digest.of(b"part 2"))
    size_bytes = 64 * 1024 * 1024 + 1
    [body] = cut([Entry("large", size_bytes, combine(parts), parts)])
    return parse_page(body)
