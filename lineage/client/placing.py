# ruff: noqa: PTH103, PTH105, PTH108, PTH116, PTH118, PTH120
# These calls are made for each file, and pathlib would cost more than the system call itself.
"""Putting files into a folder: each one whole or not at all, and never outside that folder."""

from __future__ import annotations

import errno
import os
import stat
import threading
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

from lineage.client.cache import write_new
from lineage.errors import Invalid
from lineage.manifest import Entry
from lineage.names import check_path

__all__ = ["Placer", "check_collisions"]

_CHUNK_BYTES: Final = 1024 * 1024


class Placer:
    """Safe for many threads."""

    def __init__(self, root: Path) -> None:
        self._root = str(root.absolute())
        self._folders: set[str] = set()
        self._lock = threading.Lock()

    def path(self, name: str) -> str:
        """Where the file of this name lies."""
        return os.path.join(self._root, check_path(name))

    def find_size(self, name: str) -> int | None:
        """The size of the regular file there now; None if there is no such file."""
        try:
            found = os.stat(self.path(name), follow_symlinks=False)
        except OSError:
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) and self._is_inside(name) else None

    def place(self, name: str, chunks: Sequence[bytes] | Iterator[bytes]) -> None:
        """Put a file with these bytes there, in the place of any that is there.

        Raises:
            Invalid: a folder on the way is a symbolic link, or a file.
        """
        with self._fresh(name) as fresh:
            write_new(fresh, chunks)

    def copy(self, name: str, sources: Sequence[tuple[int, int]]) -> None:
        """As `place`, from descriptors and how much of each."""
        with self.fill(name) as add:
            for source, size_bytes in sources:
                add(source, size_bytes)

    @contextmanager
    def fill(self, name: str) -> Iterator[Callable[[int, int], None]]:
        """As `place`, piece after piece: the function appends `size_bytes` of a descriptor."""
        with self._fresh(name) as fresh:
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
            target = os.open(fresh, flags, 0o666)
            try:
                yield lambda source, size_bytes: _append(target, source, size_bytes)
            finally:
                os.close(target)

    @contextmanager
    def _fresh(self, name: str) -> Iterator[str]:
        """A name beside the file's; what is there at the end takes the file's place."""
        path = self.path(name)
        self._make_folder(name)
        folder, base = os.path.split(path)
        fresh = os.path.join(folder, f".{base[:40]}-{uuid4().hex}")
        try:
            yield fresh
            try:
                os.replace(fresh, path)
            except IsADirectoryError as exc:
                raise Invalid("root", f"{path!r:.300} is a folder: move it away") from exc
        except BaseException:
            with suppress(OSError):
                os.unlink(fresh)
            raise

    def _make_folder(self, name: str) -> None:
        """The folders on the way to the file; a link among them would lead elsewhere."""
        folder = os.path.dirname(name)
        with self._lock:
            if folder in self._folders:
                return
            path = self._root
            os.makedirs(path, exist_ok=True)
            for part in folder.split("/") if folder else ():
                path = os.path.join(path, part)
                try:
                    os.mkdir(path)  # noqa: PTH102 - as above
                except FileExistsError:
                    if not stat.S_ISDIR(os.stat(path, follow_symlinks=False).st_mode):
                        reason = f"{path!r:.300} is a symbolic link or a file, not a folder"
                        raise Invalid("root", f"{reason}: move it away") from None
            self._folders.add(folder)

    def _is_inside(self, name: str) -> bool:
        path = self._root
        for part in os.path.dirname(name).split("/"):
            path = os.path.join(path, part)
            if part and part not in self._folders and os.path.islink(path):  # noqa: PTH114
                return False
        return True


def _append(target: int, source: int, size_bytes: int) -> None:
    left = size_bytes
    try:
        while left:
            n_copied = os.copy_file_range(source, target, min(left, 1 << 30))
            if n_copied == 0:
                raise Invalid("cache", "a file of the cache is shorter than it was")
            left -= n_copied
    except OSError as exc:
        if exc.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
        _append_by_hand(target, source, left)


def _append_by_hand(target: int, source: int, size_bytes: int) -> None:
    left = size_bytes
    while left:
        data = os.read(source, min(left, _CHUNK_BYTES))
        if not data:
            raise Invalid("cache", "a file of the cache is shorter than it was")
        left -= len(data)
        view = memoryview(data)
        while view:
            view = view[os.write(target, view) :]


def check_collisions(entries: Sequence[Entry], root: Path) -> None:
    """Invalid if `root` cannot hold two of the names, as they differ only by case."""
    seen: dict[str, str] = {}
    for entry in entries:
        path = entry.path
        while path:  # folders are names too: `A/x` and `a/y` would share one
            folded = unicodedata.normalize("NFC", path.casefold())
            other = seen.get(folded)
            if other is None:
                seen[folded] = path
            elif other == path:
                break
            elif _ignores_case(root):
                reason = f"{root} cannot hold both {other!r} and {path!r}: choose another root"
                raise Invalid("root", reason)
            else:
                return
            path = path.rpartition("/")[0]


def _ignores_case(root: Path) -> bool:
    root.mkdir(parents=True, exist_ok=True)
    probe = root / f".lineage-a-{uuid4().hex}"
    probe.touch()
    try:
        return probe.with_name(probe.name.upper()).exists()
    finally:
        probe.unlink()
