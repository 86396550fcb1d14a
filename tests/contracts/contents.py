"""Small contents that share pages and blobs with each other as often as possible."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from hypothesis import strategies as st

from lineage.digest import Digest
from lineage.manifest import Entry, cut

__all__ = ["BLOBS", "REFERENCE", "contents", "pages_of"]

BLOBS = [b"", b"a", b"bb", b"xx", b"ccc", b"dddd"]
REFERENCE = b"elsewhere"  # stands for a reference: bytes that are not ours
LIE = b"lie"  # stands for `bb` under a size that it does not have


def closing(prefix: str) -> str:
    """A path after which a page ends."""
    paths = (f"{prefix}{n}" for n in range(100_000))
    return next(path for path in paths if hashlib.sha256(path.encode()).digest()[-1] == 0)


PATHS = ["a1", "a2", closing("b"), "c1", "c2", closing("d"), "e1"]
contents = st.dictionaries(
    st.sampled_from(PATHS), st.sampled_from([*BLOBS * 8, REFERENCE, REFERENCE, LIE]), max_size=6
)


def pages_of(content: Mapping[str, bytes]) -> list[bytes]:
    """The bodies of the manifest's pages."""
    lies = LIE in content.values()
    entries = []
    for path, data in content.items():
        if data == REFERENCE:
            entries.append(Entry(path, ref=f"s3://bucket/{path}", extra={"etag": "1"}))
        elif data == LIE or (lies and data == b"bb"):
            entries.append(Entry(path, 7, Digest.of(b"bb")))
        else:
            entries.append(Entry(path, len(data), Digest.of(data)))
    return list(cut(entries))
