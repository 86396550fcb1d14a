"""Manifests: the sorted list of what a version contains, cut into pages that versions share.

An entry is one RFC 8785 line. A page ends after an entry whose SHA-256(path) ends in a zero byte,
and after 4,096 entries at the latest, so an edit changes the page it falls in and no other. A
page's digest is SHA-256 of its bytes; a manifest's is SHA-256 over its raw page digests.

RFC 8785 by orjson: entries hold only text, whole numbers below 2**53 and objects with ASCII keys,
where sorted compact orjson output and RFC 8785 agree byte for byte.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from lineage.digest import PART_SIZE_BYTES, Digest, combine
from lineage.errors import Corrupt, Invalid
from lineage.names import check_path

__all__ = [
    "MAX_ENTRIES",
    "BlobSize",
    "Entry",
    "Page",
    "cut",
    "encode",
    "has_file",
    "manifest_digest",
    "parse_entries",
    "parse_page",
    "part_sizes",
]

MAX_ENTRIES: Final = 4096
_MAX_SIZE_BYTES: Final = 2**53 - 1
_MAX_REF_BYTES: Final = 8192
_EXTRA: Final = frozenset({"etag", "versionID"})
_FIELDS: Final = frozenset({"digest", "extra", "parts", "path", "ref", "size_bytes"})
_EMPTY_EXTRA: Final[Mapping[str, str]] = {}

BlobSize = tuple[Digest, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: a file (`digest`, `size_bytes`, `parts` if several) or a reference (`ref`)."""

    path: str
    size_bytes: int | None = None
    digest: Digest | None = None
    parts: tuple[Digest, ...] = ()
    ref: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def blobs(self) -> tuple[BlobSize, ...]:
        """The blobs that hold a file's bytes, in order, with sizes; none for a reference."""
        if self.ref is not None or self.digest is None or self.size_bytes is None:
            return ()
        if not self.parts:
            return ((self.digest, self.size_bytes),)
        return tuple(zip(self.parts, part_sizes(self.size_bytes), strict=True))


@dataclass(frozen=True, slots=True)
class Page:
    """A checked page; made by `parse_page`."""

    digest: Digest
    body: bytes
    n_entries: int
    size_bytes: int  # of the files and references whose size is known
    first_path: str
    last_path: str
    is_closed: bool  # ended by the rule; only a manifest's last page may be open
    blobs: tuple[BlobSize, ...]  # each once, by digest
    large_files: tuple[Digest, ...]  # digests of files of several parts


def part_sizes(size_bytes: int) -> list[int]:
    """The sizes of a file's parts: 64 MiB each, the rest in the last."""
    n_full, rest = divmod(size_bytes, PART_SIZE_BYTES)
    return [PART_SIZE_BYTES] * n_full + ([rest] if rest or not n_full else [])


def encode(entry: Entry) -> bytes:
    """The entry's line, with its newline."""
    if entry.ref is None and not entry.parts:
        # The usual line, spelled out: five times faster than a dict for the encoder.
        path = orjson.dumps(entry.path)
        return b'{"digest":"%b","path":%b,"size_bytes":%d}\n' % (
            (entry.digest or "").encode(),
            path,
            entry.size_bytes or 0,
        )
    line: dict[str, Any] = {"path": entry.path}
    if entry.digest is not None:
        line["digest"] = entry.digest
    if entry.extra:
        line["extra"] = dict(entry.extra)
    if entry.parts:
        line["parts"] = list(entry.parts)
    if entry.ref is not None:
        line["ref"] = entry.ref
    if entry.size_bytes is not None:
        line["size_bytes"] = entry.size_bytes
    return orjson.dumps(line, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def _ends_page(path: bytes) -> bool:
    return hashlib.sha256(path).digest()[-1] == 0


def cut(entries: Iterable[Entry]) -> Iterator[bytes]:
    """The page bodies of a manifest with these entries, in any order; equal sets, equal pages.

    Raises:
        Invalid: two entries have the same path.
    """
    keyed = sorted(((entry.path.encode(), entry) for entry in entries), key=lambda pair: pair[0])
    lines: list[bytes] = []
    before = None
    for path, entry in keyed:
        if path == before:
            raise Invalid("path", f"{entry.path!r:.200} is there twice")
        before = path
        lines.append(encode(entry))
        if len(lines) == MAX_ENTRIES or _ends_page(path):
            yield b"".join(lines)
            lines.clear()
    if lines:
        yield b"".join(lines)


def manifest_digest(pages: Sequence[Digest]) -> Digest:
    """The digest of the manifest with these pages, in order."""
    return Digest.of(b"".join(page.raw for page in pages))


def parse_entries(body: bytes) -> Iterator[Entry]:
    """The entries of a page that was checked when it was stored."""
    for line in body.splitlines():
        yield _entry(orjson.loads(line))


def has_file(body: bytes, path: str, digest: Digest | None) -> bool:
    """Whether a page has an entry at this path; with a digest, a file or part that has it."""
    for entry in parse_entries(body):
        if entry.path != path:
            continue
        if digest is None:
            return True
        if entry.ref is None and (digest == entry.digest or digest in entry.parts):
            return True
    return False


def _entry(line: Mapping[str, Any]) -> Entry:
    digest = line.get("digest")
    return Entry(
        path=line["path"],
        size_bytes=line.get("size_bytes"),
        digest=None if digest is None else Digest(digest),
        parts=tuple(map(Digest, line.get("parts", ()))),
        ref=line.get("ref"),
        extra=line.get("extra", _EMPTY_EXTRA),
    )


def parse_page(body: bytes, *, digest: Digest | None = None) -> Page:
    """The page with these bytes, every rule of the format checked.

    Args:
        body: 1 to 4,096 lines.
        digest: what the bytes were announced as.
    Raises:
        Corrupt: the bytes have another digest.
        Invalid: a line is malformed, out of order, or not written as RFC 8785 asks.
    Cost: about 5 microseconds an entry.
    """
    actual = Digest.of(body)
    if digest is not None and actual != digest:
        raise Corrupt(f"page {digest} arrived as {actual}: send it again", digest=digest)
    # Not splitlines: a stray carriage return must stay part of its line, and be refused there.
    lines = body.split(b"\n")
    if lines.pop() != b"" or not 1 <= len(lines) <= MAX_ENTRIES:
        raise Invalid("page", f"has not 1 to {MAX_ENTRIES} lines, each ended by a newline")
    entries = [_checked_entry(line) for line in lines]
    blobs: dict[Digest, int] = {}
    before = b""
    for position, entry in enumerate(entries):
        path = entry.path.encode()
        if path <= before:
            raise Invalid("page", f"{entry.path!r:.200} is out of order or there twice")
        if _ends_page(path) and position != len(entries) - 1:
            raise Invalid("page", f"must end after {entry.path!r:.200}")
        before = path
        for blob, size_bytes in entry.blobs:
            if blobs.setdefault(blob, size_bytes) != size_bytes:
                raise Invalid("page", f"{blob} is given two sizes")
    return Page(
        digest=actual,
        body=body,
        n_entries=len(entries),
        size_bytes=sum(entry.size_bytes or 0 for entry in entries),
        first_path=entries[0].path,
        last_path=entries[-1].path,
        is_closed=len(entries) == MAX_ENTRIES or _ends_page(before),
        blobs=tuple(sorted(blobs.items())),
        large_files=tuple(e.digest for e in entries if e.parts and e.digest is not None),
    )


def _checked_entry(line: bytes) -> Entry:
    try:
        loaded = orjson.loads(line)
    except orjson.JSONDecodeError as exc:
        raise Invalid("page", f"{line[:100]!r} is not a JSON line") from exc
    if not isinstance(loaded, dict) or not loaded.keys() <= _FIELDS:
        raise Invalid("page", f"{line[:100]!r} is not an entry")
    check_path(loaded.get("path"))
    size_bytes = loaded.get("size_bytes")
    if size_bytes is not None and (
        type(size_bytes) is not int or not 0 <= size_bytes <= _MAX_SIZE_BYTES
    ):
        raise Invalid("size_bytes", f"of {loaded['path']!r:.200} is not 0 to 2**53 - 1")
    if "digest" in loaded:
        Digest.parse(loaded["digest"])
    if "ref" in loaded:
        _check_reference(loaded)
    else:
        _check_file(loaded)
    entry = _entry(loaded)
    if encode(entry) != line + b"\n":
        raise Invalid("page", f"{line[:100]!r} is not written as RFC 8785 asks")
    return entry


def _check_reference(line: Mapping[str, Any]) -> None:
    ref, extra = line["ref"], line.get("extra", _EMPTY_EXTRA)
    if not isinstance(ref, str) or not ref or len(ref) > _MAX_REF_BYTES:
        raise Invalid("ref", f"of {line['path']!r:.200} is not a URI")
    if "parts" in line or ("extra" in line and not extra) or not isinstance(extra, dict):
        raise Invalid("ref", f"of {line['path']!r:.200} has parts, or an empty extra")
    for name, value in extra.items():
        if name not in _EXTRA or not isinstance(value, str) or len(value) > _MAX_REF_BYTES:
            raise Invalid("extra", f"of {line['path']!r:.200}: only etag and versionID, as text")


def _check_file(line: Mapping[str, Any]) -> None:
    path, size_bytes = line["path"], line.get("size_bytes")
    if "digest" not in line or size_bytes is None or "extra" in line:
        raise Invalid("page", f"{path!r:.200} is neither a file nor a reference")
    if "parts" not in line:
        if size_bytes > PART_SIZE_BYTES or not Digest(line["digest"]).is_blob:
            raise Invalid("parts", f"of {path!r:.200}: a file over 64 MiB names its parts")
        return
    parts = line["parts"]
    # Counted, not listed: a size that lies would ask for a list of gigabytes.
    n_parts = -(-size_bytes // PART_SIZE_BYTES)
    if not isinstance(parts, list) or len(parts) < 2 or len(parts) != n_parts:
        raise Invalid("parts", f"of {path!r:.200} do not make up {size_bytes} bytes")
    digests = [Digest.parse(part, field="parts") for part in parts]
    if not all(part.is_blob for part in digests) or combine(digests) != line["digest"]:
        raise Invalid("parts", f"of {path!r:.200} do not combine to its digest")
