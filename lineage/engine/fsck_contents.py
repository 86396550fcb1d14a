"""fsck of what the graph says of contents: pages, versions, drafts, uploads and tombstones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from lineage.digest import Digest
from lineage.engine.context import Context
from lineage.engine.findings import KEPT, Checked, Finding, with_needers
from lineage.engine.reclaim import Reclaim, reclaim
from lineage.errors import Corrupt, Invalid
from lineage.manifest import Page, manifest_digest, parse_page
from lineage.model import Blob, ObjectName, Sums, Tombstone, Upload, Version, VersionState
from lineage.names import VersionKey
from lineage.ports import Transaction

__all__ = ["ContentsCheck"]

_PAGES_AT_ONCE: Final = 64  # with their bodies
_AT_ONCE: Final = 1000
_VERSIONS_AT_ONCE: Final = 200
_FILES_AT_ONCE: Final = 1_000_000  # of the versions whose pages are asked for at once
_MIN_AGE: Final = timedelta(minutes=10)  # a deletion that began later is likely still at work
_IMPOSSIBLE: Final = {
    "hold": "it holds what is no blob",
    "page": "it owns what is no page",
    "committed": "it is committed and still owns a page",
}


class ContentsCheck:
    """First what is damaged, then what is leaked."""

    def __init__(self, context: Context, *, repair: bool) -> None:
        self._context = context
        self._graph = context.graph
        self._reclaim = Reclaim(context)
        self._repair = repair
        self._unfinished: list[VersionKey] = []  # deleted, and with pages all the same
        self.is_damaged = False  # whether a page or version does not tell what it needs

    # What is damaged

    def damaged(self) -> Iterator[Finding | Checked]:
        """Pages, versions and drafts that are not what they should be."""
        for told in self._damaged_pages():
            self.is_damaged |= isinstance(told, Finding)
            yield told
        for told in self._missing_versions():
            self.is_damaged = True
            yield told
        for told in self._incomplete_versions():
            self.is_damaged |= isinstance(told, Finding)
            yield told
        yield from self._impossible_drafts()
        yield from self._shared_objects()

    def _damaged_pages(self) -> Iterator[Finding | Checked]:
        for digests in self._pages(_PAGES_AT_ONCE):
            for page in self._graph.read(partial(_recorded, digests=digests)):
                if _fault_of_page(page) is not None:
                    yield from self._damaged_page(page.digest)
            yield Checked(n_pages=len(digests))

    def _damaged_page(self, digest: Digest) -> Iterator[Finding]:
        def look(tx: Transaction) -> list[Page]:
            tx.lock(pages=[digest])
            return tx.inventory.recorded_pages([digest])

        for page in self._graph.write(look):
            fault = _fault_of_page(page)
            if fault is not None:
                finding = Finding("page_damaged", digest, page.size_bytes, detail=fault)
                yield from with_needers(finding, partial(self._owners, digest))

    def _owners(self, page: Digest, after: str, limit: int) -> list[str]:
        return self._graph.read(lambda tx: tx.inventory.page_owners(page, after=after, limit=limit))

    def _missing_versions(self) -> Iterator[Finding]:
        short = self._graph.read(lambda tx: tx.inventory.short_collections())
        # One that is logged or purged meanwhile may have looked like one.
        again = self._graph.read(lambda tx: tx.inventory.short_collections()) if short else []
        for key, n_missing in again:
            if (key, n_missing) in short:
                yield Finding("version_missing", key, detail=f"{n_missing} of its versions")

    def _incomplete_versions(self) -> Iterator[Finding | Checked]:
        after: VersionKey | None = None
        while keys := self._graph.read(partial(_versions, after=after)):
            found = self._graph.read(partial(_find, keys=keys))
            for group in _of_few_files(list(found.values())):
                sums = self._graph.read(partial(_sums, keys=[version.key for version in group]))
                for version in group:
                    if _fault_of_version(version, sums.get(version.key)) is not None:
                        yield from self._incomplete(version.key)
            yield Checked(n_versions=len(keys))
            after = keys[-1]

    def _incomplete(self, key: VersionKey) -> Iterator[Finding]:
        def look(tx: Transaction) -> tuple[Version | None, Sums | None]:
            tx.lock(nodes=[key])
            return tx.versions.find([key]).get(key), tx.inventory.sums([key]).get(key)

        version, sums = self._graph.write(look)
        fault = None if version is None else _fault_of_version(version, sums)
        if version is None or fault is None:
            return
        if version.state is VersionState.DELETED:
            self._unfinished.append(key)
        else:
            yield Finding("version_incomplete", key, version.size_bytes, (key,), detail=fault)

    def _impossible_drafts(self) -> Iterator[Finding]:
        found = self._graph.read(lambda tx: tx.inventory.impossible_drafts())
        if found:
            again = set(self._graph.read(lambda tx: tx.inventory.impossible_drafts()))
            for id, what in found:
                if (id, what) in again:
                    detail = _IMPOSSIBLE[what]
                    yield Finding("draft_impossible", f"draft:{id}", drafts=(id,), detail=detail)

    # What is named twice

    def _shared_objects(self) -> Iterator[Finding]:
        """Before anything is removed: a tombstone's object is deleted, whoever else names it."""
        found = self._graph.read(lambda tx: tx.inventory.shared_objects())
        if not found:
            return
        again = set(self._graph.read(lambda tx: tx.inventory.shared_objects()))
        for name in found:
            if name in again:
                if self._repair:
                    self._graph.write(partial(_give_to_one, name=name))
                yield Finding("object_named_twice", name, is_repaired=self._repair)

    # What is leaked

    def leaked(self, *, removes: bool) -> Iterator[Finding]:
        """What is still there, though nothing needs it; removed if `removes`."""
        yield from self._draftless_uploads(removes=removes)
        yield from self._unfinished_deletions(removes=removes)
        for digests in self._pages(_AT_ONCE):
            yield from self._unowned_pages(digests, removes=removes)

    def _draftless_uploads(self, *, removes: bool) -> Iterator[Finding]:
        found = self._graph.read(lambda tx: tx.inventory.draftless_uploads())
        if not found:
            return
        again = set(self._graph.read(lambda tx: tx.inventory.draftless_uploads()))
        for upload in found:
            if upload in again:
                is_gone = removes and self._bury(upload)
                yield self._leak("upload_without_draft", upload.object, upload.size_bytes, is_gone)

    def _bury(self, upload: Upload) -> bool:
        def change(tx: Transaction) -> bool:
            tx.lock(objects=[upload.object])
            if upload not in tx.inventory.draftless_uploads():
                return False
            if upload.object in tx.inventory.shared_objects():
                return False
            tx.contents.remove_uploads([upload.object])
            tomb = Tombstone(upload.object, upload.size_bytes, upload.until)
            tx.contents.add_tombstones([tomb])
            return True

        is_buried = self._graph.write(change)
        if is_buried:
            self._reclaim.delete_objects([upload.object])
        return is_buried

    def _unfinished_deletions(self, *, removes: bool) -> Iterator[Finding]:
        if not self._unfinished:
            return
        now = self._context.now()
        before = now - _MIN_AGE
        at_work = self._graph.read(partial(_at_work, now=now, before=before))
        for version in self._graph.read(partial(_find, keys=self._unfinished)).values():
            if version.key in at_work or version.deleted_at is None or version.deleted_at > before:
                continue
            if removes:
                self._reclaim.cut_version(version.key)
            yield self._leak("deletion_unfinished", version.key, version.size_bytes, removes)

    def _unowned_pages(self, digests: Sequence[Digest], *, removes: bool) -> Iterator[Finding]:
        unowned = self._graph.read(lambda tx: tx.contents.ownerless(digests))
        if not unowned:
            return

        def look(tx: Transaction) -> list[Page]:
            tx.lock(pages=unowned)
            return list(tx.contents.find_pages(tx.contents.ownerless(unowned)).values())

        for page in self._graph.write(look):
            is_gone = removes and self._take(page.digest)
            yield self._leak("page_unowned", page.digest, page.size_bytes, is_gone)

    def _take(self, page: Digest) -> bool:
        def change(tx: Transaction) -> tuple[int, list[Blob]]:
            return reclaim(tx, [page], [])

        n_pages, going = self._graph.write(change)
        self._reclaim.delete_objects([blob.object for blob in going])
        return n_pages == 1

    def _leak(self, kind: str, subject: str, size_bytes: int, is_gone: bool) -> Finding:
        detail = KEPT if self._repair and self.is_damaged else ""
        return Finding(kind, subject, size_bytes, detail=detail, is_repaired=is_gone)

    def _pages(self, limit: int) -> Iterator[list[Digest]]:
        after: Digest | None = None
        while digests := self._graph.read(partial(_page_digests, after=after, limit=limit)):
            yield digests
            after = digests[-1]


def _fault_of_page(stored: Page) -> str | None:
    """What is wrong with a page as it is recorded; None if it is what its body says."""
    try:
        page = parse_page(stored.body, digest=stored.digest)
    except Corrupt:
        return "its body has another digest"
    except Invalid as exc:
        return f"its body is no page: {exc.message}"
    if [blob for blob, _ in stored.blobs] != [blob for blob, _ in page.blobs]:
        return "it contains other blobs than its body names"
    said = replace(page, blobs=stored.blobs, large_files=tuple(sorted(set(page.large_files))))
    return None if said == stored else "its facts are not those of its body"


def _fault_of_version(version: Version, sums: Sums | None) -> str | None:
    """What is wrong with a version's pages; None if they are what they should be."""
    pages = () if sums is None else sums.pages
    if version.state is VersionState.DELETED:
        return "it is deleted and still owns pages" if pages else None
    if manifest_digest(pages) != version.manifest:
        return "its pages do not give its manifest's digest"
    found = (0, 0) if sums is None else (sums.size_bytes, sums.n_files)
    if found != (version.size_bytes, version.n_files):
        return f"its pages have {found[1]} files and {found[0]} bytes"
    return None


def _of_few_files(versions: Sequence[Version]) -> Iterator[list[Version]]:
    """In groups that have at most so many files, or are one version."""
    group: list[Version] = []
    n_files = 0
    for version in versions:
        if group and n_files + version.n_files > _FILES_AT_ONCE:
            yield group
            group, n_files = [], 0
        group.append(version)
        n_files += version.n_files
    if group:
        yield group


def _give_to_one(tx: Transaction, *, name: ObjectName) -> None:
    """Leave the object to the blob that names it, else to the tombstone.

    Nothing is deleted: when the blob goes, it becomes a tombstone again. An upload can be asked
    for again.
    """
    tx.lock(objects=[name])
    if name in tx.inventory.shared_objects():
        tx.contents.remove_uploads([name])
    if name in tx.inventory.shared_objects():
        tx.contents.remove_tombstones([name])


def _at_work(tx: Transaction, *, now: datetime, before: datetime) -> set[VersionKey]:
    """The versions of deletions that have done something lately."""
    stuck = set(tx.receipts.unfinished(before, limit=_AT_ONCE))
    found: set[VersionKey] = set()
    for id in tx.receipts.unfinished(now, limit=_AT_ONCE):
        receipt = None if id in stuck else tx.receipts.find(id)
        if receipt is not None:
            found.update(receipt.versions)
    return found


def _page_digests(tx: Transaction, *, after: Digest | None, limit: int) -> list[Digest]:
    return tx.inventory.list_pages(after=after, limit=limit)


def _recorded(tx: Transaction, *, digests: Sequence[Digest]) -> list[Page]:
    return tx.inventory.recorded_pages(digests)


def _versions(tx: Transaction, *, after: VersionKey | None) -> list[VersionKey]:
    return tx.inventory.list_versions(after=after, limit=_VERSIONS_AT_ONCE)


def _find(tx: Transaction, *, keys: Sequence[VersionKey]) -> dict[VersionKey, Version]:
    return tx.versions.find(keys)


def _sums(tx: Transaction, *, keys: Sequence[VersionKey]) -> dict[VersionKey, Sums]:
    return tx.inventory.sums(keys)
