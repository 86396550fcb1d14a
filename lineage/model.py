"""The values that travel between stores, engine and client: frozen, pure, without behaviour.

Times are aware UTC. Sizes are bytes. Keys are the types of `lineage.names`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType

from lineage.digest import Digest
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
    "Access",
    "Blob",
    "Bytes",
    "Caller",
    "Collection",
    "DeletionFacts",
    "Direction",
    "Draft",
    "DraftId",
    "Edge",
    "EdgeKind",
    "Event",
    "Freed",
    "Goal",
    "Holder",
    "Json",
    "JsonObject",
    "Link",
    "Misplaced",
    "NodeInfo",
    "ObjectName",
    "Plan",
    "Project",
    "Ranked",
    "Ranking",
    "Receipt",
    "ReceiptId",
    "ReferenceCheck",
    "Run",
    "RunState",
    "Scope",
    "Segment",
    "Stats",
    "StoredObject",
    "Sums",
    "Sweep",
    "Tombstone",
    "Trace",
    "TraceQuery",
    "Upload",
    "Version",
    "VersionState",
]

Json = Any  # what JSON can say, NaN and infinities included
JsonObject = Mapping[str, Any]
DraftId = NewType("DraftId", str)  # a UUID that the client makes: 32 hex digits
ObjectName = NewType("ObjectName", str)  # where a blob lies; never used twice
ReceiptId = NewType("ReceiptId", str)  # 32 hex digits


class Access(StrEnum):
    """Who may do what in a project; everyone = any valid key."""

    PRIVATE = "private"  # its team reads and writes
    PUBLIC = "public"  # everyone reads, the team writes
    OPEN = "open"  # everyone reads and writes


class RunState(StrEnum):
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CRASHED = "crashed"  # computed: running, but silent for five minutes
    DELETED = "deleted"


class VersionState(StrEnum):
    COMMITTED = "committed"
    DELETED = "deleted"


class EdgeKind(StrEnum):
    """Kinds of flow edges, in the direction data flows."""

    FEEDS = "feeds"  # version -> segment that used it
    LOGGED = "logged"  # segment -> version
    CONTINUES = "continues"  # segment -> next segment of the run


class Direction(StrEnum):
    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"


class Goal(StrEnum):
    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a name for the record, and what it may reach."""

    name: str
    entities: frozenset[str] = frozenset()
    is_admin: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """Which projects an answer may draw on: all of them, or the shared and a caller's own."""

    caller: str
    entities: frozenset[str] | None = None  # None: everything


@dataclass(frozen=True, slots=True)
class Project:
    key: ProjectKey
    access: Access
    created_at: datetime
    protected_aliases: tuple[str, ...] = ()  # an administrator alone moves or drops these
    guards_downstream: bool = False  # a version that a live run used is not deleted


@dataclass(frozen=True, slots=True)
class Run:
    """One execution as people see it; its segments are told apart only in a trace."""

    key: RunKey
    state: RunState
    created_at: datetime
    heartbeat_at: datetime
    name: str = ""
    job_type: str = ""
    group: str = ""
    notes: str = ""
    tags: tuple[str, ...] = ()
    config: JsonObject = field(default_factory=dict)
    summary: JsonObject = field(default_factory=dict)
    summary_min: JsonObject = field(default_factory=dict)
    summary_max: JsonObject = field(default_factory=dict)
    sweep: SweepKey | None = None
    point: int | None = None  # which point of the sweep it tries
    finished_at: datetime | None = None
    exit_code: int | None = None
    error: str = ""
    revision: int = 1


@dataclass(frozen=True, slots=True)
class Segment:
    key: SegmentKey
    is_sealed: bool


@dataclass(frozen=True, slots=True)
class Sweep:
    key: SweepKey
    method: str
    parameters: JsonObject
    metric: str
    goal: Goal
    created_at: datetime
    name: str = ""
    program: str = ""
    run_cap: int | None = None
    next_point: int = 0
    is_stopped: bool = False


@dataclass(frozen=True, slots=True)
class Collection:
    key: CollectionKey
    type: str
    created_at: datetime
    next_index: int = 0
    description: str = ""


@dataclass(frozen=True, slots=True)
class ReferenceCheck:
    """What was found when the references of a version were last looked at, each counted once."""

    checked_at: datetime
    checked_by: str
    n_ok: int = 0  # what was logged is still there
    n_changed: int = 0  # something else lies at the address now
    n_missing: int = 0  # nothing does
    n_unversioned: int = 0  # nothing was recorded that could tell

    @property
    def n_references(self) -> int:
        return self.n_ok + self.n_changed + self.n_missing + self.n_unversioned

    @property
    def is_drifted(self) -> bool:
        return self.n_changed + self.n_missing > 0


@dataclass(frozen=True, slots=True)
class Version:
    key: VersionKey
    type: str
    state: VersionState
    manifest: Digest
    size_bytes: int
    n_files: int
    created_at: datetime
    created_by: str
    metadata: JsonObject = field(default_factory=dict)
    description: str = ""
    tags: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    deleted_at: datetime | None = None
    deleted_by: str | None = None
    revision: int = 1
    reference_check: ReferenceCheck | None = None  # the last one; None: never, or deleted

    @property
    def is_drifted(self) -> bool:
        """Whether the last check found references that do not hold any more."""
        return self.reference_check is not None and self.reference_check.is_drifted


@dataclass(frozen=True, slots=True)
class Draft:
    """A version being written. `pages` is the whole list that its manifest will have."""

    id: DraftId
    collection: CollectionKey
    type: str
    actor: str
    pages: tuple[Digest, ...]
    expires_at: datetime
    run: RunKey | None = None
    segment: SegmentKey | None = None  # what of the run it comes from; sealed when it began
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    metadata: JsonObject = field(default_factory=dict)
    description: str = ""
    version: VersionKey | None = None  # set by commit
    created: bool | None = None  # set by commit: whether the version is new


@dataclass(frozen=True, slots=True)
class Blob:
    digest: Digest
    size_bytes: int
    object: ObjectName
    until: datetime  # a late upload to this object may land until then
    is_lost: bool = False  # its bytes are known to be missing or damaged: nobody is told "held"


@dataclass(frozen=True, slots=True)
class Upload:
    """Leave to store one blob under one object name until a deadline."""

    object: ObjectName
    digest: Digest
    size_bytes: int
    draft: DraftId
    until: datetime


@dataclass(frozen=True, slots=True)
class Link:
    """A request that anyone may make without a key, for a short while: bound to one object and one
    purpose. It is a secret as long as it lasts."""

    url: str
    headers: Mapping[str, str]  # to be sent just so


@dataclass(frozen=True, slots=True)
class Tombstone:
    """An object to be deleted (`deleted_at` None) or deleted, and watched for late uploads."""

    object: ObjectName
    size_bytes: int
    until: datetime
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What a blob store holds under a name."""

    name: ObjectName
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Event:
    """One change, written in the transaction that made it."""

    at: datetime
    actor: str
    verb: str
    subject: str
    before: Json = None
    after: Json = None
    id: int | None = None  # given by the store, rising


@dataclass(frozen=True, slots=True)
class Edge:
    """One flow edge, in the direction data flows."""

    src: NodeKey
    dst: NodeKey
    kind: EdgeKind


@dataclass(frozen=True, slots=True)
class Misplaced:
    """An edge between things that it must not join, or without the mirror that it must have."""

    src: str  # a key; empty if there is nothing
    kind: str  # of the edge: `feeds`, `used`, `logged`, `continues` or `reproduced`
    dst: str


@dataclass(frozen=True, slots=True)
class Sums:
    """The pages that a version owns, in order, and what these add up to."""

    pages: tuple[Digest, ...]
    size_bytes: int
    n_files: int


@dataclass(frozen=True, slots=True)
class TraceQuery:
    starts: tuple[NodeKey, ...]
    direction: Direction
    max_hops: int | None = None  # edges; None goes to the end
    limit: int | None = None  # nodes in the answer; None has no limit
    with_edges: bool = False


@dataclass(frozen=True, slots=True)
class Trace:
    """Nodes by distance, without the starts: `levels[i]` holds the keys at hop i + 1, sorted."""

    levels: tuple[tuple[NodeKey, ...], ...]
    edges: tuple[Edge, ...] = ()  # by (src, dst), among the starts and the nodes
    complete: bool = True

    @property
    def n_nodes(self) -> int:
        return sum(map(len, self.levels))


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """What a picture of the graph says about a node beside its key."""

    key: NodeKey
    state: str
    type: str  # a version's type, a run's job type
    name: str
    created_at: datetime
    is_drifted: bool = False  # a version whose references do not hold any more


@dataclass(frozen=True, slots=True)
class Ranked:
    run: RunKey
    value: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """Runs of a sweep, best first; `n_without` had no number for the metric, or NaN."""

    runs: tuple[Ranked, ...]
    n_without: int


@dataclass(frozen=True, slots=True)
class Holder:
    """A surviving version, or a draft, that keeps shared bytes of a deletion alive."""

    key: str
    n_blobs: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class DeletionFacts:
    """What removing a set of versions would do, read in one consistent answer."""

    n_pages: int  # pages that go
    n_blobs: int  # blobs that go
    freed_bytes: int
    blobs: Digest  # SHA-256 over the sorted raw digests of the blobs that go
    joint_bytes: int  # of these, what no version of the set frees alone
    n_shared: int  # blobs of the set that stay
    shared_bytes: int
    consumers: tuple[RunKey, ...]  # runs that used a version of the set, and are not in it


@dataclass(frozen=True, slots=True)
class Bytes:
    """Stored bytes of a set of versions: each blob counted once."""

    all_bytes: int
    shared_bytes: int  # also contained in a version outside the set, or held by a draft
    n_blobs: int

    @property
    def own_bytes(self) -> int:
        """What deleting the whole set would free."""
        return self.all_bytes - self.shared_bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """A deletion as asked for: what it names, and the digest of what it would do."""

    digest: Digest
    actor: str
    expires_at: datetime
    versions: tuple[VersionKey, ...]
    runs: tuple[RunKey, ...]
    delete_aliases: bool
    purge: bool
    binds: JsonObject  # what the digest covers, so that a difference can be told


@dataclass(frozen=True, slots=True)
class Freed:
    """What left the store: `size_bytes` in `n_blobs` blobs, and pages."""

    n_pages: int = 0
    n_blobs: int = 0
    size_bytes: int = 0

    def __add__(self, other: Freed) -> Freed:
        return Freed(
            self.n_pages + other.n_pages,
            self.n_blobs + other.n_blobs,
            self.size_bytes + other.size_bytes,
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    """A deletion that was decided: what it takes, and what it has freed so far.

    Its versions have been unreadable since `deleted_at`; once `finished_at` is set, no byte of
    them remains that nothing else needs, and the figures are final.
    """

    id: ReceiptId
    versions: tuple[VersionKey, ...]
    runs: tuple[RunKey, ...]
    deleted_at: datetime
    deleted_by: str
    plan: Digest | None = None  # what was executed, if it was a plan
    purge: bool = False
    n_done: int = 0  # versions that have lost all that was theirs alone
    freed: Freed = Freed()
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stats:
    """Totals over everything stored."""

    n_runs: int
    n_versions: int
    n_blobs: int
    stored_bytes: int
