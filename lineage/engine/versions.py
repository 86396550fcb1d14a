"""Versions: find, read, describe, alias; and what lies in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from lineage.digest import Digest
from lineage.engine.access import (
    readable,
    refuse_protected,
    scope_of,
    visible,
    visible_runs,
    writable,
)
from lineage.engine.context import Context, record
from lineage.engine.record import check_text, live_version
from lineage.errors import Corrupt, Gone, Invalid, NotFound, PreconditionFailed
from lineage.filters import VERSION_DOCUMENTS, VERSION_FIELDS, Filter, check, check_order
from lineage.manifest import Entry, parse_entries, part_sizes
from lineage.model import (
    Blob,
    Bytes,
    Caller,
    Collection,
    Json,
    ReferenceCheck,
    Run,
    Version,
    VersionState,
)
from lineage.names import (
    LATEST,
    ArtifactRef,
    CollectionKey,
    ProjectKey,
    VersionKey,
    check_alias,
    check_path,
    check_tag,
)
from lineage.ports import Transaction
from lineage.values import check_document

__all__ = ["VersionPatch", "Versions", "resolve"]


@dataclass(frozen=True, slots=True)
class VersionPatch:
    """What to change; None leaves it. `metadata` is replaced whole; aliases and tags by name.

    What is both dropped and added is there afterwards.
    """

    metadata: Mapping[str, Any] | None = None
    description: str | None = None
    add_tags: tuple[str, ...] = ()
    drop_tags: tuple[str, ...] = ()
    add_aliases: tuple[str, ...] = ()
    drop_aliases: tuple[str, ...] = ()


def resolve(tx: Transaction, ref: ArtifactRef) -> VersionKey:
    """The key of the version that the reference names; NotFound if none does."""
    if ref.index is not None:
        return ref.collection.version(ref.index)
    found = tx.versions.find_aliases(ref.collection, [ref.version]).get(ref.version)
    if found is None and ref.collection not in tx.collections.find([ref.collection]):
        raise NotFound(f"there is no collection {ref.collection}")
    if found is None:
        what = "live version" if ref.version == LATEST else f"alias {ref.version}"
        raise NotFound(
            f"{ref.collection} has no {what}: see `lineage artifacts ls {ref.collection}`"
        )
    return found


class Versions:
    def __init__(self, context: Context) -> None:
        self._context = context

    def get(self, caller: Caller, ref: ArtifactRef) -> Version:
        """The version, deleted ones included; NotFound if there is none the caller may read."""

        def ask(tx: Transaction) -> Version:
            readable(tx, caller, ref.collection.project)
            key = resolve(tx, ref)
            version = tx.versions.find([key]).get(key)
            if version is None:
                raise NotFound(f"there is no version {key.path}")
            return version

        return self._context.graph.read(ask)

    def select(
        self,
        caller: Caller,
        project: ProjectKey,
        *,
        collection: CollectionKey | None = None,
        where: Filter | None = None,
        order: str = "-created_at",
        after: Json = None,
        limit: int = 100,
    ) -> tuple[list[Version], Json]:
        """A page of the versions that pass the filter, deleted ones included, and a cursor."""
        where = check(where, VERSION_FIELDS, VERSION_DOCUMENTS) if where is not None else None
        check_order(order, VERSION_FIELDS, VERSION_DOCUMENTS)

        def ask(tx: Transaction) -> tuple[list[Version], Json]:
            readable(tx, caller, project)
            return tx.versions.select(
                [project], collection=collection, where=where, order=order, after=after, limit=limit
            )

        return self._context.graph.read(ask)

    def collections(
        self,
        caller: Caller,
        project: ProjectKey,
        *,
        type: str | None = None,
        after: CollectionKey | None = None,
        limit: int = 100,
    ) -> list[Collection]:
        """The project's collections, by key."""

        def ask(tx: Transaction) -> list[Collection]:
            readable(tx, caller, project)
            return tx.collections.select(project, type=type, after=after, limit=limit)

        return self._context.graph.read(ask)

    def collection(self, caller: Caller, key: CollectionKey) -> Collection:
        def ask(tx: Transaction) -> Collection:
            readable(tx, caller, key.project)
            found = tx.collections.find([key]).get(key)
            if found is None:
                raise NotFound(f"there is no collection {key}")
            return found

        return self._context.graph.read(ask)

    def update(
        self,
        caller: Caller,
        key: VersionKey,
        patch: VersionPatch,
        *,
        if_revision: int | None = None,
    ) -> Version:
        """Change what the patch names; an alias moves here from wherever it was.

        Raises:
            PreconditionFailed: the version has another revision than `if_revision`.
        """
        aliases = sorted({check_alias(alias) for alias in patch.add_aliases})
        dropped = sorted({check_alias(alias) for alias in patch.drop_aliases})
        tags = {check_tag(tag) for tag in patch.add_tags}
        now = self._context.now()

        def change(tx: Transaction) -> Version:
            project = writable(tx, caller, key.project)
            refuse_protected(caller, project, [*aliases, *dropped])
            tx.lock(collections=[key.collection])
            moved = tx.versions.find_aliases(key.collection, aliases)
            tx.lock(nodes=sorted({key, *moved.values()}))
            version = live_version(tx, key)
            if if_revision is not None and if_revision != version.revision:
                raise PreconditionFailed(f"{key.path} has changed since: read it again")
            for alias in dropped:
                if alias in version.aliases:
                    tx.versions.drop_alias(key.collection, alias)
            for alias in aliases:
                tx.versions.set_alias(key.collection, alias, key)
            new = replace(
                version,
                metadata=version.metadata
                if patch.metadata is None
                else check_document(patch.metadata, "metadata"),
                description=version.description
                if patch.description is None
                else check_text(patch.description, "description"),
                tags=tuple(sorted({*version.tags} - {*patch.drop_tags} | tags)),
                aliases=tuple(sorted({*version.aliases} - {*dropped} | {*aliases})),
                revision=version.revision + 1,
            )
            tx.versions.save(new)
            before, after = _difference(version, new)
            for alias in aliases:
                if moved.get(alias) != key:
                    before["alias_moved"] = {a: moved.get(a) for a in aliases}
            record(tx, caller, now, "version.update", key, before=before, after=after)
            return new

        return self._context.graph.write(change)

    def record_check(
        self,
        caller: Caller,
        key: VersionKey,
        *,
        n_ok: int,
        n_changed: int,
        n_missing: int,
        n_unversioned: int,
    ) -> Version:
        """Keep what a look at the version's references found, in the place of the look before.

        Each reference counts once. A version with one that is changed or missing has drifted. It
        is no edit: the revision stays.

        Raises:
            Invalid: a count is negative, or they are no references of this version's number.
        """
        now = self._context.now()
        check = ReferenceCheck(now, caller.name, n_ok, n_changed, n_missing, n_unversioned)
        if min(n_ok, n_changed, n_missing, n_unversioned) < 0:
            raise Invalid("n_ok", "and the other counts are 0 or more")

        def change(tx: Transaction) -> Version:
            writable(tx, caller, key.project)
            tx.lock(nodes=[key])
            version = live_version(tx, key)
            if not 1 <= check.n_references <= version.n_files:
                reason = f"{key.path} has {version.n_files} entries, not {check.n_references}"
                raise Invalid("n_ok", f"and the other counts tell of each reference once: {reason}")
            tx.versions.set_check(key, check)
            before = version.reference_check
            told = {"before": None if before is None else _counts(before), "after": _counts(check)}
            record(tx, caller, now, "version.check", key, **told)
            return replace(version, reference_check=check)

        return self._context.graph.write(change)

    def logged_by(self, caller: Caller, key: VersionKey) -> Run | None:
        """The run that created the version; None if none did, or none the caller may read."""
        self.get(caller, ArtifactRef(key.collection, f"v{key.number}"))

        def ask(tx: Transaction) -> list[Run]:
            segment = tx.flow.loggers([key]).get(key)
            return [] if segment is None else visible_runs(tx, caller, [segment.run])

        return next(iter(self._context.graph.read(ask)), None)

    def used_by(self, caller: Caller, key: VersionKey) -> list[Run]:
        """The runs that read the version, by key."""
        self.get(caller, ArtifactRef(key.collection, f"v{key.number}"))
        return self._context.graph.read(lambda tx: visible_runs(tx, caller, tx.flow.consumers(key)))

    def page_bodies(self, caller: Caller, key: VersionKey) -> Iterator[bytes]:
        """The manifest's pages, in order: NDJSON, one entry a line. Gone for a deleted version."""
        self._live(caller, key)
        bodies = self._context.graph.read(lambda tx: list(tx.contents.bodies(key)))
        self._live(caller, key)  # a deletion may have begun to take pages away meanwhile
        yield from bodies

    def entry(self, caller: Caller, key: VersionKey, path: str) -> Entry:
        """The entry at this path; NotFound if there is none."""
        check_path(path)
        self._live(caller, key)
        body = self._context.graph.read(lambda tx: tx.contents.body_at(key, path))
        for entry in parse_entries(body or b""):
            if entry.path == path:
                return entry
        self._live(caller, key)
        raise NotFound(f"{key.path} has no file {path!r:.200}")

    def _live(self, caller: Caller, key: VersionKey) -> Version:
        version = self.get(caller, ArtifactRef(key.collection, f"v{key.number}"))
        if version.state is VersionState.DELETED:
            raise Gone(f"version {key.path} has been deleted")
        return version

    def blobs(self, caller: Caller, digests: Sequence[Digest]) -> dict[Digest, Blob]:
        """Where these blobs lie, if the caller may read them all; NotFound names one it may not."""

        def ask(tx: Transaction) -> dict[Digest, Blob]:
            seen = tx.contents.readable_blobs(digests, scope_of(caller))
            return {d: b for d, b in tx.contents.find_blobs(digests).items() if d in seen}

        found = self._context.graph.read(ask)
        for digest in digests:
            if digest not in found:
                raise NotFound(f"there is no blob {digest}, or you may not read it")
        return found

    @contextmanager
    def read(
        self, caller: Caller, entry: Entry, *, start: int = 0, size_bytes: int | None = None
    ) -> Iterator[Iterator[bytes]]:
        """The bytes of a file from `start`, at most `size_bytes` of them, part after part."""
        if entry.digest is None or entry.size_bytes is None or entry.ref is not None:
            raise Invalid(
                "path", f"{entry.path!r:.200} is a reference: its bytes lie at {entry.ref}"
            )
        digests = entry.parts or (entry.digest,)
        found = self.blobs(caller, digests)
        end = entry.size_bytes if size_bytes is None else min(entry.size_bytes, start + size_bytes)
        pieces, at = [], 0
        for digest, size in zip(digests, part_sizes(entry.size_bytes), strict=True):
            low, high = max(start, at), min(end, at + size)
            if low < high:
                pieces.append((found[digest], low - at, high - low))
            at += size
        yield self._read_pieces(pieces)

    def _read_pieces(self, pieces: list[tuple[Blob, int, int]]) -> Iterator[bytes]:
        for blob, start, size_bytes in pieces:
            with self.read_blob(blob, start=start, size_bytes=size_bytes) as chunks:
                yield from chunks

    @contextmanager
    def read_blob(
        self, blob: Blob, *, start: int = 0, size_bytes: int | None = None
    ) -> Iterator[Iterator[bytes]]:
        """The bytes of a blob that `blobs` has given.

        Raises:
            Gone: it has been deleted meanwhile.
            Corrupt: its bytes are not in the store, though they should be.
        """
        with ExitStack() as stack:
            reading = self._context.blobs.read(blob.object, start=start, size_bytes=size_bytes)
            try:
                chunks = stack.enter_context(reading)
            except NotFound as exc:
                found = self._context.graph.read(lambda tx: tx.contents.find_blobs([blob.digest]))
                if found.get(blob.digest) != blob:
                    raise Gone(f"{blob.digest} has been deleted meanwhile") from exc
                message = f"the bytes of {blob.digest} are not in the store: run `lineage fsck`"
                raise Corrupt(message, digest=blob.digest) from exc
            yield chunks

    def containing(
        self, caller: Caller, *, digest: Digest | None, path: str | None, limit: int = 1000
    ) -> list[Version]:
        """Live versions that contain this file or blob, or a file of this path, by key."""
        if digest is None and path is None:
            raise Invalid("digest", "or a path is needed")
        scope = scope_of(caller)

        def ask(tx: Transaction) -> list[Version]:
            keys = tx.questions.containing(scope, digest=digest, path=path, limit=limit)
            return visible(tx, caller, keys)

        return self._context.graph.read(ask)

    def stored_bytes(self, caller: Caller, of: VersionKey | CollectionKey | ProjectKey) -> Bytes:
        """What the version, the collection or the project takes up: all, shared, its own alone."""
        if isinstance(of, VersionKey):
            self._live(caller, of)
            return self._context.graph.read(lambda tx: tx.questions.stored_bytes([of]))
        project = of.project if isinstance(of, CollectionKey) else of
        collection = of if isinstance(of, CollectionKey) else None

        def ask(tx: Transaction) -> Bytes:
            readable(tx, caller, project)
            return tx.questions.stored_bytes_in(project, collection)

        return self._context.graph.read(ask)


def _counts(check: ReferenceCheck) -> dict[str, int]:
    return {
        "n_ok": check.n_ok,
        "n_changed": check.n_changed,
        "n_missing": check.n_missing,
        "n_unversioned": check.n_unversioned,
    }


def _difference(old: Version, new: Version) -> tuple[dict[str, Any], dict[str, Any]]:
    changed = [
        field
        for field in ("metadata", "description", "tags", "aliases")
        if getattr(old, field) != getattr(new, field)
    ]
    return (
        {field: getattr(old, field) for field in changed},
        {field: getattr(new, field) for field in changed},
    )
