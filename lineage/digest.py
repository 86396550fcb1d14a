"""Digests: the names of bytes.

A blob's digest is `sha256:` and 64 lowercase hex digits. A file of several parts has
`sha256-64m:` and the SHA-256 over the raw digests of its parts, 64 MiB each but the last.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final, Self

from lineage.errors import Invalid

__all__ = ["MAX_BUNDLED_BYTES", "PART_SIZE_BYTES", "Digest", "combine"]

PART_SIZE_BYTES: Final = 64 * 1024 * 1024
MAX_BUNDLED_BYTES: Final = 1024 * 1024  # a larger blob travels alone, or past the API
_PATTERN: Final = re.compile(r"(sha256|sha256-64m):[0-9a-f]{64}")


class Digest(str):
    """A checked digest; make one with `parse`, `of`, `from_raw` or `combine`."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: object, *, field: str = "digest") -> Self:
        """The digest that `text` spells; Invalid if it spells none."""
        if isinstance(text, cls):
            return text
        if not isinstance(text, str) or _PATTERN.fullmatch(text) is None:
            raise Invalid(field, f"{text!r:.100} is not `sha256:` and 64 lowercase hex digits")
        return cls(text)

    @classmethod
    def of(cls, data: bytes) -> Self:
        """The digest of `data` as one blob."""
        return cls("sha256:" + hashlib.sha256(data).hexdigest())

    @classmethod
    def from_raw(cls, raw: bytes) -> Self:
        """The blob digest whose 32 bytes are `raw`."""
        return cls("sha256:" + raw.hex())

    @property
    def hex(self) -> str:
        return self[-64:]

    @property
    def raw(self) -> bytes:
        return bytes.fromhex(self[-64:])

    @property
    def is_blob(self) -> bool:
        """Whether one blob has this digest, not a list of parts."""
        return self.startswith("sha256:")


def combine(parts: Iterable[Digest]) -> Digest:
    """The digest of a file whose parts have these digests, in order; one part is its own."""
    digests = list(parts)
    if len(digests) == 1:
        return digests[0]
    joined = b"".join(part.raw for part in digests)
    return Digest("sha256-64m:" + hashlib.sha256(joined).hexdigest())
