"""The definition of the BlobStore port, in its own words; each store passes it whole.

A store's test file subclasses `BlobStoreContract` and gives two fixtures: `store`, empty, and
`raw`, which looks at the same place without the store's code, so that put and read cannot share
one bug. One that has links besides subclasses `DirectTransferContract` too.
"""

from __future__ import annotations

import hashlib
import threading
import tracemalloc
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Protocol

import httpx2
import pytest

from lineage.digest import Digest
from lineage.errors import AlreadyExists, Conflict, Corrupt, Invalid, LineageError, NotFound
from lineage.model import DraftId, Link, ObjectName, StoredObject, Upload
from lineage.ports import BlobStore, DirectTransfer
from storage.layout import new_object

__all__ = ["NOW", "BlobStoreContract", "DirectTransferContract", "Raw", "upload_of"]

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
MIB = 1024 * 1024


class Raw(Protocol):
    """The store's place, seen and touched around the store."""

    def everything(self) -> dict[str, bytes]:
        """All that lies there, under any name: unfinished and hidden things too."""

    def plant(self, name: ObjectName, data: bytes) -> None:
        """Put these bytes there as if they had been stored."""


def upload_of(data: bytes, *, until: datetime = NOW + timedelta(hours=1)) -> Upload:
    digest = Digest.of(data)
    draft = DraftId(uuid.uuid4().hex)
    return Upload(new_object(digest), digest, len(data), draft, until)


def pattern(n_bytes: int) -> bytes:
    """Bytes that differ at every position that a wrong offset could bring up."""
    return hashlib.shake_128(str(n_bytes).encode()).digest(n_bytes)


def read_all(store: BlobStore, name: ObjectName) -> bytes:
    with store.read(name) as chunks:
        return b"".join(chunks)


def _lying(data: bytes, fault: str) -> tuple[Upload, type[LineageError], str | None]:
    """An upload that `data` does not satisfy, the error it must get, and its field."""
    upload = upload_of(data)
    match fault:
        case "too many bytes":
            return replace(upload, size_bytes=len(data) - 1), Invalid, "size_bytes"
        case "too few bytes":
            return replace(upload, size_bytes=len(data) + 1), Invalid, "size_bytes"
        case "another digest":
            return replace(upload, digest=Digest.of(b"else")), Corrupt, None
        case "too late":
            return replace(upload, until=NOW - timedelta(microseconds=1)), Invalid, "upload"
        case "not an object's name":
            return replace(upload, object=ObjectName("../outside")), Invalid, "object"
    raise AssertionError(fault)


FAULTS = [
    "too many bytes",
    "too few bytes",
    "another digest",
    "too late",
    "not an object's name",
]
OUTSIDE = [
    "",
    "x",
    "../x",
    "/etc/passwd",
    "tmp/x",
    "sha256/ab",
    f"sha256/../{'0' * 62}-{'0' * 32}",
    f"sha256/ab/{'0' * 62}-{'0' * 32}/../x",
    f"sha256/ab/{'0' * 62}-{'0' * 32}\n",
    f"sha256/AB/{'0' * 62}-{'0' * 32}",
]


class PutContract:
    def test_names_are_new_and_sort_as_digests_do(self, store: BlobStore) -> None:
        digests = [Digest.of(b"%d" % n) for n in range(20)] * 2
        names = [store.new_object(digest) for digest in digests]
        assert len(set(names)) == len(names)
        pairs = sorted(zip(names, digests, strict=True))
        assert [digest for _, digest in pairs] == sorted(digests)

    @pytest.mark.parametrize("n_bytes", [0, 1, 4095, MIB, MIB + 1, 3 * MIB + 7])
    def test_put_stores_exactly_the_bytes(self, store: BlobStore, raw: Raw, n_bytes: int) -> None:
        data = pattern(n_bytes)
        upload = upload_of(data)
        store.put(upload, iter([data]), now=NOW)
        assert raw.everything() == {upload.object: data}

    def test_put_joins_chunks_of_any_size_in_order(self, store: BlobStore, raw: Raw) -> None:
        data = pattern(100_000)
        cuts = [0, 0, 1, 1, 2, 70_000, 99_999, 100_000, 100_000]
        chunks = (data[a:b] for a, b in pairwise(cuts))
        upload = upload_of(data)
        store.put(upload, chunks, now=NOW)
        assert raw.everything() == {upload.object: data}

    def test_put_never_holds_the_whole_blob(self, store: BlobStore) -> None:
        chunk, n_chunks = pattern(MIB), 256
        sha256 = hashlib.sha256()
        for _ in range(n_chunks):
            sha256.update(chunk)
        digest = Digest.from_raw(sha256.digest())
        upload = replace(
            upload_of(b""),
            object=new_object(digest),
            digest=digest,
            size_bytes=n_chunks * MIB,
        )
        tracemalloc.start()
        try:
            store.put(upload, (bytearray(chunk) for _ in range(n_chunks)), now=NOW)
            peak_bytes = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak_bytes < 16 * MIB
        assert store.find_size(upload.object) == n_chunks * MIB

    @pytest.mark.parametrize("fault", FAULTS)
    def test_a_put_that_is_refused_leaves_nothing(
        self, store: BlobStore, raw: Raw, fault: str
    ) -> None:
        data = pattern(5000)
        upload, error, field = _lying(data, fault)
        with pytest.raises(error) as caught:
            store.put(upload, [data[:3000], data[3000:]], now=NOW)
        assert caught.value.facts.get("field") == field
        assert not caught.value.retryable
        assert raw.everything() == {}

    def test_put_after_the_deadline_reads_nothing(self, store: BlobStore) -> None:
        chunks = iter([b"abc"])
        with pytest.raises(Invalid):
            store.put(upload_of(b"abc", until=NOW), chunks, now=NOW + timedelta(seconds=1))
        assert next(chunks) == b"abc"

    def test_put_at_the_deadline_is_accepted(self, store: BlobStore) -> None:
        upload = upload_of(b"abc", until=NOW)
        store.put(upload, [b"abc"], now=NOW)
        assert store.find_size(upload.object) == 3

    def test_put_stops_reading_where_the_announced_size_is_passed(self, store: BlobStore) -> None:
        chunks = iter([b"abc", b"d", b"never asked for"])
        with pytest.raises(Invalid):
            store.put(upload_of(b"abc"), chunks, now=NOW)
        assert next(chunks) == b"never asked for"

    def test_put_under_a_taken_name_leaves_the_bytes_there(
        self, store: BlobStore, raw: Raw
    ) -> None:
        upload = upload_of(b"first")
        raw.plant(upload.object, b"there before")
        with pytest.raises(AlreadyExists):
            store.put(upload, [b"first"], now=NOW)
        assert raw.everything() == {upload.object: b"there before"}

    def test_of_puts_to_one_name_at_once_exactly_one_is_stored(
        self, store: BlobStore, raw: Raw
    ) -> None:
        data = pattern(50_000)
        upload = upload_of(data)
        barrier = threading.Barrier(8)

        def chunks() -> Iterator[bytes]:
            yield data[:10]
            barrier.wait(timeout=30)  # all are past every check that comes before the bytes
            yield data[10:]

        def put(_: int) -> str:
            try:
                store.put(upload, chunks(), now=NOW)
            except AlreadyExists:
                return "taken"
            return "stored"

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(put, range(8))) == ["stored"] + ["taken"] * 7
        assert raw.everything() == {upload.object: data}

    @pytest.mark.parametrize("error", [ConnectionResetError("gone"), ValueError("no")])
    def test_an_error_of_the_sender_passes_through_and_leaves_nothing(
        self, store: BlobStore, raw: Raw, error: Exception
    ) -> None:
        def chunks() -> Iterator[bytes]:
            yield b"abc"
            raise error

        with pytest.raises(type(error)) as caught:
            store.put(upload_of(b"abcdef"), chunks(), now=NOW)
        assert caught.value is error
        assert raw.everything() == {}

    def test_a_put_that_was_refused_may_be_tried_again(self, store: BlobStore) -> None:
        upload = upload_of(b"abc")
        with pytest.raises(Corrupt):
            store.put(upload, [b"abd"], now=NOW)
        store.put(upload, [b"abc"], now=NOW)
        assert read_all(store, upload.object) == b"abc"


class PutManyContract:
    @pytest.mark.parametrize("n_items", [0, 1, 7, 100])
    def test_put_many_stores_each_blob(self, store: BlobStore, raw: Raw, n_items: int) -> None:
        items = [(upload_of(data), data) for data in map(pattern, range(n_items))]
        store.put_many(iter(items), now=NOW)
        assert raw.everything() == {upload.object: data for upload, data in items}

    @pytest.mark.parametrize("fault", FAULTS)
    @pytest.mark.parametrize("n_before", [0, 3, 60])
    def test_put_many_stores_none_if_one_is_refused(
        self, store: BlobStore, raw: Raw, fault: str, n_before: int
    ) -> None:
        items = [(upload_of(data), data) for data in map(pattern, range(n_before + 3))]
        wrong, error, field = _lying(b"wrong", fault)
        items.insert(n_before, (wrong, b"wrong"))
        with pytest.raises(error) as caught:
            store.put_many(items, now=NOW)
        assert caught.value.facts.get("field") == field
        assert raw.everything() == {}

    def test_put_many_under_a_taken_name_leaves_only_the_bytes_there(
        self, store: BlobStore, raw: Raw
    ) -> None:
        items = [(upload_of(data), data) for data in map(pattern, range(5))]
        raw.plant(items[3][0].object, b"there before")
        with pytest.raises(AlreadyExists):
            store.put_many(items, now=NOW)
        assert raw.everything() == {items[3][0].object: b"there before"}

    def test_put_many_takes_a_name_once(self, store: BlobStore, raw: Raw) -> None:
        upload = upload_of(b"abc")
        with pytest.raises(AlreadyExists):
            store.put_many([(upload, b"abc"), (upload, b"abc")], now=NOW)
        assert raw.everything() == {}

    def test_put_many_takes_equal_bytes_under_two_names(self, store: BlobStore, raw: Raw) -> None:
        one, two = upload_of(b"abc"), upload_of(b"abc")
        store.put_many([(one, b"abc"), (two, b"abc")], now=NOW)
        assert raw.everything() == {one.object: b"abc", two.object: b"abc"}

    def test_an_error_of_the_sender_of_many_passes_through_and_leaves_nothing(
        self, store: BlobStore, raw: Raw
    ) -> None:
        error = ConnectionResetError("gone")

        def items() -> Iterator[tuple[Upload, bytes]]:
            yield upload_of(b"abc"), b"abc"
            raise error

        with pytest.raises(ConnectionResetError) as caught:
            store.put_many(items(), now=NOW)
        assert caught.value is error
        assert raw.everything() == {}


class ReadContract:
    @pytest.mark.parametrize(
        ("start", "size_bytes"),
        [
            (0, None),
            (0, 0),
            (0, 1),
            (1, None),
            (1, MIB),
            (MIB - 1, 2),
            (MIB, MIB + 1),
            (5, 3 * MIB),
            (3 * MIB + 6, 1),
            (3 * MIB + 6, 9),
            (3 * MIB + 7, None),
            (9 * MIB, 4),
        ],
    )
    def test_read_gives_the_bytes_that_were_asked_for(
        self, store: BlobStore, raw: Raw, start: int, size_bytes: int | None
    ) -> None:
        data = pattern(3 * MIB + 7)
        name = new_object(Digest.of(data))
        raw.plant(name, data)
        with store.read(name, start=start, size_bytes=size_bytes) as chunks:
            found = list(chunks)
        end = None if size_bytes is None else start + size_bytes
        assert b"".join(found) == data[start:end]
        assert all(0 < len(chunk) <= MIB for chunk in found)

    @pytest.mark.parametrize(("field", "value"), [("start", -1), ("size_bytes", -1)])
    def test_read_refuses_a_negative_range(
        self, store: BlobStore, raw: Raw, field: str, value: int
    ) -> None:
        name = new_object(Digest.of(b"abc"))
        raw.plant(name, b"abc")
        with pytest.raises(Invalid) as caught, store.read(name, **{field: value}):
            pass
        assert caught.value.field == field

    def test_read_of_what_is_not_there_fails_on_entry(self, store: BlobStore) -> None:
        entered = False
        with pytest.raises(NotFound), store.read(new_object(Digest.of(b"abc"))):
            entered = True
        assert not entered

    @pytest.mark.parametrize("n_taken", [0, 1])
    def test_what_is_being_read_stays_readable_when_it_is_deleted(
        self, store: BlobStore, raw: Raw, n_taken: int
    ) -> None:
        data = pattern(3 * MIB)
        name = new_object(Digest.of(data))
        raw.plant(name, data)
        with store.read(name) as chunks:
            taken = [next(chunks) for _ in range(n_taken)]
            store.delete([name])
            assert store.find_size(name) is None
            assert b"".join([*taken, *chunks]) == data

    def test_an_error_of_the_reader_passes_through(self, store: BlobStore, raw: Raw) -> None:
        name = new_object(Digest.of(b"abc"))
        raw.plant(name, b"abc")
        error = BrokenPipeError("the reader left")

        def leave(chunks: Iterator[bytes]) -> None:
            next(chunks)
            raise error

        with pytest.raises(BrokenPipeError) as caught, store.read(name) as chunks:
            leave(chunks)
        assert caught.value is error

    def test_find_size_is_that_of_the_bytes_or_none(self, store: BlobStore, raw: Raw) -> None:
        there, empty, absent = (new_object(Digest.of(b"abc")) for _ in range(3))
        raw.plant(there, b"abc")
        raw.plant(empty, b"")
        assert store.find_size(there) == 3
        assert store.find_size(empty) == 0
        assert store.find_size(absent) is None


class DeleteContract:
    def test_delete_removes_these_and_no_others(self, store: BlobStore, raw: Raw) -> None:
        kept, *gone = (new_object(Digest.of(b"abc")) for _ in range(4))
        for name in (kept, *gone):
            raw.plant(name, b"abc")
        store.delete(gone)
        assert raw.everything() == {kept: b"abc"}

    def test_delete_of_what_is_absent_is_a_success(self, store: BlobStore, raw: Raw) -> None:
        there, absent = new_object(Digest.of(b"a")), new_object(Digest.of(b"b"))
        raw.plant(there, b"a")
        store.delete([absent, there, absent, there])
        store.delete([there])
        store.delete([])
        assert raw.everything() == {}

    def test_delete_of_what_was_put_leaves_no_trace(self, store: BlobStore, raw: Raw) -> None:
        items = [(upload_of(data), data) for data in map(pattern, range(50))]
        single = upload_of(b"single")
        store.put(single, [b"single"], now=NOW)
        store.put_many(items, now=NOW)
        store.delete([single.object, *(upload.object for upload, _ in items)])
        assert raw.everything() == {}

    def test_delete_refuses_what_is_no_object_and_removes_nothing(
        self, store: BlobStore, raw: Raw
    ) -> None:
        there = new_object(Digest.of(b"a"))
        raw.plant(there, b"a")
        with pytest.raises(Invalid):
            store.delete([there, ObjectName("../x")])
        assert raw.everything() == {there: b"a"}


class BlobStoreContract(PutContract, PutManyContract, ReadContract, DeleteContract):
    def test_new_object_names_a_place_that_nobody_ever_had(
        self, store: BlobStore, raw: Raw
    ) -> None:
        names = [store.new_object(Digest.of(b"abc")) for _ in range(100)]
        assert len(set(names)) == 100
        for name in names[:2]:
            store.put(replace(upload_of(b"abc"), object=name), [b"abc"], now=NOW)
        assert raw.everything() == dict.fromkeys(names[:2], b"abc")

    def test_new_object_refuses_the_digest_of_a_list_of_parts(self, store: BlobStore) -> None:
        with pytest.raises(Invalid) as caught:
            store.new_object(Digest.parse("sha256-64m:" + "0" * 64))
        assert caught.value.field == "digest"

    def test_a_store_belongs_to_one_graph_and_refuses_another(
        self, store: BlobStore, raw: Raw
    ) -> None:
        store.claim("a" * 32)
        store.claim("a" * 32)
        with pytest.raises(Conflict, match="another graph"):
            store.claim("b" * 32)
        assert list(store.iter_objects()) == []

    def test_iter_objects_gives_every_object_by_name(self, store: BlobStore, raw: Raw) -> None:
        sizes = {new_object(Digest.of(str(n).encode())): n for n in range(600)}
        for name, n_bytes in sizes.items():
            raw.plant(name, bytes(n_bytes))
        expected = [StoredObject(name, sizes[name]) for name in sorted(sizes)]
        assert list(store.iter_objects()) == expected

    def test_iter_objects_of_an_empty_store_gives_none(self, store: BlobStore) -> None:
        assert list(store.iter_objects()) == []

    def test_iter_objects_goes_on_while_others_put_and_delete(
        self, store: BlobStore, raw: Raw
    ) -> None:
        names = sorted(new_object(Digest.of(str(n).encode())) for n in range(300))
        for name in names:
            raw.plant(name, b"x")
        objects = store.iter_objects()
        first = next(objects)
        store.delete(names[1::2])
        store.put(upload_of(b"new"), [b"new"], now=NOW)
        found = [item.name for item in (first, *objects)]
        assert found == sorted(set(found))
        assert set(names[::2]) <= set(found)

    def test_check_of_a_store_that_works_leaves_nothing(self, store: BlobStore, raw: Raw) -> None:
        store.check()
        assert raw.everything() == {}

    @pytest.mark.parametrize("name", OUTSIDE)
    @pytest.mark.parametrize(
        "verb",
        [
            lambda store, name: store.find_size(name),
            lambda store, name: store.delete([name]),
            lambda store, name: store.read(name).__enter__(),
        ],
        ids=["find_size", "delete", "read"],
    )
    def test_a_name_that_is_no_object_is_refused(
        self, store: BlobStore, verb: Callable[[BlobStore, str], object], name: str
    ) -> None:
        with pytest.raises(Invalid) as caught:
            verb(store, name)
        assert caught.value.field == "object"

    def test_many_threads_put_read_and_delete_at_once(self, store: BlobStore, raw: Raw) -> None:
        def work(thread: int) -> list[tuple[Upload, bytes]]:
            kept = []
            for n in range(10):
                data = pattern(10_000 * thread + n)
                one, two, three = (upload_of(data) for _ in range(3))
                store.put(one, [data[:500], data[500:]], now=NOW)
                store.put_many([(two, data), (three, data)], now=NOW)
                assert read_all(store, one.object) == data
                store.delete([one.object, two.object])
                kept.append((three, data))
            return kept

        with ThreadPoolExecutor(8) as pool:
            kept = [item for items in pool.map(work, range(8)) for item in items]
        assert raw.everything() == {upload.object: data for upload, data in kept}


class LinkedStore(BlobStore, DirectTransfer, Protocol):
    """A blob store that clients can reach themselves."""


def follow(method: str, link: Link, data: bytes | None = None, **headers: str) -> httpx2.Response:
    """What a client does with a link, without a key."""
    return httpx2.request(
        method, link.url, content=data, headers={**link.headers, **headers}, timeout=30
    )


def granted(data: bytes, *, lasts: timedelta = timedelta(hours=1)) -> Upload:
    """An upload whose time is the real one, since the store judges it by its own clock."""
    return upload_of(data, until=datetime.now(UTC) + lasts)


class DirectTransferContract:
    def link(self, store: LinkedStore, upload: Upload) -> Link:
        return store.upload_link(upload, now=datetime.now(UTC))

    def test_a_store_with_links_is_known_by_its_verbs(self, store: LinkedStore) -> None:
        assert isinstance(store, DirectTransfer)

    @pytest.mark.parametrize("n_bytes", [0, 1, 3 * MIB + 7])
    def test_a_link_stores_exactly_the_bytes(
        self, store: LinkedStore, raw: Raw, n_bytes: int
    ) -> None:
        data = pattern(n_bytes)
        upload = granted(data)
        assert store.find_uploaded([upload]) == set()
        assert follow("PUT", self.link(store, upload), data).is_success
        assert raw.everything() == {upload.object: data}
        assert store.find_uploaded([upload]) == {upload.object}
        assert read_all(store, upload.object) == data

    def test_a_link_refuses_other_bytes_and_keeps_nothing(
        self, store: LinkedStore, raw: Raw
    ) -> None:
        upload = granted(b"right")
        link = self.link(store, upload)
        for data in (b"wrong", b"", b"righ", b"right!"):
            size = {"Content-Length": str(len(data))}
            assert follow("PUT", link, data, **size).is_client_error
        assert raw.everything() == {}
        assert store.find_uploaded([upload]) == set()
        assert follow("PUT", link, b"right").is_success

    def test_a_link_refuses_to_be_used_for_anything_else(
        self, store: LinkedStore, raw: Raw
    ) -> None:
        upload = granted(b"right")
        link = self.link(store, upload)
        other = granted(b"wrong")
        elsewhere = Link(link.url.replace(upload.object, other.object), link.headers)
        assert follow("PUT", elsewhere, b"right").is_client_error
        for name in link.headers:
            fewer = {key: value for key, value in link.headers.items() if key != name}
            if name != "Content-Length":  # which a client sends in any case
                assert follow("PUT", Link(link.url, fewer), b"right").is_client_error
        promises_other = self.link(store, other).headers
        assert follow("PUT", Link(link.url, promises_other), b"wrong").is_client_error
        for method in ("GET", "HEAD", "DELETE"):
            assert follow(method, Link(link.url, {})).is_client_error
        assert raw.everything() == {}

    def test_a_link_stores_once(self, store: LinkedStore, raw: Raw) -> None:
        upload = granted(b"abc")
        link = self.link(store, upload)
        assert follow("PUT", link, b"abc").is_success
        assert follow("PUT", link, b"abc").status_code == 412
        assert raw.everything() == {upload.object: b"abc"}

    def test_a_link_leaves_what_lies_under_its_name(self, store: LinkedStore, raw: Raw) -> None:
        upload = granted(b"abc")
        raw.plant(upload.object, b"there before")
        assert follow("PUT", self.link(store, upload), b"abc").status_code == 412
        assert raw.everything() == {upload.object: b"there before"}
        assert store.find_uploaded([upload]) == set()

    def test_a_link_that_has_expired_is_refused(self, store: LinkedStore, raw: Raw) -> None:
        upload = granted(b"abc", lasts=timedelta(seconds=-1))
        link = store.upload_link(upload, now=upload.until - timedelta(minutes=5))
        assert follow("PUT", link, b"abc").is_client_error
        there = new_object(Digest.of(b"abc"))
        raw.plant(there, b"abc")
        until = datetime.now(UTC) - timedelta(seconds=1)
        link = store.download_link(there, until=until, now=until - timedelta(minutes=5))
        assert follow("GET", link).is_client_error
        assert raw.everything() == {there: b"abc"}

    def test_no_link_is_given_after_the_deadline(self, store: LinkedStore) -> None:
        upload = granted(b"abc", lasts=timedelta(seconds=-1))
        with pytest.raises(Invalid) as caught:
            store.upload_link(upload, now=datetime.now(UTC))
        assert caught.value.field == "upload"

    def test_a_download_link_gives_the_object_whole_or_by_range(
        self, store: LinkedStore, raw: Raw
    ) -> None:
        data = pattern(MIB + 7)
        name = new_object(Digest.of(data))
        raw.plant(name, data)
        now = datetime.now(UTC)
        link = store.download_link(name, until=now + timedelta(minutes=5), now=now)
        assert follow("GET", link).content == data
        part = follow("GET", link, Range=f"bytes={MIB}-{MIB + 3}")
        assert (part.status_code, part.content) == (206, data[MIB : MIB + 4])
        assert follow("PUT", link, b"other").is_client_error
        assert follow("DELETE", link).is_client_error
        assert raw.everything() == {name: data}

    def test_find_uploaded_leaves_out_what_is_absent_or_other(
        self, store: LinkedStore, raw: Raw
    ) -> None:
        uploads = [granted(data) for data in map(pattern, range(1, 41))]
        there = uploads[::2]
        for upload in there:
            data = pattern(upload.size_bytes)
            assert follow("PUT", self.link(store, upload), data).is_success
        short, other = uploads[1], uploads[3]
        raw.plant(short.object, b"")
        raw.plant(other.object, bytes(other.size_bytes))
        assert store.find_uploaded(uploads) == {upload.object for upload in there}
        assert store.find_uploaded([]) == set()

    @pytest.mark.parametrize("name", OUTSIDE)
    def test_no_link_is_given_to_what_is_no_object(self, store: LinkedStore, name: str) -> None:
        now = datetime.now(UTC)
        upload = replace(granted(b"abc"), object=ObjectName(name))
        for verb in (
            lambda: store.upload_link(upload, now=now),
            lambda: store.download_link(ObjectName(name), until=upload.until, now=now),
            lambda: store.find_uploaded([upload]),
        ):
            with pytest.raises(Invalid) as caught:
                verb()
            assert caught.value.field == "object"
