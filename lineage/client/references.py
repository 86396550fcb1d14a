"""References: entries whose bytes lie elsewhere, by URI, and what was known of them then."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import httpx2

from lineage.client.placing import Placer
from lineage.client.scanning import entry_name, list_files
from lineage.errors import Conflict, Invalid, NotFound, Unavailable
from lineage.manifest import Entry

__all__ = ["fetch_reference", "list_references"]

_TIMEOUT: Final = httpx2.Timeout(60.0, connect=5.0)
_LOOK_TIMEOUT_S: Final = 5.0
_AS_STORED: Final = {"Accept-Encoding": "identity"}  # size and ETag of the file itself
_CHUNK_BYTES: Final = 1024 * 1024
_LATER: Final = "references into S3 come with a later release"


def list_references(uri: str, name: str | None, *, checksum: bool, max_objects: int) -> list[Entry]:
    """The entries for what lies at `uri`: one, or one for each file of a local folder.

    Args:
        name: the path in the artifact; the last part of the URI if None. For a folder, the folder.
        checksum: look at it now, and record size and ETag where that is cheap; otherwise the URI
            alone counts.
    Raises:
        Invalid: the URI's scheme is none that can be looked at.
        NotFound: nothing is there.
    """
    parts = urlsplit(uri)
    last = unquote(parts.path).rstrip("/").rpartition("/")[2] or parts.netloc
    if not checksum and parts.scheme:
        return [Entry(entry_name(name or last), ref=uri)]
    match parts.scheme:
        case "file":
            return _list_local(uri, name or last, max_objects)
        case "http" | "https":
            return [_look_at_url(uri, entry_name(name or last))]
        case "s3":
            reason = f"{_LATER}; until then checksum=False records the URI unseen"
            raise Invalid("uri", f"{uri!r:.300}: {reason}")
        case "":
            raise Invalid("uri", f"{uri!r:.300} is no URI: use add_file or add_dir for your files")
    reason = "only file, http and https are looked at; checksum=False records any URI unseen"
    raise Invalid("uri", f"{uri!r:.300}: {reason}")


def _list_local(uri: str, name: str, max_objects: int) -> list[Entry]:
    path = _local_path(uri)
    if not path.is_dir():
        return [_look_at_file(path, uri, entry_name(name))]
    found = list_files(str(path))
    if len(found) > max_objects:
        raise Invalid("max_objects", f"{path} holds {len(found)} files, more than {max_objects}")
    return [
        _look_at_file(Path(file), Path(file).absolute().as_uri(), entry_name(f"{name}/{inner}"))
        for inner, file in sorted(found.items())
    ]


def _local_path(uri: str) -> Path:
    parts = urlsplit(uri)
    if parts.netloc not in ("", "localhost"):
        raise Invalid("uri", f"{uri!r:.300} is on another machine; local is file:///path")
    return Path(url2pathname(parts.path))


def _look_at_file(path: Path, uri: str, name: str) -> Entry:
    try:
        found = path.stat()
    except OSError as exc:
        raise NotFound(f"there is nothing at {uri!r:.300}: {exc.strerror}", path=str(path)) from exc
    return Entry(name, found.st_size, ref=uri, extra={"etag": _file_etag(found)})


def _file_etag(found: os.stat_result) -> str:
    """As web servers make it: another one if the file was written since."""
    return f"{found.st_mtime_ns:x}-{found.st_size:x}"


def _look_at_url(url: str, name: str) -> Entry:
    try:
        response = httpx2.head(
            url, headers=_AS_STORED, follow_redirects=True, timeout=_LOOK_TIMEOUT_S
        )
    except httpx2.HTTPError as exc:
        raise Unavailable(f"{url!r:.300} cannot be reached: {exc}") from None
    if response.status_code in (404, 410):
        raise NotFound(f"there is nothing at {url!r:.300}")
    if not response.is_success:
        # Many servers refuse HEAD, or ask for a key: then the address is all there is to know.
        return Entry(name, ref=url)
    length = response.headers.get("Content-Length", "")
    etag = response.headers.get("ETag")
    extra = {"etag": etag} if etag else {}
    size_bytes = int(length) if length.isdecimal() else None
    return Entry(name, size_bytes, ref=url, extra=extra)


def fetch_reference(entry: Entry, placer: Placer) -> None:
    """Put what the reference points to in place, if it is still what was recorded.

    Raises:
        Conflict: its size or ETag is another one now.
        NotFound, Unavailable: nothing is there, or nobody answers.
        Invalid: the URI's scheme is none that can be read.
    """
    uri = entry.ref or ""
    match urlsplit(uri).scheme:
        case "file":
            path = _local_path(uri)
            now = _look_at_file(path, uri, entry.path)
            _refuse_changed(entry, now.size_bytes, now.extra["etag"])
            placer.place(entry.path, _read(path))
        case "http" | "https":
            try:
                with httpx2.stream(
                    "GET", uri, headers=_AS_STORED, follow_redirects=True, timeout=_TIMEOUT
                ) as response:
                    if not response.is_success:
                        status = response.status_code
                        raise NotFound(f"{uri!r:.300} was answered with {status}")
                    length = response.headers.get("Content-Length", "")
                    size_bytes = int(length) if length.isdecimal() else None
                    _refuse_changed(entry, size_bytes, response.headers.get("ETag"))
                    placer.place(entry.path, response.iter_bytes(_CHUNK_BYTES))
            except httpx2.HTTPError as exc:
                raise Unavailable(f"{uri!r:.300} cannot be reached: {exc}") from None
        case "s3":
            raise Invalid("uri", f"{uri!r:.300}: {_LATER}; get this one by other means")
        case scheme:
            reason = f"{scheme} is not a scheme that can be read here"
            raise Invalid("uri", f"{uri!r:.300}: {reason}")


def _refuse_changed(entry: Entry, size_bytes: int | None, etag: str | None) -> None:
    then = entry.extra.get("etag")
    is_other_size = None not in (entry.size_bytes, size_bytes) and entry.size_bytes != size_bytes
    if is_other_size or (then is not None and etag is not None and then != etag):
        message = f"{entry.ref!r:.300} is not what it was when {entry.path!r:.200} was logged"
        raise Conflict(message, path=entry.path, ref=entry.ref)


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
