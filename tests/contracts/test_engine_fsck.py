"""fsck finds bytes that are leaked or lost, and removes or marks them; what is marked heals."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lineage.digest import Digest
from lineage.engine import Checked, DeletionRequest, Finding
from lineage.errors import Conflict, Denied, Unavailable
from lineage.manifest import parse_page
from lineage.model import Blob, ObjectName, Receipt, ReceiptId, Tombstone, Upload
from lineage.names import ArtifactRef, VersionKey
from lineage.ports import Transaction
from tests.contracts.damage import (
    NONE,
    begin_a_draft,
    cut_an_edge_to_a_blob,
    damage,
    digest_of,
    fsck,
    kinds,
    lose,
    object_of,
    overwrite,
    page_of,
    set_up,
    stray,
)
from tests.contracts.lab import ANN, BOB, MODELS, A, Lab


@pytest.fixture(autouse=True)
def work(lab: Lab) -> None:
    set_up(lab)


def test_what_has_been_looked_at_is_counted(lab: Lab) -> None:
    for deep in (False, True):
        *_, last = lab.engine.fsck.watch(ANN, deep=deep)
        assert last == Checked(n_objects=3, n_blobs=3, n_pages=2, n_versions=2)
    with pytest.raises(Denied):
        list(lab.engine.fsck.run(BOB))


# Bytes that are leaked


def test_an_object_that_nothing_names_is_deleted_by_repair(lab: Lab) -> None:
    names = sorted([stray(lab, b"stray"), stray(lab, b"one")])
    for repair in (False, True):
        found = fsck(lab, repair=repair)
        assert [finding.subject for finding in found] == names
        assert {f.kind for f in found} == {"object_without_blob"}
        assert {f.is_repaired for f in found} == {repair}
    assert fsck(lab, deep=True) == NONE
    assert not any(lab.blobs.find_size(name) for name in names)


def test_objects_on_their_way_in_or_out_are_no_findings(lab: Lab) -> None:
    pages = page_of({"new": b"new"})
    request = lab.request(pages)
    (hold,) = lab.engine.drafts.begin(BOB, request, bodies=pages).holds
    assert hold.upload is not None
    lab.blobs.put(hold.upload, [b"new"], now=lab.clock.now())
    going = stray(lab, b"going")
    until = lab.clock.now()
    lab.graph.write(lambda tx: tx.contents.add_tombstones([Tombstone(going, 5, until)]))
    assert fsck(lab, deep=True, repair=True) == NONE
    assert lab.blobs.find_size(hold.upload.object) == 3


def test_a_blob_that_nothing_needs_is_reclaimed_by_repair(lab: Lab) -> None:
    name = stray(lab, b"free")
    blob = Blob(Digest.of(b"free"), 4, name, lab.clock.now())
    lab.graph.write(lambda tx: tx.contents.add_blobs([blob]))
    wanted = Finding("blob_unneeded", blob.digest, 4)
    assert fsck(lab, deep=True) == [wanted]
    assert fsck(lab, repair=True) == [replace(wanted, is_repaired=True)]
    assert lab.blobs.find_size(name) is None
    assert fsck(lab, deep=True) == NONE


def test_a_page_that_nobody_owns_is_reclaimed_by_repair(lab: Lab) -> None:
    pages = [parse_page(body) for body in page_of({"new": b"new", "a": b"one"})]
    blob = Blob(Digest.of(b"new"), 3, stray(lab, b"new"), lab.clock.now())
    lab.graph.write(lambda tx: (tx.contents.add_blobs([blob]), tx.contents.add_pages(pages)))
    wanted = Finding("page_unowned", pages[0].digest, 6)
    assert fsck(lab) == [wanted]
    assert fsck(lab, repair=True) == [replace(wanted, is_repaired=True)]
    assert fsck(lab, deep=True) == NONE
    assert lab.n_bytes() == len(b"one" + b"two" + b"held")


def delete_halfway(lab: Lab) -> str:
    """Mark the first version deleted, as a request that dies right after."""
    made = lab.version({"big": b"big"}, collection=MODELS)
    at = lab.clock.now()
    lab.graph.write(lambda tx: tx.versions.mark_deleted([made.key], at, "bob"))
    return made.key


@pytest.mark.parametrize("is_flagged", [True, False])
def test_a_deletion_that_was_never_finished_is_finished_by_repair(
    lab: Lab, is_flagged: bool
) -> None:
    key = delete_halfway(lab)
    if not is_flagged:  # then no start takes it up either
        damage(
            lab.graph,
            sql="UPDATE version SET owns_pages = 0 WHERE id = (SELECT id FROM node WHERE key=:key)",
            cypher="MATCH (v:Node {key: $key}) REMOVE v:Deleting",
            key=key,
        )
    assert fsck(lab) == NONE, "it may be at work"
    lab.clock.at += timedelta(minutes=11)
    wanted = Finding("deletion_unfinished", key, 3)
    assert fsck(lab) == [wanted]
    assert fsck(lab, repair=True) == [replace(wanted, is_repaired=True)]
    assert fsck(lab, deep=True) == NONE
    assert lab.n_bytes() == len(b"one" + b"two" + b"held")


def test_a_deletion_that_still_gets_on_is_left_alone(lab: Lab) -> None:
    key = delete_halfway(lab)
    lab.clock.at += timedelta(hours=2)
    receipt = Receipt(ReceiptId(uuid.uuid4().hex), (VersionKey(key),), (), lab.clock.at, "bob")
    lab.graph.write(lambda tx: tx.receipts.add(receipt))
    assert fsck(lab, repair=True) == NONE
    lab.clock.at += timedelta(minutes=11)
    assert kinds(lab, repair=True) == ["deletion_unfinished"]


def test_an_upload_of_a_draft_that_is_gone_is_given_up_by_repair(lab: Lab) -> None:
    id = begin_a_draft(lab, {})
    (hold,) = lab.engine.drafts.hold(BOB, id, [(Digest.of(b"never"), 5)])
    assert hold.upload is not None
    lab.blobs.put(hold.upload, [b"never"], now=lab.clock.now())
    damage(
        lab.graph,
        sql="DELETE FROM draft WHERE key = :id",
        cypher="MATCH (d:Draft {id: $id}) DETACH DELETE d",
        id=id,
    )
    wanted = Finding("upload_without_draft", hold.upload.object, 5)
    assert fsck(lab) == [wanted]
    assert fsck(lab, repair=True) == [replace(wanted, is_repaired=True)]
    assert lab.blobs.find_size(hold.upload.object) is None
    assert fsck(lab, deep=True) == NONE


def test_an_object_named_twice_stays_the_blobs(lab: Lab) -> None:
    name = object_of(lab, b"one")
    until = lab.clock.now()
    id = begin_a_draft(lab, {})
    both = ObjectName(lab.blobs.new_object(Digest.of(b"both")))

    def fn(tx: Transaction) -> None:
        for upload in (name, both):
            tx.contents.add_uploads([Upload(upload, Digest.of(b"one"), 3, id, until)])
        tx.contents.add_tombstones([Tombstone(each, 3, until) for each in (name, both)])

    lab.graph.write(fn)
    assert kinds(lab) == ["object_named_twice"] * 2
    found = fsck(lab, repair=True)
    assert [(f.subject, f.is_repaired) for f in found] == [(n, True) for n in sorted([name, both])]
    assert fsck(lab) == NONE
    lab.engine.reclaim.finish()
    assert fsck(lab, deep=True) == NONE
    assert lab.graph.read(lambda tx: tx.contents.uploads_of(id)) == []


def test_nothing_is_removed_while_something_may_still_need_it(lab: Lab) -> None:
    """A page that has lost an edge to a blob, and a version that has lost its page, make what they
    need look leaked."""
    name = stray(lab, b"stray")
    cut_an_edge_to_a_blob(lab)
    damage(
        lab.graph,
        sql="DELETE FROM version_page WHERE page_id = (SELECT id FROM page WHERE digest = :page)",
        cypher="MATCH (:Artifact)-[h:HAS_PAGE]->(:Page {digest: $page}) DELETE h",
        page=digest_of(A),
    )
    found = fsck(lab, repair=True)
    assert sorted(finding.kind for finding in found) == [
        "blob_unneeded", "object_without_blob", "page_damaged", "page_unowned",
        "version_incomplete",
    ]  # fmt: skip
    assert not any(finding.is_repaired for finding in found)
    leaked = [f for f in found if f.kind not in ("page_damaged", "version_incomplete")]
    assert all("kept" in finding.detail for finding in leaked)
    assert lab.blobs.find_size(name) == 5
    assert lab.blobs.find_size(object_of(lab, b"two")) == 3


# Bytes that are lost


def test_a_missing_object_names_all_who_need_it(lab: Lab) -> None:
    begin_a_draft(lab, {"x": b"one", "y": b"y"})
    holding = begin_a_draft(lab, {"x": b"one"})
    lab.version({"z": b"one", "b": b"b"}, collection=MODELS)
    lose(lab, b"one")
    [found] = fsck(lab)
    keys = ["digits:v0", "digits:v1", "models:v0"]
    assert (found.kind, found.subject) == ("blob_without_object", Digest.of(b"one"))
    assert list(found.versions) == [f"artifact:acme/vision/{key}" for key in keys]
    assert holding in found.drafts
    assert not found.is_repaired


def test_more_who_need_it_than_one_finding_names_follow_in_further_ones(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lineage.engine.findings._AT_ONCE", 2)
    for number in range(3):
        lab.version({"a": b"one", "n": b"%d" % number}, collection=MODELS)
    lose(lab, b"one")
    found = fsck(lab)
    assert [len(finding.versions) for finding in found] == [2, 2, 1]
    assert [finding.is_continued for finding in found] == [False, True, True]
    assert len({key for finding in found for key in finding.versions}) == 5
    assert {finding.subject for finding in found} == {Digest.of(b"one")}


def test_other_bytes_are_found_by_reading_and_a_wrong_size_without(lab: Lab) -> None:
    overwrite(lab, object_of(lab, b"one"), b"eno")
    overwrite(lab, object_of(lab, b"two"), b"twofold")
    assert [f.subject for f in fsck(lab)] == [Digest.of(b"two")]
    found = fsck(lab, deep=True)
    assert sorted(f.subject for f in found) == sorted([Digest.of(b"one"), Digest.of(b"two")])
    assert {finding.kind for finding in found} == {"blob_damaged"}


@contextmanager
def cannot_be_read(lab: Lab, monkeypatch: pytest.MonkeyPatch, data: bytes) -> Iterator[None]:
    read, name = lab.blobs.read, object_of(lab, data)

    def failing(wanted: ObjectName, **how: Any) -> Any:
        if wanted == name:
            raise Unavailable("the disk reports errors")
        return read(wanted, **how)

    with monkeypatch.context() as patched:
        patched.setattr(lab.blobs, "read", failing)
        yield


def test_an_object_that_cannot_be_read_is_told_and_never_marked(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cannot_be_read(lab, monkeypatch, b"one"):
        [found] = fsck(lab, deep=True, repair=True)
    assert (found.kind, found.subject) == ("blob_unreadable", Digest.of(b"one"))
    assert len(found.versions) == 2
    assert fsck(lab, deep=True) == NONE


# Healing


@pytest.mark.parametrize("fault", ["missing", "other bytes", "other size"])
def test_logging_lost_bytes_again_heals_every_version_that_needs_them(lab: Lab, fault: str) -> None:
    name = object_of(lab, b"one")
    if fault == "missing":
        lose(lab, b"one")
    else:
        overwrite(lab, name, b"eno" if fault == "other bytes" else b"o")
    before = lab.log(A)
    assert not before.created
    assert len(kinds(lab, deep=True)) == 1, "it was held, so nothing was uploaded"
    [found] = fsck(lab, deep=True, repair=True)
    assert "again heals it" in found.detail
    [marked] = fsck(lab)
    assert marked == replace(found, detail=marked.detail)
    assert "it is marked" in marked.detail
    assert lab.verbs()[-1] == "blob.lost"
    again = lab.log(A)
    assert again.version.key == before.version.key
    assert fsck(lab, deep=True) == NONE
    assert lab.blobs.find_size(name) is None
    assert lab.n_bytes() == len(b"one" + b"two" + b"held")
    with read_file(lab, again.version.key.path, "a") as content:
        assert content == b"one"
    keys = tuple(lab.engine.versions.select(BOB, again.version.key.project)[0])
    lab.engine.deletion.delete(BOB, DeletionRequest(versions=tuple(v.key for v in keys)))
    assert lab.n_bytes() == len(b"held")
    assert fsck(lab, deep=True) == NONE


@contextmanager
def read_file(lab: Lab, version: str, path: str) -> Iterator[bytes]:
    versions = lab.engine.versions
    key = versions.get(BOB, ArtifactRef.parse(version)).key
    with versions.read(BOB, versions.entry(BOB, key, path)) as chunks:
        yield b"".join(chunks)


def test_a_draft_that_holds_lost_bytes_is_asked_for_them_again(lab: Lab) -> None:
    pages = page_of({"held": b"held", "a": b"one"})
    request = lab.request(pages, collection=MODELS, id=uuid.uuid4().hex)
    lab.engine.drafts.begin(BOB, request)
    sizes = [(Digest.of(data), len(data)) for data in (b"held", b"one")]
    assert [hold.upload for hold in lab.engine.drafts.hold(BOB, request.id, sizes)] == [None, None]
    lose(lab, b"held")
    assert kinds(lab, repair=True) == ["blob_without_object"]
    with pytest.raises(Conflict) as caught:
        lab.engine.drafts.add_pages(BOB, request.id, pages)
    assert caught.value.facts == {"digest": Digest.of(b"held")}
    (hold, other) = lab.engine.drafts.hold(BOB, request.id, sizes)
    assert hold.upload is not None
    assert other.upload is None
    lab.engine.drafts.store(BOB, hold.upload.object, [b"held"])
    lab.engine.drafts.add_pages(BOB, request.id, pages)
    lab.engine.drafts.commit(BOB, request.id)
    assert fsck(lab, deep=True) == NONE


def test_of_two_who_heal_at_once_the_first_does(lab: Lab) -> None:
    lose(lab, b"one")
    fsck(lab, repair=True)
    pages = page_of(A)
    requests = [lab.request(pages, collection=MODELS) for _ in range(2)]
    begin = lab.engine.drafts.begin
    for request in requests:
        (hold,) = begin(BOB, request, bodies=pages).holds
        assert hold.upload is not None
    uploads = [
        lab.graph.read(lambda tx, r=request: tx.contents.uploads_of(r.id))[0]
        for request in requests
    ]
    for upload in uploads:
        lab.engine.drafts.store(BOB, upload.object, [b"one"])
    assert object_of(lab, b"one") == uploads[0].object
    assert all(begin(BOB, request, bodies=pages).committed for request in requests)
    assert fsck(lab, deep=True) == NONE


def test_bytes_that_come_back_from_a_backup_take_the_mark_away(lab: Lab) -> None:
    name = lose(lab, b"one")
    fsck(lab, repair=True)
    overwrite(lab, name, b"eno")
    assert kinds(lab, repair=True) == ["blob_damaged"], "marked ones are read without `deep`"
    overwrite(lab, name, b"one")
    [found] = fsck(lab)
    assert (found.kind, found.is_repaired) == ("blob_whole", False)
    [found] = fsck(lab, repair=True)
    assert (found.kind, found.is_repaired) == ("blob_whole", True)
    assert fsck(lab, deep=True) == NONE
    assert not lab.log(A).created
    assert lab.blobs.find_size(name) == 3, "nobody had to upload them"


def test_a_lost_blob_goes_with_the_last_that_needs_it(lab: Lab) -> None:
    key = lab.version({"alone": b"alone"}, collection=MODELS).key
    overwrite(lab, object_of(lab, b"alone"), b"x")
    assert kinds(lab, repair=True) == ["blob_damaged"]
    lab.engine.deletion.delete(BOB, DeletionRequest(versions=(key,)))
    assert fsck(lab, deep=True) == NONE
    assert lab.n_bytes() == len(b"one" + b"two" + b"held")
