"""References over HTTP and to files: what is recorded, what comes back, what is refused."""

from __future__ import annotations

import hashlib
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import lineage
from lineage.client import references
from lineage.client.private_addresses import public_address
from lineage.client.sightings import ReferenceStatus, Sighting, compare
from lineage.errors import Conflict, Denied, Invalid, NotFound, Unavailable
from lineage.manifest import Entry
from tests.services.server import Server
from tests.services.web import Answer, Web, open_web

DATE = "Wed, 21 Oct 2026 07:28:00 GMT"
LATER = "Wed, 21 Oct 2026 07:28:01 GMT"


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setattr(references, "_PAUSE_S", 0.01)
    with open_web() as web:
        yield web


def add(*uris: str, **options: Any) -> list[Any]:
    artifact = lineage.Artifact("x", "dataset")
    return [entry for uri in uris for entry in artifact.add_reference(uri, **options)]


def logged(*uris: str, **options: Any) -> lineage.Artifact:
    artifact = lineage.Artifact(f"x-{uuid4().hex[:8]}", "dataset")
    for uri in uris:
        artifact.add_reference(uri, **options)
    lineage.Api().log_artifact(artifact)
    return artifact


def statuses(artifact: lineage.Artifact) -> dict[str, str]:
    report = artifact.verify_references()
    return {each.path: each.status.value for each in report}


def test_size_and_etag_of_an_address_are_recorded(web: Web) -> None:
    web["/a.bin"] = Answer(b"12345", ETag='"v1"', Last_Modified=DATE)
    [entry] = add(f"{web.url}/a.bin")
    assert (entry.path, entry.size, entry.extra) == ("a.bin", 5, {"etag": '"v1"'})
    assert entry.ref == f"{web.url}/a.bin"
    assert web.asked == [("HEAD", "/a.bin", "")]


@pytest.mark.parametrize("refused", [405, 403, 404, 501, 0])
def test_where_head_is_refused_one_byte_is_asked_for(web: Web, refused: int) -> None:
    web["/a"] = Answer(b"12345", methods="GET", refused=refused, ETag='"v1"')
    [entry] = add(f"{web.url}/a")
    assert (entry.size, entry.extra["etag"]) == (5, '"v1"')
    assert web.asked[-1] == ("GET", "/a", "bytes=0-0")


def test_servers_without_ranges_and_empty_files_are_looked_at_too(web: Web) -> None:
    web["/a"] = Answer(b"12345", methods="GET", knows_ranges=False, ETag='"v1"')
    web["/none"] = Answer(b"", methods="GET", ETag='"v0"')
    web["/unsized"] = Answer(b"abc", has_length=False)
    sizes = [entry.size for entry in add(f"{web.url}/a", f"{web.url}/none", f"{web.url}/unsized")]
    assert sizes == [5, 0, None]


def test_where_there_is_no_etag_the_date_stands_for_it(web: Web) -> None:
    web["/a"] = Answer(b"1", Last_Modified=DATE)
    [entry] = add(f"{web.url}/a")
    assert entry.extra == {"etag": f"last-modified:{DATE}"}


def test_redirects_are_followed_and_the_first_address_is_recorded(web: Web) -> None:
    web["/start"] = Answer(status=302, Location="/deep/middle")
    web["/deep/middle"] = Answer(status=308, Location="../end")
    web["/end"] = Answer(b"123", ETag='"e"')
    [entry] = add(f"{web.url}/start")
    assert (entry.path, entry.ref, entry.size) == ("start", f"{web.url}/start", 3)


def test_redirects_without_end_are_refused_and_shown(web: Web) -> None:
    web["/a"] = Answer(status=301, Location="/b")
    web["/b"] = Answer(status=301, Location="/a")
    with pytest.raises(Invalid, match=r"in a circle: .*/a -> .*/b -> .*/a$"):
        add(f"{web.url}/a")
    steps = iter(range(100))
    for n in range(101):
        web[f"/n{n}"] = lambda: Answer(status=307, Location=f"/n{next(steps) + 1}")
    with pytest.raises(Invalid, match="more than 20 times"):
        add(f"{web.url}/n0")


def test_a_redirect_that_sets_a_cookie_may_come_back(web: Web) -> None:
    answers = [Answer(status=302, Location="/a", Set_Cookie="seen=1"), Answer(b"12", ETag='"e"')]
    web["/a"] = lambda: answers.pop(0)
    assert add(f"{web.url}/a")[0].size == 2


@pytest.mark.parametrize("where", ["file:///etc/passwd", "ftp://h/x", "http://[bad/"])
def test_a_redirect_leads_to_addresses_of_http_alone(web: Web, where: str) -> None:
    web["/a"] = Answer(status=302, Location=where)
    with pytest.raises(Invalid, match="no address of HTTP"):
        add(f"{web.url}/a")


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (Answer(status=404), NotFound, "there is nothing"),
        (Answer(status=410), NotFound, "there is nothing"),
        (Answer(status=401), Denied, "asks for a key"),
        (Answer(status=403), Denied, "checksum=False"),
        (Answer(status=429), Unavailable, "try again later"),
        (Answer(status=503), Unavailable, "try again later"),
        (Answer(status=400), Invalid, "answered with 400"),
        (Answer(methods="", refused=0), Unavailable, "cannot be reached"),
    ],
)
def test_what_cannot_be_looked_at_is_told(
    web: Web, answer: Answer, error: type[Exception], said: str
) -> None:
    web["/a"] = answer
    with pytest.raises(error, match=said):
        add(f"{web.url}/a")
    assert add(f"{web.url}/a", checksum=False)[0].extra == {}


def test_a_folder_of_http_is_refused(web: Web) -> None:
    web["/data"] = Answer(status=301, Location="/data/")
    web["/data/"] = Answer(b"<html>")
    web["/"] = Answer(b"<html>")
    web["/?id=3"] = Answer(b"123")
    for path in ("/data", "/data/", "/", ""):
        with pytest.raises(Invalid, match="is a folder, and HTTP has no list"):
            add(web.url + path, name="x")
    assert add(f"{web.url}/?id=3", name="x")[0].size == 3


def test_nothing_of_a_refused_reference_is_added(web: Web, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).touch()
    artifact = lineage.Artifact("x", "dataset")
    (tmp_path / "own").write_text("own")
    artifact.add_file(tmp_path / "own", name="b")
    with pytest.raises(Invalid, match="in the artifact already"):
        artifact.add_reference(tmp_path.as_uri())
    assert list(artifact.manifest.entries) == ["b"]


@pytest.mark.parametrize("uri", ["", "data/x", "http:///x", "http://[bad", "gs://b/k", "://x"])
def test_what_is_no_address_is_refused(uri: str) -> None:
    with pytest.raises(Invalid):
        add(uri)


def test_a_dead_address_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unavailable, match="cannot be reached"):
        add(f"http://127.0.0.1:{port}/x")


def test_a_folder_here_is_taken_whole_or_not_at_all(tmp_path: Path) -> None:
    for name in ("b.txt", "sub/a.txt", "sub/c.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    paths = [entry.path for entry in add(tmp_path.as_uri())]
    assert paths == ["b.txt", "sub/a.txt", "sub/c.txt"]
    assert add(tmp_path.as_uri(), name="in/")[0].path == "in/b.txt"
    assert len(add(tmp_path.as_uri(), max_objects=3)) == 3
    with pytest.raises(Invalid, match="holds 3 files, more than 2: allow more"):
        add(tmp_path.as_uri(), max_objects=2)
    with pytest.raises(Invalid, match="less than 1"):
        add(tmp_path.as_uri(), max_objects=0)
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFound, match="there is no file"):
        add((tmp_path / "empty").as_uri())


# --- private addresses -----------------------------------------------------------------------


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEAGE_REFERENCES_FORBID_PRIVATE", "1")


def test_a_private_address_is_refused_where_that_is_forbidden(web: Web, guarded: None) -> None:
    web["/a"] = Answer(b"1")
    port = web.url.rpartition(":")[2]
    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0"):
        with pytest.raises(Denied, match="LINEAGE_REFERENCES_FORBID_PRIVATE"):
            add(f"http://{host}:{port}/a")
    assert web.asked == []


def test_a_redirect_to_a_private_address_is_refused_before_it_is_asked(
    web: Web, guarded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # To a test, the loopback is the only host: the first hop counts as public.
    checked: list[str] = []

    def first_is_public(host: str, port: int, uri: str) -> str:
        checked.append(host)
        return "127.0.0.1" if len(checked) == 1 else public_address(host, port, uri)

    monkeypatch.setattr("lineage.client.http_references.public_address", first_is_public)
    port = web.url.rpartition(":")[2]
    web["/a"] = Answer(status=302, Location=f"http://localhost:{port}/secret")
    web["/secret"] = Answer(b"1")
    with pytest.raises(Denied, match="localhost"):
        add(f"http://example.org:{port}/a")
    assert checked == ["example.org", "localhost"]
    assert [path for _, path, _ in web.asked] == ["/a"]


@pytest.mark.parametrize(
    "host",
    ["10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",  # noqa: S104
     "::1", "fe80::1", "fc00::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
     "224.0.0.1"],
)  # fmt: skip
def test_addresses_that_are_not_of_the_internet_are_told(host: str) -> None:
    with pytest.raises(Denied):
        public_address(host, 80, "uri")


def test_public_addresses_are_let_through() -> None:
    assert public_address("93.184.216.34", 80, "uri") == "93.184.216.34"
    assert public_address("2606:2800:220:1::1", 80, "uri") == "2606:2800:220:1::1"
    with pytest.raises(Unavailable, match="has no address"):
        public_address("nowhere.invalid", 80, "uri")


def test_the_setting_is_yes_or_no(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    web["/a"] = Answer(b"1")
    monkeypatch.setenv("LINEAGE_REFERENCES_FORBID_PRIVATE", "0")
    add(f"{web.url}/a")
    monkeypatch.setenv("LINEAGE_REFERENCES_FORBID_PRIVATE", "perhaps")
    with pytest.raises(Invalid, match="LINEAGE_REFERENCES_FORBID_PRIVATE"):
        add(f"{web.url}/a")


# --- downloading -----------------------------------------------------------------------------


def test_a_download_brings_what_was_logged_or_says_that_it_changed(project: str, web: Web) -> None:
    web["/a"] = Answer(b"first", ETag='"1"')
    web["/weak"] = Answer(b"weak", ETag='W/"1"')
    web["/unsized"] = Answer(b"x" * 3_000_000, has_length=False)
    web["/none"] = Answer(b"", ETag='"0"')
    names = ("a", "weak", "unsized", "none")
    artifact = logged(*(f"{web.url}/{name}" for name in names))
    out = Path(artifact.download("out"))
    assert [len((out / name).read_bytes()) for name in names] == [5, 4, 3_000_000, 0]
    for answer in (Answer(b"other", ETag='"2"'), Answer(b"longer", ETag='"1"')):
        web["/a"] = answer
        with pytest.raises(Conflict, match="is not what it was"):
            artifact.download("other")
        assert not Path("other/a").exists()
    web["/a"] = Answer(status=404)
    with pytest.raises(NotFound):
        artifact.download("other")


def test_an_unseen_address_is_downloaded_as_it_is(project: str, web: Web) -> None:
    web["/a"] = Answer(b"first")
    artifact = logged(f"{web.url}/a", checksum=False)
    web["/a"] = Answer(b"second")
    assert (Path(artifact.download()) / "a").read_bytes() == b"second"


def test_a_download_that_breaks_off_goes_on_where_it_was(project: str, web: Web) -> None:
    data = hashlib.sha256().digest() * 100_000
    web["/a"] = Answer(data, ETag='"1"')
    artifact = logged(f"{web.url}/a")
    web["/a"] = Answer(data, ETag='"1"', cut_at=1_100_000)
    out = Path(artifact.download("out"))
    assert (out / "a").read_bytes() == data
    ranges = [wanted for method, _, wanted in web.asked if method == "GET"]
    assert ranges == ["", "bytes=1100000-", "bytes=2200000-"]


def test_the_next_download_goes_on_where_one_was_given_up(project: str, web: Web) -> None:
    data = b"0123456789" * 300_000
    web["/a"] = Answer(data, ETag='"1"')
    artifact = logged(f"{web.url}/a")
    answers = [Answer(data, ETag='"1"', cut_at=2_100_000)]
    web["/a"] = lambda: answers.pop() if answers else Answer(status=503)
    with pytest.raises(Unavailable):
        artifact.download("out")
    assert not Path("out/a").exists()
    web["/a"] = Answer(data, ETag='"1"')
    web.asked.clear()
    assert (Path(artifact.download("out")) / "a").read_bytes() == data
    assert web.asked == [("GET", "/a", "bytes=2100000-")]


def test_a_server_that_forgot_ranges_sends_all_once_more(project: str, web: Web) -> None:
    data = b"0123456789" * 300_000
    web["/a"] = Answer(data, ETag='"1"')
    artifact = logged(f"{web.url}/a")
    answers = [Answer(data, ETag='"1"', cut_at=2_100_000)]
    web["/a"] = lambda: answers.pop() if answers else Answer(data, ETag='"1"', knows_ranges=False)
    assert (Path(artifact.download("out")) / "a").read_bytes() == data


def test_what_changes_between_two_attempts_is_not_patched_together(project: str, web: Web) -> None:
    data = b"0123456789" * 300_000
    web["/a"] = Answer(data, ETag='"1"')
    artifact = logged(f"{web.url}/a")
    answers = [Answer(data, ETag='"1"', cut_at=2_100_000)]
    web["/a"] = lambda: answers.pop() if answers else Answer(data[::-1], ETag='"2"')
    with pytest.raises(Conflict):
        artifact.download("out")
    assert not Path("out/a").exists()


def test_a_file_that_turned_into_a_folder_is_no_file(project: str, tmp_path: Path) -> None:
    path = tmp_path / "far"
    path.write_text("x")
    artifact = logged(path.as_uri())
    path.unlink()
    path.mkdir()
    with pytest.raises(Invalid, match="is a folder"):
        artifact.download("out")


# --- looking after them ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "extra", "now", "status"),
    [
        (1, {"etag": '"a"'}, Sighting(1, '"a"'), "ok"),
        (1, {"etag": '"a"'}, Sighting(None, '"a"'), "ok"),
        (1, {"etag": '"a"'}, Sighting(1, '"b"'), "changed"),
        (1, {"etag": '"a"'}, Sighting(2, '"a"'), "changed"),
        (1, {"etag": '"a"'}, Sighting(1), "unversioned"),
        (1, {"etag": 'W/"a"'}, Sighting(1, 'W/"a"'), "unversioned"),
        (1, {"etag": 'W/"a"'}, Sighting(1, '"a"'), "unversioned"),
        (1, {"etag": 'W/"a"'}, Sighting(1, 'W/"b"'), "changed"),
        (1, {"etag": f"last-modified:{DATE}"}, Sighting(1, None, None, DATE), "unversioned"),
        (1, {"etag": f"last-modified:{DATE}"}, Sighting(1, '"a"', None, DATE), "unversioned"),
        (1, {"etag": f"last-modified:{DATE}"}, Sighting(1, None, None, LATER), "changed"),
        (1, {"etag": f"last-modified:{DATE}"}, Sighting(1, '"a"'), "unversioned"),
        (1, {}, Sighting(1, '"a"'), "unversioned"),
        (1, {}, Sighting(2, '"a"'), "changed"),
        (None, {}, Sighting(2, '"a"'), "unversioned"),
        (1, {"etag": "a", "versionID": "v"}, Sighting(1, "a", "v"), "ok"),
        (1, {"etag": "a", "versionID": "v"}, Sighting(1, "a", "w"), "ok"),
        (1, {"etag": "a", "versionID": "v"}, Sighting(1, "b", "w"), "changed"),
        (1, {"versionID": "v"}, Sighting(1, "b", "w"), "changed"),
        (1, {"versionID": "v"}, Sighting(1, "b"), "unversioned"),
    ],
)
def test_a_sighting_is_compared_with_what_was_recorded(
    size: int | None, extra: dict[str, str], now: Sighting, status: str
) -> None:
    entry = Entry("x", size, ref="s3://b/k", extra=extra)
    assert compare(entry, now) is ReferenceStatus(status)


def test_each_reference_is_told_apart_and_the_version_marked(
    project: str, web: Web, tmp_path: Path
) -> None:
    for name in ("same", "other", "gone", "away"):
        web[f"/{name}"] = Answer(b"1", ETag='"1"')
    web["/weak"] = Answer(b"1", ETag='W/"1"')
    far = tmp_path / "far"
    far.write_text("x")
    artifact = logged(
        far.as_uri(), *(f"{web.url}/{n}" for n in ("same", "other", "gone", "away", "weak"))
    )
    draft = artifact.new_draft()
    draft.add_reference("gs://bucket/blob", checksum=False)
    lineage.Api().log_artifact(draft)
    artifact = draft
    fine = dict.fromkeys(("far", "same", "other", "gone", "away"), "ok")
    assert statuses(artifact) == {**fine, "weak": "unversioned", "blob": "unversioned"}
    assert (artifact.is_drifted, artifact.reference_check.n_ok) == (False, 5)

    web["/other"] = Answer(b"1", ETag='"2"')
    del web.answers["/gone"]
    web["/away"] = Answer(status=503)
    far.unlink()
    report = artifact.verify_references()
    told = {each.path: each.status.value for each in report if each.status != "ok"}
    assert told == {
        "other": "changed", "gone": "missing", "away": "unreachable", "far": "missing",
        "weak": "unversioned", "blob": "unversioned",
    }  # fmt: skip
    assert report.is_recorded
    assert not report.is_complete
    assert "n_unreachable" in report.counts
    assert "changed  other  something else lies there" in str(report)
    assert {each.path: each.is_fetchable for each in report}["other"] is False
    found = lineage.Api().artifact(artifact.qualified_name)
    assert found.is_drifted
    assert artifact.is_drifted
    check = found.reference_check
    assert (check.n_ok, check.n_changed, check.n_missing, check.n_unversioned) == (1, 1, 2, 2)
    assert check.checked_by


def test_a_look_that_could_not_see_all_clears_nothing(project: str, web: Web) -> None:
    web["/a"] = Answer(b"1", ETag='"1"')
    artifact = logged(f"{web.url}/a")
    web["/a"] = Answer(b"1", ETag='"2"')
    artifact.verify_references()
    assert artifact.is_drifted
    web["/a"] = Answer(status=500)
    report = artifact.verify_references()
    assert (report.is_recorded, report.not_recorded) == (False, "some could not be reached")
    assert lineage.Api().artifact(artifact.qualified_name).is_drifted
    web["/a"] = Answer(b"1", ETag='"1"')
    assert artifact.verify_references().is_recorded
    assert not lineage.Api().artifact(artifact.qualified_name).is_drifted


def test_a_look_leaves_alone_what_was_not_saved_yet(project: str, web: Web) -> None:
    web["/a"] = Answer(b"1", ETag='"1"')
    artifact = logged(f"{web.url}/a")
    other = lineage.Api().artifact(artifact.qualified_name)
    other.tags.append("theirs")
    other.save()
    artifact.tags.append("mine")
    artifact.verify_references()
    artifact.save()
    assert sorted(artifact.tags) == ["mine", "theirs"]


def test_files_alone_have_nothing_to_look_after(project: str) -> None:
    Path("a").write_text("1")
    artifact = lineage.Artifact("x", "dataset")
    artifact.add_file("a")
    lineage.Api().log_artifact(artifact)
    report = artifact.verify_references()
    assert (len(report), report.is_recorded) == (0, False)
    assert artifact.reference_check is None


def test_who_may_only_read_sees_the_answer_and_leaves_no_mark(
    project: str, web: Web, shared_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    web["/a"] = Answer(b"1", ETag='"1"')
    artifact = logged(f"{web.url}/a")
    refused = Denied("you may read it, but not change it")
    monkeypatch.setattr("lineage.client.http.Http.post", raising(refused))
    report = artifact.verify_references()
    assert [each.status for each in report] == [ReferenceStatus.OK]
    assert (report.is_recorded, report.not_recorded) == (False, refused.message)


def raising(error: Exception) -> Callable[..., Any]:
    def fn(*args: object, **options: object) -> Any:
        raise error

    return fn


def test_another_machines_files_are_unreachable_here(project: str, tmp_path: Path) -> None:
    far = tmp_path / "mount/scans/1.bin"
    far.parent.mkdir(parents=True)
    far.write_text("x")
    artifact = logged(far.as_uri())
    shutil.rmtree(tmp_path / "mount/scans")
    assert statuses(artifact) == {"1.bin": "missing"}
    shutil.rmtree(tmp_path / "mount")
    assert statuses(artifact) == {"1.bin": "unreachable"}


def test_what_was_made_from_drifted_data_is_told_in_a_trace(project: str, web: Web) -> None:
    web["/a"] = Answer(b"1", ETag='"1"')
    raw = logged(f"{web.url}/a")
    Path("model").write_text("m")
    with lineage.init() as run:
        run.use_artifact(raw)
        model = run.log_artifact("model", name="model", type="model")
    assert not any(node.is_below_drifted for node in raw.downstream().nodes)
    web["/a"] = Answer(b"2", ETag='"2"')
    raw.verify_references()
    assert [node.is_below_drifted for node in raw.downstream().nodes] == [True, True]
    up = model.upstream().nodes
    assert [(node.is_drifted, node.is_below_drifted) for node in up] == [
        (False, True),
        (True, False),
    ]
