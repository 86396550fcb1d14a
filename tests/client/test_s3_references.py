"""References to S3, on a real server: what is recorded, what comes back, what is refused."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest

import lineage
from lineage.client import references, s3_references
from lineage.errors import (
    Conflict,
    Denied,
    Invalid,
    LineageError,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from tests.services.s3 import S3
from tests.services.web import Answer, Web, open_web


class Bucket:
    def __init__(self, client: Any, name: str) -> None:
        self.client = client
        self.name = name
        self.url = f"s3://{name}"

    def put(self, key: str, body: bytes = b"x") -> str | None:
        """The version that it has made."""
        told = self.client.put_object(Bucket=self.name, Key=key, Body=body)
        version_id: str | None = told.get("VersionId")
        return version_id

    def delete(self, key: str, **version: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=key, **version)


@pytest.fixture
def at_s3(s3: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(references, "_PAUSE_S", 0.01)
    client = boto3.session.Session().client("s3")
    yield client
    client.close()


@pytest.fixture
def versioned(s3: S3, at_s3: Any) -> Iterator[Bucket]:
    bucket = Bucket(at_s3, s3.new_bucket(versioned=True))
    yield bucket
    s3.remove_bucket(bucket.name)


@pytest.fixture
def plain(s3: S3, at_s3: Any) -> Iterator[Bucket]:
    bucket = Bucket(at_s3, s3.new_bucket())
    yield bucket
    s3.remove_bucket(bucket.name)


def add(uri: str, name: str | None = None, **options: Any) -> list[Any]:
    return lineage.Artifact("x", "dataset").add_reference(uri, name, **options)


def logged(*uris: str, **options: Any) -> lineage.Artifact:
    artifact = lineage.Artifact(f"x-{uuid4().hex[:8]}", "dataset")
    for uri in uris:
        artifact.add_reference(uri, **options)
    lineage.Api().log_artifact(artifact)
    return artifact


def told(artifact: lineage.Artifact) -> dict[str, tuple[str, bool | None]]:
    report = artifact.verify_references()
    return {each.path: (each.status.value, each.is_fetchable) for each in report}


# --- adding ----------------------------------------------------------------------------------


def test_version_etag_and_size_of_an_object_are_recorded(versioned: Bucket) -> None:
    first = versioned.put("data/table.csv", b"a,b")
    second = versioned.put("data/table.csv", b"a,b,c")
    assert first
    [entry] = add(f"{versioned.url}/data/table.csv")
    assert (entry.path, entry.size) == ("table.csv", 5)
    assert entry.ref == f"{versioned.url}/data/table.csv"
    assert entry.extra["versionID"] == second
    assert set(entry.extra["etag"]) <= set("0123456789abcdef-")
    [old] = add(f"{versioned.url}/data/table.csv?versionId={first}", "old.csv")
    assert (old.path, old.size, old.extra["versionID"]) == ("old.csv", 3, first)
    assert old.ref == f"{versioned.url}/data/table.csv?versionId={first}"


def test_a_bucket_without_versions_has_etags_alone(plain: Bucket) -> None:
    plain.put("a")
    plain.put("in/b")
    [entry] = add(f"{plain.url}/a")
    [inner] = add(f"{plain.url}/in")
    assert (set(entry.extra), set(inner.extra)) == ({"etag"}, {"etag"})


KEYS = ("set/b.txt", "set/sub/ä ö?#&%41+.txt", "set/a.txt", "set-other/c", "sex")


@pytest.mark.parametrize("kind", ["versioned", "plain"])
def test_a_folder_is_taken_with_all_that_is_in_it(
    kind: str, request: pytest.FixtureRequest
) -> None:
    bucket: Bucket = request.getfixturevalue(kind)
    made = {key: bucket.put(key, key.encode()) for key in KEYS}
    bucket.put("set/", b"")  # as consoles make them
    bucket.put("set/gone")
    bucket.delete("set/gone")
    for uri in (f"{bucket.url}/set", f"{bucket.url}/set/"):
        found = {entry.path: entry for entry in add(uri)}
        assert set(found) == {"a.txt", "b.txt", "sub/ä ö?#&%41+.txt"}
        for path, entry in found.items():
            assert entry.ref == f"{bucket.url}/set/{path}"
            assert entry.size == len(f"set/{path}".encode())
            assert entry.extra.get("versionID") == made[f"set/{path}"]
            assert entry.extra["etag"]
    assert {entry.path for entry in add(f"{bucket.url}/set", "in/here/")} == {
        "in/here/a.txt", "in/here/b.txt", "in/here/sub/ä ö?#&%41+.txt",
    }  # fmt: skip
    assert len(add(bucket.url)) == 5


def test_what_is_listed_object_by_object_is_the_same(
    versioned: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        versioned.put(f"set/{number}", b"old")
        versioned.put(f"set/{number}", b"new one")
    listed = [(e.path, e.size, e.extra) for e in add(f"{versioned.url}/set")]

    def refuse(*args: object) -> Any:
        raise Denied("who may list objects may not list versions")

    monkeypatch.setattr(s3_references.S3References, "_list_versions", refuse)
    assert [(e.path, e.size, e.extra) for e in add(f"{versioned.url}/set")] == listed


def test_more_objects_than_asked_for_are_refused_and_none_is_added(plain: Bucket) -> None:
    for number in range(12):
        plain.put(f"set/{number:02}")
    artifact = lineage.Artifact("x", "dataset")
    with pytest.raises(Invalid, match="at least 12 objects, more than 11: allow more"):
        artifact.add_reference(f"{plain.url}/set", max_objects=11)
    assert len(artifact.manifest) == 0
    artifact.add_reference(f"{plain.url}/set", max_objects=12)
    assert len(artifact.manifest) == 12


def test_more_than_a_page_of_objects_is_listed(
    plain: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(7):
        plain.put(f"set/{number}")
    pages = s3_references.S3References._pages

    def small(self: Any, verb: str, place: Any, prefix: str) -> Iterator[Any]:
        paginate = self._client.get_paginator(verb).paginate
        bounds = {"PageSize": 3}
        yield from paginate(Bucket=place.bucket, Prefix=prefix, PaginationConfig=bounds)

    assert pages is not small
    monkeypatch.setattr(s3_references.S3References, "_pages", small)
    assert len(add(f"{plain.url}/set")) == 7


def test_the_object_is_meant_where_there_is_a_folder_of_its_name(
    s3: S3, at_s3: Any, caplog: pytest.LogCaptureFixture, web: Web
) -> None:
    # A file system cannot hold both, so the server of the tests is one that can.
    _serve(web, {"/b/set": b"object", "/b/set/in": b"x"})
    with caplog.at_level(logging.WARNING), _pointed_at(web):
        [entry] = add("s3://b/set")
    assert (entry.path, entry.size) == ("set", 6)
    assert "the object is meant" in caplog.text
    assert "set/in" in caplog.text


@pytest.mark.parametrize(
    ("path", "error", "said"),
    [
        ("/none", NotFound, "no object and no folder"),
        ("/none/", NotFound, "no object and no folder"),
        ("/se", NotFound, "there is 'set/a': name its whole key"),
        ("/set/a?versionId=01JDWD000000000000000000ZZ", NotFound, "nothing"),
    ],
)
def test_a_reference_to_nothing_is_refused(
    versioned: Bucket, path: str, error: type[Exception], said: str
) -> None:
    versioned.put("set/a")
    with pytest.raises(error, match=said):
        add(versioned.url + path)


def test_what_cannot_be_reached_or_entered_is_told(
    plain: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain.put("a")
    with pytest.raises(NotFound):
        add("s3://no-such-bucket-anywhere/a")
    with pytest.raises(Invalid, match="names no bucket"):
        add("s3:///a")
    with pytest.raises(Invalid):
        add("s3://Not_A_Bucket!/a")
    with monkeypatch.context() as patch:
        patch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        with pytest.raises(Denied, match="AWS_SECRET_ACCESS_KEY"):
            add(f"{plain.url}/a")
    with monkeypatch.context() as patch:
        patch.delenv("AWS_ACCESS_KEY_ID")
        patch.delenv("AWS_SECRET_ACCESS_KEY")
        with pytest.raises(Unauthenticated, match="no keys"):
            add(f"{plain.url}/a")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{port}")
    with pytest.raises(Unavailable, match="cannot be reached"):
        add(f"{plain.url}/a")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "nonsense")
    with pytest.raises(Invalid):
        add(f"{plain.url}/a")


def test_keys_that_cannot_be_paths_are_named(plain: Bucket) -> None:
    plain.put("set/a")
    for key in ("set//double", "set/../up"):
        place = s3_references._Place.parse(f"{plain.url}/set")
        with pytest.raises(Invalid, match="refer to it by itself"):
            s3_references._entry(place, key, key.removeprefix("set/"), s3_references.Sighting(1))
    with pytest.raises(Invalid, match="reads as a version"):
        s3_references._entry(place, "a?versionId=1", "a", s3_references.Sighting(1))


def test_without_boto3_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(Invalid, match=r"pip install 'lineage-engine\[s3\]'"):
        add("s3://bucket/a")
    [entry] = add("s3://bucket/a/b?versionId=3", checksum=False)
    assert (entry.path, entry.extra) == ("b", {})


def test_an_endpoint_at_a_private_address_is_refused_where_that_is_forbidden(
    plain: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain.put("a")
    monkeypatch.setenv("LINEAGE_REFERENCES_FORBID_PRIVATE", "1")
    with pytest.raises(Denied, match="LINEAGE_REFERENCES_FORBID_PRIVATE"):
        add(f"{plain.url}/a")


# --- downloading -----------------------------------------------------------------------------


def test_a_download_brings_the_very_version_that_was_logged(
    project: str, versioned: Bucket
) -> None:
    first = versioned.put("set/a", b"first")
    versioned.put("set/none", b"")
    artifact = logged(f"{versioned.url}/set")
    versioned.put("set/a", b"second")
    assert (Path(artifact.download("one")) / "a").read_bytes() == b"first"
    versioned.delete("set/a")
    assert (Path(artifact.download("two")) / "a").read_bytes() == b"first"
    assert Path("two/none").read_bytes() == b""
    versioned.put("set/a", b"first")
    versioned.delete("set/a", VersionId=str(first))
    assert (Path(artifact.download("three")) / "a").read_bytes() == b"first"
    versioned.put("set/a", b"other")
    with pytest.raises(Conflict, match="is not what it was"):
        artifact.download("four")
    assert not Path("four/a").exists()


def test_a_version_that_the_address_names_is_that_one(project: str, versioned: Bucket) -> None:
    first = versioned.put("a", b"first")
    versioned.put("a", b"second")
    artifact = logged(f"{versioned.url}/a?versionId={first}", name="a")
    assert (Path(artifact.download()) / "a").read_bytes() == b"first"
    assert told(artifact) == {"a": ("ok", True)}
    versioned.delete("a", VersionId=str(first))
    assert told(artifact) == {"a": ("missing", False)}
    with pytest.raises(NotFound):
        artifact.download("again")


def test_without_versions_what_was_overwritten_is_a_conflict(project: str, plain: Bucket) -> None:
    for number in range(20):
        plain.put(f"set/{number}", b"%d" % number)
    artifact = logged(f"{plain.url}/set")
    out = Path(artifact.download("one"))
    assert [(out / f"{n}").read_bytes() for n in range(20)] == [b"%d" % n for n in range(20)]
    plain.put("set/7", b"9")
    with pytest.raises(Conflict, match="set/7"):
        artifact.download("two")
    assert not Path("two/7").exists()


def test_an_unseen_object_is_downloaded_as_it_is(project: str, plain: Bucket) -> None:
    plain.put("a", b"first")
    artifact = logged(f"{plain.url}/a", checksum=False)
    assert (Path(artifact.download()) / "a").read_bytes() == b"first"
    assert told(artifact) == {"a": ("unversioned", None)}
    plain.delete("a")
    assert told(artifact) == {"a": ("missing", False)}


def test_a_download_that_breaks_off_goes_on(
    project: str, plain: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytes(range(256)) * 20_000
    plain.put("a", data)
    artifact = logged(f"{plain.url}/a")
    asked: list[int] = []
    chunks, read = s3_references._chunks, s3_references.S3References.read

    def broken(body: Any, uri: str) -> Iterator[bytes]:
        for number, chunk in enumerate(chunks(body, uri)):
            if number == 2:
                raise Unavailable("it broke off")
            yield chunk

    def noted(self: Any, entry: Any, start: int) -> Any:
        asked.append(start)
        return read(self, entry, start)

    monkeypatch.setattr(s3_references, "_chunks", broken)
    monkeypatch.setattr(s3_references.S3References, "read", noted)
    assert (Path(artifact.download()) / "a").read_bytes() == data
    assert asked == [0, 2 * 1024 * 1024, 4 * 1024 * 1024]


# --- looking after them ----------------------------------------------------------------------


def test_what_lies_at_each_address_is_told(project: str, versioned: Bucket) -> None:
    made = {name: versioned.put(f"set/{name}", b"first") for name in ("a", "b", "c", "d", "e")}
    artifact = logged(f"{versioned.url}/set")
    assert set(told(artifact).values()) == {("ok", True)}
    versioned.put("set/b", b"other")
    versioned.delete("set/c")
    versioned.put("set/d", b"other")
    versioned.delete("set/d", VersionId=str(made["d"]))
    versioned.put("set/e", b"first")  # the same bytes once more
    assert told(artifact) == {
        "a": ("ok", True),
        "b": ("changed", True),
        "c": ("missing", True),
        "d": ("changed", False),
        "e": ("ok", True),
    }
    assert artifact.is_drifted


def test_without_versions_the_etag_tells(project: str, plain: Bucket) -> None:
    for name in "abc":
        plain.put(f"set/{name}", b"first")
    artifact = logged(f"{plain.url}/set")
    plain.put("set/a", b"first")
    plain.put("set/b", b"other")
    plain.delete("set/c")
    assert told(artifact) == {"a": ("ok", True), "b": ("changed", False), "c": ("missing", False)}


def test_a_bucket_that_cannot_be_entered_tells_nothing(
    project: str, plain: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain.put("a")
    artifact = logged(f"{plain.url}/a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    assert told(artifact) == {"a": ("unreachable", None)}
    assert artifact.reference_check is None


# --- what the server of the tests cannot do ----------------------------------------------------


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    with open_web() as web:
        yield web


def _serve(web: Web, objects: dict[str, bytes]) -> None:
    for path, body in objects.items():
        web[path] = Answer(body, ETag='"e"')
    listed = "".join(
        f"<Contents><Key>{path.removeprefix('/b/')}</Key><ETag>e</ETag><Size>1</Size></Contents>"
        for path in objects
        if path.startswith("/b/set/")
    )
    page = f"<ListBucketResult><Name>b</Name>{listed}</ListBucketResult>"
    for query in ("?list-type=2&prefix=set%2F&max-keys=1&encoding-type=url",):
        web[f"/b{query}"] = Answer(page.encode(), Content_Type="application/xml")


def _pointed_at(web: Web) -> Any:
    patch = pytest.MonkeyPatch.context()
    entered = patch.__enter__()
    entered.setenv("AWS_ENDPOINT_URL_S3", web.url)

    class _Leave:
        def __enter__(self) -> None:
            pass

        def __exit__(self, *args: object) -> None:
            patch.__exit__(None, None, None)

    return _Leave()


def test_errors_of_s3_are_ours() -> None:
    def error(status: int, code: str = "X") -> LineageError:
        told = {"ResponseMetadata": {"HTTPStatusCode": status}, "Error": {"Code": code}}
        return s3_references._refusal(told, "s3://b/k")

    kinds = {403: Denied, 404: NotFound, 412: Conflict, 416: Conflict, 503: Unavailable}
    kinds |= {400: Invalid, 500: Unavailable, 429: Unavailable}
    assert {status: type(error(status)) for status in kinds} == kinds
    assert "restore it" in str(error(403, "InvalidObjectState"))
