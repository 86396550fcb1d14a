"""Drafts become versions: what is refused, what is freed, and where aliases point."""

from __future__ import annotations

import uuid

import pytest

from lineage.digest import PART_SIZE_BYTES, Digest, combine
from lineage.engine import (
    DeletionRequest,
    Freed,
    VersionPatch,
)
from lineage.errors import (
    Conflict,
    Invalid,
    NotFound,
)
from lineage.manifest import Entry, cut
from lineage.model import DraftId
from lineage.names import ArtifactRef, CollectionKey
from tests.contracts.contents import closing
from tests.contracts.lab import (
    ANN,
    BOB,
    COL,
    DIGITS,
    EVAL,
    EVE,
    LATEST,
    MODELS,
    TRAIN,
    VISION,
    A,
    B,
    C,
    Lab,
)


def test_deleting_content_that_was_logged_twice_frees_it_at_once(lab: Lab) -> None:
    first = lab.log(A)
    assert not lab.log(A).created
    receipt = lab.engine.deletion.delete(BOB, DeletionRequest(versions=(first.version.key,)))
    assert receipt.freed == Freed(1, 1, 3)
    assert lab.n_bytes() == 0


def test_a_draft_that_commits_in_one_request_gives_up_all_that_it_held(lab: Lab) -> None:
    lab.start(TRAIN)
    pages = list(cut([Entry("a", 3, Digest.of(b"one"))]))
    request = lab.request(pages)
    extra = Digest.of(b"extra")
    drafts = lab.engine.drafts
    drafts.begin(BOB, request)
    for digest, data in ((Digest.of(b"one"), b"one"), (extra, b"extra")):
        (hold,) = drafts.hold(BOB, request.id, [(digest, len(data))])
        assert hold.upload is not None
        drafts.store(BOB, hold.upload.object, [data])
    (never,) = drafts.hold(BOB, request.id, [(Digest.of(b"never"), 5)])
    answer = drafts.begin(BOB, request, bodies=pages)
    assert answer.committed is not None
    assert lab.n_bytes() == 3
    assert never.upload is not None
    with pytest.raises(NotFound):
        drafts.store(BOB, never.upload.object, [b"never"])


@pytest.mark.parametrize("fault", ["reversed", "cut too early", "overlapping"])
def test_pages_that_do_not_make_one_manifest_are_refused_at_commit(lab: Lab, fault: str) -> None:
    digest = Digest.of(b"one")
    first = list(cut([Entry("a", 3, digest), Entry(closing("b"), 3, digest)]))
    second = list(cut([Entry("c", 3, digest), Entry(closing("d"), 3, digest)]))
    pages = {
        "reversed": second + first,
        "cut too early": [*cut([Entry("a", 3, digest)]), *second],
        "overlapping": [*first, *cut([Entry("a1", 3, digest)])],
    }[fault]
    lab.version({"x": b"one"})
    with pytest.raises(Invalid) as caught:
        lab.engine.drafts.begin(BOB, lab.request(pages), bodies=pages)
    assert caught.value.field == "pages"
    assert lab.engine.versions.select(BOB, VISION)[0] == [lab.engine.versions.get(BOB, LATEST)]


def test_a_collection_keeps_its_type(lab: Lab) -> None:
    lab.version(A)
    with pytest.raises(Conflict, match="dataset") as caught:
        lab.version(A, type="model")
    assert caught.value.facts == {"collection_type": "dataset"}


def test_a_refused_draft_leaves_not_even_its_project(lab: Lab) -> None:
    with pytest.raises(NotFound):
        lab.version(A, run=TRAIN)
    with pytest.raises(NotFound):
        lab.engine.projects.get(ANN, VISION)
    assert lab.verbs() == []


def test_an_id_of_another_draft_is_refused(lab: Lab) -> None:
    id = uuid.uuid4().hex
    lab.version(A, id=id)
    for caller, others in ((COL, {}), (BOB, {"collection": MODELS})):
        with pytest.raises(Conflict):
            lab.version(A, caller=caller, id=DraftId(id), **others)


def test_committing_again_after_the_deletion_tells_the_same_version(lab: Lab) -> None:
    request = lab.request([])
    done = lab.engine.drafts.begin(BOB, request).committed
    assert done is not None
    lab.engine.deletion.delete(BOB, DeletionRequest(versions=(done.version.key,)))
    again = lab.engine.drafts.commit(BOB, request.id)
    assert (again.version.key, again.version.state) == (done.version.key, "deleted")


def test_a_file_of_two_parts_is_stored_read_across_them_and_freed(lab: Lab) -> None:
    head, tail = bytes(PART_SIZE_BYTES), b"the rest"
    parts = (Digest.of(head), Digest.of(tail))
    size_bytes = len(head) + len(tail)
    entries = [Entry(path, size_bytes, combine(parts), parts) for path in ("a", "b")]
    pages = list(cut(entries))
    request = lab.request(pages)
    answer = lab.engine.drafts.begin(BOB, request, bodies=pages)
    uploads = [hold.upload for hold in answer.holds if hold.upload is not None]
    for upload in uploads:
        data = head if upload.digest == parts[0] else tail
        lab.engine.drafts.store(BOB, upload.object, [data])
    done = lab.engine.drafts.begin(BOB, request, bodies=pages).committed
    assert done is not None
    assert (done.version.n_files, done.version.size_bytes) == (2, 2 * size_bytes)
    assert lab.n_bytes() == size_bytes
    versions = lab.engine.versions
    entry = versions.entry(BOB, done.version.key, "b")
    with versions.read(BOB, entry, start=PART_SIZE_BYTES - 2, size_bytes=5) as chunks:
        assert b"".join(chunks) == b"\0\0the"
    for digest in (combine(parts), *parts):
        found = versions.containing(BOB, digest=digest, path=None)
        assert [version.key for version in found] == [done.version.key]
    receipt = lab.engine.deletion.delete(BOB, DeletionRequest(versions=(done.version.key,)))
    assert receipt.freed == Freed(len(pages), 2, size_bytes)


def test_of_two_uploads_of_the_same_bytes_one_is_kept(lab: Lab) -> None:
    pages = list(cut([Entry("a", 3, Digest.of(b"one"))]))
    loot = CollectionKey.parse("evil/lab/loot")
    requests = {BOB: lab.request(pages), EVE: lab.request(pages, collection=loot)}
    begin = lab.engine.drafts.begin
    answers = {who: begin(who, asked, bodies=pages) for who, asked in requests.items()}
    names = []
    for who, answer in answers.items():
        (hold,) = answer.holds
        assert hold.upload is not None
        lab.engine.drafts.store(who, hold.upload.object, [b"one"])
        names.append(hold.upload.object)
    assert lab.n_bytes() == 3
    assert lab.graph.read(lambda tx: tx.contents.known_objects(names)) == set(names)
    assert all(begin(who, asked, bodies=pages).committed for who, asked in requests.items())
    lab.engine.deletion.delete(EVE, DeletionRequest(collection=loot))
    assert lab.n_bytes() == 3
    assert list(lab.engine.fsck.run(ANN, deep=True)) == []


def test_a_run_that_logs_its_own_version_again_has_not_reproduced_it(lab: Lab) -> None:
    lab.start(TRAIN, EVAL)
    key = lab.version(A, run=TRAIN).key
    assert not lab.log(A, run=TRAIN).created
    assert lab.graph.read(lambda tx: tx.flow.reproducers(key)) == []
    assert not lab.log(A, run=EVAL).created
    assert lab.graph.read(lambda tx: tx.flow.reproducers(key)) == [EVAL]


# Latest and other aliases


def test_latest_is_what_was_logged_last_even_if_it_was_there_already(lab: Lab) -> None:
    lab.version(A), lab.version(B)
    assert lab.latest() == "acme/vision/digits:v1"
    assert lab.log(A).version.key == DIGITS.version(0)
    assert lab.latest() == "acme/vision/digits:v0"


def test_deleting_another_version_leaves_latest_where_it_is(lab: Lab) -> None:
    for content in (A, B, C, A):
        lab.version(content)
    lab.engine.deletion.delete(BOB, DeletionRequest(versions=(DIGITS.version(1),)))
    assert lab.latest() == "acme/vision/digits:v0"


def test_when_latest_is_deleted_the_newest_that_remains_is_latest(lab: Lab) -> None:
    for content in (A, B, C, A):
        lab.version(content)
    delete = lab.engine.deletion.delete
    delete(BOB, DeletionRequest(versions=(DIGITS.version(0),)))
    assert lab.latest() == "acme/vision/digits:v2"
    delete(BOB, DeletionRequest(collection=DIGITS))
    with pytest.raises(NotFound, match="no live version"):
        lab.latest()
    assert lab.log(A).version.key == DIGITS.version(3)


def test_what_is_dropped_and_added_in_one_edit_is_there(lab: Lab) -> None:
    key = lab.version(A).key
    patch = VersionPatch(
        add_aliases=("prod",), drop_aliases=("prod",), add_tags=("t",), drop_tags=("t",)
    )
    told = lab.engine.versions.update(BOB, key, patch)
    assert told == lab.engine.versions.get(BOB, ArtifactRef(DIGITS, "prod"))
    assert (told.aliases, told.tags) == (("latest", "prod"), ("t",))


def test_moving_an_alias_leaves_the_old_version(lab: Lab) -> None:
    old, new = lab.version(A, aliases=("prod",)), lab.version(B)
    lab.engine.versions.update(BOB, new.key, VersionPatch(add_aliases=("prod",)))
    assert lab.engine.versions.get(BOB, ArtifactRef(DIGITS, "v0")).aliases == ()
    assert old.aliases == ("latest", "prod")
    assert lab.engine.versions.get(BOB, ArtifactRef(DIGITS, "prod")).key == new.key


@pytest.mark.parametrize("alias", ["latest", "v3", "a b"])
def test_nobody_sets_or_drops_an_alias_that_is_the_servers(lab: Lab, alias: str) -> None:
    key = lab.version(A).key
    for patch in (VersionPatch(add_aliases=(alias,)), VersionPatch(drop_aliases=(alias,))):
        with pytest.raises(Invalid):
            lab.engine.versions.update(BOB, key, patch)
