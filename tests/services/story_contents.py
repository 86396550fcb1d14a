"""Who and what the crash story is about: its names, its drafts, and the bytes of each version."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lineage.digest import Digest
from lineage.engine import DraftRequest
from lineage.manifest import Entry, cut
from lineage.model import DraftId
from lineage.names import CollectionKey, RunKey, SweepKey, VersionKey

__all__ = [
    "AGAIN",
    "COLLECTIONS",
    "CONTENTS",
    "COPY",
    "DIGITS",
    "DRAFTS",
    "GIVEN_UP",
    "LARGE",
    "LATE",
    "LEFT",
    "LINKED",
    "LINKED_V0",
    "LINKED_WEIGHTS",
    "MODEL",
    "MODELS",
    "NEVER",
    "NEXT",
    "POOL_V0",
    "PURGED",
    "R1",
    "R2",
    "R3",
    "R4",
    "RUNS",
    "SHARED",
    "SMALL",
    "SWEEP",
    "THIRD",
    "TOO_LATE",
    "UNWANTED",
    "Package",
]

DIGITS, POOL, MODELS, LINKS = (
    CollectionKey.parse(f"acme/vision/{name}") for name in ("digits", "pool", "models", "links")
)
COLLECTIONS: Final = (DIGITS, LINKS, MODELS, POOL)
R1, R2, R3, R4 = (RunKey.parse(f"acme/vision/r{n}") for n in (1, 2, 3, 4))
RUNS: Final = (R1, R2, R3, R4)
SWEEP: Final = SweepKey.parse("acme/vision/search")
POOL_V0: Final = POOL.version(0)
LINKED_V0: Final = LINKS.version(0)
PURGED: Final = (POOL_V0, LINKED_V0)

Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Package:
    """A draft and the files of its version."""

    id: DraftId
    collection: CollectionKey
    files: Files
    run: RunKey | None = None
    aliases: tuple[str, ...] = ()

    @property
    def bodies(self) -> list[bytes]:
        return list(cut(Entry(p, len(data), Digest.of(data)) for p, data in self.files.items()))

    @property
    def request(self) -> DraftRequest:
        pages = tuple(map(Digest.of, self.bodies))
        return DraftRequest(self.id, self.collection, "data", pages, self.run, self.aliases)


def _bytes(name: str, size_bytes: int) -> bytes:
    return (hashlib.sha256(name.encode()).digest() * (size_bytes // 32 + 1))[:size_bytes]


def _closing(prefix: str) -> str:
    """A path after which a page ends."""
    paths = (f"{prefix}{n}" for n in range(100_000))
    return next(path for path in paths if hashlib.sha256(path.encode()).digest()[-1] == 0)


def _many(name: str) -> Files:
    """18 pages of two files each: more than one transaction takes."""
    paths = [path for n in range(18) for path in (f"{n:02}/a", _closing(f"{n:02}/b"))]
    return {path: _bytes(f"{name} {path}", 50) for path in paths}


SHARED: Final = _bytes("in all of them", 3000)
LARGE: Final = _bytes("large", 300_000)
UNWANTED: Final = _bytes("stored, and in no page", 500)
NEVER: Final = _bytes("asked for, and never stored", 500)
LINKED_WEIGHTS: Final = _bytes("put by a link", 200_000)
_SMALL_FILES: Final = {"a.txt": b"one", "shared.bin": SHARED}
_NEXT_FILES: Final = {"a.txt": b"two", "shared.bin": SHARED}
_THIRD_FILES: Final = {"a.txt": b"three", "shared.bin": SHARED}
_MODEL_FILES: Final = {**_many("model"), "large.bin": LARGE, "shared.bin": SHARED}
_LINKED_FILES: Final = {**_many("links"), "shared.bin": SHARED, "weights.bin": LINKED_WEIGHTS}
_LEFT_FILES: Final = {**_many("left"), "large.bin": LARGE}


def _package(n: int, *args: Any) -> Package:
    return Package(DraftId(f"{n:032x}"), *args)


SMALL: Final = _package(1, DIGITS, _SMALL_FILES, R1)
COPY: Final = _package(2, POOL, _SMALL_FILES)
MODEL: Final = _package(3, MODELS, _MODEL_FILES, R2)
AGAIN: Final = _package(4, MODELS, _MODEL_FILES, R1)
NEXT: Final = _package(5, DIGITS, _NEXT_FILES, R1, ("best",))
GIVEN_UP: Final = _package(6, DIGITS, {"b": b"mine alone", "shared.bin": SHARED}, R1)
LEFT: Final = _package(7, MODELS, _LEFT_FILES, R2)
THIRD: Final = _package(8, DIGITS, _THIRD_FILES, R3, ("best",))
LATE: Final = _package(9, DIGITS, _MODEL_FILES, R1)
LINKED: Final = _package(10, LINKS, _LINKED_FILES, R2)
TOO_LATE: Final = _package(11, DIGITS, {"b": b"too late", "shared.bin": SHARED})
DRAFTS: Final = (
    SMALL, COPY, MODEL, AGAIN, NEXT, GIVEN_UP, LEFT, THIRD, LATE, LINKED, TOO_LATE,
)  # fmt: skip

# What each version must hold, as long as it lives.
CONTENTS: Final[Mapping[VersionKey, Files]] = {
    DIGITS.version(0): _SMALL_FILES,
    LINKED_V0: _LINKED_FILES,
    POOL.version(0): _SMALL_FILES,
    MODELS.version(0): _MODEL_FILES,
    DIGITS.version(1): _NEXT_FILES,
    DIGITS.version(2): _THIRD_FILES,
    DIGITS.version(3): _MODEL_FILES,
}
