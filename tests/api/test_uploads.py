"""Bytes on their way in: whole and right, or refused with nothing left behind."""

from __future__ import annotations

import hashlib
import os
import socket
from uuid import uuid4

import pytest

from lineage.digest import Digest
from tests.api.calls import BUNDLE, Rest, assert_problem, bundle, page_of, wait_until
from tests.services.server import Server


def test_an_upload_lies_in_the_store_byte_for_byte(rest: Rest) -> None:
    data = os.urandom(3_000_000)
    _, hold = rest.target(data)
    assert rest.put(hold, data).status_code == 204
    (stored,) = rest.new_objects()
    assert hashlib.sha256(stored.read_bytes()).hexdigest() == Digest.of(data).hex


def test_an_empty_file_can_be_uploaded(rest: Rest) -> None:
    version = rest.log("digits", {"empty": b""})
    answer = rest.get(f"{rest.version_path(version)}/files/empty")
    assert answer.status_code == 200
    assert answer.content == b""


def test_an_upload_in_chunks_of_unknown_length_is_fine(rest: Rest) -> None:
    data = os.urandom(2_500_000)
    _, hold = rest.target(data)
    chunks = (data[at : at + 70_001] for at in range(0, len(data), 70_001))
    url = rest.server.url + hold["upload"]["url"]
    assert rest.client.put(url, content=chunks).status_code == 204
    assert rest.get(f"/blobs/{Digest.of(data)}").status_code == 200


def test_too_few_bytes_are_refused_and_leave_nothing(rest: Rest) -> None:
    _, hold = rest.target(b"all of it")
    document = assert_problem(rest.put(hold, b"all of"), 422, "invalid")
    assert document["field"] == "size_bytes"
    assert rest.new_objects() == []
    assert rest.put(hold, b"all of it").status_code == 204


def test_too_many_bytes_are_refused_and_leave_nothing(rest: Rest) -> None:
    _, hold = rest.target(b"short")
    document = assert_problem(rest.put(hold, b"short" * 1_000_000), 422, "invalid")
    assert document["field"] == "size_bytes"
    assert rest.new_objects() == []


def test_other_bytes_are_refused_and_leave_nothing(rest: Rest) -> None:
    _, hold = rest.target(b"right")
    assert_problem(rest.put(hold, b"wrong"), 422, "corrupt")
    assert rest.new_objects() == []


def test_a_client_that_goes_away_in_the_middle_leaves_nothing(rest: Rest) -> None:
    data = os.urandom(8_000_000)
    _, hold = rest.target(data)
    with socket.create_connection(("127.0.0.1", rest.server.port)) as connection:
        head = (
            f"PUT {hold['upload']['url']} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {rest.server.key}\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        connection.sendall(head.encode() + data[:4_000_000])
        if rest.server.is_on_folder:  # a bucket shows nothing before it is whole
            wait_until(lambda: sum(p.stat().st_size for p in rest.new_objects()) >= 1_000_000)
    wait_until(lambda: rest.new_objects() == [])
    wait_until(lambda: "client_gone" in rest.server.log())
    assert rest.put(hold, data).status_code == 204


def test_an_upload_that_nobody_granted_is_not_found(rest: Rest) -> None:
    for name in (f"sha256/ab/{'c' * 62}-{'0' * 32}", "../../etc/passwd", "x", "%00"):
        answer = rest.ask("PUT", f"/uploads/{name}", content=b"x")
        assert answer.status_code in (404, 422), answer.text


def test_an_upload_done_twice_asks_to_begin_anew(rest: Rest) -> None:
    data = uuid4().bytes
    _, hold = rest.target(data)
    assert rest.put(hold, data).status_code == 204
    assert_problem(rest.put(hold, data), 404, "not_found")


def test_a_bundle_stores_many_blobs_at_once(rest: Rest) -> None:
    files = {f"f{n:03}": os.urandom(n * 37 + 16) for n in range(200)}
    body = rest.draft("digits", files)
    texts, body["bodies"] = body["bodies"], []
    rest.post("/drafts", body)
    blobs = [(str(Digest.of(data)), data) for data in files.values()]
    asked = [[digest, len(data)] for digest, data in blobs]
    holds = rest.post(f"/drafts/{body['id']}/holds", {"blobs": asked}).json()["holds"]
    assert [hold["digest"] for hold in holds] == [digest for digest, _ in blobs]
    assert not any(hold["held"] for hold in holds)
    path, headers = f"/drafts/{body['id']}/bundle", {"Content-Type": BUNDLE}
    assert rest.post(path, content=bundle(blobs), headers=headers).status_code == 204
    again = rest.post(f"/drafts/{body['id']}/holds", {"blobs": asked}).json()["holds"]
    assert all(hold["held"] for hold in again)
    pages = bundle([(Digest.of(text.encode()), text.encode()) for text in texts])
    path = f"/drafts/{body['id']}/pages"
    assert rest.post(path, content=pages, headers=headers).status_code == 204
    committed = rest.post(f"/drafts/{body['id']}/commit").json()
    assert committed["created"] is True
    assert committed["version"]["n_files"] == 200
    assert rest.post(f"/drafts/{body['id']}/commit").json() == committed
    answer = rest.post("/blobs/bundle", {"digests": [digest for digest, _ in blobs]})
    assert answer.headers["content-type"] == BUNDLE
    assert answer.content == bundle(blobs)


DATA = b"some bytes"
NAME = str(Digest.of(DATA))
LINE = b'[["%s",10]]\n' % NAME.encode()


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "invalid"),
        (LINE.rstrip(), 400, "invalid"),
        (b"{" + LINE + DATA, 400, "invalid"),
        (b"\xff\n", 400, "invalid"),
        (b"{}\n", 422, "invalid"),
        (b'[["sha256:00",1]]\nx', 422, "invalid"),
        (LINE.replace(b",10]", b",-1]") + DATA, 422, "invalid"),
        (LINE.replace(b",10]", b",true]") + DATA, 422, "invalid"),
        (LINE.replace(b",10]", b",10.0]") + DATA, 422, "invalid"),
        (LINE + DATA[:-1], 422, "invalid"),
        (LINE + DATA + b"!", 422, "invalid"),
        (LINE.replace(b",10]", b",9]") + DATA[:-1], 422, "invalid"),
        (LINE + DATA.upper(), 422, "corrupt"),
        (LINE.replace(b",10]", b",1048577]") + DATA, 413, "too_large"),
        (b"[%s]\n" % b",".join([LINE.strip()[1:-1]] * 10_001), 413, "too_large"),
        (b" " * 2_000_001 + b"\n", 413, "too_large"),
    ],
)
def test_a_bundle_that_is_not_right_is_refused_whole(
    rest: Rest, content: bytes, status: int, code: str
) -> None:
    good = uuid4().bytes
    body = rest.draft("digits", {"a": DATA, "b": good})
    rest.post("/drafts", body)
    path, headers = f"/drafts/{body['id']}/bundle", {"Content-Type": BUNDLE}
    answer = rest.post(path, content=content, headers=headers)
    assert_problem(answer, status, code)
    assert_problem(rest.get(f"/blobs/{NAME}"), 404, "not_found")


def test_one_bad_blob_spoils_its_whole_bundle(rest: Rest) -> None:
    body = rest.draft("digits", {"a": b"good", "b": b"also good"})
    rest.post("/drafts", body)
    content = bundle([(Digest.of(b"good"), b"good"), (Digest.of(b"also good"), b"also BAD!")])
    answer = rest.post(
        f"/drafts/{body['id']}/bundle", content=content, headers={"Content-Type": BUNDLE}
    )
    assert_problem(answer, 422, "corrupt")
    assert rest.new_objects() == []


def test_a_bundle_over_32_mib_is_too_large(rest: Rest) -> None:
    body = rest.draft("digits", {"a": uuid4().bytes})
    rest.post("/drafts", body)
    header = b"[%s]\n" % b",".join([b'["%s",1048576]' % NAME.encode()] * 33)
    answer = rest.post(
        f"/drafts/{body['id']}/bundle", content=header, headers={"Content-Type": BUNDLE}
    )
    assert_problem(answer, 413, "too_large")


def test_a_page_whose_blobs_are_not_held_is_refused(rest: Rest) -> None:
    data = uuid4().bytes
    body = rest.draft("digits", {"a": data}, inline=False)
    rest.post("/drafts", body)
    page = page_of([("a", data)])
    path, headers = f"/drafts/{body['id']}/pages", {"Content-Type": BUNDLE}
    document = assert_problem(
        rest.post(path, content=bundle([(Digest.of(page), page)]), headers=headers),
        409,
        "conflict",
    )
    assert document["digest"] == Digest.of(data)
    wrong = bundle([(Digest.of(b"other"), page)])
    assert_problem(rest.post(path, content=wrong, headers=headers), 422, "corrupt")


def test_unchanged_content_needs_one_request_and_no_bytes(rest: Rest) -> None:
    files = {"a": uuid4().bytes, "b": uuid4().bytes}
    first = rest.log("digits", files)
    answer = rest.post("/drafts", rest.draft("digits", files)).json()
    assert answer["created"] is False
    assert answer["version"] == first
    assert answer["holds"] == []


def test_bytes_that_were_stored_and_never_acknowledged_go_when_asked_for_again(rest: Rest) -> None:
    data = os.urandom(1000)
    id, hold = rest.target(data)
    # As a crash between storing the file and recording it leaves things.
    lost = rest.server.blobs_path / hold["upload"]["object"]
    lost.parent.mkdir(parents=True, exist_ok=True)
    lost.write_bytes(data)
    answer = rest.post(f"/drafts/{id}/holds", {"blobs": [[Digest.of(data), len(data)]]})
    assert answer.json()["holds"][0]["held"] is False
    assert rest.new_objects() == []


def test_a_discarded_draft_leaves_nothing(rest: Rest) -> None:
    data = os.urandom(1000)
    id, hold = rest.target(data)
    assert rest.put(hold, data).status_code == 204
    assert len(rest.new_objects()) == 1
    assert rest.ask("DELETE", f"/drafts/{id}").status_code == 204
    assert rest.new_objects() == []
    assert_problem(rest.post(f"/drafts/{id}/commit"), 404, "not_found")


def test_a_file_that_may_not_grow_is_unavailable_and_leaves_nothing(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    # A disk that fills up, as far as the server can tell.
    prefix = ("prlimit", "--fsize=4000000")
    with Server(tmp_path_factory.mktemp("small"), prefix=prefix) as server:
        rest = Rest(server)
        data = os.urandom(6_000_000)
        _, hold = rest.target(data)
        assert_problem(rest.put(hold, data), 503, "unavailable")
        assert server.objects() == []
        rest.close()
