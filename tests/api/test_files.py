"""Bytes on their way out."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from lineage.digest import Digest
from tests.api.calls import Rest, assert_problem, wait_until

DATA = bytes(range(256)) * 10_000  # 2.56 MB: several pieces


@pytest.fixture
def path(rest: Rest) -> str:
    version = rest.log("digits", {"dir/ä b?.bin": DATA})
    return f"{rest.version_path(version)}/files/dir/%C3%A4%20b%3F.bin"


def test_a_file_comes_whole_with_its_length_and_digest(rest: Rest, path: str) -> None:
    answer = rest.get(path)
    assert answer.status_code == 200
    assert answer.content == DATA
    assert answer.headers["content-length"] == str(len(DATA))
    assert answer.headers["etag"] == f'"{Digest.of(DATA)}"'
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == "attachment"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, len(DATA)),
        ("bytes=1000000-2100000", 1_000_000, 2_100_001),
        (f"bytes={len(DATA) - 1}-", len(DATA) - 1, len(DATA)),
        ("bytes=-5", len(DATA) - 5, len(DATA)),
        ("bytes=-99999999", 0, len(DATA)),
        ("bytes=5-99999999", 5, len(DATA)),
    ],
)
def test_a_range_is_just_that_part(rest: Rest, path: str, asked: str, start: int, end: int) -> None:
    answer = rest.get(path, headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == DATA[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(DATA)}"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("asked", [f"bytes={len(DATA)}-", "bytes=-0", "bytes=9999999-10000000"])
def test_a_range_behind_the_end_cannot_be_satisfied(rest: Rest, path: str, asked: str) -> None:
    answer = rest.get(path, headers={"Range": asked})
    assert_problem(answer, 416, "invalid")
    assert answer.headers["content-range"] == f"bytes */{len(DATA)}"


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=5-1", "bytes=-", "lines=0-1", "x"])
def test_any_other_range_is_answered_with_the_whole(rest: Rest, path: str, asked: str) -> None:
    answer = rest.get(path, headers={"Range": asked})
    assert answer.status_code == 200
    assert len(answer.content) == len(DATA)


def test_a_range_of_what_has_changed_is_the_whole(rest: Rest, path: str) -> None:
    headers = {"Range": "bytes=0-0", "If-Range": '"another"'}
    assert rest.get(path, headers=headers).status_code == 200
    headers["If-Range"] = f'"{Digest.of(DATA)}"'
    assert rest.get(path, headers=headers).status_code == 206


def test_what_the_client_has_is_not_sent_again(rest: Rest, path: str) -> None:
    answer = rest.get(path, headers={"If-None-Match": f'"{Digest.of(DATA)}"'})
    assert answer.status_code == 304
    assert answer.content == b""


def test_head_says_what_get_would(rest: Rest, path: str) -> None:
    for target in (path, f"/blobs/{Digest.of(DATA)}"):
        whole = rest.ask("HEAD", target)
        assert whole.status_code == 200
        assert whole.content == b""
        assert whole.headers["content-length"] == str(len(DATA))
        part = rest.ask("HEAD", target, headers={"Range": "bytes=1-2"})
        assert part.status_code == 206
        assert part.headers["content-length"] == "2"
    assert rest.ask("HEAD", f"/blobs/{Digest.of(uuid4().bytes)}").status_code == 404


def test_a_blob_can_be_had_by_its_digest(rest: Rest, path: str) -> None:
    answer = rest.get(f"/blobs/{Digest.of(DATA)}", headers={"Range": "bytes=300-"})
    assert answer.content == DATA[300:]
    missing = uuid4().bytes
    assert_problem(rest.get(f"/blobs/{Digest.of(missing)}"), 404, "not_found")
    assert_problem(rest.get("/blobs/sha256:00"), 422, "invalid")
    assert_problem(rest.get(f"/blobs/sha256-64m:{'0' * 64}"), 422, "invalid")


def test_a_path_that_is_not_there_or_leads_out_is_refused(rest: Rest, path: str) -> None:
    files = path.rpartition("/dir/")[0]
    assert_problem(rest.get(f"{files}/nope"), 404, "not_found")
    for wrong in ("..%2F..%2Fetc", "a%00b", "%2Fetc%2Fpasswd", "a//b"):
        assert_problem(rest.get(f"{files}/{wrong}"), 422, "invalid")


def test_the_manifest_is_the_pages_as_they_were_sent(rest: Rest) -> None:
    files = {f"{n:05}": b"%d" % (n % 7) for n in range(3000)}
    body = rest.draft("many", files)
    version = rest.log("many", files)
    answer = rest.get(f"{rest.version_path(version)}/manifest")
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.text == "".join(body["bodies"])
    assert len(body["bodies"]) > 1


def test_a_large_file_that_lost_bytes_is_cut_short_and_the_log_names_it(rest: Rest) -> None:
    data = os.urandom(5_000_000)
    version = rest.log("digits", {"big.bin": data})
    (stored,) = rest.new_objects()
    stored.chmod(0o600)
    os.truncate(stored, 4_500_000)
    with pytest.raises(httpx2.RemoteProtocolError):
        rest.get(f"{rest.version_path(version)}/files/big.bin")
    told = "what is stored of big.bin has 4500000 bytes instead of 5000000"
    wait_until(lambda: told in rest.server.log())
    stored.write_bytes(data)


def test_a_bundle_of_too_large_or_unknown_blobs_is_refused(rest: Rest, path: str) -> None:
    answer = rest.post("/blobs/bundle", {"digests": [Digest.of(DATA)]})
    assert_problem(answer, 413, "too_large")
    answer = rest.post("/blobs/bundle", {"digests": [Digest.of(uuid4().bytes)]})
    assert_problem(answer, 404, "not_found")
    answer = rest.post("/blobs/bundle", {"digests": ["x"] * 10_001})
    assert_problem(answer, 422, "invalid")


def test_a_client_that_goes_away_halfway_leaves_no_file_open(rest: Rest) -> None:
    version = rest.log("digits", {"big.bin": os.urandom(40_000_000)})
    path = f"/api/v1{rest.version_path(version)}/files/big.bin"
    path = path.replace("{P}", f"/projects/{rest.name}")
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {rest.server.key}"

    def n_open() -> int:
        n = 0
        for link in Path(f"/proc/{rest.server.reader_pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed while we look
                n += "/sha256/" in str(link.readlink())
        return n

    with socket.create_connection(("127.0.0.1", rest.server.port)) as connection:
        connection.sendall(head.encode() + b"\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        assert n_open() == 1
    wait_until(lambda: n_open() == 0)
