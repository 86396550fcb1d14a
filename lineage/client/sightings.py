"""What lies at the address of a reference at one moment, and whether it is what was logged."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lineage.errors import Conflict
from lineage.manifest import Entry

__all__ = [
    "MODIFIED",
    "ReferenceStatus",
    "Sighting",
    "changed",
    "compare",
    "is_strong",
    "refuse_changed",
]

MODIFIED: Final = "last-modified:"  # begins what stands for an ETag where a server gives none


class ReferenceStatus(StrEnum):
    """What a look at a reference's address tells."""

    OK = "ok"  # what was logged is there
    CHANGED = "changed"  # something else is
    MISSING = "missing"  # nothing is
    UNVERSIONED = "unversioned"  # nothing was recorded, or can be had, that could tell
    UNREACHABLE = "unreachable"  # nobody answers, or not to us: it tells nothing


@dataclass(frozen=True, slots=True)
class Sighting:
    """As far as one can tell without reading the bytes; None is not known."""

    size_bytes: int | None = None
    etag: str | None = None
    version_id: str | None = None
    modified: str | None = None  # HTTP's Last-Modified, as it came

    @property
    def extra(self) -> dict[str, str]:
        """What an entry keeps of it beside the size."""
        etag = self.etag
        if etag is None and self.modified is not None:
            etag = f"{MODIFIED}{self.modified}"
        kept = {"etag": etag, "versionID": self.version_id}
        return {name: value for name, value in kept.items() if value is not None}


def is_strong(etag: str | None) -> bool:
    """Whether equal ETags of this kind mean equal bytes.

    Source: RFC 9110 sections 8.8.1 and 8.8.3.
    """
    return etag is not None and not etag.startswith(("W/", MODIFIED))


def compare(entry: Entry, now: Sighting) -> ReferenceStatus:
    """Whether what is there now is what was logged: OK, CHANGED or UNVERSIONED.

    Weak ETags and dates tell of a change, but never that the bytes are the same.
    """
    if None not in (entry.size_bytes, now.size_bytes) and entry.size_bytes != now.size_bytes:
        return ReferenceStatus.CHANGED
    etag, version_id = entry.extra.get("etag"), entry.extra.get("versionID")
    if version_id is not None and version_id == now.version_id:
        return ReferenceStatus.OK
    if etag is None:
        is_other = version_id is not None and now.version_id is not None
        return ReferenceStatus.CHANGED if is_other else ReferenceStatus.UNVERSIONED
    if etag.startswith(MODIFIED):
        etag_now = None if now.modified is None else f"{MODIFIED}{now.modified}"
    else:
        etag_now = now.etag
    if etag_now is None:
        return ReferenceStatus.UNVERSIONED
    if etag.removeprefix("W/") != etag_now.removeprefix("W/"):
        return ReferenceStatus.CHANGED
    if is_strong(etag) and is_strong(etag_now):
        return ReferenceStatus.OK
    return ReferenceStatus.UNVERSIONED


def refuse_changed(entry: Entry, now: Sighting) -> None:
    """Conflict if what is there now is not what was logged."""
    if compare(entry, now) is ReferenceStatus.CHANGED:
        raise changed(entry)


def changed(entry: Entry) -> Conflict:
    """The error that says so."""
    message = f"{entry.ref!r:.300} is not what it was when {entry.path!r:.200} was logged"
    return Conflict(message, path=entry.path, ref=entry.ref)
