"""What the engine should answer, on networkx and plain sets: obvious, slow, right.

The oracle knows nothing of stores, locks or transactions. Its verbs have the engine's names and
raise the engine's errors; whoever calls them throws away what a refused verb has changed. What is
stored is never kept but worked out: a page is there if a version or a draft owns it, a blob if such
such
a page contains it or a draft holds it./oracle_answers.py` has traces and deletion.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import networkx as nx

from lineage.digest import Digest
from lineage.engine import DraftRequest, Limits
from lineage.errors import (
    AlreadyExists,
    Conflict,
    Corrupt,
    CycleError,
    Denied,
    Gone,
    Invalid,
    NotFound,
    PreconditionFailed,
)
from lineage.manifest import cut, parse_entries
from lineage.model import Access, Bytes, Caller, RunState
from lineage.names import CollectionKey, ProjectKey, RunKey, VersionKey

__all__ = ["DraftFacts", "Oracle", "RunFacts", "VersionFacts", "blobs_of"]

BlobSize = tuple[Digest, int]


def blobs_of(body: bytes) -> set[BlobSize]:
    lines = map(json.loads, body.splitlines())
    return {(Digest(line["digest"]), line["size_bytes"]) for line in lines if "ref" not in line}


@dataclass
class RunFacts:
    state: RunState
    heartbeat_at: datetime
    segments: list[bool]  # whether each is sealed


@dataclass
class VersionFacts:
    type: str
    pages: tuple[Digest, ...]
    created_by: str
    tags: set[str]
    is_live: bool = True
    revision: int = 1


@dataclass
class DraftFacts:
    request: DraftRequest
    actor: str
    expires_at: datetime
    segment: str | None = None
    attached: set[Digest] = field(default_factory=set)
    held: set[Digest] = field(default_factory=set)
    uploads: dict[Digest, tuple[int, datetime]] = field(default_factory=dict)
    landed: set[Digest] = field(default_factory=set)  # of `uploads`: the bytes are there, untold
    version: VersionKey | None = None
    created: bool | None = None


class Oracle:
    def __init__(self, limits: Limits, now: datetime, *, blobs: Iterable[bytes]) -> None:
        self.limits = limits
        self.now = now
        self.sizes = {Digest.of(data): len(data) for data in blobs}  # all that may ever be stored
        self.bodies: dict[Digest, bytes] = {}  # every page that anyone ever named
        self.projects: dict[str, Access] = {}
        self.runs: dict[RunKey, RunFacts] = {}
        self.purged: set[str] = set()
        self.types: dict[CollectionKey, str] = {}
        self.n_versions: dict[CollectionKey, int] = {}
        self.aliases: dict[tuple[CollectionKey, str], VersionKey] = {}
        self.versions: dict[VersionKey, VersionFacts] = {}
        self.drafts: dict[str, DraftFacts] = {}
        self.lost: set[Digest] = set()  # blobs that are marked: their bytes are gone
        self.flow = nx.DiGraph()
        self.creators: dict[VersionKey, RunKey] = {}
        self.reproduced: set[tuple[str, VersionKey]] = set()  # segment and version

    # Who may do what

    def may_read(self, caller: Caller, project: str) -> bool:
        access = self.projects.get(project)
        return access is not None and (access is not Access.PRIVATE or in_team(caller, project))

    def may_write(self, caller: Caller, project: str) -> bool:
        access = self.projects.get(project)
        return access is not None and (access is Access.OPEN or in_team(caller, project))

    def require_read(self, caller: Caller, project: str) -> None:
        if not self.may_read(caller, project):
            raise NotFound(project)

    def require_write(self, caller: Caller, project: str) -> None:
        self.require_read(caller, project)
        if not self.may_write(caller, project):
            raise Denied(project)

    def ensure_write(self, caller: Caller, project: str) -> None:
        if in_team(caller, project):
            self.projects.setdefault(project, Access.PRIVATE)
        self.require_write(caller, project)

    def set_access(self, caller: Caller, project: ProjectKey, access: Access) -> None:
        self.ensure_write(caller, project)
        if not in_team(caller, project):
            raise Denied(project)
        self.projects[project] = access

    # Runs and what they read

    def start(self, caller: Caller, key: RunKey, resume: str) -> bool:
        self.ensure_write(caller, key.project)
        run = self.runs.get(key)
        if run is None:
            if resume == "must":
                raise NotFound(key)
            if key in self.purged:
                raise AlreadyExists(key)
            self.runs[key] = RunFacts(RunState.RUNNING, self.now, [False])
            self.flow.add_node(key)
            return False
        self.live_run(key)
        if resume == "never":
            raise AlreadyExists(key)
        run.state, run.heartbeat_at = RunState.RUNNING, self.now
        return True

    def live_run(self, key: RunKey) -> RunFacts:
        if key not in self.runs:
            raise NotFound(key)
        if self.runs[key].state is RunState.DELETED:
            raise Gone(key)
        return self.runs[key]

    def live_version(self, key: VersionKey) -> VersionFacts:
        if key not in self.versions:
            raise NotFound(key)
        if not self.versions[key].is_live:
            raise Gone(key)
        return self.versions[key]

    def beat(self, caller: Caller, key: RunKey) -> None:
        self.require_write(caller, key.project)
        self.live_run(key).heartbeat_at = self.now

    def finish(self, caller: Caller, key: RunKey, exit_code: int) -> None:
        self.require_write(caller, key.project)
        run = self.live_run(key)
        run.state = RunState.FAILED if exit_code else RunState.FINISHED
        run.heartbeat_at = self.now

    def seen_state(self, key: RunKey) -> RunState:
        run = self.runs[key]
        is_silent = self.now - run.heartbeat_at > self.limits.crashed_after
        return RunState.CRASHED if run.state is RunState.RUNNING and is_silent else run.state

    def seal(self, key: RunKey) -> str:
        segments = self.runs[key].segments
        segments[-1] = True
        return key.segment(len(segments))

    def use(self, caller: Caller, key: RunKey, version: VersionKey, *, declared: bool) -> None:
        self.require_write(caller, key.project)
        self.require_read(caller, version.project)
        run = self.live_run(key)
        self.live_version(version)
        if declared:
            if nx.has_path(self.flow, key, version):
                raise CycleError("cycle")
            self.flow.add_edge(version, key, kind="feeds")
            return
        if version in self.used(key):
            return
        if run.segments[-1]:
            last, new = key.segment(len(run.segments)), key.segment(len(run.segments) + 1)
            run.segments.append(False)
            self.flow.add_edge(last, new, kind="continues")
        self.flow.add_edge(version, key.segment(len(run.segments)), kind="feeds")

    def declare_logged(self, caller: Caller, key: RunKey, version: VersionKey) -> bool:
        self.require_write(caller, key.project)
        self.require_write(caller, version.project)
        run = self.live_run(key)
        self.live_version(version)
        if version in self.creators:
            if self.creators[version] != key:
                self.reproduced.add((key, version))
            return self.creators[version] == key
        if nx.has_path(self.flow, version, key):
            raise CycleError("cycle")
        run.segments[0] = True
        self.flow.add_edge(key, version, kind="logged")
        self.creators[version] = key
        return True

    def segments(self, key: RunKey) -> list[str]:
        return [key.segment(number + 1) for number in range(len(self.runs[key].segments))]

    def used(self, key: RunKey) -> set[VersionKey]:
        """What flows into a segment from a version; its own earlier segments are no versions."""
        before = {node for s in self.segments(key) for node in self.flow.predecessors(s)}
        return {VersionKey(node) for node in before if node.startswith("artifact:")}

    def logged(self, key: RunKey) -> set[VersionKey]:
        return {v for v, run in self.creators.items() if run == key}

    def logged_or_reproduced(self, key: RunKey) -> set[VersionKey]:
        return self.logged(key) | {v for s, v in self.reproduced if s in self.segments(key)}

    def consumers(self, version: VersionKey) -> set[RunKey]:
        return {RunKey(node.partition("#")[0]) for node in self.flow.successors(version)}

    # Drafts

    def begin(
        self, caller: Caller, request: DraftRequest, bodies: Sequence[bytes]
    ) -> tuple[set[Digest], dict[Digest, bool]]:
        """Pages that are missing, and for each blob that was asked for whether it is held."""
        key = request.collection
        self.ensure_write(caller, key.project)
        draft = self.drafts.get(request.id)
        if draft is None:
            if self.types.setdefault(key, request.type) != request.type:
                raise Conflict("type")
            self.n_versions.setdefault(key, 0)
            draft = self.drafts[request.id] = DraftFacts(request, caller.name, self.now)
        elif not is_same(draft.request, request) or draft.actor != caller.name:
            raise Conflict("another request")
        draft.expires_at = self.now + self.limits.draft_ttl
        if draft.version is not None:
            if draft.version not in self.versions:
                raise NotFound("purged")
            return set(), {}
        if request.run is not None:
            self.require_write(caller, request.run.project)
            self.live_run(request.run)
            if draft.segment is None:
                draft.segment = self.seal(request.run)
        draft.attached |= self.readable_pages(caller) & set(request.pages)
        missing = set(request.pages) - draft.attached
        new = [body for body in bodies if Digest.of(body) in missing]
        asked = {blob for body in new for blob in blobs_of(body)}
        holds = self._hold(caller, draft, asked)
        if all(holds.values()):
            draft.attached |= {Digest.of(body) for body in new}
            missing -= draft.attached
        if not missing and (bodies or not request.pages):
            self._commit(draft)
        return missing, holds

    def own_draft(self, caller: Caller, id: str) -> DraftFacts:
        draft = self.drafts.get(id)
        if draft is None or (draft.actor != caller.name and not caller.is_admin):
            raise NotFound(id)
        return draft

    def hold(self, caller: Caller, id: str, blobs: Iterable[BlobSize]) -> dict[Digest, bool]:
        draft = self.own_draft(caller, id)
        draft.expires_at = self.now + self.limits.draft_ttl
        return self._hold(caller, draft, blobs)

    def _hold(
        self, caller: Caller, draft: DraftFacts, blobs: Iterable[BlobSize]
    ) -> dict[Digest, bool]:
        readable = self.readable_blobs(caller)
        holds: dict[Digest, bool] = {}
        for digest, size_bytes in blobs:
            holds[digest] = digest in readable - self.lost
            if not holds[digest]:
                draft.landed.discard(digest)
                draft.uploads[digest] = (size_bytes, self.now + self.limits.upload_ttl)
            elif self.sizes[digest] == size_bytes:
                draft.held.add(digest)
            else:
                raise Invalid("size_bytes", "of the stored blob is another")
        return holds

    def store(self, caller: Caller, id: str, digest: Digest, data: bytes) -> None:
        """Store `data` where the draft was told to upload the blob of this digest."""
        draft = self.drafts.get(id)
        if draft is None or digest not in draft.uploads:
            raise NotFound(digest)
        self.own_draft(caller, id)
        size_bytes, until = draft.uploads[digest]
        if self.now > until:
            raise Invalid("upload", "too late")
        if len(data) != size_bytes:
            raise Invalid("size_bytes", "of another length")
        if Digest.of(data) != digest:
            raise Corrupt(digest)
        if digest in draft.landed:
            raise Conflict("stored before")
        self._consume(draft, digest)

    def _consume(self, draft: DraftFacts, digest: Digest) -> None:
        del draft.uploads[digest]
        draft.landed.discard(digest)
        draft.held.add(digest)
        draft.expires_at = self.now + self.limits.draft_ttl
        self.lost.discard(digest)  # it lies where these bytes do

    def confirm(
        self, caller: Caller, id: str, digests: Sequence[Digest], *, has_links: bool
    ) -> list[Digest]:
        """Take in what was put by links, where the store gives any; what is not there."""
        draft = self.own_draft(caller, id)
        for digest in digests:
            if has_links and digest in draft.landed:
                size_bytes, _ = draft.uploads[digest]
                if size_bytes == self.sizes[digest]:
                    self._consume(draft, digest)
        return [digest for digest in digests if digest not in draft.held - self.lost]

    def add_pages(self, caller: Caller, id: str, bodies: Sequence[bytes]) -> None:
        draft = self.own_draft(caller, id)
        if not {Digest.of(body) for body in bodies} <= set(draft.request.pages):
            raise Invalid("pages", "not of this draft")
        draft.expires_at = self.now + self.limits.draft_ttl
        if draft.version is not None:
            return
        for digest, size_bytes in sorted({blob for body in bodies for blob in blobs_of(body)}):
            if digest not in draft.held or digest in self.lost:
                raise Conflict("not held")
            if self.sizes[digest] != size_bytes:
                raise Invalid("size_bytes", "of the stored blob is another")
        draft.attached |= {Digest.of(body) for body in bodies}

    def commit(self, caller: Caller, id: str) -> None:
        draft = self.own_draft(caller, id)
        draft.expires_at = self.now + self.limits.draft_ttl
        if draft.version is not None:
            if draft.version not in self.versions:
                raise NotFound("purged")
            return
        self.require_write(caller, draft.request.collection.project)
        if draft.request.run is not None:
            self.require_write(caller, draft.request.run.project)
        self._commit(draft)

    def _commit(self, draft: DraftFacts) -> None:
        request = draft.request
        if request.run is not None:
            self.live_run(request.run)
        if not set(request.pages) <= draft.attached:
            raise Conflict("pages are missing")
        bodies = [self.bodies[page] for page in request.pages]
        if list(cut(entry for body in bodies for entry in parse_entries(body))) != bodies:
            raise Invalid("pages", "do not make one manifest")
        draft.version = self.find_same(request)
        draft.created = draft.version is None
        if draft.version is None:
            draft.version = request.collection.version(self.n_versions[request.collection])
            self.n_versions[request.collection] += 1
            facts = VersionFacts(request.type, request.pages, draft.actor, set(request.tags))
            self.versions[draft.version] = facts
            self.flow.add_node(draft.version)
            if request.run is not None:
                self.flow.add_edge(draft.segment, draft.version, kind="logged")
                self.creators[draft.version] = request.run
        elif request.run is not None and self.creators.get(draft.version) != request.run:
            self.reproduced.add((str(draft.segment), draft.version))
        for alias in {"latest", *request.aliases}:
            self.aliases[request.collection, alias] = draft.version
        draft.attached, draft.held, draft.uploads, draft.landed = set(), set(), {}, set()

    def find_same(self, request: DraftRequest) -> VersionKey | None:
        for key, version in self.versions.items():
            is_there = version.is_live and key.collection == request.collection
            if is_there and version.pages == request.pages:
                return key
        return None

    def discard(self, caller: Caller, id: str) -> None:
        self.own_draft(caller, id)
        del self.drafts[id]

    def reclaim(self) -> None:
        live = {id: draft for id, draft in self.drafts.items() if draft.expires_at > self.now}
        self.drafts = live

    # What is stored

    def readable_pages(self, caller: Caller) -> set[Digest]:
        """Who logs a page with a lost blob again is asked for the blob, as if it were new."""
        return {
            page
            for page in self._seen_pages(caller)
            if not any(digest in self.lost for digest, _ in blobs_of(self.bodies[page]))
        }

    def _seen_pages(self, caller: Caller) -> set[Digest]:
        seen = [v for k, v in self.versions.items() if self.may_read(caller, k.project)]
        pages = {page for version in seen if version.is_live for page in version.pages}
        mine = [draft for draft in self.drafts.values() if draft.actor == caller.name]
        return pages.union(*(draft.attached for draft in mine))

    def readable_blobs(self, caller: Caller) -> set[Digest]:
        pages = self._seen_pages(caller)
        mine = [draft for draft in self.drafts.values() if draft.actor == caller.name]
        contained = {digest for page in pages for digest, _ in blobs_of(self.bodies[page])}
        return contained.union(*(draft.held for draft in mine))

    def stored_pages(self, *, without: Iterable[VersionKey] = ()) -> set[Digest]:
        rest = [v for key, v in self.versions.items() if v.is_live and key not in set(without)]
        owned = {page for version in rest for page in version.pages}
        return owned.union(*(draft.attached for draft in self.drafts.values()))

    def stored_blobs(self, *, without: Iterable[VersionKey] = ()) -> set[BlobSize]:
        pages = self.stored_pages(without=without)
        contained = {blob for page in pages for blob in blobs_of(self.bodies[page])}
        held = {digest for draft in self.drafts.values() for digest in draft.held}
        return contained | {(digest, self.sizes[digest]) for digest in held}

    def forget_lost(self) -> None:
        """What is no blob any more is not lost any more."""
        self.lost &= {digest for digest, _ in self.stored_blobs()}

    def contained_in(self, keys: Iterable[VersionKey]) -> set[BlobSize]:
        live = [self.versions[key] for key in keys if self.versions[key].is_live]
        pages = {page for version in live for page in version.pages}
        return {blob for page in pages for blob in blobs_of(self.bodies[page])}

    def stored_bytes(self, keys: Sequence[VersionKey]) -> Bytes:
        inside = self.contained_in(keys)
        shared = inside & self.stored_blobs(without=keys)
        return Bytes(size_of(inside), size_of(shared), len(inside))

    # Versions

    def update(
        self,
        caller: Caller,
        key: VersionKey,
        *,
        add_tags: Iterable[str],
        drop_tags: Iterable[str],
        add_aliases: Iterable[str],
        drop_aliases: Iterable[str],
        if_revision: int | None,
    ) -> None:
        self.require_write(caller, key.project)
        version = self.live_version(key)
        if if_revision not in (None, version.revision):
            raise PreconditionFailed(key)
        for alias in drop_aliases:
            if self.aliases.get((key.collection, alias)) == key:
                del self.aliases[key.collection, alias]
        for alias in add_aliases:
            self.aliases[key.collection, alias] = key
        version.tags = version.tags - set(drop_tags) | set(add_tags)
        version.revision += 1

    def aliases_of(self, key: VersionKey) -> set[str]:
        return {alias for (_, alias), holder in self.aliases.items() if holder == key}


def in_team(caller: Caller, project: str) -> bool:
    return caller.is_admin or project.partition("/")[0] in caller.entities


def is_same(one: DraftRequest, other: DraftRequest) -> bool:
    return (one.collection, one.type, one.pages, one.run) == (
        other.collection,
        other.type,
        other.pages,
        other.run,
    )


def size_of(blobs: Iterable[BlobSize]) -> int:
    return sum(size_bytes for _, size_bytes in blobs)
