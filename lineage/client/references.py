"""References: entries whose bytes lie elsewhere, by URI, and what was known of them then."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self
from urllib.parse import unquote, urlsplit

from lineage.client.cache import BlobCache
from lineage.client.file_references import FileReferences
from lineage.client.http_references import HttpReferences
from lineage.client.placing import Placer
from lineage.client.progress import Progress
from lineage.client.s3_references import S3References
from lineage.client.scanning import entry_name
from lineage.client.sightings import Sighting, changed, is_strong
from lineage.digest import Digest
from lineage.errors import Invalid, Unavailable
from lineage.manifest import Entry

__all__ = ["Place", "Places", "fetch_references", "list_references"]

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_THREADS: Final = 8
_N_FAILURES: Final = 3  # in a row, without a byte in between
_PAUSE_S: Final = 0.3


class Place(Protocol):
    """Where references of a scheme lead."""

    def list(self, uri: str, name: str | None, max_objects: int) -> list[Entry]:
        """The entries for what lies there now."""

    def look(self, uri: str) -> Sighting:
        """What lies there now."""

    def has_logged(self, entry: Entry) -> bool:
        """Whether what was logged is still there, beside what lies at the address now."""

    def read(self, entry: Entry, start: int) -> AbstractContextManager[tuple[int, Iterator[bytes]]]:
        """The bytes of what was logged, and from where on: `start`, or 0. Conflict if something
        else is there."""

    def close(self) -> None: ...


_PLACES: Final[dict[str, type[Place]]] = {
    "file": FileReferences,
    "http": HttpReferences,
    "https": HttpReferences,
    "s3": S3References,
}


_NO_PLACE: Final = (
    f"only {', '.join(_PLACES)} are looked at and read; checksum=False records any URI unseen"
)


class Places:
    """What a piece of work has open to where references lead. Safe for many threads."""

    def __init__(self) -> None:
        self._open: dict[type[Place], Place] = {}
        self._lock = threading.Lock()

    def of(self, uri: str) -> Place:
        """Raises: Invalid: the URI's scheme is none that can be looked at."""
        scheme = _scheme_of(uri)
        if scheme not in _PLACES:
            raise Invalid("uri", f"{uri!r:.300}: {_NO_PLACE}")
        kind = _PLACES[scheme]
        with self._lock:
            if kind not in self._open:
                self._open[kind] = kind()
            return self._open[kind]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for place in self._open.values():
            place.close()


def list_references(uri: str, name: str | None, *, checksum: bool, max_objects: int) -> list[Entry]:
    """The entries for what lies at `uri`: one, or one for each file or object of a folder.

    Args:
        name: the path in the artifact; the last part of the URI if None. For a folder, the folder
            to put its content in; none if None.
        checksum: look at it now, and record size, ETag and version as far as there are any;
            otherwise the URI alone counts.
        max_objects: more than these in a folder are refused.
    Raises:
        Invalid: the URI's scheme is none that can be looked at; there are more than `max_objects`;
            an address of HTTP is a folder, or redirects without end.
        NotFound: nothing is there.
        Denied, Unauthenticated: it may not be looked at.
        Unavailable: nobody answers.
    """
    if max_objects < 1:
        raise Invalid("max_objects", f"{max_objects} is less than 1")
    if not _scheme_of(uri):
        raise Invalid("uri", f"{uri!r:.300} is no URI: use add_file or add_dir for your files")
    if not checksum:
        return [Entry(entry_name(name or _last_part(uri)), ref=uri)]
    with Places() as places:
        return places.of(uri).list(uri, name, max_objects)


def _scheme_of(uri: str) -> str:
    found = _SCHEME.match(uri)
    return found[1].lower() if found else ""


def _last_part(uri: str) -> str:
    """What people would call it; of S3, a key is taken letter by letter."""
    if _scheme_of(uri) == "s3":
        return uri.partition("?versionId=")[0].rstrip("/").rpartition("/")[2]
    try:
        parts = urlsplit(uri)
    except ValueError as exc:
        raise Invalid("uri", f"{uri!r:.300} is no URI: {exc}") from exc
    return unquote(parts.path).rstrip("/").rpartition("/")[2] or parts.netloc


def fetch_references(entries: Sequence[Entry], placer: Placer, cache: BlobCache) -> None:
    """Put what the references point to in place, if it is still what was recorded.

    Raises:
        Conflict: something else lies there now.
        NotFound, Denied, Unavailable: nothing is there, it may not be read, or nobody answers.
        Invalid: a URI's scheme is none that can be read.
    """
    total_bytes = sum(entry.size_bytes or 0 for entry in entries)
    with (
        Places() as places,
        Progress("downloading references", total_bytes) as progress,
        progress.pool(_THREADS, "references") as pool,
    ):
        futures = [pool.submit(_fetch, places, entry, placer, cache, progress) for entry in entries]
        for future in futures:
            future.result()


def _fetch(
    places: Places, entry: Entry, placer: Placer, cache: BlobCache, progress: Progress
) -> None:
    place = places.of(entry.ref or "")
    etag, version_id = entry.extra.get("etag"), entry.extra.get("versionID")
    can_go_on = (version_id is not None or is_strong(etag)) and entry.size_bytes is not None
    if not can_go_on or isinstance(place, FileReferences):
        _place_whole(place, entry, placer, progress)
        return
    # What a broken download has brought so far is kept under a name made of all that tells the
    # bytes from others; the next download begins with it.
    name = Digest.of(f"{entry.ref}\n{version_id}\n{etag}\n{entry.size_bytes}".encode())
    with cache.receive(name) as part:
        _receive(place, entry, part, progress)
        descriptor = os.open(part, os.O_RDONLY)
        try:
            placer.copy(entry.path, [(descriptor, entry.size_bytes or 0)])
        finally:
            os.close(descriptor)
        part.unlink()


def _place_whole(place: Place, entry: Entry, placer: Placer, progress: Progress) -> None:
    n_failures = n_bytes = 0

    def read() -> Iterator[bytes]:
        nonlocal n_bytes
        progress.advance(-n_bytes)
        n_bytes = 0
        with place.read(entry, 0) as (_, chunks):
            for chunk in chunks:
                n_bytes += len(chunk)
                progress.advance(len(chunk))
                yield chunk
        if entry.size_bytes is not None and n_bytes != entry.size_bytes:
            raise changed(entry)

    while True:
        try:
            placer.place(entry.path, read())
        except Unavailable:
            n_failures += 1
            if n_failures == _N_FAILURES:
                raise
            progress.stopped.wait(_PAUSE_S * n_failures)
        else:
            return


def _receive(place: Place, entry: Entry, part: Path, progress: Progress) -> None:
    """Append to the file until it has the entry's size."""
    n_failures, size_bytes = 0, entry.size_bytes
    progress.advance(part.stat().st_size)
    while not (have := part.stat().st_size) or have != size_bytes:
        try:
            with place.read(entry, have) as (start, chunks), part.open("r+b") as file:
                progress.advance(start - have)
                file.truncate(start)
                file.seek(start)
                for chunk in chunks:
                    file.write(chunk)
                    progress.advance(len(chunk))
        except Unavailable:
            n_failures = 1 if part.stat().st_size > have else n_failures + 1
            if n_failures == _N_FAILURES:
                raise
            progress.stopped.wait(_PAUSE_S * n_failures)
            continue
        if part.stat().st_size != size_bytes:
            os.truncate(part, 0)
            raise changed(entry)
        return
