"""Bytes straight between the client and the bucket, past the API; and past a bucket that fails."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import lineage
from lineage.client.connection import close_connections, connect
from lineage.errors import Corrupt, Unavailable
from tests.client.conftest import settle_in
from tests.services.s3 import S3
from tests.services.s3_proxy import Reply, Request, S3Proxy, refusal
from tests.services.server import Server

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def public(s3: S3) -> Iterator[S3Proxy]:
    """Where clients reach the bucket: it tells what went that way, and may fail."""
    with S3Proxy(s3) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def server(s3: S3, public: S3Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"LINEAGE_S3_PUBLIC_ENDPOINT_URL": public.endpoint_url}
    with Server(tmp_path_factory.mktemp("server"), s3=s3, settings=settings) as running:
        yield running


@pytest.fixture(autouse=True)
def at_home(
    server: Server, public: S3Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    settle_in(monkeypatch, tmp_path, server.url, server.key)
    public.requests.clear()
    yield
    public.answer = lambda request: None
    public.change = lambda request, reply: reply
    lineage.finish()
    close_connections()


def log(size_bytes: int) -> tuple[lineage.Artifact, bytes]:
    data = os.urandom(size_bytes)
    Path("large.bin").write_bytes(data)
    return log_again(), data


def log_again() -> lineage.Artifact:
    artifact = lineage.Artifact("large", "dataset")
    artifact.add_file("large.bin")
    return lineage.Api().log_artifact(artifact)


def sizes_put(public: S3Proxy) -> list[int]:
    return sorted(len(r.body) // MIB for r in public.requests if r.method == "PUT")


def test_large_files_go_past_the_api_both_ways_and_small_ones_through_it(public: S3Proxy) -> None:
    Path("small.txt").write_text("small")
    data = os.urandom(66 * MIB)
    Path("large.bin").write_bytes(data)
    artifact = lineage.Artifact("both", "dataset")
    artifact.add_file("large.bin")
    artifact.add_file("small.txt")
    logged = lineage.Api().log_artifact(artifact)
    assert sizes_put(public) == [2, 64]
    public.requests.clear()
    folder = logged.download("out")
    assert [r.method for r in public.requests] == ["GET", "GET"]
    assert Path(folder, "large.bin").read_bytes() == data
    assert Path(folder, "small.txt").read_text() == "small"


def test_a_key_of_ours_never_reaches_the_bucket(server: Server, public: S3Proxy) -> None:
    log(2 * MIB)[0].download("out")
    assert len(public.requests) == 2
    for request in public.requests:
        assert "authorization" not in request.headers
        assert server.key not in request.target + str(request.headers)


def test_a_bucket_that_fails_for_a_moment_is_asked_again(public: S3Proxy) -> None:
    left = iter([refusal(503, "SlowDown"), refusal(500, "InternalError")])
    public.answer = lambda request: next(left, None)
    logged, data = log(3 * MIB)
    assert len(public.requests) == 3
    assert Path(logged.download("out"), "large.bin").read_bytes() == data


def test_an_answer_that_is_lost_after_the_bytes_arrived_does_no_harm(public: S3Proxy) -> None:
    lost = iter([True])

    def change(request: Request, reply: Reply) -> Reply:
        return refusal(500, "InternalError") if next(lost, False) else reply

    public.change = change
    logged, data = log(3 * MIB)
    assert Path(logged.download("out"), "large.bin").read_bytes() == data


def test_bytes_that_change_on_their_way_are_refused_by_the_bucket(public: S3Proxy) -> None:
    def garble(request: Request) -> Reply:
        return public.forward(replace(request, body=b"x" + request.body[1:]))

    public.answer = garble
    with pytest.raises(Corrupt, match=r"large\.bin"):
        log(2 * MIB)


def test_a_broken_upload_goes_on_with_the_parts_that_are_missing(
    public: S3Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINEAGE_RETRY_S", "1")
    public.answer = lambda request: (
        refusal(503, "SlowDown")
        if request.method == "PUT" and len(request.body) < 64 * MIB
        else None
    )
    with pytest.raises(Unavailable):
        log(66 * MIB)
    public.answer = lambda request: None
    public.requests.clear()
    logged = log_again()
    assert sizes_put(public) == [2]
    assert logged.size == 66 * MIB


def test_a_download_that_breaks_off_goes_on_where_it_was(public: S3Proxy) -> None:
    logged, data = log(4 * MIB)
    public.requests.clear()
    cut = iter([True])
    public.change = lambda request, reply: (
        replace(reply, body=reply.body[: 3 * MIB]) if next(cut, False) else reply
    )
    assert Path(logged.download("out"), "large.bin").read_bytes() == data
    assert [r.headers.get("range") for r in public.requests] == [None, f"bytes={3 * MIB}-"]


def test_a_bucket_that_cannot_be_reached_is_said_once_and_the_api_is_used(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}"
        settings = {"LINEAGE_S3_PUBLIC_ENDPOINT_URL": nowhere}
        with Server(tmp_path / "server", s3=s3, settings=settings) as server:
            settle_in(monkeypatch, tmp_path, server.url, server.key)
            with caplog.at_level(logging.WARNING, logger="lineage"):
                logged, data = log(66 * MIB)
                found = Path(logged.download("out"), "large.bin").read_bytes()
            assert found == data
            assert not connect().http.direct.is_open
            close_connections()
    told = [r.getMessage() for r in caplog.records if "cannot be reached from here" in r.message]
    assert len(told) == 1
    assert "X-Amz" not in told[0]
