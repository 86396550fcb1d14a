"""The content of an artifact as people read it: a mapping from path to entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lineage.digest import Digest
from lineage.errors import Corrupt
from lineage.manifest import Entry, cut, manifest_digest, parse_entries

__all__ = ["Fetch", "Manifest", "ManifestEntry", "read_entries"]

Fetch = Callable[[Entry, str | Path | None], str]
"""Brings the file of an entry to a folder, and returns where it lies."""


class ManifestEntry:
    """One file or reference of an artifact."""

    __slots__ = ("_entry", "_fetch")

    def __init__(self, entry: Entry, fetch: Fetch) -> None:
        self._entry = entry
        self._fetch = fetch

    @property
    def path(self) -> str:
        return self._entry.path

    @property
    def digest(self) -> Digest | None:
        """Of the bytes; None for a reference."""
        return self._entry.digest

    @property
    def size(self) -> int | None:
        """In bytes; None for a reference whose size is unknown."""
        return self._entry.size_bytes

    @property
    def ref(self) -> str | None:
        """The URI of a reference; None for a file."""
        return self._entry.ref

    @property
    def extra(self) -> dict[str, Any]:
        """`etag` and `versionID` of a reference, as far as they were known."""
        return dict(self._entry.extra)

    def download(self, root: str | Path | None = None) -> str:
        """Bring this one file here; returns its path. As `Artifact.download`."""
        return self._fetch(self._entry, root)

    def __repr__(self) -> str:
        return f"<{self.path} {self.ref or self.digest} {self.size}>"


class _Entries(Mapping[str, ManifestEntry]):
    def __init__(self, entries: Mapping[str, Entry], fetch: Fetch) -> None:
        self._entries = entries
        self._fetch = fetch

    def __getitem__(self, path: str) -> ManifestEntry:
        return ManifestEntry(self._entries[path], self._fetch)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


class Manifest:
    """Sorted by path. Read from the server when it is first looked at."""

    def __init__(self, read: Callable[[], Mapping[str, Entry]], fetch: Fetch) -> None:
        self._read = read
        self._fetch = fetch

    @property
    def entries(self) -> Mapping[str, ManifestEntry]:
        """Path to entry: `.path .digest .size .ref .extra .download()`."""
        return _Entries(self._read(), self._fetch)

    def __len__(self) -> int:
        return len(self._read())


def read_entries(body: bytes, digest: Digest, what: str) -> dict[str, Entry]:
    """The entries of a manifest that came as its pages, one after another.

    Raises:
        Corrupt: they do not make the manifest of this digest.
    """
    entries = list(parse_entries(body))
    if manifest_digest([Digest.of(page) for page in cut(entries)]) != digest:
        raise Corrupt(f"the manifest of {what} does not match its digest {digest}", digest=digest)
    return {entry.path: entry for entry in entries}
