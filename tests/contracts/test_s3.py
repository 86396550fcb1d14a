"""Blobs in a bucket: the contracts without and with versions, and what only a bucket has."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lineage.digest import Digest
from lineage.errors import Conflict, NotFound, Unavailable
from lineage.model import ObjectName, StoredObject
from storage.layout import new_object
from storage.s3 import S3BlobStore
from storage.signing import LONGEST, Credentials, sign
from tests.contracts.blob_store import (
    NOW,
    BlobStoreContract,
    DirectTransferContract,
    follow,
    granted,
    read_all,
    upload_of,
)
from tests.contracts.buckets import PREFIX, Disk, open_store
from tests.services.s3 import S3
from tests.services.s3_proxy import Reply, Request, S3Proxy, refusal

pytestmark = pytest.mark.usefixtures("aws_keys")


@pytest.fixture(params=["plain", "versioned"])
def raw(s3: S3, request: pytest.FixtureRequest) -> Iterator[Disk]:
    disk = Disk(s3, s3.new_bucket(versioned=request.param == "versioned"))
    yield disk
    s3.remove_bucket(disk.bucket)


@pytest.fixture
def store(s3: S3, raw: Disk) -> S3BlobStore:
    return open_store(raw, s3.endpoint_url)


class TestS3BlobStore(BlobStoreContract, DirectTransferContract):
    pass


class TestNames:
    @pytest.mark.parametrize(
        "url",
        [
            "",
            "s3:",
            "s3://",
            "s3:///prefix",
            "file:///bucket",
            "https://bucket.s3.amazonaws.com",
            "s3://UPPER",
            "s3://user:secret@bucket",
            "s3://bucket:9000",
            "s3://bucket/../x",
            "s3://bucket/a//b",
            "s3://bucket/a?versions",
            "s3://bucket/a#b",
            "s3://bucket/a b",
        ],
    )
    def test_what_is_no_bucket_is_refused_and_not_repeated(self, url: str) -> None:
        with pytest.raises(ValueError, match="is not s3://bucket or s3://bucket/prefix") as caught:
            S3BlobStore.at(url)
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize("url", ["ftp://x", "localhost:7070", "http://k:s@x", "http://x/path"])
    def test_what_is_no_endpoint_is_refused(self, url: str) -> None:
        for more in ({"endpoint_url": url}, {"public_endpoint_url": url}):
            with pytest.raises(ValueError, match="has an endpoint that is not http"):
                S3BlobStore.at("s3://bucket", **more)

    @pytest.mark.parametrize("url", ["s3://bucket", "s3://bucket/", "s3://bucket/a/b_c.d=e/"])
    def test_a_bucket_with_or_without_prefix_is_taken(self, url: str) -> None:
        prefix = url.removeprefix("s3://bucket").strip("/")
        assert S3BlobStore.at(url).bucket.prefix == (f"{prefix}/" if prefix else "")

    def test_an_endpoint_may_come_from_where_aws_tools_look(
        self, s3: S3, plain: Disk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.endpoint_url)
        store = S3BlobStore.at(f"s3://{plain.bucket}/{PREFIX}")
        upload = granted(b"abc")
        link = store.upload_link(upload, now=datetime.now(UTC))
        assert follow("PUT", link, b"abc").is_success
        assert plain.everything() == {upload.object: b"abc"}

    def test_without_a_prefix_objects_lie_at_the_top(self, s3: S3, plain: Disk) -> None:
        store = open_store(plain, s3.endpoint_url, prefix="")
        upload = upload_of(b"abc")
        store.put(upload, [b"abc"], now=NOW)
        store.claim("a" * 32)
        disk = Disk(s3, plain.bucket, prefix="")
        assert disk.everything() == {upload.object: b"abc", "graph": b"a" * 32 + b"\n"}
        assert list(store.iter_objects()) == [StoredObject(upload.object, 3)]

    def test_stores_under_two_prefixes_do_not_see_each_other(self, s3: S3, plain: Disk) -> None:
        one, two = (open_store(plain, s3.endpoint_url, prefix=name) for name in ("a", "a/b"))
        one.claim("a" * 32)
        two.claim("b" * 32)
        upload = upload_of(b"abc")
        two.put(upload, [b"abc"], now=NOW)
        assert list(one.iter_objects()) == []
        assert one.find_size(upload.object) is None
        one.delete([upload.object])
        assert read_all(two, upload.object) == b"abc"

    def test_of_two_graphs_that_claim_at_once_one_is_refused(self, s3: S3, plain: Disk) -> None:
        stores = [open_store(plain, s3.endpoint_url) for _ in range(2)]
        barrier = threading.Barrier(8)

        def claim(n: int) -> str:
            barrier.wait(timeout=30)
            try:
                stores[n % 2].claim("ab"[n % 2] * 32)
            except Conflict:
                return "refused"
            return "ab"[n % 2]

        with ThreadPoolExecutor(8) as pool:
            said = sorted(pool.map(claim, range(8)))
        assert said in (["a"] * 4 + ["refused"] * 4, ["b"] * 4 + ["refused"] * 4)


class TestListing:
    def test_thousands_are_listed_and_deleted(self, s3: S3, store: S3BlobStore, raw: Disk) -> None:
        items = [(upload_of(data), data) for data in (b"%d" % n for n in range(2500))]
        store.put_many(items, now=NOW)
        expected = [StoredObject(u.object, u.size_bytes) for u, _ in items]
        expected.sort(key=lambda found: found.name)
        assert list(store.iter_objects()) == expected

        # What goes on around a listing: each page is asked for when the one before is used up.
        listing = store.iter_objects()
        seen = [next(listing)]
        store.delete([found.name for found in expected[900:1100]])
        seen += listing
        assert [o for o in seen if o not in expected[900:1100]] == expected[:900] + expected[1100:]

        store.delete([upload.object for upload, _ in items])
        assert list(store.iter_objects()) == []
        assert raw.everything() == {}

    def test_what_is_no_object_is_not_listed_and_not_touched(
        self, store: S3BlobStore, raw: Disk
    ) -> None:
        upload = upload_of(b"abc")
        for key in ("notes.txt", "sha256/notes.txt", f"{upload.object}.bak", "sha256x/y"):
            raw.plant(ObjectName(key), b"somebody's")
        before = raw.everything()
        store.put(upload, [b"abc"], now=NOW)
        assert list(store.iter_objects()) == [StoredObject(upload.object, 3)]
        store.delete([upload.object])
        assert raw.everything() == before


class TestVersions:
    @pytest.fixture
    def store(self, s3: S3, versioned: Disk) -> S3BlobStore:
        return open_store(versioned, s3.endpoint_url)

    def test_what_was_overwritten_or_marked_is_listed_and_frees_its_bytes(
        self, store: S3BlobStore, versioned: Disk
    ) -> None:
        twice, marked, both = sorted(new_object(Digest.of(b"abc")) for _ in range(3))
        versioned.plant(twice, b"12345")
        versioned.plant(twice, b"123")
        versioned.plant(marked, b"1234567")
        versioned.mark_deleted(marked)
        versioned.plant(both, b"1")
        versioned.mark_deleted(both)
        versioned.plant(both, b"22")
        versioned.mark_deleted(both)
        assert list(store.iter_objects()) == [
            StoredObject(twice, 8),
            StoredObject(marked, 7),
            StoredObject(both, 3),
        ]
        assert store.find_size(marked) is None
        with pytest.raises(NotFound), store.read(marked):
            pass
        assert sum(map(len, versioned.everything().values())) >= 18
        store.delete([twice, marked, both])
        assert versioned.everything() == {}
        assert list(store.iter_objects()) == []

    def test_versions_of_one_key_may_fill_pages(self, store: S3BlobStore, versioned: Disk) -> None:
        names = sorted(new_object(Digest.of(b"abc")) for _ in range(3))
        for name in names:
            versioned.plant(name, b"1")
        for _ in range(1100):
            versioned.plant(names[1], b"1")
        expected = [StoredObject(n, s) for n, s in zip(names, (1, 1101, 1), strict=True)]
        assert list(store.iter_objects()) == expected
        store.delete(names[:2])
        assert list(store.iter_objects()) == expected[2:]

    @pytest.mark.parametrize("status", ["Enabled", "Suspended"])
    def test_versions_kept_from_now_on_are_noticed(self, s3: S3, plain: Disk, status: str) -> None:
        store = open_store(plain, s3.endpoint_url)
        before, after = upload_of(b"before"), upload_of(b"after")
        store.put(before, [b"before"], now=NOW)
        store.delete([new_object(Digest.of(b"x"))])  # it has learned that there are none
        plain.keep_versions(status)
        store.put(after, [b"after"], now=NOW)
        plain.plant(after.object, b"again")
        store.delete([before.object, after.object])
        assert plain.everything() == {}
        assert list(store.iter_objects()) == []

    def test_what_a_suspended_bucket_kept_goes_as_well(
        self, store: S3BlobStore, versioned: Disk
    ) -> None:
        name = new_object(Digest.of(b"abc"))
        versioned.plant(name, b"old")
        versioned.keep_versions("Suspended")
        versioned.plant(name, b"null")
        assert list(store.iter_objects()) == [StoredObject(name, 7)]
        store.delete([name])
        assert versioned.everything() == {}

    def test_two_may_delete_the_same_at_once(self, s3: S3, versioned: Disk) -> None:
        names = [new_object(Digest.of(b"abc")) for _ in range(40)]
        for name in names:
            versioned.plant(name, b"1")
            versioned.plant(name, b"2")
        stores = [open_store(versioned, s3.endpoint_url) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda each: each.delete(names), stores))
        assert versioned.everything() == {}

    def test_a_store_that_tells_nothing_of_versions_is_listed_all_the_same(
        self, s3: S3, plain: Disk
    ) -> None:
        def answer(request: Request) -> Reply | None:
            is_asked = "versioning" in request.query or "versions" in request.query
            return refusal(501, "NotImplemented", "no versions here") if is_asked else None

        with S3Proxy(s3) as proxy:
            proxy.answer = answer
            store = open_store(plain, proxy.endpoint_url)
            upload = upload_of(b"abc")
            store.put(upload, [b"abc"], now=NOW)
            assert list(store.iter_objects()) == [StoredObject(upload.object, 3)]
            store.delete([upload.object])
            assert list(store.iter_objects()) == []

    def test_versions_that_may_not_be_listed_are_told(self, s3: S3, versioned: Disk) -> None:
        with S3Proxy(s3) as proxy:
            proxy.answer = lambda request: (
                refusal(403, "AccessDenied") if "versions" in request.query else None
            )
            store = open_store(versioned, proxy.endpoint_url)
            name = new_object(Digest.of(b"abc"))
            for verb in (lambda: list(store.iter_objects()), lambda: store.delete([name])):
                with pytest.raises(Unavailable, match="s3:ListBucketVersions"):
                    verb()


class TestDeleting:
    def test_a_key_that_cannot_be_deleted_is_told(self, s3: S3, plain: Disk) -> None:
        names = [new_object(Digest.of(b"abc")) for _ in range(3)]
        for name in names:
            plain.plant(name, b"abc")

        def change(request: Request, reply: Reply) -> Reply:
            if "delete" not in request.query:
                return reply
            key = f"{PREFIX}/{names[1]}"
            error = f"<Error><Key>{key}</Key><Code>AccessDenied</Code></Error>"
            return replace(reply, body=f"<DeleteResult>{error}</DeleteResult>".encode())

        with S3Proxy(s3) as proxy:
            proxy.change = change
            store = open_store(plain, proxy.endpoint_url)
            with pytest.raises(Unavailable, match="s3:DeleteObject"):
                store.delete([names[1]])

    def test_a_key_that_the_answer_leaves_out_is_told(self, s3: S3, plain: Disk) -> None:
        with S3Proxy(s3) as proxy:
            proxy.change = lambda request, reply: (
                replace(reply, body=b"<DeleteResult></DeleteResult>")
                if "delete" in request.query
                else reply
            )
            store = open_store(plain, proxy.endpoint_url)
            with pytest.raises(Unavailable, match="nothing of a key"):
                store.delete([new_object(Digest.of(b"abc"))])

    def test_a_key_that_is_busy_is_tried_again(self, s3: S3, plain: Disk) -> None:
        name = new_object(Digest.of(b"abc"))
        plain.plant(name, b"abc")
        n_asked = 0

        def answer(request: Request) -> Reply | None:
            nonlocal n_asked
            n_asked += "delete" in request.query
            if "delete" not in request.query or n_asked > 1:
                return None
            error = f"<Error><Key>{PREFIX}/{name}</Key><Code>InternalError</Code></Error>"
            return Reply(200, f"<DeleteResult>{error}</DeleteResult>".encode())

        with S3Proxy(s3) as proxy:
            proxy.answer = answer
            open_store(plain, proxy.endpoint_url).delete([name])
        assert plain.everything() == {}


class TestLinks:
    CREDENTIALS = Credentials(
        "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1"
    )

    def test_a_signature_is_that_of_the_documentation(self) -> None:
        # AWS, "Authenticating Requests: Using Query Parameters", its example.
        at = datetime(2013, 5, 24, tzinfo=UTC)
        url = "https://examplebucket.s3.amazonaws.com/test.txt"
        link = sign("GET", url, self.CREDENTIALS, now=at, until=at + timedelta(days=1))
        signature = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        assert link.url.endswith(f"&X-Amz-Signature={signature}")

    def test_a_link_holds_for_seven_days_at_most_and_never_past_its_end(self) -> None:
        for lasts, seconds in (
            (timedelta(days=30), 604_800),
            (LONGEST, 604_800),
            (timedelta(seconds=90, microseconds=999_999), 90),
            (timedelta(0), 1),
        ):
            link = sign("GET", "https://x/y", self.CREDENTIALS, now=NOW, until=NOW + lasts)
            assert f"&X-Amz-Expires={seconds}&" in link.url
        assert f"X-Amz-Date={NOW - timedelta(seconds=1):%Y%m%dT%H%M%SZ}" in link.url

    def test_a_session_token_is_part_of_the_link(self) -> None:
        credentials = replace(self.CREDENTIALS, token="a/b+c=")
        link = sign("GET", "https://x/y", credentials, now=NOW, until=NOW + LONGEST)
        assert "X-Amz-Security-Token=a%2Fb%2Bc%3D&" in link.url
        assert "a/b" not in repr(credentials)
        assert credentials.secret not in repr(credentials)

    def test_links_lead_to_where_clients_reach_the_bucket(self, s3: S3, plain: Disk) -> None:
        with S3Proxy(s3) as public:
            store = open_store(
                plain, s3.endpoint_url, public_endpoint_url=f"{public.endpoint_url}/"
            )
            upload = granted(b"abc")
            link = store.upload_link(upload, now=datetime.now(UTC))
            assert link.url.startswith(f"{public.endpoint_url}/{plain.bucket}/{PREFIX}/")
            assert follow("PUT", link, b"abc").is_success
            assert len(public.requests) == 1
            assert store.find_uploaded([upload]) == {upload.object}
            assert len(public.requests) == 1

    @pytest.mark.parametrize(
        ("bucket", "region", "base"),
        [
            ("bucket", "eu-west-1", "https://bucket.s3.eu-west-1.amazonaws.com"),
            ("bu.cket", "eu-west-1", "https://s3.eu-west-1.amazonaws.com/bu.cket"),
            ("bucket", "cn-north-1", "https://bucket.s3.cn-north-1.amazonaws.com.cn"),
        ],
    )
    def test_links_to_aws_lead_to_the_region(
        self, bucket: str, region: str, base: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AWS_DEFAULT_REGION")
        monkeypatch.setenv("AWS_REGION", region)
        upload = upload_of(b"abc")
        link = S3BlobStore.at(f"s3://{bucket}/p").upload_link(upload, now=NOW)
        assert link.url.startswith(f"{base}/p/{upload.object}?")
        assert f"%2F{region}%2Fs3%2Faws4_request" in link.url

    def test_thousands_are_signed_at_once(self, s3: S3, plain: Disk) -> None:
        store = open_store(plain, s3.endpoint_url)
        uploads = [upload_of(b"%d" % n) for n in range(2000)]
        began = time.perf_counter()
        assert len({store.upload_link(upload, now=NOW).url for upload in uploads}) == 2000
        assert time.perf_counter() - began < 2

    def test_what_was_put_with_another_checksum_is_not_taken_for_uploaded(
        self, s3: S3, plain: Disk
    ) -> None:
        upload = granted(b"abc")
        plain.plant(upload.object, b"abc")  # the same bytes, but the store has not checked them
        assert open_store(plain, s3.endpoint_url).find_uploaded([upload]) == set()
