"""Exit codes: what a script can do about the end of a command."""

from __future__ import annotations

from typing import Final

from lineage.errors import (
    AlreadyExists,
    Conflict,
    Corrupt,
    Denied,
    Gone,
    Invalid,
    LineageError,
    NotFound,
    Unauthenticated,
)

__all__ = [
    "BLOCKED",
    "BROKEN_PIPE",
    "CORRUPT",
    "DENIED",
    "INTERRUPTED",
    "MEANINGS",
    "NO",
    "NOT_FOUND",
    "UNAVAILABLE",
    "USAGE",
    "code_of",
]

NO: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 3
DENIED: Final = 4
BLOCKED: Final = 5
UNAVAILABLE: Final = 6
CORRUPT: Final = 7
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141

MEANINGS: Final = {
    0: "done; the answer is yes",
    NO: "the answer is no, or there are findings",
    USAGE: "wrong words: an option, a name, a file or folder here",
    NOT_FOUND: "not found, or deleted",
    DENIED: "no key, a wrong key, or not allowed",
    BLOCKED: "conflict: taken, blocked, or a plan that has changed",
    UNAVAILABLE: "the server is unavailable, too slow, or failed",
    CORRUPT: "bytes do not match their digest",
    INTERRUPTED: "interrupted",
    BROKEN_PIPE: "whoever read the output has stopped reading",
}

_CODES: Final[tuple[tuple[type[LineageError], int], ...]] = (
    (NotFound, NOT_FOUND),
    (Gone, NOT_FOUND),
    (Denied, DENIED),
    (Unauthenticated, DENIED),
    (AlreadyExists, BLOCKED),
    (Conflict, BLOCKED),
    (Corrupt, CORRUPT),
    (Invalid, USAGE),
)


def code_of(exc: LineageError) -> int:
    """The exit code for an error; one that no class above names is the server's."""
    return next((code for cls, code in _CODES if isinstance(exc, cls)), UNAVAILABLE)
