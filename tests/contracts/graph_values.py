"""Values to put into a graph store, with as little said as the test needs; and ways to look."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from lineage.digest import Digest
from lineage.manifest import Entry, Page, cut, manifest_digest, parse_page
from lineage.model import (
    Access,
    Blob,
    Collection,
    Draft,
    DraftId,
    Edge,
    Goal,
    ObjectName,
    Project,
    Run,
    RunState,
    Scope,
    Segment,
    Sweep,
    Version,
    VersionState,
)
from lineage.names import CollectionKey, ProjectKey, RunKey, SegmentKey, SweepKey
from lineage.ports import GraphStore, Transaction

__all__ = [
    "ALL",
    "DIGITS",
    "NOW",
    "PROJECT",
    "RIVAL",
    "Contents",
    "blob",
    "commit",
    "draft",
    "edges",
    "in_threads",
    "page",
    "run",
    "run_key",
    "seed",
    "segment",
    "segments",
    "sweep",
    "version",
]

NOW = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
PROJECT = ProjectKey.of("acme", "vision")
RIVAL = ProjectKey.of("rival", "secret")
DIGITS = CollectionKey.of(PROJECT, "digits")
ALL = Scope("admin")

Contents = dict[str, bytes]


def seed(store: GraphStore) -> None:
    """Two private projects, and a collection in the first."""

    def fn(tx: Transaction) -> None:
        tx.projects.add(Project(PROJECT, Access.PRIVATE, NOW))
        tx.projects.add(Project(RIVAL, Access.PRIVATE, NOW))
        tx.collections.add(Collection(DIGITS, "dataset", NOW))

    store.write(fn)


def run_key(name: str) -> RunKey:
    return RunKey.of(PROJECT, name)


def segment(name: str, number: int = 1) -> SegmentKey:
    return run_key(name).segment(number)


def run(name: str, /, **fields: Any) -> Run:
    said = {"state": RunState.RUNNING, "created_at": NOW, "heartbeat_at": NOW} | fields
    return Run(run_key(name), **said)


def sweep(name: str, /, **fields: Any) -> Sweep:
    said: dict[str, Any] = {"method": "grid", "parameters": {}, "metric": "loss"}
    said |= {"goal": Goal.MINIMIZE, "created_at": NOW} | fields
    return Sweep(SweepKey.of(PROJECT, name), **said)


def version(number: int, *, of: CollectionKey = DIGITS, **fields: Any) -> Version:
    said: dict[str, Any] = {"type": "dataset", "state": VersionState.COMMITTED}
    said |= {"manifest": Digest.of(b"%d" % number), "size_bytes": 1, "n_files": 1}
    said |= {"created_at": NOW, "created_by": "ada"} | fields
    return Version(of.version(number), **said)


def draft(id: str = "d0", pages: Sequence[Page] = (), **fields: Any) -> Draft:
    said: dict[str, Any] = {"collection": DIGITS, "type": "dataset", "actor": "ada"}
    said |= {"expires_at": NOW + timedelta(days=1)} | fields
    return Draft(DraftId(id), pages=tuple(page.digest for page in pages), **said)


def blob(data: bytes) -> Blob:
    digest = Digest.of(data)
    return Blob(digest, len(data), ObjectName(f"object-{digest.hex[:8]}"), NOW)


def page(contents: Contents) -> Page:
    """The one page of a manifest with these files."""
    [body] = cut([Entry(path, len(data), Digest.of(data)) for path, data in contents.items()])
    return parse_page(body)


def commit(
    tx: Transaction, number: int, pages: Sequence[Page], *, of: CollectionKey = DIGITS
) -> Version:
    """A version with these pages, and whatever of its pages and blobs is not there yet."""
    found = tx.contents.find_blobs([digest for page in pages for digest, _ in page.blobs])
    new = {digest: size for page in pages for digest, size in page.blobs if digest not in found}
    names = {digest: ObjectName(f"object-{digest.hex[:8]}") for digest in new}
    tx.contents.add_blobs([Blob(d, size, names[d], NOW) for d, size in new.items()])
    tx.contents.add_pages(pages)
    made = draft(f"draft-of-{of.name}-{number}", pages)
    tx.drafts.add(made)
    tx.drafts.attach(made.id, [page.digest for page in pages])
    manifest = manifest_digest([page.digest for page in pages])
    committed = version(number, of=of, manifest=manifest)
    tx.versions.add(committed, made.id, [page.digest for page in pages])
    tx.drafts.remove(made.id)
    return committed


def segments(store: GraphStore, name: str) -> list[Segment]:
    return store.read(lambda tx: tx.runs.segments(run_key(name)))


def edges(store: GraphStore) -> list[Edge]:
    return store.read(lambda tx: list(tx.flow.iter_edges()))


def in_threads(work: Callable[..., Any], *, n: int, pass_number: bool = False) -> None:
    """Run `work` in n threads and raise what any of them raised."""
    errors: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number) if pass_number else work()
        except BaseException as exc:  # noqa: BLE001 - raised below, in the test's own thread
            errors.append(exc)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
