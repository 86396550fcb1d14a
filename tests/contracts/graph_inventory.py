"""What fsck asks of a graph store, and lost blobs, in the port's words.

That a store names what cannot be is tested in `test_engine_fsck`, where it is made by hand.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from lineage.digest import Digest, combine
from lineage.errors import LineageError
from lineage.manifest import Entry, cut, parse_page
from lineage.model import Blob, DraftId, ObjectName, Sums, Tombstone, Upload
from lineage.names import CollectionKey
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
    run,
    segment,
)

__all__ = ["InventoryContract"]

D0 = DraftId("d0")


class InventoryContract:
    def test_a_saved_blob_keeps_nothing_but_its_digest(self, store: GraphStore) -> None:
        store.write(lambda tx: tx.contents.add_blobs([blob(b"a"), blob(b"b")]))
        moved = replace(blob(b"a"), size_bytes=7, object=ObjectName("elsewhere"), is_lost=True)
        digests = sorted([moved.digest, blob(b"b").digest])

        def found() -> dict[Digest, Blob]:
            return store.read(lambda tx: tx.contents.find_blobs(digests))

        for saved in (moved, replace(moved, is_lost=False)):
            store.write(lambda tx, saved=saved: tx.contents.save_blobs([saved]))
            assert found() == {moved.digest: saved, blob(b"b").digest: blob(b"b")}
            listed = store.read(lambda tx: tx.contents.list_blobs(after=None, limit=9))
            assert listed == [found()[digest] for digest in digests]
            unneeded = store.read(lambda tx: tx.contents.unneeded([moved.digest]))
            assert unneeded == [saved]
            names = [ObjectName("elsewhere"), blob(b"a").object]
            known = store.read(lambda tx, names=names: tx.contents.known_objects(names))
            assert known == {"elsewhere"}
        with pytest.raises(LineageError):
            store.write(lambda tx: tx.contents.save_blobs([blob(b"none")]))

    def test_a_later_verb_sees_that_a_blob_is_lost(self, store: GraphStore) -> None:
        store.write(lambda tx: tx.contents.add_blobs([blob(b"a")]))
        digests = [blob(b"a").digest]

        def fn(tx: Transaction) -> None:
            tx.lock(blobs=digests)
            tx.ahead(blobs=digests, scope=ALL)
            assert not tx.contents.find_blobs(digests)[digests[0]].is_lost
            tx.ahead(blobs=digests, scope=ALL)
            tx.contents.save_blobs([replace(blob(b"a"), is_lost=True)])
            assert tx.contents.find_blobs(digests)[digests[0]].is_lost

        store.write(fn)

    def test_a_page_with_a_lost_blob_is_not_given_to_anybody(self, store: GraphStore) -> None:
        pages = [page({"f": b"x"}), page({"g": b"y"})]
        store.write(lambda tx: commit(tx, 0, pages))
        digests = [each.digest for each in pages]
        [x] = store.read(lambda tx: tx.contents.find_blobs([Digest.of(b"x")])).values()

        def readable() -> set[Digest]:
            return store.read(lambda tx: tx.contents.readable_pages(digests, ALL))

        store.write(lambda tx: (tx.drafts.add(draft()), tx.drafts.attach(D0, digests)))
        assert readable() == set(digests)
        store.write(lambda tx: tx.contents.save_blobs([replace(x, is_lost=True)]))
        assert readable() == {digests[1]}
        blobs = [Digest.of(b"x"), Digest.of(b"y")]
        assert store.read(lambda tx: tx.contents.readable_blobs(blobs, ALL)) == set(blobs)
        store.write(lambda tx: tx.contents.save_blobs([x]))
        assert readable() == set(digests)

    def test_pages_are_listed_and_found_as_they_were_added(self, store: GraphStore) -> None:
        parts = tuple(map(Digest.of, (b"part 1", b"part 2")))
        [body] = cut([Entry("large", 64 * 1024 * 1024 + 1, combine(parts), parts)])
        large = parse_page(body)
        sizes = dict(large.blobs)
        blobs = [
            replace(blob(data), size_bytes=sizes[Digest.of(data)])
            for data in (b"part 1", b"part 2")
        ]
        plain = [page({"é/a": b"a", "\U0001f9ec": b"bb"}), page({"c": b"a"})]

        def fn(tx: Transaction) -> None:
            tx.contents.add_blobs([*blobs, blob(b"a"), blob(b"bb")])
            tx.contents.add_pages([large, *plain])

        store.write(fn)
        pages = sorted([large, *plain], key=lambda each: each.digest)
        digests = [each.digest for each in pages]
        listed = store.read(lambda tx: tx.inventory.list_pages(after=None, limit=2))
        assert listed == digests[:2]
        assert store.read(lambda tx: tx.inventory.list_pages(after=digests[1], limit=9)) == [
            digests[2]
        ]
        asked = [*digests, Digest.of(b"none")]
        assert store.read(lambda tx: tx.inventory.recorded_pages(asked)) == pages

    def test_versions_are_listed_by_key_with_what_their_pages_add_up_to(
        self, store: GraphStore
    ) -> None:
        pages = [page({"a": b"1", "b": b"22"}), page({"c": b"22", "d": b"333"})]
        store.write(lambda tx: tx.runs.add(run("zz")))
        store.write(lambda tx: commit(tx, 0, pages))
        store.write(lambda tx: commit(tx, 1, []))
        store.write(lambda tx: commit(tx, 10, pages[:1]))
        keys = [DIGITS.version(n) for n in (0, 1, 10)]
        store.write(lambda tx: tx.versions.mark_deleted(keys[1:2], NOW, "ada"))
        listed = store.read(lambda tx: tx.inventory.list_versions(after=None, limit=2))
        assert listed == sorted(keys)[:2]
        rest = store.read(lambda tx: tx.inventory.list_versions(after=listed[1], limit=2))
        assert rest == sorted(keys)[2:]
        assert store.read(lambda tx: tx.inventory.sums(keys)) == {
            keys[0]: Sums(tuple(each.digest for each in pages), 8, 4),
            keys[1]: Sums((), 0, 0),
            keys[2]: Sums((pages[0].digest,), 3, 2),
        }

    def test_all_who_need_a_page_or_blob_are_named(self, store: GraphStore) -> None:
        shared, other = page({"f": b"x"}), page({"g": b"x", "h": b"y"})
        elsewhere = CollectionKey.of(PROJECT, "a-first")

        def fn(tx: Transaction) -> None:
            tx.collections.add(replace(tx.collections.find([DIGITS])[DIGITS], key=elsewhere))
            for number in range(3):
                commit(tx, number, [shared])
            commit(tx, 3, [other])
            commit(tx, 0, [shared, other], of=elsewhere)
            tx.versions.mark_deleted([DIGITS.version(1)], NOW, "ada")
            tx.drafts.add(draft("d0"))
            tx.drafts.attach(DraftId("d0"), [shared.digest])
            tx.drafts.hold(DraftId("d0"), [Digest.of(b"x")])
            tx.drafts.add(draft("d1"))
            tx.drafts.hold(DraftId("d1"), [Digest.of(b"x")])

        store.write(fn)

        def owners(after: str = "", limit: int = 9) -> list[str]:
            digest = shared.digest
            return store.read(lambda tx: tx.inventory.page_owners(digest, after=after, limit=limit))

        def holders(after: str = "", limit: int = 9) -> list[str]:
            digest = Digest.of(b"x")
            return store.read(
                lambda tx: tx.inventory.blob_holders(digest, after=after, limit=limit)
            )

        live = [elsewhere.version(0), DIGITS.version(0), DIGITS.version(2)]
        assert owners() == [*live, "draft:d0"]
        assert owners(limit=2) == live[:2]
        assert owners(after=live[1]) == [live[2], "draft:d0"]
        assert holders() == [*live, DIGITS.version(3), "draft:d0", "draft:d1"]
        assert holders(after="draft:d0") == ["draft:d1"]
        assert holders(after=live[2], limit=1) == [DIGITS.version(3)]

    def test_what_verbs_make_is_never_impossible(self, store: GraphStore) -> None:
        def fn(tx: Transaction) -> None:
            for name in ("a", "b"):
                tx.runs.add(run(name))
            made = [commit(tx, n, [page({"f": b"%d" % n})]).key for n in range(2)]
            tx.flow.add_logged(segment("a"), made[0])
            tx.flow.add_use(segment("b"), made[0])
            tx.flow.add_reproduced(segment("b"), made[0])
            tx.runs.add_segment(segment("a", 2), NOW)
            tx.flow.add_logged(segment("a", 2), made[1])
            tx.drafts.add(draft())
            tx.drafts.hold(D0, [Digest.of(b"1")])
            tx.drafts.attach(D0, [page({"f": b"1"}).digest])
            tx.contents.add_uploads([Upload(ObjectName("up"), Digest.of(b"u"), 1, D0, NOW)])
            tx.contents.add_tombstones([Tombstone(ObjectName("stone"), 1, NOW)])

        store.write(fn)
        for ask in (
            "impossible_drafts", "draftless_uploads", "shared_objects", "misplaced_edges",
            "short_collections",
        ):  # fmt: skip
            assert store.read(lambda tx, ask=ask: getattr(tx.inventory, ask)()) == [], ask

    def test_an_object_with_two_names_is_named(self, store: GraphStore) -> None:
        lost = replace(blob(b"b"), object=ObjectName("blob and stone"))

        def fn(tx: Transaction) -> None:
            tx.drafts.add(draft())
            tx.contents.add_blobs([replace(blob(b"a"), object=ObjectName("blob and upload")), lost])
            tx.contents.save_blobs([replace(lost, is_lost=True)])
            for name in ("blob and upload", "upload and stone", "upload"):
                digest = Digest.of(name.encode())
                tx.contents.add_uploads([Upload(ObjectName(name), digest, 1, D0, NOW)])
            for name in ("blob and stone", "upload and stone", "stone"):
                tx.contents.add_tombstones([Tombstone(ObjectName(name), 1, NOW)])

        store.write(fn)
        shared = store.read(lambda tx: tx.inventory.shared_objects())
        assert shared == ["blob and stone", "blob and upload", "upload and stone"]
