"""The machine's steps that write: runs and what they read, drafts, versions."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from lineage.digest import Digest
from lineage.engine import DraftAnswer, DraftRequest, Hold, VersionPatch
from lineage.errors import NotFound
from lineage.model import Access, Caller, DraftId, Upload
from lineage.names import ProjectKey
from tests.contracts.contents import BLOBS, contents, pages_of
from tests.contracts.machine_ground import (
    ANN,
    COLLECTIONS,
    LOGGED,
    PEOPLE,
    PROJECTS,
    RUNS,
    Ground,
    mostly,
)
from tests.oracle import Oracle, blobs_of

__all__ = ["BEGUN", "Writing"]

ALIASES = ["prod", "best"]
TAGS = ["old", "good"]
BEGUN = precondition(lambda self: self.requests)
names = st.lists(st.sampled_from(ALIASES), max_size=2)
tags = st.lists(st.sampled_from(TAGS), max_size=2)


class Runs(Ground):
    @rule(data=st.data(), project=st.sampled_from(PROJECTS), access=st.sampled_from(Access))
    def set_access(self, data: st.DataObject, project: ProjectKey, access: Access) -> None:
        caller = self.a_caller(data, project)
        self.both(
            lambda: self.engine.projects.set_access(caller, project, access),
            lambda oracle: oracle.set_access(caller, project, access),
        )

    @rule(data=st.data(), resume=st.sampled_from(["allow", "allow", "never", "must"]))
    def start(self, data: st.DataObject, resume: Any) -> None:
        run = data.draw(st.sampled_from(RUNS))
        self.start_run(self.a_caller(data, run.project), run, resume)

    @rule(data=st.data(), exit_code=st.sampled_from([0, 0, 1, None]))
    def finish_or_beat(self, data: st.DataObject, exit_code: int | None) -> None:
        run = self.a_run(data)
        caller = self.a_caller(data, run.project)
        if exit_code is None:
            self.both(
                lambda: self.engine.runs.beat(caller, run),
                lambda oracle: oracle.beat(caller, run),
            )
        else:
            self.both(
                lambda: self.engine.runs.finish(caller, run, exit_code=exit_code),
                lambda oracle: oracle.finish(caller, run, exit_code),
            )

    @LOGGED
    @rule(data=st.data(), declared=st.sampled_from([False, False, True]))
    def use(self, data: st.DataObject, declared: bool) -> None:
        version = self.a_version(data)
        run = self.a_run(data, of=version.project.entity)
        caller = self.a_caller(data, run.project)
        both = self.both(
            lambda: self.engine.runs.use(caller, run, version, declared=declared),
            lambda oracle: oracle.use(caller, run, version, declared=declared),
        )
        if both is not None:
            assert both[0].key == version

    @LOGGED
    @rule(data=st.data())
    def declare_logged(self, data: st.DataObject) -> None:
        version = self.a_version(data)
        run = self.a_run(data, of=version.project.entity)
        caller = self.a_caller(data, run.project)
        both = self.both(
            lambda: self.engine.runs.declare_logged(caller, run, version),
            lambda oracle: oracle.declare_logged(caller, run, version),
        )
        if both is not None:
            assert both[0] == both[1]


class Drafts(Runs):
    def __init__(self) -> None:
        super().__init__()
        self.uploads: dict[tuple[str, Digest], Upload] = {}
        self.replaced: list[Upload] = []

    def a_request(self, data: st.DataObject) -> DraftRequest:
        collection = data.draw(
            st.sampled_from([*COLLECTIONS[:1] * 3, *COLLECTIONS, *COLLECTIONS[-1:]])
        )
        bodies = pages_of(data.draw(contents))
        if len(bodies) > 1 and data.draw(mostly([False], [True])):
            bodies = data.draw(st.permutations(bodies))
        self.oracle.bodies |= {Digest.of(body): body for body in bodies}
        has_run = data.draw(st.sampled_from([True, True, False]))
        return DraftRequest(
            id=DraftId(uuid.UUID(int=len(self.requests) + 1).hex),
            collection=collection,
            type=data.draw(mostly(["dataset"], ["model"])),
            pages=tuple(map(Digest.of, bodies)),
            run=self.a_run(data, of=collection.project.entity) if has_run else None,
            aliases=tuple(data.draw(names)),
            tags=tuple(data.draw(tags)),
        )

    def bodies_of(self, request: DraftRequest) -> list[bytes]:
        return [self.oracle.bodies[page] for page in request.pages]

    def note(self, draft: str, holds: Sequence[Hold]) -> None:
        """Remember the uploads that were given; what they take the place of is dead."""
        for upload in [hold.upload for hold in holds if hold.upload is not None]:
            old = self.uploads.get((draft, upload.digest))
            self.replaced += [] if old is None else [old]
            self.uploads[draft, upload.digest] = upload

    def begin(self, caller: Caller, request: DraftRequest, bodies: list[bytes]) -> None:
        both = self.both(
            lambda: self.engine.drafts.begin(caller, request, bodies=bodies),
            lambda oracle: oracle.begin(caller, request, bodies),
        )
        if both is None:
            return
        answer: DraftAnswer = both[0]
        missing, holds = both[1]
        draft = self.oracle.drafts[request.id]
        assert set(answer.missing_pages) == missing
        assert {hold.digest: hold.upload is None for hold in answer.holds} == holds
        assert answer.draft.version == draft.version
        if answer.committed is not None:
            assert answer.committed.version.key == draft.version
            assert answer.committed.created == draft.created
        self.note(request.id, answer.holds)

    @rule(data=st.data())
    def begin_a_draft(self, data: st.DataObject) -> None:
        request = self.a_request(data)
        self.requests.append(request)
        self.begin(self.a_caller(data, request.collection), request, [])

    @rule(data=st.data())
    def log_a_small_version(self, data: st.DataObject) -> None:
        request = self.a_request(data)
        self.requests.append(request)
        caller = self.a_caller(data, request.collection)
        self.begin(caller, request, self.bodies_of(request))
        draft = self.oracle.drafts.get(request.id)
        for digest in sorted(draft.uploads) if draft is not None else ():
            self.store(caller, request.id, digest, self.bytes_of(digest))
        self.begin(caller, request, self.bodies_of(request))

    @LOGGED
    @rule(data=st.data())
    def log_the_same_again(self, data: st.DataObject) -> None:
        version = self.a_version(data)
        run = self.a_run(data, of=version.project.entity)
        live = self.oracle.versions[version].pages if version in self.oracle.versions else ()
        same = [r for r in self.requests if (r.collection, r.pages) == (version.collection, live)]
        request = replace(
            data.draw(st.sampled_from(same or self.requests)),
            id=DraftId(uuid.UUID(int=len(self.requests) + 1).hex),
            run=data.draw(st.sampled_from([None, self.oracle.creators.get(version), run])),
        )
        self.requests.append(request)
        caller = self.a_caller(data, request.collection)
        self.begin(caller, request, self.bodies_of(request))

    @BEGUN
    @rule(data=st.data(), with_bodies=st.booleans())
    def begin_again(self, data: st.DataObject, with_bodies: bool) -> None:
        request, _, caller = self.a_draft(data, is_open=with_bodies)
        if data.draw(mostly([False], [True])):
            request = replace(request, type="model" if request.type == "dataset" else "dataset")
        self.begin(caller, request, self.bodies_of(request) if with_bodies else [])

    @BEGUN
    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        """The next step of the long protocol, so that many drafts get to their end."""
        request, draft, caller = self.a_draft(data, is_open=True)
        missing = [p for p in request.pages if draft is None or p not in draft.attached]
        needed = {blob for page in missing for blob in blobs_of(self.oracle.bodies[page])}
        lacking = [blob for blob in sorted(needed) if draft is None or blob[0] not in draft.held]
        if draft is not None and any(blob in draft.uploads for blob, _ in lacking):
            digest = next(blob for blob, _ in lacking if blob in draft.uploads)
            self.store(caller, request.id, digest, self.bytes_of(digest))
        elif lacking:
            self.hold(caller, request.id, lacking)
        elif missing:
            self.add_pages(caller, request.id, missing)
        else:
            self.commit(caller, request.id)

    @BEGUN
    @rule(data=st.data())
    def go_on_with_another(self, data: st.DataObject) -> None:
        self.go_on(data)  # twice as often as other steps

    def hold(self, caller: Caller, id: DraftId, blobs: list[tuple[Digest, int]]) -> None:
        both = self.both(
            lambda: self.engine.drafts.hold(caller, id, blobs),
            lambda oracle: oracle.hold(caller, id, blobs),
        )
        if both is not None:
            assert [hold.digest for hold in both[0]] == [digest for digest, _ in blobs]
            assert {hold.digest: hold.upload is None for hold in both[0]} == both[1]
            self.note(id, both[0])

    @BEGUN
    @rule(data=st.data(), is_open=st.booleans(), lie=st.sampled_from([0, 0, 0, 1]))
    def hold_something(self, data: st.DataObject, is_open: bool, lie: int) -> None:
        request, _, caller = self.a_draft(data, is_open=is_open)
        chosen = data.draw(st.lists(st.sampled_from(BLOBS), max_size=2, unique=True))
        blobs = [(Digest.of(content), len(content) + lie) for content in chosen]
        self.hold(caller, request.id, blobs)

    def store(self, caller: Caller, draft: str, digest: Digest, content: bytes) -> None:
        upload = self.uploads[draft, digest]
        self.both(
            lambda: self.engine.drafts.store(caller, upload.object, iter([content])),
            lambda oracle: oracle.store(caller, draft, digest, content),
        )

    @precondition(lambda self: self.uploads)
    @rule(data=st.data())
    def store_one(self, data: st.DataObject) -> None:
        drafts = self.oracle.drafts
        given = [u for u in self.uploads if u[0] in drafts and u[1] in drafts[u[0]].uploads]
        draft, digest = data.draw(mostly(given, list(self.uploads)[-8:]))
        owner = PEOPLE[drafts[draft].actor] if draft in drafts else ANN
        caller = data.draw(mostly([owner], [ANN, *PEOPLE.values()]))
        content = data.draw(mostly([self.bytes_of(digest)], BLOBS))
        if draft in drafts and digest in drafts[draft].landed:
            content = self.bytes_of(digest)  # of two reasons to refuse, stores choose differently
        self.store(caller, draft, digest, content)

    @precondition(lambda self: self.replaced)
    @rule(data=st.data())
    def store_where_another_upload_took_its_place(self, data: st.DataObject) -> None:
        upload = data.draw(st.sampled_from(self.replaced))
        content = self.bytes_of(upload.digest)
        self.both(lambda: self.engine.drafts.store(ANN, upload.object, [content]), _not_found)

    @BEGUN
    @rule(data=st.data())
    def store_all_at_once(self, data: st.DataObject) -> None:
        request, draft, caller = self.a_draft(data, is_open=True)
        given = sorted(draft.uploads) if draft is not None else []
        if draft is not None and draft.landed:
            # As above.
            given = [digest for digest in given if draft.uploads[digest][1] >= self.clock.at]
        items = [(digest, self.bytes_of(digest)) for digest in given]

        def on_oracle(oracle: Oracle) -> None:
            oracle.hold(caller, request.id, [])  # that it was used makes it live longer
            for digest, content in items:
                oracle.store(caller, request.id, digest, content)

        self.both(lambda: self.engine.drafts.store_many(caller, request.id, items), on_oracle)

    def add_pages(self, caller: Caller, id: DraftId, pages: Sequence[Digest]) -> None:
        bodies = [self.oracle.bodies[page] for page in pages]
        self.both(
            lambda: self.engine.drafts.add_pages(caller, id, bodies),
            lambda oracle: oracle.add_pages(caller, id, bodies),
        )

    @BEGUN
    @rule(data=st.data(), is_open=st.booleans())
    def add_some_pages(self, data: st.DataObject, is_open: bool) -> None:
        request, _, caller = self.a_draft(data, is_open=is_open)
        others = [page for r in self.requests[-3:] for page in r.pages]
        if request.pages or others:
            choice = mostly(request.pages, others or request.pages)
            self.add_pages(caller, request.id, data.draw(st.lists(choice, max_size=3, unique=True)))

    def commit(self, caller: Caller, id: DraftId) -> None:
        both = self.both(
            lambda: self.engine.drafts.commit(caller, id),
            lambda oracle: oracle.commit(caller, id),
        )
        if both is not None:
            draft = self.oracle.drafts[id]
            assert (both[0].version.key, both[0].created) == (draft.version, draft.created)
            self.every_byte_can_be_read()

    @BEGUN
    @rule(data=st.data(), is_open=st.booleans())
    def commit_whatever_is_there(self, data: st.DataObject, is_open: bool) -> None:
        request, _, caller = self.a_draft(data, is_open=is_open)
        self.commit(caller, request.id)

    @BEGUN
    @rule(data=st.data(), is_open=st.booleans())
    def discard(self, data: st.DataObject, is_open: bool) -> None:
        request, _, caller = self.a_draft(data, is_open=is_open)
        self.both(
            lambda: self.engine.drafts.discard(caller, request.id),
            lambda oracle: oracle.discard(caller, request.id),
        )


class Writing(Drafts):
    @LOGGED
    @rule(
        data=st.data(),
        add=st.tuples(tags, names),
        drop=st.tuples(tags, names),
        if_revision=st.sampled_from([None, None, None, 1, 2]),
    )
    def update(self, data: st.DataObject, add: Any, drop: Any, if_revision: int | None) -> None:
        key = self.a_version(data)
        caller = self.a_caller(data, key.project)
        patch = {
            "add_tags": tuple(add[0]),
            "drop_tags": tuple(drop[0]),
            "add_aliases": tuple(add[1]),
            "drop_aliases": tuple(drop[1]),
        }
        change = VersionPatch(**patch)
        both = self.both(
            lambda: self.engine.versions.update(caller, key, change, if_revision=if_revision),
            lambda oracle: oracle.update(caller, key, **patch, if_revision=if_revision),
        )
        if both is not None:
            version = self.oracle.versions[key]
            assert set(both[0].tags) == version.tags
            assert set(both[0].aliases) == self.oracle.aliases_of(key)
            assert both[0].revision == version.revision


def _not_found(oracle: Oracle) -> None:
    raise NotFound("another upload took its place")
