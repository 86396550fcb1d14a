"""Drafts: begin, hold, store, pages, commit. How bytes come in and become a version."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from lineage.digest import PART_SIZE_BYTES, Digest
from lineage.engine.access import ensure_writable, refuse_protected, scope_of, writable
from lineage.engine.context import Context, record
from lineage.engine.reclaim import Reclaim, Settled, settle
from lineage.engine.record import check_text, live_run, seal_current
from lineage.engine.uploads import Hold, consume, hold_blobs
from lineage.errors import AlreadyExists, Conflict, Invalid, NotFound
from lineage.manifest import BlobSize, Page, manifest_digest, parse_page
from lineage.model import (
    Caller,
    Collection,
    Draft,
    DraftId,
    ObjectName,
    Upload,
    Version,
    VersionState,
)
from lineage.names import (
    LATEST,
    CollectionKey,
    NodeKey,
    RunKey,
    check_alias,
    check_name,
    check_tag,
)
from lineage.ports import Transaction
from lineage.values import check_document

__all__ = [
    "Committed",
    "DraftAnswer",
    "DraftRequest",
    "Drafts",
    "check_draft_id",
    "own_draft",
]

_ID: Final = re.compile(r"[0-9a-f]{32}")
_MAX_PAGES: Final = 100_000


@dataclass(frozen=True, slots=True)
class DraftRequest:
    """The version to write. `pages` are the digests of all its manifest's pages, in order."""

    id: DraftId
    collection: CollectionKey
    type: str
    pages: tuple[Digest, ...]
    run: RunKey | None = None
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Committed:
    version: Version
    created: bool  # False: the collection had this content already


@dataclass(frozen=True, slots=True)
class DraftAnswer:
    """Where a draft stands. `holds` answers for the blobs that the request named."""

    draft: Draft
    missing_pages: tuple[Digest, ...]
    holds: tuple[Hold, ...] = ()
    committed: Committed | None = None


def check_draft_id(text: object) -> DraftId:
    """The draft id that `text` spells: a UUID as 32 lowercase hex digits."""
    if isinstance(text, str) and _ID.fullmatch(text):
        return DraftId(text)
    raise Invalid("draft", f"{text!r:.100} is not a UUID of 32 lowercase hex digits")


class Drafts:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._reclaim = Reclaim(context)

    def begin(
        self, caller: Caller, request: DraftRequest, *, bodies: Sequence[bytes] = ()
    ) -> DraftAnswer:
        """Begin a draft, or find where one stands. One transaction.

        Args:
            request: beginning again with an equal one resumes the draft.
            bodies: the pages themselves, for a small manifest: their blobs are held or given
                upload targets at once, and if none has to be uploaded the version is committed.
        Returns:
            `missing_pages`: what must be sent with `add_pages`, when all their blobs are held.
        Raises:
            Conflict: the id belongs to another request, or the collection has another type.
            Gone: the run has been deleted.
        """
        request = _checked(request)
        pages = [parse_page(body) for body in bodies]
        if any(page.digest not in request.pages for page in pages):
            raise Invalid("pages", "a page was sent that the request does not name")

        def change(tx: Transaction) -> tuple[DraftAnswer, Settled | None, list[ObjectName]]:
            now = self._context.now()
            draft, is_new, collection = self._open(tx, caller, request, now)
            if draft.version is not None:
                return DraftAnswer(draft, (), (), _committed(tx, draft)), None, []
            self._lock_rest(tx, caller, draft)
            if draft.segment is None and request.run is not None:
                draft = replace(draft, segment=seal_current(tx, request.run))
                tx.drafts.save(draft)
            missing = self._attach_readable(tx, caller, draft, is_new=is_new)
            new = [page for page in pages if page.digest in missing]
            holds, given_up = hold_blobs(self._context, tx, caller, draft, _needs(new), now)
            if new and not any(hold.upload for hold in holds):
                tx.contents.add_pages(new)
                tx.drafts.attach(draft.id, [page.digest for page in new])
                missing -= {page.digest for page in new}
            committed, settled = None, None
            if not missing and (bodies or not request.pages):
                facts = self._page_facts(tx, draft, new)
                committed = self._commit(tx, caller, draft, collection, facts, now)
                tx.drafts.release(draft.id, [hold.digest for hold in holds])
                # Only an earlier request of this draft can have left more.
                if not is_new and (tx.drafts.held(draft.id) or tx.contents.uploads_of(draft.id)):
                    settled = settle(tx, draft.id)
                draft = replace(draft, version=committed.version.key, created=committed.created)
            ordered = tuple(digest for digest in draft.pages if digest in missing)
            return DraftAnswer(draft, ordered, tuple(holds), committed), settled, given_up

        answer, settled, given_up = self._context.graph.write(change)
        self._reclaim.delete_objects(given_up)
        if settled is not None:
            self._reclaim.settle_draft(request.id, settled)
        return answer

    def _open(
        self, tx: Transaction, caller: Caller, request: DraftRequest, now: datetime
    ) -> tuple[Draft, bool, Collection]:
        """The draft, made if it is new, whether it is, and its collection: both are locked."""
        key = request.collection
        tx.lock(drafts=[request.id], collections=[key])
        tx.ahead(
            projects=[key.project],
            drafts=[request.id],
            collections=[key],
            aliases=(key, [LATEST, *request.aliases]),
        )
        project = ensure_writable(self._context, tx, caller, key.project)
        refuse_protected(caller, project, request.aliases)
        draft = tx.drafts.find(request.id)
        if draft is not None:
            _refuse_other(draft, caller, request)
            draft = replace(draft, expires_at=now + self._context.limits.draft_ttl)
            tx.drafts.save(draft)
            return draft, False, tx.collections.find([key])[key]
        collection = tx.collections.find([key]).get(key)
        if collection is None:
            collection = Collection(key, request.type, now)
            tx.collections.add(collection)
            record(tx, caller, now, "collection.create", key, after={"type": request.type})
        elif collection.type != request.type:
            reason = f"collection {key} holds artifacts of type {collection.type}"
            raise Conflict(
                f"{reason}, not {request.type}: choose another name",
                collection_type=collection.type,
            )
        draft = Draft(
            id=request.id,
            collection=key,
            type=request.type,
            actor=caller.name,
            pages=request.pages,
            expires_at=now + self._context.limits.draft_ttl,
            run=request.run,
            aliases=request.aliases,
            tags=request.tags,
            metadata=request.metadata or {},
            description=request.description,
        )
        tx.drafts.add(draft)
        return draft, True, collection

    def _lock_rest(self, tx: Transaction, caller: Caller, draft: Draft) -> None:
        """The run, which must be live, what the draft's aliases point at now, and its pages.

        The collection is locked, and its project is known to be writable.
        """
        targets = tx.versions.find_aliases(draft.collection, [LATEST, *draft.aliases])
        nodes: set[NodeKey | RunKey] = set(targets.values())
        if draft.run is not None:
            if draft.run.project != draft.collection.project:
                writable(tx, caller, draft.run.project)
            nodes.add(draft.run)
        wanted = sorted(set(draft.pages))
        tx.lock(nodes=sorted(nodes), pages=wanted)
        tx.ahead(
            runs=[] if draft.run is None else [draft.run],
            manifest=(draft.collection, manifest_digest(draft.pages)),
            readable_pages=wanted,
            scope=scope_of(caller),
        )
        if draft.run is not None:
            live_run(tx, draft.run)

    def _attach_readable(
        self, tx: Transaction, caller: Caller, draft: Draft, *, is_new: bool
    ) -> set[Digest]:
        """Attach the pages that the caller can read already; those that are still missing."""
        wanted = sorted(set(draft.pages))
        attached = set() if is_new else tx.drafts.attached(draft.id)
        missing = [digest for digest in wanted if digest not in attached]
        readable = tx.contents.readable_pages(missing, scope_of(caller)) if missing else set()
        if readable:
            tx.drafts.attach(draft.id, sorted(readable))
        return set(missing) - readable

    def hold(self, caller: Caller, id: DraftId, blobs: Sequence[BlobSize]) -> list[Hold]:
        """Ask for each blob whether it is held or must be uploaded, in the order asked.

        Raises:
            NotFound: no such draft of this caller.
            Invalid: a blob is stored with another size, or larger than a part can be.
        """
        for digest, size_bytes in blobs:
            if not digest.is_blob or not 0 <= size_bytes <= PART_SIZE_BYTES:
                raise Invalid("blobs", f"{digest} of {size_bytes} bytes is not a blob of a file")

        def change(tx: Transaction) -> tuple[list[Hold], list[ObjectName]]:
            now = self._context.now()
            draft = self._lock_draft(tx, caller, id, now)
            return hold_blobs(self._context, tx, caller, draft, blobs, now)

        holds, given_up = self._context.graph.write(change)
        self._reclaim.delete_objects(given_up)
        return holds

    def _lock_draft(self, tx: Transaction, caller: Caller, id: DraftId, now: datetime) -> Draft:
        tx.lock(drafts=[id])
        draft = replace(own_draft(tx, caller, id), expires_at=now + self._context.limits.draft_ttl)
        tx.drafts.save(draft)
        return draft

    def find_upload(self, caller: Caller, name: ObjectName) -> Upload:
        """The upload that the caller was given for this object; NotFound if there is none."""

        def ask(tx: Transaction) -> Upload:
            upload = tx.contents.find_uploads([name]).get(name)
            if upload is None or _find_own(tx, caller, upload.draft) is None:
                raise NotFound("there is no such upload: ask the draft for a new one")
            return upload

        return self._context.graph.read(ask)

    def store(self, caller: Caller, name: ObjectName, chunks: Iterable[bytes]) -> None:
        """Store one blob under the object that `hold` named. The draft holds it from then on.

        Raises:
            NotFound: no such upload, or its draft has expired: ask again.
            Invalid: too many or too few bytes, or the deadline has passed.
            Corrupt: the bytes have another digest.
        """
        upload = self.find_upload(caller, name)
        try:
            self._context.blobs.put(upload, chunks, now=self._context.now())
        except AlreadyExists as exc:
            raise Conflict("this object has been stored before: ask the draft again") from exc
        self._reclaim.delete_objects(consume(self._context, upload.draft, [upload]))

    def store_many(
        self, caller: Caller, id: DraftId, items: Sequence[tuple[Digest, bytes]]
    ) -> None:
        """Store many small blobs for which this draft has uploads, flushed once. As `store`."""

        def ask(tx: Transaction) -> dict[Digest, Upload]:
            own_draft(tx, caller, id)
            return tx.contents.uploads_for(id, [digest for digest, _ in items])

        uploads = self._context.graph.read(ask)
        for digest, _ in items:
            if digest not in uploads:
                raise NotFound(f"the draft has no upload for {digest}: ask it for one")
        pairs = {digest: (uploads[digest], data) for digest, data in items}
        try:
            self._context.blobs.put_many(pairs.values(), now=self._context.now())
        except AlreadyExists as exc:
            raise Conflict("an object has been stored before: ask the draft again") from exc
        stored = [upload for upload, _ in pairs.values()]
        self._reclaim.delete_objects(consume(self._context, id, stored))

    def add_pages(self, caller: Caller, id: DraftId, bodies: Sequence[bytes]) -> None:
        """Send pages of the draft; each of their blobs is held by it.

        Raises:
            Invalid: malformed, not of this draft, or a blob has another size.
            Conflict: a blob is not held (`digest`), or was found to be lost since: ask for it, and
                upload it if need be.
        """
        pages = [parse_page(body) for body in bodies]
        needs = _needs(pages)

        def change(tx: Transaction) -> None:
            draft = self._lock_draft(tx, caller, id, self._context.now())
            if any(page.digest not in draft.pages for page in pages):
                raise Invalid("pages", "a page was sent that the draft does not name")
            if draft.version is not None:
                return  # its version has them, and the draft must not keep them longer
            tx.lock(
                pages=sorted({page.digest for page in pages}),
                blobs=sorted({digest for digest, _ in needs}),
            )
            held = tx.drafts.held(id)
            found = tx.contents.find_blobs(sorted({digest for digest, _ in needs}))
            for digest, size_bytes in needs:
                if digest not in held or found[digest].is_lost:
                    raise Conflict(f"{digest} is not held: ask the draft for it", digest=digest)
                if found[digest].size_bytes != size_bytes:
                    actual = found[digest].size_bytes
                    raise Invalid("size_bytes", f"of {digest} is {actual}, not {size_bytes}")
            tx.contents.add_pages(pages)
            tx.drafts.attach(id, sorted({page.digest for page in pages}))

        self._context.graph.write(change)

    def commit(self, caller: Caller, id: DraftId) -> Committed:
        """Make the draft a version. Committing again gives the same answer.

        Raises:
            Conflict: pages are missing (`missing_pages`).
            Invalid: the pages are not one sorted manifest.
        """

        def change(tx: Transaction) -> tuple[Committed, Settled | None]:
            now = self._context.now()
            draft = self._lock_draft(tx, caller, id, now)
            if draft.version is not None:
                return _committed(tx, draft), None
            project = writable(tx, caller, draft.collection.project)
            refuse_protected(caller, project, draft.aliases)
            tx.lock(collections=[draft.collection])
            self._lock_rest(tx, caller, draft)
            collection = tx.collections.find([draft.collection])[draft.collection]
            attached = tx.drafts.attached(id)
            missing = [digest for digest in draft.pages if digest not in attached]
            if missing:
                reason = f"{len(missing)} pages of the draft are missing: send them first"
                raise Conflict(reason, missing_pages=missing[:1000])
            facts = self._page_facts(tx, draft, [])
            return self._commit(tx, caller, draft, collection, facts, now), settle(tx, id)

        committed, settled = self._context.graph.write(change)
        if settled is not None:
            self._reclaim.settle_draft(id, settled)
        return committed

    def discard(self, caller: Caller, id: DraftId) -> None:
        """Give the draft up; what it alone held goes. Its version, if it has one, stays."""

        self._context.graph.read(lambda tx: own_draft(tx, caller, id))
        self._reclaim.drop_draft(id, expired_at=None)

    def _page_facts(self, tx: Transaction, draft: Draft, new: Sequence[Page]) -> list[Page]:
        """What is known of the draft's pages, in order; `new` were added by this transaction."""
        known = {page.digest: page for page in new}
        others = [digest for digest in draft.pages if digest not in known]
        if others:
            known |= tx.contents.find_pages(others)
        return [known[digest] for digest in draft.pages]

    def _commit(
        self,
        tx: Transaction,
        caller: Caller,
        draft: Draft,
        collection: Collection,
        pages: Sequence[Page],
        now: datetime,
    ) -> Committed:
        """The version of a draft whose pages are all attached; every lock is held."""
        _refuse_unsorted(pages)
        manifest = manifest_digest(draft.pages)
        existing = tx.versions.find_by_manifest(draft.collection, manifest)
        if existing is not None:
            key, version = existing, None
            creator = tx.flow.loggers([key]).get(key)
            if draft.segment is not None and (creator is None or creator.run != draft.run):
                tx.flow.add_reproduced(draft.segment, key)
            # The version owns these pages: the draft must not keep them past its deletion.
            tx.drafts.detach(draft.id, draft.pages)
        else:
            version = self._add_version(tx, draft, collection, manifest, pages, now)
            key = version.key
        created = version is not None
        for alias in (LATEST, *draft.aliases):
            tx.versions.set_alias(draft.collection, alias, key)
        tx.drafts.save(replace(draft, version=key, created=created))
        after = {"created": created, "run": draft.segment, "aliases": list(draft.aliases)}
        record(tx, caller, now, "version.log", key, after=after)
        if version is None:
            return Committed(tx.versions.find([key])[key], created)
        aliases = tuple(sorted({LATEST, *draft.aliases}))
        return Committed(replace(version, aliases=aliases), created)

    def _add_version(
        self,
        tx: Transaction,
        draft: Draft,
        collection: Collection,
        manifest: Digest,
        pages: Sequence[Page],
        now: datetime,
    ) -> Version:
        tx.collections.save(replace(collection, next_index=collection.next_index + 1))
        version = Version(
            key=draft.collection.version(collection.next_index),
            type=draft.type,
            state=VersionState.COMMITTED,
            manifest=manifest,
            size_bytes=sum(page.size_bytes for page in pages),
            n_files=sum(page.n_entries for page in pages),
            created_at=now,
            created_by=draft.actor,
            metadata=draft.metadata,
            description=draft.description,
            tags=draft.tags,
        )
        tx.versions.add(version, draft.id, draft.pages)
        if draft.segment is not None:
            tx.flow.add_logged(draft.segment, version.key)
        return version


def _refuse_unsorted(pages: Sequence[Page]) -> None:
    """Invalid if the pages do not make one sorted manifest."""
    before = b""
    for position, page in enumerate(pages):
        if page.first_path.encode() <= before:
            raise Invalid("pages", f"page {position} is out of order or overlaps the one before")
        if not page.is_closed and position != len(pages) - 1:
            raise Invalid("pages", f"page {position} ends too early")
        before = page.last_path.encode()


def _find_own(tx: Transaction, caller: Caller, id: DraftId) -> Draft | None:
    """The draft, if it is the caller's, or the caller an administrator."""
    draft = tx.drafts.find(id)
    is_own = draft is not None and (draft.actor == caller.name or caller.is_admin)
    return draft if is_own else None


def own_draft(tx: Transaction, caller: Caller, id: DraftId) -> Draft:
    """The draft, if it is the caller's, or the caller an administrator; NotFound otherwise."""
    draft = _find_own(tx, caller, id)
    if draft is None:
        raise NotFound(f"there is no draft {id}: it has expired, or never was; begin again")
    return draft


def _checked(request: DraftRequest) -> DraftRequest:
    check_draft_id(request.id)
    check_name(request.type, "type")
    if not all(digest.is_blob for digest in request.pages):
        raise Invalid("pages", "the digest of a page begins with `sha256:`")
    if len(request.pages) > _MAX_PAGES or len(set(request.pages)) != len(request.pages):
        raise Invalid("pages", f"are more than {_MAX_PAGES}, or one is there twice")
    return replace(
        request,
        aliases=tuple(sorted({check_alias(a) for a in request.aliases if a != LATEST})),
        tags=tuple(sorted({check_tag(tag) for tag in request.tags})),
        metadata=check_document(request.metadata or {}, "metadata"),
        description=check_text(request.description, "description"),
    )


def _refuse_other(draft: Draft, caller: Caller, request: DraftRequest) -> None:
    same = (draft.collection, draft.type, draft.pages, draft.run, draft.actor)
    if same != (request.collection, request.type, request.pages, request.run, caller.name):
        raise Conflict(f"draft {draft.id} was begun with another request: make a new id")


def _needs(pages: Sequence[Page]) -> list[BlobSize]:
    """The blobs of the pages, each once; one with two sizes stays twice, and is refused later."""
    return sorted({blob for page in pages for blob in page.blobs})


def _committed(tx: Transaction, draft: Draft) -> Committed:
    key = draft.version
    found = tx.versions.find([key]).get(key) if key is not None else None
    if found is None:
        raise NotFound(f"the version of draft {draft.id} has been purged")
    return Committed(found, bool(draft.created))
