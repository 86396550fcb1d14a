"""Looking after references: whether what was logged still lies where they lead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lineage.client.progress import Progress
from lineage.client.references import Places
from lineage.client.sightings import ReferenceStatus, compare
from lineage.client.words import counted
from lineage.errors import Invalid, LineageError, NotFound
from lineage.manifest import Entry

__all__ = ["CheckedReference", "ReferenceReport", "check_references"]

_THREADS = 16
_LOGGED_IS_THERE = "the version that was logged can still be downloaded"


@dataclass(frozen=True, slots=True)
class CheckedReference:
    """What a look at one reference told.

    `is_fetchable`: whether a download still gets what was logged; None where nobody can tell.
    """

    path: str
    ref: str
    status: ReferenceStatus
    reason: str = ""
    is_fetchable: bool | None = None


@dataclass(frozen=True, slots=True)
class ReferenceReport:
    """All references of a version, by path.

    `is_recorded`: whether the server keeps the counts with the version; if not, `not_recorded`
    says why.
    """

    version: str
    references: tuple[CheckedReference, ...]
    is_recorded: bool = False
    not_recorded: str = ""

    def count(self, status: ReferenceStatus) -> int:
        return sum(reference.status is status for reference in self.references)

    @property
    def counts(self) -> dict[str, int]:
        """How many of each status, `n_ok` to `n_unreachable`."""
        return {f"n_{status.value}": self.count(status) for status in ReferenceStatus}

    @property
    def is_drifted(self) -> bool:
        """Whether references are changed or missing."""
        return any(
            self.count(status) for status in (ReferenceStatus.CHANGED, ReferenceStatus.MISSING)
        )

    @property
    def is_complete(self) -> bool:
        """Whether every one could be looked at."""
        return not self.count(ReferenceStatus.UNREACHABLE)

    def __iter__(self) -> Iterator[CheckedReference]:
        return iter(self.references)

    def __len__(self) -> int:
        return len(self.references)

    def __str__(self) -> str:
        told = [f"{n} {name.removeprefix('n_')}" for name, n in self.counts.items() if n]
        lines = [f"{self.version}: {counted(len(self), 'reference')}: {', '.join(told)}"]
        lines += [
            f"  {each.status.value}  {each.path}  {each.reason}".rstrip()
            for each in self.references
            if each.status is not ReferenceStatus.OK
        ]
        return "\n".join(lines)


def check_references(version: str, entries: Sequence[Entry]) -> ReferenceReport:
    """Look at each of the entries that is a reference; none of their bytes are read."""
    references = [entry for entry in entries if entry.ref is not None]
    with (
        Places() as places,
        Progress("looking", 0) as progress,
        progress.pool(_THREADS, "references") as pool,
    ):

        def look(entry: Entry) -> CheckedReference:
            progress.advance(0)  # ends here if nobody waits any more
            return _look(places, entry)

        return ReferenceReport(version, tuple(pool.map(look, references)))


def _look(places: Places, entry: Entry) -> CheckedReference:
    uri = entry.ref or ""

    def told(
        status: ReferenceStatus, reason: str = "", is_fetchable: bool | None = None
    ) -> CheckedReference:
        return CheckedReference(entry.path, uri, status, reason, is_fetchable)

    try:
        place = places.of(uri)
    except Invalid as exc:
        # Nothing could have been recorded of it either.
        return told(ReferenceStatus.UNVERSIONED, exc.reason)
    try:
        try:
            now = place.look(uri)
        except NotFound:
            if place.has_logged(entry):
                return told(ReferenceStatus.MISSING, f"deleted, but {_LOGGED_IS_THERE}", True)
            return told(ReferenceStatus.MISSING, "there is nothing", False)
        status = compare(entry, now)
        if status is ReferenceStatus.OK:
            return told(status, "", True)
        if status is ReferenceStatus.UNVERSIONED:
            return told(status, _why_unversioned(entry))
        if place.has_logged(entry):
            return told(status, f"something else lies there, but {_LOGGED_IS_THERE}", True)
        return told(status, "something else lies there", False)
    except LineageError as exc:
        return told(ReferenceStatus.UNREACHABLE, exc.message)


def _why_unversioned(entry: Entry) -> str:
    etag = entry.extra.get("etag")
    if etag is None and entry.size_bytes is None:
        return "nothing was recorded to compare with"
    if etag is None:
        return "no ETag was recorded: the size is the same"
    return "the ETag is weak, or not given any more: it does not tell that the bytes are the same"
