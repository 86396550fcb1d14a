"""What fsck tells: findings, and how far it has come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from lineage.model import DraftId
from lineage.names import VersionKey

__all__ = ["KEPT", "Checked", "Finding", "with_needers"]

KEPT: Final = "kept: a page or version is damaged, and what it lacks may be this"

_AT_ONCE: Final = 1000  # names in one finding


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    What it is about may be needed by more versions and drafts than one finding can name: then
    further ones follow with the next of them, and `is_continued`.

    Leaked, and removed by `repair` unless something below is damaged that may still need it:
        object_without_blob: no blob, upload or tombstone names this object.
        blob_unneeded: no page contains this blob, and no draft holds it.
        page_unowned: no version and no draft owns this page.
        deletion_unfinished: this version was deleted some time ago and still owns pages.
        upload_without_draft: nobody can use the upload to this object.

    Wrong, and put right by `repair`:
        object_named_twice: of a blob, an upload and a tombstone, more than one names this object,
            so that one may delete what another needs. It stays the blob's, else the tombstone's.
        blob_whole: this blob is marked as lost, and its bytes are there again.

    Lost. `repair` marks the blob as lost, and whoever logs these bytes again is asked to upload
    them: that heals every version which needs them.
        blob_without_object: the object is not there.
        blob_damaged: the object has another size or, read by `deep`, other bytes.

    Damaged, for people to look at:
        blob_unreadable: the object is there, and reading it fails.
        page_damaged: the page's body has another digest, or says something else than what stands
            beside it.
        version_missing: versions of this collection are gone that nobody has purged; what they
            owned may look leaked.
        version_incomplete: the version's pages do not give its manifest's digest or its sums.
        draft_impossible: the draft holds or owns what it cannot.
        edge_misplaced: the edge joins what its kind does not join, or lacks its mirror.
        cycle: these nodes lie on a cycle, or behind one.
    """

    kind: str
    subject: str
    size_bytes: int = 0
    versions: tuple[VersionKey, ...] = ()  # live ones that need it, by key
    drafts: tuple[DraftId, ...] = ()
    detail: str = ""
    is_repaired: bool = False
    is_continued: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """How much has been looked at."""

    n_objects: int = 0
    n_blobs: int = 0
    n_pages: int = 0
    n_versions: int = 0

    def __add__(self, other: Checked) -> Checked:
        return Checked(
            self.n_objects + other.n_objects,
            self.n_blobs + other.n_blobs,
            self.n_pages + other.n_pages,
            self.n_versions + other.n_versions,
        )


def with_needers(finding: Finding, ask: Callable[[str, int], list[str]]) -> Iterator[Finding]:
    """The finding with all who need what it is about.

    Args:
        ask: their names after a name, sorted, so many at most: version keys, and `draft:` with an
            id.
    """
    after = ""
    while True:
        names = ask(after, _AT_ONCE)
        if names or not finding.is_continued:
            versions = tuple(VersionKey(name) for name in names if name.startswith("artifact:"))
            drafts = tuple(
                DraftId(name.removeprefix("draft:")) for name in names if name.startswith("draft:")
            )
            yield replace(finding, versions=versions, drafts=drafts)
        if len(names) < _AT_ONCE:
            return
        finding, after = replace(finding, is_continued=True), names[-1]
