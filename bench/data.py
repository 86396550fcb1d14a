"""The files that storing is measured on: random bytes that no one can compress, the same each time.

small      200 files of 1 KiB, the content of 200 versions
files10k   10,000 files of 4 KiB
file2g     one file of 2 GiB
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

_PIECE_BYTES = 2**26


@dataclass(frozen=True, slots=True)
class Files:
    count: int
    size_bytes: int
    seed: int


DATA: Mapping[str, Files] = MappingProxyType(
    {
        "small": Files(200, 2**10, seed=11),
        "files10k": Files(10_000, 2**12, seed=12),
        "file2g": Files(1, 2**31, seed=13),
        "files100k": Files(100_000, 2**8, seed=14),
    }
)


def make(name: str, scratch: Path) -> Path:
    """The folder scratch/`name` with the files of DATA[name], made unless it is there.

    It is put in place whole, so one that is there is complete. The files are flat in it and named
    00000.bin, 00001.bin …
    Raises:
        KeyError: no such data.
    """
    files = DATA[name]
    folder = scratch / name
    if folder.exists():
        return folder
    unfinished = scratch / f"{name}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    random = np.random.default_rng(files.seed)
    for i in range(files.count):
        with (unfinished / f"{i:05}.bin").open("wb") as file:
            for at in range(0, files.size_bytes, _PIECE_BYTES):
                file.write(random.bytes(min(_PIECE_BYTES, files.size_bytes - at)))
    unfinished.rename(folder)
    return folder


def settle(folder: Path) -> None:
    """Give each measurement the same start: `folder` in the page cache, nothing left to write."""
    for path in sorted(folder.iterdir()):
        with path.open("rb", buffering=0) as file:
            while file.read(_PIECE_BYTES):
                pass
    os.sync()
