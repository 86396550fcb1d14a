"""Blobs in a bucket whose server, or the way to it, is in trouble, and settings that are wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from lineage.digest import Digest
from lineage.errors import AlreadyExists, Corrupt, Unavailable
from storage.layout import new_object
from storage.probe import check_promises
from storage.s3 import S3BlobStore
from tests.contracts.blob_store import (
    MIB,
    NOW,
    granted,
    pattern,
    read_all,
    upload_of,
)
from tests.contracts.buckets import Disk, open_store
from tests.services.proxy import Proxy
from tests.services.s3 import S3
from tests.services.s3_proxy import Reply, Request, S3Proxy, refusal

pytestmark = pytest.mark.usefixtures("aws_keys")


@pytest.fixture(params=["plain", "versioned"])
def raw(s3: S3, request: pytest.FixtureRequest) -> Iterator[Disk]:
    disk = Disk(s3, s3.new_bucket(versioned=request.param == "versioned"))
    yield disk
    s3.remove_bucket(disk.bucket)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """A server of this module alone: others must not see it go."""
    with S3(tmp_path_factory.mktemp("s3")) as server:
        yield server


class TestLostAnswers:
    """The server does what it is asked, and somebody on the way tells another story."""

    @pytest.fixture
    def proxy(self, s3: S3) -> Iterator[S3Proxy]:
        with S3Proxy(s3) as proxy:
            yield proxy

    def hide_first(self, proxy: S3Proxy, status: int = 500) -> None:
        """Let the first upload arrive, and answer it with an error."""
        hidden: list[Request] = []

        def change(request: Request, reply: Reply) -> Reply:
            if request.method != "PUT" or hidden:
                return reply
            hidden.append(request)
            return refusal(status, "InternalError")

        proxy.change = change

    def test_what_was_stored_all_the_same_is_kept(self, proxy: S3Proxy, raw: Disk) -> None:
        store = open_store(raw, proxy.endpoint_url)
        one, two = upload_of(b"one"), upload_of(b"two")
        self.hide_first(proxy)
        store.put(one, [b"one"], now=NOW)
        self.hide_first(proxy)
        store.put_many([(two, b"two")], now=NOW)
        assert raw.everything() == {one.object: b"one", two.object: b"two"}

    def test_what_somebody_else_stored_is_not_taken_for_ours(
        self, proxy: S3Proxy, raw: Disk
    ) -> None:
        store = open_store(raw, proxy.endpoint_url)
        upload = upload_of(b"abc")
        raw.plant(upload.object, b"there before")
        for status in (500, 409):
            proxy.answer = lambda request, status=status: (
                refusal(status, "OtherError") if request.method == "PUT" else None
            )
            with pytest.raises(AlreadyExists):
                store.put(upload, [b"abc"], now=NOW)
            with pytest.raises(AlreadyExists):
                store.put_many([(upload, b"abc")], now=NOW)
        assert raw.everything() == {upload.object: b"there before"}

    def test_an_upload_that_another_one_hinders_may_be_tried_again(
        self, proxy: S3Proxy, plain: Disk
    ) -> None:
        proxy.answer = lambda request: (
            refusal(409, "ConditionalRequestConflict") if request.method == "PUT" else None
        )
        store = open_store(plain, proxy.endpoint_url)
        with pytest.raises(Unavailable, match="by somebody else too: try again"):
            store.put(upload_of(b"abc"), [b"abc"], now=NOW)

    def test_of_many_none_is_left_if_one_cannot_be_stored(self, proxy: S3Proxy, raw: Disk) -> None:
        items = [(upload_of(data), data) for data in map(pattern, range(60))]
        unlucky = items[40][0].object
        proxy.answer = lambda request: (
            refusal(403, "AccessDenied")
            if request.method == "PUT" and request.key.endswith(unlucky)
            else None
        )
        with pytest.raises(Unavailable, match="s3:PutObject"):
            open_store(raw, proxy.endpoint_url).put_many(items, now=NOW)
        assert raw.everything() == {}

    def test_what_cannot_be_taken_back_does_not_hide_why(
        self, proxy: S3Proxy, plain: Disk, caplog: pytest.LogCaptureFixture
    ) -> None:
        items = [(upload_of(data), data) for data in map(pattern, range(5))]
        proxy.answer = lambda request: (
            refusal(403, "AccessDenied") if request.method == "POST" else None
        )
        items[4] = (replace(items[4][0], digest=Digest.of(b"x")), items[4][1])
        store = open_store(plain, proxy.endpoint_url)
        with pytest.raises(Corrupt):
            store.put_many(items, now=NOW)
        assert "not_removed n_objects=4" in caplog.text

    def test_an_answer_that_does_not_say_how_long_it_is_is_not_taken_for_empty(
        self, proxy: S3Proxy, plain: Disk, s3: S3
    ) -> None:
        name = new_object(Digest.of(b"abc"))
        plain.plant(name, b"abc")
        store = open_store(plain, proxy.endpoint_url)
        proxy.is_cut = True
        for verb in (
            lambda: list(store.iter_objects()),
            lambda: store.find_size(name),
            lambda: store.read(name).__enter__(),
            lambda: store.delete([name]),
        ):
            with pytest.raises(Unavailable, match="the connection broke in an answer"):
                verb()


class TestBrokenConnections:
    """A proxy cuts them where it is told to; what becomes of the bytes is seen on the disk."""

    @pytest.fixture
    def proxy(self, s3: S3) -> Iterator[Proxy]:
        with Proxy(s3.port) as proxy:
            yield proxy

    @pytest.fixture
    def store(self, proxy: Proxy, raw: Disk) -> S3BlobStore:
        return open_store(raw, proxy.url, timeout_s=5)

    def test_an_upload_whose_answer_is_lost_is_looked_for(
        self, store: S3BlobStore, proxy: Proxy, raw: Disk
    ) -> None:
        data = pattern(3 * MIB)
        upload = upload_of(data)
        n_continue = len(b"HTTP/1.1 100 Continue\r\n\r\n")
        proxy.cut_answers(after_bytes=n_continue)
        store.put(upload, [data], now=NOW)
        assert proxy.n_cut == 1
        assert raw.everything() == {upload.object: data}

    def test_an_upload_that_breaks_in_the_middle_leaves_nothing(
        self, store: S3BlobStore, proxy: Proxy, raw: Disk
    ) -> None:
        data = pattern(3 * MIB)
        upload = upload_of(data)
        proxy.cut_requests(after_bytes=MIB)
        with pytest.raises(Unavailable):
            store.put(upload, [data[:MIB], data[MIB:]], now=NOW)
        assert raw.everything() == {}
        store.put(upload, [data], now=NOW)
        assert raw.everything() == {upload.object: data}

    def test_of_many_whose_answers_are_lost_all_are_stored(
        self, store: S3BlobStore, proxy: Proxy, raw: Disk
    ) -> None:
        items = [(upload_of(data), data) for data in map(pattern, range(40))]
        proxy.cut_answers(after_bytes=1000, times=3)
        store.put_many(items, now=NOW)
        assert proxy.n_cut > 0
        assert raw.everything() == {upload.object: data for upload, data in items}

    @pytest.mark.parametrize(("start", "size_bytes"), [(0, None), (5, None), (MIB, 2 * MIB)])
    def test_a_reading_goes_on_where_it_broke(
        self, store: S3BlobStore, proxy: Proxy, raw: Disk, start: int, size_bytes: int | None
    ) -> None:
        data = pattern(4 * MIB)
        name = new_object(Digest.of(data))
        raw.plant(name, data)
        proxy.cut_answers(after_bytes=700_000, times=3)
        with store.read(name, start=start, size_bytes=size_bytes) as chunks:
            found = b"".join(chunks)
        proxy.forget_cuts()
        assert proxy.n_cut >= 2
        assert found == data[start : None if size_bytes is None else start + size_bytes]

    def test_a_reading_that_breaks_ever_again_gives_up(
        self, store: S3BlobStore, proxy: Proxy, raw: Disk
    ) -> None:
        data = pattern(4 * MIB)
        name = new_object(Digest.of(data))
        raw.plant(name, data)
        proxy.cut_answers(after_bytes=2000, times=100)
        with pytest.raises(Unavailable), store.read(name) as chunks:
            list(chunks)
        proxy.forget_cuts()

    def test_a_reading_never_goes_on_with_other_bytes(
        self, store: S3BlobStore, proxy: Proxy, raw: Disk
    ) -> None:
        name = new_object(Digest.of(b"abc"))
        raw.plant(name, pattern(4 * MIB))
        proxy.cut_answers(after_bytes=MIB)
        with store.read(name) as chunks:
            raw.plant(name, bytes(4 * MIB))
            with pytest.raises(Unavailable, match="was deleted or replaced while it was read"):
                list(chunks)


class TestAwayAndBack:
    """A server goes and comes, and the same store lives through it."""

    @pytest.fixture
    def disk(self, own: S3, monkeypatch: pytest.MonkeyPatch) -> Disk:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", own.secret_key)
        return Disk(own, own.new_bucket())

    def verbs(self, store: S3BlobStore) -> list[Callable[[], object]]:
        name = new_object(Digest.of(b"abc"))
        return [
            store.check,
            lambda: store.put(upload_of(b"abc"), [b"abc"], now=NOW),
            lambda: store.put_many([(upload_of(b"abc"), b"abc")], now=NOW),
            lambda: store.read(name).__enter__(),
            lambda: store.find_size(name),
            lambda: store.find_uploaded([granted(b"abc")]),
            lambda: store.delete([name]),
            lambda: list(store.iter_objects()),
            lambda: store.claim("a" * 32),
        ]

    def test_a_killed_server_is_unavailable_until_it_is_back(self, own: S3, disk: Disk) -> None:
        store = open_store(disk, own.endpoint_url, timeout_s=2)
        kept = upload_of(b"kept")
        store.put(kept, [b"kept"], now=NOW)
        own.kill9()
        try:
            for verb in self.verbs(store):
                with pytest.raises(Unavailable, match="cannot be reached: start it") as caught:
                    verb()
                assert caught.value.retryable
        finally:
            own.start()
        assert read_all(store, kept.object) == b"kept"
        store.check()

    def test_a_server_that_hangs_is_unavailable_until_it_goes_on(self, own: S3, disk: Disk) -> None:
        store = open_store(disk, own.endpoint_url, timeout_s=0.3)
        store.check()
        own.pause()
        try:
            for verb in self.verbs(store):
                with pytest.raises(Unavailable, match="does not answer"):
                    verb()
        finally:
            own.resume()
        upload = upload_of(b"after")
        store.put(upload, [b"after"], now=NOW)
        assert read_all(store, upload.object) == b"after"

    def test_a_server_that_restarts_between_two_calls_is_not_noticed(
        self, own: S3, disk: Disk
    ) -> None:
        store = open_store(disk, own.endpoint_url)
        for data in (b"one", b"two", b"three"):
            upload = upload_of(data)
            store.put(upload, [data], now=NOW)
            own.restart()
            assert read_all(store, upload.object) == data
            own.restart()


class TestSettings:
    """What a person has mistaken is said so that they can mend it, and their secret is not."""

    SECRET = "an-other-secret-access-key-0123456789"

    @pytest.fixture
    def said(self, s3: S3, plain: Disk) -> Callable[..., str]:
        def said(*, settings: bool = True, url: str | None = None, at: str | None = None) -> str:
            """What every verb says."""
            store = S3BlobStore.at(
                url or f"s3://{plain.bucket}", endpoint_url=at or s3.endpoint_url
            )
            name = new_object(Digest.of(b"abc"))
            words = set()
            for verb in (
                store.check,
                lambda: store.put(upload_of(b"abc"), [b"abc"], now=NOW),
                lambda: store.find_size(name),
                lambda: list(store.iter_objects()),
                lambda: store.delete([name]),
            ):
                with pytest.raises(Unavailable) as caught:
                    verb()
                assert (caught.value.facts.get("reason") == "settings") == settings
                assert self.SECRET not in str(caught.value)
                words.add(str(caught.value))
            return "\n".join(words)

        return said

    def test_no_credentials(
        self, said: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        assert "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in said()

    def test_no_credentials_for_links(self, s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        store = S3BlobStore.at("s3://bucket", endpoint_url=s3.endpoint_url)
        with pytest.raises(Unavailable, match="no credentials are there"):
            store.upload_link(upload_of(b"abc"), now=NOW)

    def test_an_unknown_access_key(
        self, said: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
        assert "look at AWS_ACCESS_KEY_ID" in said()

    def test_a_wrong_secret(
        self, said: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", self.SECRET)
        assert "look at AWS_SECRET_ACCESS_KEY" in said()

    def test_a_missing_bucket(self, said: Callable[..., str]) -> None:
        assert "the bucket no-such-bucket" in said(url="s3://no-such-bucket")
        assert "there is no such bucket: make it" in said(url="s3://no-such-bucket")

    def test_another_region(self, s3: S3, plain: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
        # boto3 finds its way by itself; a link that is signed for another region leads nowhere.
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-9")
        store = open_store(plain, s3.endpoint_url)
        store.check()
        with pytest.raises(
            Unavailable, match="for eu-central-9, where the bucket is not: set AWS_REGION="
        ) as caught:
            check_promises(store)
        assert caught.value.reason == "settings"

    def test_an_endpoint_where_nobody_is(self, said: Callable[..., str]) -> None:
        words = said(at="http://127.0.0.1:9", settings=False)
        assert "at http://127.0.0.1:9 cannot be reached: start it" in words

    def test_an_endpoint_that_speaks_no_tls(self, s3: S3, said: Callable[..., str]) -> None:
        assert "say http:// or https://" in said(at=s3.endpoint_url.replace("http:", "https:"))

    @pytest.mark.parametrize(
        ("status", "code", "advice", "settings"),
        [
            (403, "AccessDenied", "allow this access key s3:", True),
            (403, "RequestTimeTooSkewed", "set this machine's clock", False),
            (301, "PermanentRedirect", "set AWS_REGION", True),
            (503, "SlowDown", "asks for fewer requests", False),
            (429, "TooManyRequests", "asks for fewer requests", False),
            (500, "InternalError", "try again later", False),
            (507, "InsufficientStorage", "free some space", False),
            (418, "Teapot", "look at its log", False),
        ],
    )
    def test_a_refusal(
        self, s3: S3, said: Callable[..., str], status: int, code: str, advice: str, settings: bool
    ) -> None:
        with S3Proxy(s3) as proxy:
            reply = refusal(status, code, "words of the store")
            if status == 301:
                reply = replace(reply, headers={"x-amz-bucket-region": "eu-west-9"})
            proxy.answer = lambda request: reply
            assert advice in said(at=proxy.endpoint_url, settings=settings)

    def test_a_web_server_that_is_no_s3(self, s3: S3, said: Callable[..., str]) -> None:
        with S3Proxy(s3) as proxy:
            proxy.answer = lambda request: Reply(404, b"<html>hello", {"Content-Type": "text/html"})
            store = S3BlobStore.at("s3://bucket", endpoint_url=proxy.endpoint_url)
            with pytest.raises(Unavailable, match="no S3: look at its endpoint"):
                store.check()

    def test_throttling_that_passes_is_not_noticed(self, s3: S3, plain: Disk) -> None:
        n_asked = 0

        def answer(request: Request) -> Reply | None:
            nonlocal n_asked
            n_asked += 1
            return refusal(503, "SlowDown") if n_asked % 3 else None

        with S3Proxy(s3) as proxy:
            proxy.answer = answer
            store = open_store(plain, proxy.endpoint_url)
            upload = upload_of(b"abc")
            store.put_many([(upload, b"abc")], now=NOW)
            assert store.find_size(upload.object) == 3
