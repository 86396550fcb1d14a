"""References to files of this machine, or of what is mounted on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from lineage.client.scanning import entry_name, list_files
from lineage.client.sightings import Sighting, refuse_changed
from lineage.errors import Conflict, Denied, Invalid, NotFound, Unavailable
from lineage.manifest import Entry

__all__ = ["FileReferences"]

_CHUNK_BYTES: Final = 1024 * 1024


class FileReferences:
    """Safe for many threads."""

    def list(self, uri: str, name: str | None, max_objects: int) -> list[Entry]:
        """An entry for the file, or for each file below the folder."""
        path = _local_path(uri)
        if not path.is_dir():
            last = unquote(urlsplit(uri).path).rpartition("/")[2]
            return [_entry(entry_name(name or last), uri, self.look(uri))]
        found = list_files(str(path))
        if not found:
            raise NotFound(f"there is no file below {uri!r:.300}", path=str(path))
        if len(found) > max_objects:
            reason = f"{path} holds {len(found)} files, more than {max_objects}"
            raise Invalid("max_objects", f"{reason}: allow more, or refer to a part of it")
        prefix = f"{name.rstrip('/')}/" if name else ""
        uris = {inner: Path(file).absolute().as_uri() for inner, file in sorted(found.items())}
        return [_entry(entry_name(prefix + i), each, self.look(each)) for i, each in uris.items()]

    def look(self, uri: str) -> Sighting:
        """What lies there now.

        Raises:
            NotFound: nothing does.
            Unavailable: not even the folder's folder is there, so it may be another machine's.
            Invalid: it is a folder, or no place on this machine.
            Denied: this user may not look.
        """
        path = _local_path(uri)
        try:
            found = path.stat()
        except PermissionError as exc:
            raise Denied(f"{uri!r:.300} cannot be looked at: {exc.strerror}") from exc
        except OSError as exc:
            if not path.parent.exists() and not path.parent.parent.exists():
                where = f"this machine has no folder {str(path.parent.parent)!r:.200}"
                raise Unavailable(f"{uri!r:.300}: {where}: is it mounted here?") from exc
            raise NotFound(f"there is nothing at {uri!r:.300}", path=str(path)) from exc
        if path.is_dir():
            raise Invalid("uri", f"{uri!r:.300} is a folder, not the file that was meant")
        # As web servers make them: another one if the file was written since.
        etag = f"{found.st_mtime_ns:x}-{found.st_size:x}"
        return Sighting(found.st_size, etag)

    def has_logged(self, entry: Entry) -> bool:  # noqa: ARG002 - a file has no other versions
        return False

    @contextmanager
    def read(self, entry: Entry, start: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        """The bytes from `start`; Conflict if they are not what was logged, now or at the end."""
        uri = entry.ref or ""
        path = _local_path(uri)
        refuse_changed(entry, self.look(uri))
        try:
            file = path.open("rb")
        except PermissionError as exc:
            raise Denied(f"{uri!r:.300} cannot be read: {exc.strerror}") from exc
        with file:
            file.seek(start)
            yield start, self._chunks(file.fileno(), entry)

    def _chunks(self, descriptor: int, entry: Entry) -> Iterator[bytes]:
        before = os.fstat(descriptor)
        while chunk := os.read(descriptor, _CHUNK_BYTES):
            yield chunk
        after = os.fstat(descriptor)
        if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
            message = f"{entry.ref!r:.300} was changed while it was read: download it again"
            raise Conflict(message, path=entry.path, ref=entry.ref)

    def close(self) -> None:
        """Nothing is open."""


def _local_path(uri: str) -> Path:
    parts = urlsplit(uri)
    if parts.netloc not in ("", "localhost"):
        raise Invalid("uri", f"{uri!r:.300} is on another machine; local is file:///path")
    return Path(url2pathname(parts.path))


def _entry(name: str, uri: str, found: Sighting) -> Entry:
    return Entry(name, found.size_bytes, ref=uri, extra=found.extra)
