"""The ports: what the engine needs from a graph store, a blob store and a clock.

Their whole promise stands here; `tests/contracts` tests each sentence. Any call may raise
Unavailable (the store cannot be reached, is full, read-only or locked) or TimedOut.

**Graph store.** `write(fn)` runs `fn` in one transaction and may run it again from the start after
a conflict with another writer, so `fn` touches nothing but its argument. When `write` returns, all
that `fn` did survives a crash; when it raises, nothing of it is there. Several threads and several
processes may write at once.

Writes may wait until something is read, or until `fn` has returned. So a verb's error may come from
a later verb or from `write`, and once it has come, the transaction is lost whatever `fn` catches.

`read(fn)` gives `fn` the same verbs; a verb that writes is refused there. Each verb answers from
what was committed when it was asked: two verbs of one `read` may see a change between them. What
has to hold for several verbs at once is read in `write`, under locks, or read again.

Locks keep to one order, which is the order of `lock`'s parameters; a transaction that has locked a
later class never goes back to an earlier one. Lock, then read: what a lock was waiting for shows
only in what is read afterwards. Locking what does not exist is allowed and locks nothing.

Verbs are batched: they take and give many at once. `find_` verbs leave out what is not there;
`list_` verbs page by (`after`, `limit`), sorted as they say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol, TypeVar, runtime_checkable

from lineage.digest import Digest
from lineage.filters import Filter
from lineage.manifest import Page
from lineage.model import (
    Access,
    Blob,
    Bytes,
    Collection,
    DeletionFacts,
    Draft,
    DraftId,
    Edge,
    Event,
    Freed,
    Goal,
    Holder,
    Json,
    Link,
    Misplaced,
    NodeInfo,
    ObjectName,
    Plan,
    Project,
    Ranking,
    Receipt,
    ReceiptId,
    ReferenceCheck,
    Run,
    Scope,
    Segment,
    Stats,
    StoredObject,
    Sums,
    Sweep,
    Tombstone,
    Trace,
    TraceQuery,
    Upload,
    Version,
)
from lineage.names import (
    CollectionKey,
    NodeKey,
    ProjectKey,
    RunKey,
    SegmentKey,
    SweepKey,
    VersionKey,
)

__all__ = [
    "BlobStore",
    "Clock",
    "Collections",
    "Contents",
    "DirectTransfer",
    "Drafts",
    "Events",
    "Flow",
    "GraphStore",
    "Inventory",
    "Plans",
    "Projects",
    "Questions",
    "Receipts",
    "Runs",
    "Sweeps",
    "Transaction",
    "Versions",
]

T = TypeVar("T")


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, aware, in UTC."""


class BlobStore(Protocol):
    """Objects: immutable bytes under names that are never reused."""

    def new_object(self, digest: Digest) -> ObjectName:
        """A name for these bytes that no object ever had. Names sort as digests do."""

    def claim(self, graph: str) -> None:
        """Belong to the graph of this identity from now on; claiming again changes nothing.

        Objects mean nothing without their graph, and to the fsck of another they all look leaked.

        Raises:
            Conflict: the store belongs to another graph.
        """

    def put(self, upload: Upload, chunks: Iterable[bytes], *, now: datetime) -> None:
        """Store the bytes of `upload.digest` under `upload.object`.

        On return they are whole, verified and durable; on any error nothing is left under the name.
        `chunks` is read once, in order, and never held whole.

        Raises:
            Invalid: more or fewer bytes than `upload.size_bytes` (field `size_bytes`), or `now` is
                past `upload.until` (field `upload`).
            AlreadyExists: the name has bytes already; they are left as they are.
            Corrupt: the bytes have another digest.
            Unavailable: disk full, read-only, not reachable.
        """

    def put_many(self, items: Iterable[tuple[Upload, bytes]], *, now: datetime) -> None:
        """Store many small blobs, flushed together once. All are durable on return, or it raises as
        `put` does and none of them is left."""

    def read(
        self, name: ObjectName, *, start: int = 0, size_bytes: int | None = None
    ) -> AbstractContextManager[Iterator[bytes]]:
        """The object's bytes from `start`, at most `size_bytes` of them, in chunks of up to 1 MiB.

        Raises:
            NotFound: no such object, on entry. Once entered, the bytes stay readable to the end,
                even if the object is deleted meanwhile.
        """

    def find_size(self, name: ObjectName) -> int | None:
        """The object's size in bytes; None if it is not there."""

    def delete(self, names: Sequence[ObjectName]) -> None:
        """Remove these objects, durably and with every trace; one that is absent is a success."""

    def iter_objects(self) -> Iterator[StoredObject]:
        """Every stored object, by name; those put or deleted meanwhile may be in it or not."""

    def check(self) -> None:
        """Raise Unavailable, saying what to do, if bytes cannot be stored now."""


@runtime_checkable
class DirectTransfer(Protocol):
    """What a blob store has besides, if clients can reach it themselves: bytes go past the API."""

    def upload_link(self, upload: Upload, *, now: datetime) -> Link:
        """Leave to PUT the bytes of `upload.digest` under `upload.object` until `upload.until`.

        The store itself refuses, when the request begins after that moment, when the bytes have
        another digest, and when the name has bytes already; then nothing of it is left.
        """

    def download_link(self, name: ObjectName, *, until: datetime, now: datetime) -> Link:
        """Leave to GET the object, whole or by range, until that time."""

    def find_uploaded(self, uploads: Sequence[Upload]) -> set[ObjectName]:
        """Those whose bytes, put by a link, are there, whole and verified by the store."""


class Projects(Protocol):
    def find(self, key: ProjectKey) -> Project | None: ...

    def add(self, project: Project) -> None:
        """Also adds its entity where that is new. AlreadyExists if the project is there."""

    def set_access(self, key: ProjectKey, access: Access) -> None: ...

    def set_guards(
        self, key: ProjectKey, *, protected_aliases: Sequence[str], guards_downstream: bool
    ) -> None: ...

    def select(
        self, scope: Scope, *, entity: str | None, after: ProjectKey | None, limit: int
    ) -> list[Project]:
        """By key."""


class Runs(Protocol):
    def find(self, keys: Sequence[RunKey]) -> dict[RunKey, Run]: ...

    def add(self, run: Run) -> None:
        """With its first segment, unsealed. AlreadyExists if the key was ever given."""

    def save(self, run: Run) -> None:
        """Replace everything but the key, `created_at`, the sweep and the point."""

    def beat(self, key: RunKey, at: datetime) -> None:
        """Move the heartbeat, and nothing else."""

    def segments(self, key: RunKey) -> list[Segment]:
        """By number, from 1; empty for an unknown run."""

    def add_segment(self, key: SegmentKey, created_at: datetime) -> None:
        """Unsealed, and joined by CONTINUES from the one before."""

    def seal(self, key: SegmentKey) -> None: ...

    def remove(self, key: RunKey) -> None:
        """Purge: the run and its segments with every edge. Its key stays taken."""

    def select(
        self,
        projects: Sequence[ProjectKey],
        *,
        where: Filter | None,
        order: str,
        after: Json,
        limit: int,
        stale_before: datetime,
    ) -> tuple[list[Run], Json]:
        """A page of the runs that pass the filter, and the cursor of the next one, None at the end.

        Args:
            order: a field of `filters.RUN_FIELDS`, `config.*` or `summary.*`, descending after `-`.
                Numbers come before texts and these before booleans; runs without it, or with null
                or NaN, come last; ties go by key.
            after: the cursor that the page before gave; None for the first.
            stale_before: a run that is running and whose heartbeat is older counts as crashed,
                and is given as such; `find` gives the state as it was written.
        """


class Collections(Protocol):
    def find(self, keys: Sequence[CollectionKey]) -> dict[CollectionKey, Collection]: ...

    def add(self, collection: Collection) -> None:
        """AlreadyExists if it is there."""

    def save(self, collection: Collection) -> None:
        """Replace `next_index` and `description`."""

    def select(
        self, project: ProjectKey, *, type: str | None, after: CollectionKey | None, limit: int
    ) -> list[Collection]:
        """By key."""


class Versions(Protocol):
    def find(self, keys: Sequence[VersionKey]) -> dict[VersionKey, Version]: ...

    def find_by_manifest(self, collection: CollectionKey, manifest: Digest) -> VersionKey | None:
        """The live version of the collection with this content."""

    def find_newest(self, collection: CollectionKey) -> VersionKey | None:
        """The live version with the highest index."""

    def add(self, version: Version, draft: DraftId, pages: Sequence[Digest]) -> None:
        """With its tags; `pages` pass to it, in this order, from `draft`, which loses them.

        The draft's other holds stay. Aliases are not set here."""

    def save(self, version: Version) -> None:
        """Replace metadata, description, tags and revision."""

    def set_check(self, key: VersionKey, check: ReferenceCheck) -> None:
        """Keep it in the place of the check before; NotFound if there is no such version."""

    def drifted(self) -> list[VersionKey]:
        """Those whose check says so, by key. Cost: theirs alone."""

    def mark_deleted(self, keys: Sequence[VersionKey], at: datetime, by: str) -> None:
        """State `deleted`, without aliases, tags, metadata, description and check. Pages stay for
        now."""

    def remove(self, key: VersionKey) -> None:
        """Purge: the node with every edge; it must own no page. Its key stays taken."""

    def find_aliases(
        self, collection: CollectionKey, names: Sequence[str]
    ) -> dict[str, VersionKey]: ...

    def set_alias(self, collection: CollectionKey, name: str, version: VersionKey) -> None:
        """Make `version` its only holder."""

    def drop_alias(self, collection: CollectionKey, name: str) -> None: ...

    def select(
        self,
        projects: Sequence[ProjectKey],
        *,
        collection: CollectionKey | None,
        where: Filter | None,
        order: str,
        after: Json,
        limit: int,
    ) -> tuple[list[Version], Json]:
        """As `Runs.select`, over `filters.VERSION_FIELDS` and `metadata.*`."""


class Drafts(Protocol):
    def find(self, id: DraftId) -> Draft | None: ...

    def add(self, draft: Draft) -> None: ...

    def save(self, draft: Draft) -> None:
        """Replace `expires_at`, `segment`, `version` and `created`."""

    def remove(self, id: DraftId) -> None:
        """With its holds and its ownership of pages; its uploads must have gone before."""

    def expired(self, now: datetime, *, limit: int) -> list[DraftId]:
        """By expiry, oldest first."""

    def hold(self, id: DraftId, blobs: Sequence[Digest]) -> None:
        """Hold these blobs, which exist; holding one twice is one hold."""

    def release(self, id: DraftId, blobs: Sequence[Digest]) -> None: ...

    def held(self, id: DraftId) -> set[Digest]: ...

    def attach(self, id: DraftId, pages: Sequence[Digest]) -> None:
        """Own these pages, which exist; owning one twice is once."""

    def detach(self, id: DraftId, pages: Sequence[Digest]) -> None:
        """The draft no longer owns these pages."""

    def attached(self, id: DraftId) -> set[Digest]: ...


class Contents(Protocol):
    """Pages and blobs, and where blobs lie."""

    def find_pages(self, digests: Sequence[Digest]) -> dict[Digest, Page]:
        """With empty `body`, `blobs` and `large_files`: the facts without the content."""

    def add_pages(self, pages: Sequence[Page]) -> None:
        """With CONTAINS to their blobs, which exist. Pages that exist are left as they are."""

    def bodies(self, version: VersionKey) -> Iterator[bytes]:
        """The bodies of the version's pages, in order."""

    def body_at(self, version: VersionKey, path: str) -> bytes | None:
        """The body of the version's page whose paths span this one; None if none does."""

    def pages_of(self, version: VersionKey, *, limit: int | None = None) -> list[Digest]:
        """In order; the first `limit` of them."""

    def disown(self, version: VersionKey, pages: Sequence[Digest]) -> None:
        """The version no longer owns these pages."""

    def ownerless(self, pages: Sequence[Digest]) -> list[Digest]:
        """Those of the pages that exist and that no version and no draft owns, by digest."""

    def remove_pages(self, pages: Sequence[Digest]) -> list[Digest]:
        """Remove ownerless pages; the blobs they contained, each once, by digest."""

    def find_blobs(self, digests: Sequence[Digest]) -> dict[Digest, Blob]: ...

    def add_blobs(self, blobs: Sequence[Blob]) -> None:
        """None of them is lost. AlreadyExists if one, or its object, is there."""

    def save_blobs(self, blobs: Sequence[Blob]) -> None:
        """Replace all but the digest of blobs, which exist."""

    def unneeded(self, digests: Sequence[Digest]) -> list[Blob]:
        """Those of the blobs that exist and that no page contains and no draft holds, by digest."""

    def remove_blobs(self, digests: Sequence[Digest]) -> None:
        """Conflict, by the database's own guard, if a page contains or a draft holds one."""

    def readable_pages(self, digests: Sequence[Digest], scope: Scope) -> set[Digest]:
        """Those that a live version in a readable project owns, or a live draft of the caller, and
        that contain no lost blob: who logs such a page again is asked for the blob."""

    def readable_blobs(self, digests: Sequence[Digest], scope: Scope) -> set[Digest]:
        """Those that a readable page contains, or a draft of the caller holds."""

    def find_uploads(self, objects: Sequence[ObjectName]) -> dict[ObjectName, Upload]: ...

    def uploads_of(self, draft: DraftId) -> list[Upload]:
        """By object."""

    def uploads_for(self, draft: DraftId, digests: Sequence[Digest]) -> dict[Digest, Upload]:
        """Those of the draft for these blobs; at most one each."""

    def add_uploads(self, uploads: Sequence[Upload]) -> None: ...

    def remove_uploads(self, objects: Sequence[ObjectName]) -> None: ...

    def add_tombstones(self, tombstones: Sequence[Tombstone]) -> None: ...

    def pending_tombstones(self, *, limit: int) -> list[Tombstone]:
        """Those whose object is not recorded as deleted, by object."""

    def bury(self, objects: Sequence[ObjectName], at: datetime) -> None:
        """Record that these tombstones' objects have been deleted."""

    def late_tombstones(self, before: datetime, *, limit: int) -> list[Tombstone]:
        """Buried ones whose `until` lies before that time, by object."""

    def remove_tombstones(self, objects: Sequence[ObjectName]) -> None: ...

    def list_blobs(self, *, after: Digest | None, limit: int) -> list[Blob]:
        """By digest, all of them in pages."""

    def known_objects(self, names: Sequence[ObjectName]) -> set[ObjectName]:
        """Those that are a blob's, an upload's or a tombstone's."""

    def owned_deleted(self, before: datetime, *, limit: int) -> list[VersionKey]:
        """Versions deleted at or before that time that still own pages, by key."""


class Flow(Protocol):
    """Edges between segments and versions. Adding one that is there changes nothing."""

    def add_use(self, segment: SegmentKey, version: VersionKey) -> None:
        """USED and its mirror FEEDS."""

    def add_logged(self, segment: SegmentKey, version: VersionKey) -> None: ...

    def add_reproduced(self, segment: SegmentKey, version: VersionKey) -> None: ...

    def used_by_run(self, run: RunKey) -> list[VersionKey]:
        """By key, each once over all segments."""

    def logged_by_run(self, run: RunKey) -> tuple[list[VersionKey], list[VersionKey]]:
        """What the run created, and what it reproduced, each by key."""

    def loggers(self, versions: Sequence[VersionKey]) -> dict[VersionKey, SegmentKey]:
        """The segment that created each; a version logged without a run is left out."""

    def consumers(self, version: VersionKey) -> list[RunKey]:
        """Runs that used it, by key."""

    def reproducers(self, version: VersionKey) -> list[RunKey]:
        """Runs that logged the same content again, by key."""

    def edges_into(self, nodes: Sequence[NodeKey]) -> list[Edge]:
        """All flow edges that lead into these nodes, by (src, dst)."""

    def reproductions(self, nodes: Sequence[NodeKey]) -> list[tuple[SegmentKey, VersionKey]]:
        """Which segment reproduced which version: the pairs that have one of these in them, each
        once, sorted."""

    def find_path(self, start: NodeKey, end: NodeKey) -> list[NodeKey] | None:
        """A shortest path along the flow, both ends in it; None if there is none."""

    def iter_edges(self) -> Iterator[Edge]:
        """All flow edges, by (src, dst)."""


class Sweeps(Protocol):
    def find(self, key: SweepKey) -> Sweep | None: ...

    def add(self, sweep: Sweep) -> None: ...

    def save(self, sweep: Sweep) -> None:
        """Replace `next_point` and `is_stopped`."""

    def select(self, project: ProjectKey, *, after: SweepKey | None, limit: int) -> list[Sweep]:
        """By key."""


class Plans(Protocol):
    def add(self, plan: Plan) -> None:
        """One with the same digest is replaced."""

    def find(self, digest: Digest) -> Plan | None: ...

    def remove_expired(self, now: datetime) -> None: ...


class Receipts(Protocol):
    def add(self, receipt: Receipt) -> None:
        """One that begins: with nothing done, freed or finished."""

    def find(self, id: ReceiptId) -> Receipt | None: ...

    def find_of_plan(self, plan: Digest, actor: str) -> ReceiptId | None:
        """Of what this actor did by this plan."""

    def advance(
        self,
        id: ReceiptId,
        at: datetime,
        *,
        n_done: int = 0,
        freed: Freed = Freed(),  # noqa: B008 - a value
    ) -> None:
        """Add to what it has freed; `n_done` is how far it has come, and never goes back."""

    def finish(self, id: ReceiptId, at: datetime) -> None:
        """The first time counts."""

    def unfinished(self, before: datetime, *, limit: int) -> list[ReceiptId]:
        """Those not finished that have neither begun nor advanced since, longest ago first."""

    def select(
        self, *, actor: str | None, after: tuple[datetime, ReceiptId] | None, limit: int
    ) -> list[Receipt]:
        """Newest first, then by id falling; of one actor, or of all."""


class Events(Protocol):
    def append(self, events: Sequence[Event]) -> None: ...

    def select(self, *, subject: str | None, after: int | None, limit: int) -> list[Event]:
        """Oldest first; with `subject`, those about it."""


class Questions(Protocol):
    """Where the database itself is the point: one answer a verb, with statements of its own."""

    def trace(self, query: TraceQuery) -> Trace:
        """All nodes reachable from the starts along (or against) the flow, nearest first.

        A start is not part of the answer. With `limit`, the first nodes by (hop, key), and
        `complete` tells whether that is all. Edges are those among starts and answer.
        Cost: O(n + m), each node visited once.
        """

    def describe(self, keys: Sequence[NodeKey]) -> dict[NodeKey, NodeInfo]: ...

    def rank(self, sweep: SweepKey, *, metric: str, goal: Goal, limit: int) -> Ranking:
        """Runs of the sweep by a number in their summary, best first; ties go to the earliest.

        Deleted runs do not count. Infinities are numbers; true and false are not.
        """

    def deletion_facts(
        self, versions: Sequence[VersionKey], runs: Sequence[RunKey]
    ) -> DeletionFacts:
        """What removing these versions would do, the runs going with them."""

    def holders(self, versions: Sequence[VersionKey]) -> list[Holder]:
        """Who would keep the blobs that these versions share, by key; each blob counts once, for
        its first holder.

        That is the first live version by key; else `draft:` and the draft that holds it; else a
        deleted version that still owns its page.
        """

    def holder_of(
        self, blobs: Sequence[Digest], versions: Sequence[VersionKey]
    ) -> dict[Digest, str]:
        """The first holder of each of these blobs beside the versions; one without is left out."""

    def stored_bytes(self, versions: Sequence[VersionKey]) -> Bytes: ...

    def stored_bytes_in(self, project: ProjectKey, collection: CollectionKey | None) -> Bytes:
        """Of all live versions in the collection, or in the project."""

    def containing(
        self, scope: Scope, *, digest: Digest | None, path: str | None, limit: int
    ) -> list[VersionKey]:
        """Live readable versions that contain this file or blob, or a file of this path, by key."""

    def stats(self) -> Stats:
        """Runs count even if deleted, versions only if live."""


class Inventory(Protocol):
    """All that is recorded, listed so that fsck can check it, and what no verb could have made."""

    def list_pages(self, *, after: Digest | None, limit: int) -> list[Digest]:
        """By digest."""

    def recorded_pages(self, digests: Sequence[Digest]) -> list[Page]:
        """Those that exist, by digest, just as they are recorded, right or wrong: the body, and the
        facts that stand beside it. `blobs` are those that the page contains, with the sizes they
        are stored with, by digest; `large_files` are sorted."""

    def list_versions(self, *, after: VersionKey | None, limit: int) -> list[VersionKey]:
        """By key, deleted ones included."""

    def sums(self, versions: Sequence[VersionKey]) -> dict[VersionKey, Sums]: ...

    def page_owners(self, page: Digest, *, after: str, limit: int) -> list[str]:
        """Who owns the page: live versions and `draft:` with an id, by that name."""

    def blob_holders(self, blob: Digest, *, after: str, limit: int) -> list[str]:
        """Whose page contains the blob, or who holds it: as `page_owners`, each once."""

    def impossible_drafts(self) -> list[tuple[DraftId, str]]:
        """Drafts by id, each with what cannot be: `hold` (it holds what is no blob), `page` (it
        owns what is no page), `committed` (it is, and owns a page all the same)."""

    def draftless_uploads(self) -> list[Upload]:
        """Uploads of drafts that do not exist, by object."""

    def shared_objects(self) -> list[ObjectName]:
        """Those that more than one of a blob, an upload and a tombstone names, sorted."""

    def short_collections(self) -> list[tuple[CollectionKey, int]]:
        """By key, those that lack versions whose index was given, and how many; a purged one does
        not count as lacking."""

    def misplaced_edges(self) -> list[Misplaced]:
        """By (src, kind, dst): FEEDS, USED, LOGGED and REPRODUCED that do not join a segment and a
        version; FEEDS and USED without each other, where the store keeps both; CONTINUES to other
        than the next segment; all LOGGED of a version that has several."""


class Transaction(Protocol):
    """What `fn` gets: one small protocol for each noun."""

    @property
    def projects(self) -> Projects: ...
    @property
    def runs(self) -> Runs: ...
    @property
    def collections(self) -> Collections: ...
    @property
    def versions(self) -> Versions: ...
    @property
    def drafts(self) -> Drafts: ...
    @property
    def contents(self) -> Contents: ...
    @property
    def flow(self) -> Flow: ...
    @property
    def sweeps(self) -> Sweeps: ...
    @property
    def plans(self) -> Plans: ...
    @property
    def receipts(self) -> Receipts: ...
    @property
    def events(self) -> Events: ...
    @property
    def questions(self) -> Questions: ...
    @property
    def inventory(self) -> Inventory: ...

    def lock(
        self,
        *,
        drafts: Sequence[DraftId] = (),
        projects: Sequence[ProjectKey] = (),
        collections: Sequence[CollectionKey] = (),
        sweeps: Sequence[SweepKey] = (),
        nodes: Sequence[NodeKey | RunKey] = (),
        graph: bool = False,
        pages: Sequence[Digest] = (),
        blobs: Sequence[Digest] = (),
        objects: Sequence[ObjectName] = (),
    ) -> None:
        """Wait until nobody else holds these, then hold them to the end of the transaction."""

    def ahead(
        self,
        *,
        projects: Sequence[ProjectKey] = (),
        drafts: Sequence[DraftId] = (),
        collections: Sequence[CollectionKey] = (),
        aliases: tuple[CollectionKey, Sequence[str]] | None = None,
        manifest: tuple[CollectionKey, Digest] | None = None,
        runs: Sequence[RunKey] = (),
        versions: Sequence[VersionKey] = (),
        readable_pages: Sequence[Digest] = (),
        blobs: Sequence[Digest] = (),
        scope: Scope | None = None,
    ) -> None:
        """Say what `find` verbs will be asked next, one key each, so that one round trip can answer
        them all; with `runs` also their segments and what they used, with `blobs` also which of
        them can be read, for `scope`.

        A hint: it changes no answer. What is locked or written afterwards is asked afresh.
        """


class GraphStore(Protocol):
    @property
    def identity(self) -> str:
        """What tells this graph from every other: 32 hex digits, made with it, never changed."""

    def write(self, fn: Callable[[Transaction], T]) -> T: ...

    def read(self, fn: Callable[[Transaction], T]) -> T: ...

    def check(self) -> None:
        """Raise Unavailable, saying what to do, if the store does not answer."""

    def close(self) -> None: ...
