"""What is tried on a bucket before it is trusted: good ones, and such as lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lineage.errors import Unavailable
from storage import probe as probing
from storage.probe import Outcome, check_promises, probe
from storage.s3 import S3BlobStore
from tests.contracts.buckets import Disk, open_store
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


class _Liar:
    """A store that accepts what it should refuse, as some that call themselves S3 do."""

    def __init__(self, s3: S3, disk: Disk, *, checks: bool, keeps: bool, links_too: bool) -> None:
        self._disk = disk
        self._checks = checks  # the SHA-256
        self._keeps = keeps  # what is there already
        self._links_too = links_too
        self._links_only = not links_too

    def __call__(self, request: Request) -> Reply | None:
        if request.method != "PUT":
            return None
        is_link = "X-Amz-Signature" in request.query
        if is_link is False and self._links_only:
            return None
        more = {}
        if self._checks:
            more["ChecksumSHA256"] = request.headers["x-amz-checksum-sha256"]
        if self._keeps:
            more["IfNoneMatch"] = "*"
        client = self._disk.client
        try:
            client.put_object(Bucket=self._disk.bucket, Key=request.key, Body=request.body, **more)
        except client.exceptions.ClientError as exc:
            status = exc.response["ResponseMetadata"]["HTTPStatusCode"]
            return refusal(status, exc.response["Error"]["Code"])
        return Reply(200, b"", {"ETag": '"x"'})


class TestProbing:
    def test_a_good_bucket_keeps_its_promises_and_nothing_else(
        self, s3: S3, raw: Disk, store: S3BlobStore
    ) -> None:
        check_promises(store)
        assert raw.everything() == {}

    def test_a_good_bucket_is_all_right_and_empty_afterwards(
        self, s3: S3, raw: Disk, store: S3BlobStore
    ) -> None:
        checks = list(probe(store))
        bad = [check for check in checks if check.outcome is not Outcome.OK]
        is_versioned = store.bucket.find_versioning()
        assert [check.name for check in bad] == (["versions"] if is_versioned else [])
        assert all(check.outcome is Outcome.WARNING for check in bad)
        assert len({check.name for check in checks}) == len(checks) == len(probing._ATTEMPTS) + 2
        assert all(check.name and check.sentence for check in checks)
        assert raw.everything() == {}

    def test_a_probe_that_is_given_up_leaves_nothing(
        self, s3: S3, raw: Disk, store: S3BlobStore
    ) -> None:
        for n in (1, 5, 9, 13):
            checks = probe(store)
            for _ in range(n):
                next(checks)
            checks.close()  # type: ignore[attr-defined]
            assert raw.everything() == {}

    @pytest.mark.parametrize(
        ("lie", "words", "names"),
        [
            (
                {"checks": False, "keeps": True, "links_too": True},
                "do not match their x-amz-checksum-sha256",
                {"wrong bytes", "link, wrong bytes"},
            ),
            (
                {"checks": False, "keeps": True, "links_too": False},
                "by a signed link it takes bytes",
                {"link, wrong bytes"},
            ),
            (
                {"checks": True, "keeps": False, "links_too": True},
                "does not honour If-None-Match",
                {"taken name", "link, taken name"},
            ),
            (
                {"checks": True, "keeps": False, "links_too": False},
                "a signed link can be used twice",
                {"link, taken name"},
            ),
        ],
    )
    def test_a_lying_store_is_found_out_at_the_start(
        self, s3: S3, plain: Disk, lie: dict[str, bool], words: str, names: set[str]
    ) -> None:
        with S3Proxy(s3) as proxy:
            proxy.answer = _Liar(s3, plain, **lie)
            store = open_store(plain, proxy.endpoint_url)
            with pytest.raises(Unavailable, match=words) as caught:
                check_promises(store)
            assert caught.value.reason == "settings"
            assert plain.everything() == {}
            failed = {c.name for c in probe(store) if c.outcome is Outcome.FAILED}
            assert names <= failed
            assert plain.everything() == {}

    def test_an_unreachable_bucket_is_one_answer(self) -> None:
        [check] = probe(S3BlobStore.at("s3://bucket", endpoint_url="http://127.0.0.1:9"))
        assert check.outcome is Outcome.FAILED
        assert "cannot be reached" in check.sentence

    def test_a_wrong_clock_is_told(self, s3: S3, plain: Disk) -> None:
        with S3Proxy(s3) as proxy:
            store = open_store(plain, proxy.endpoint_url)
            for minutes, outcome in ((3, Outcome.WARNING), (30, Outcome.FAILED)):
                late = datetime.now(UTC) - timedelta(minutes=minutes)
                date = f"{late:%a, %d %b %Y %H:%M:%S} GMT"
                proxy.change = lambda request, reply, date=date: replace(
                    reply, headers={**reply.headers, "Date": date}
                )
                [clock] = [check for check in probe(store) if check.name == "clock"]
                assert clock.outcome is outcome
                assert "set this machine's" in clock.sentence

    def test_an_unreachable_public_endpoint_is_a_warning(self, s3: S3, plain: Disk) -> None:
        store = open_store(plain, s3.endpoint_url, public_endpoint_url="http://127.0.0.1:9")
        [public] = [check for check in probe(store) if check.name == "link, public"]
        assert public.outcome is Outcome.WARNING
        assert "clients are sent to 127.0.0.1:9" in public.sentence
        check_promises(store)
