"""What an artifact will hold, before it is logged: local files, references, kept entries."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from lineage.client.hashing import LocalFile, digest_files
from lineage.client.scanning import entry_name, list_files
from lineage.client.stat_cache import StatCache
from lineage.errors import Invalid, NotFound
from lineage.manifest import Entry

__all__ = ["Contents"]


class Contents:
    """Names and where their bytes are. Files are looked at, and read, when the version is made."""

    def __init__(self) -> None:
        self._files: dict[str, str] = {}
        self._entries: dict[str, Entry] = {}  # references, and what the server has already
        self._staging: Path | None = None

    def add_file(self, path: str, name: str | None = None) -> None:
        """Raises: NotFound, Invalid: there is no such file, or it is none."""
        if not Path(path).exists():
            raise NotFound(f"there is no file {path!r:.300}", path=path)
        if not Path(path).is_file():
            raise Invalid("path", f"{path!r:.300} is not a file: for a folder, use add_dir")
        self._set_file(entry_name(name or Path(path).name), str(Path(path).absolute()))

    def add_dir(self, path: str, name: str | None = None) -> None:
        """Every file below the folder; under `name/` if that is given."""
        found = list_files(str(Path(path).absolute()))
        if not found:
            raise Invalid("path", f"{path!r:.300} holds no file")
        prefix = entry_name(name.rstrip("/")) + "/" if name and name.rstrip("/") else ""
        for inner, file in found.items():
            self._set_file(entry_name(prefix + inner), file)

    def add_entry(self, entry: Entry) -> None:
        """A reference, or a file that the server has already."""
        self.add_entries([entry])

    def add_entries(self, entries: Sequence[Entry]) -> None:
        """All of them, or none if one is refused; one of a former name takes its place."""
        new: set[str] = set()
        for entry in entries:
            self._refuse_taken(entry.path, entry.path in self._files or entry.path in new)
            new.add(entry.path)
        self._entries.update({entry.path: entry for entry in entries})

    @contextmanager
    def new_file(self, name: str, mode: str, encoding: str | None) -> Iterator[IO[Any]]:
        """A file to write; it is added when it is closed without an error."""
        name = entry_name(name)
        self._refuse_taken(name, name in self._files or name in self._entries)
        if mode not in ("w", "wb", "x", "xb"):
            raise Invalid("mode", f"{mode!r:.10} is not w or wb: a new file is written")
        if self._staging is None:
            self._staging = Path(tempfile.mkdtemp(prefix="lineage-"))
            weakref.finalize(self, shutil.rmtree, self._staging, ignore_errors=True)
        path = self._staging / uuid4().hex
        if "b" not in mode and encoding is None:
            encoding = "utf-8"
        with path.open(mode, encoding=encoding) as file:
            yield file
        self._set_file(name, str(path))

    def remove(self, path: str) -> None:
        """Take out a file, or everything below a folder; NotFound if there is neither."""
        name = entry_name(path.rstrip("/"))
        n_before = len(self)
        for held in (self._files, self._entries):
            for key in [key for key in held if key == name or key.startswith(name + "/")]:
                del held[key]
        if len(self) == n_before:
            raise NotFound(f"there is no {name!r:.300} in the artifact", path=name)

    def resolve(self, stat_cache: StatCache) -> tuple[list[Entry], list[LocalFile]]:
        """The entries as the files are now, and those files.

        Raises:
            NotFound, Invalid, Conflict: a file is gone, cannot be read, or changes meanwhile.
            Invalid: a name is both a file and a folder.
        """
        files = digest_files(list(self._files.values()), stat_cache)
        entries = [file.entry(name) for name, file in zip(self._files, files, strict=True)]
        entries += self._entries.values()
        self._refuse_folders()
        return entries, files

    def __len__(self) -> int:
        return len(self._files) + len(self._entries)

    @property
    def names(self) -> list[str]:
        return [*self._files, *self._entries]

    def _set_file(self, name: str, path: str) -> None:
        if self._files.get(name, path) != path or name in self._entries:
            self._refuse_taken(name, True)
        self._files[name] = path

    def _refuse_taken(self, name: str, is_taken: bool) -> None:
        if is_taken:
            raise Invalid("name", f"{name!r:.300} is in the artifact already: remove it first")

    def _refuse_folders(self) -> None:
        folders = {name.rpartition("/")[0] for name in self.names}
        while folders:
            for folder in folders:
                if folder in self._files or folder in self._entries:
                    raise Invalid("name", f"{folder!r:.300} is both a file and a folder")
            folders = {folder.rpartition("/")[0] for folder in folders} - {""}
