"""Which files a folder holds, by the names they get in a manifest."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

from lineage.errors import Invalid, NotFound
from lineage.names import check_path

__all__ = ["entry_name", "list_files"]


def list_files(folder: str) -> dict[str, str]:
    """Every file below the folder, hidden ones too: its relative name to where it lies.

    Symbolic links are followed, to files and to folders. Names are brought into Unicode normal
    form C, as a manifest has them.
    Raises:
        NotFound: no such folder.
        Invalid: it holds something that is neither file nor folder, a link that leads nowhere or
            back to where it stands, a name that is not UTF-8, or two that are one name in normal
            form C.
    Cost: about 1 microsecond a file; no file is looked at.
    """
    if not Path(folder).is_dir():
        raise NotFound(f"there is no folder {folder!r:.300}", path=folder)
    found: dict[str, str] = {}
    # A folder, its name with a slash, and the folders it lies in, to notice a link back.
    waiting: list[tuple[str, str, tuple[tuple[int, int], ...]]] = [(folder, "", ())]
    while waiting:
        path, prefix, above = waiting.pop()
        try:
            here = (*above, _identity(path))
            with os.scandir(path) as entries:
                for entry in entries:
                    name = prefix + _file_name(entry.name, path)
                    if entry.is_file():
                        if name in found:
                            _refuse_twins(found[name], entry.path)
                        found[name] = entry.path
                    elif entry.is_dir():
                        if entry.is_symlink() and _identity(entry.path) in here:
                            reason = f"{entry.path!r:.300} is a link back to a folder it lies in"
                            raise Invalid("path", f"{reason}: remove it, or add files one by one")
                        waiting.append((entry.path, name + "/", here))
                    elif entry.is_symlink():
                        raise Invalid("path", f"{entry.path!r:.300} is a link that leads nowhere")
                    else:
                        raise Invalid("path", f"{entry.path!r:.300} is neither file nor folder")
        except OSError as exc:
            reason = f"{exc.filename or path!r:.300} cannot be read: {exc.strerror}"
            raise Invalid("path", reason) from exc
    return found


def _file_name(name: str, folder: str = "") -> str:
    """A name on disk as a manifest has it; Invalid if that is impossible."""
    if name.isascii():
        return name
    try:
        name.encode()
    except UnicodeEncodeError:
        where = f" in {folder!r:.200}" if folder else ""
        reason = f"the file name {os.fsencode(name)!r}{where} is not UTF-8: rename it"
        raise Invalid("path", reason) from None
    return unicodedata.normalize("NFC", name)


def entry_name(path: str) -> str:
    """`path` as a person gives it for a manifest, checked and in normal form C."""
    return check_path(_file_name(path))


def _identity(path: str) -> tuple[int, int]:
    found = Path(path).stat()
    return found.st_dev, found.st_ino


def _refuse_twins(one: str, other: str) -> None:
    reason = "are one name in Unicode normal form C: rename one of them"
    raise Invalid("path", f"{one!r:.300} and {other!r:.300} {reason}")
