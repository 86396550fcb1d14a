"""The content of an artifact as people read it: a mapping from path to entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lineage.digest import Digest
from lineage.errors import Corrupt
from lineage.manifest import Entry, cut, manifest_digest, parse_entries

if TYPE_CHECKING:
    from lineage.client.artifact import Artifact

__all__ = ["Manifest", "ManifestEntry", "read_entries"]


class ManifestEntry:
    """One file or reference of an artifact."""

    __slots__ = ("_artifact", "_entry")

    def __init__(self, entry: Entry, artifact: Artifact) -> None:
        self._entry = entry
        self._artifact = artifact

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

    def download(self, root: str | None = None) -> str:
        """Bring this one file here; returns its path. As `Artifact.download`."""
        return self._artifact.download_one(self._entry, root)

    def __repr__(self) -> str:
        return f"<{self.path} {self.ref or self.digest} {self.size}>"


class _Entries(Mapping[str, ManifestEntry]):
    def __init__(self, artifact: Artifact, entries: Mapping[str, Entry]) -> None:
        self._artifact = artifact
        self._entries = entries

    def __getitem__(self, path: str) -> ManifestEntry:
        return ManifestEntry(self._entries[path], self._artifact)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


class Manifest:
    """Sorted by path. Read from the server when it is first looked at."""

    def __init__(self, artifact: Artifact, read: Callable[[], Mapping[str, Entry]]) -> None:
        self._artifact = artifact
        self._read = read

    @property
    def entries(self) -> Mapping[str, ManifestEntry]:
        """Path to entry: `.path .digest .size .ref .extra .download()`."""
        return _Entries(self._artifact, self._read())

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
