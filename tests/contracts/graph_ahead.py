"""Answers that were asked for ahead: the same as without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from lineage.model import Access, Draft, DraftId, Scope
from lineage.ports import GraphStore, Transaction
from tests.contracts.graph_values import (
    DIGITS,
    NOW,
    PROJECT,
    blob,
    draft,
    page,
    run,
    run_key,
    segment,
    version,
)

__all__ = ["AheadContract"]

RUN, V0, V1 = run_key("a"), DIGITS.version(0), DIGITS.version(1)
PAGE, BLOB = page({"x": b"a"}), blob(b"a")
OWNED = page({"y": b"b"})  # by the draft, in the end by a version
DRAFT: Draft = draft("d0", [PAGE])
ADA = Scope("ada", frozenset({"other"}))  # sees what is open, and what she holds


def build(tx: Transaction) -> None:
    tx.runs.add(run("a"))
    tx.runs.add_segment(segment("a", 2), NOW)
    tx.versions.add(version(0), DraftId("none"), [])
    tx.versions.add(version(1), DraftId("none"), [])
    tx.versions.set_alias(DIGITS, "prod", V0)
    tx.flow.add_use(segment("a", 2), V0)
    tx.contents.add_blobs([BLOB])
    tx.contents.add_pages([PAGE])
    tx.drafts.add(DRAFT)
    tx.contents.add_blobs([blob(b"b")])
    tx.contents.add_pages([OWNED])
    tx.drafts.attach(DRAFT.id, [OWNED.digest])


def ahead(tx: Transaction) -> None:
    tx.ahead(
        projects=[PROJECT],
        drafts=[DRAFT.id],
        collections=[DIGITS],
        aliases=(DIGITS, ["prod"]),
        manifest=(DIGITS, version(1).manifest),
        runs=[RUN],
        versions=[V0, V1],
        readable_pages=[PAGE.digest, OWNED.digest],
        blobs=[BLOB.digest, blob(b"b").digest],
        scope=ADA,
    )


def everything(tx: Transaction) -> dict[str, object]:
    """The answers to what was asked ahead."""
    return {
        "project": tx.projects.find(PROJECT),
        "draft": tx.drafts.find(DRAFT.id),
        "collection": tx.collections.find([DIGITS]),
        "aliases": tx.versions.find_aliases(DIGITS, ["prod"]),
        "manifest": tx.versions.find_by_manifest(DIGITS, version(1).manifest),
        "run": tx.runs.find([RUN]),
        "segments": tx.runs.segments(RUN),
        "used": tx.flow.used_by_run(RUN),
        "v0": tx.versions.find([V0]),
        "v1": tx.versions.find([V1]),
        "pages": tx.contents.readable_pages([PAGE.digest, OWNED.digest], ADA),
        "blobs": tx.contents.find_blobs([BLOB.digest, blob(b"b").digest]),
        "readable": tx.contents.readable_blobs([BLOB.digest, blob(b"b").digest], ADA),
    }


CHANGES: dict[str, Callable[[Transaction], object]] = {
    "nothing": lambda tx: None,
    "access": lambda tx: tx.projects.set_access(PROJECT, Access.OPEN),
    "a draft saved": lambda tx: tx.drafts.save(
        replace(DRAFT, expires_at=NOW + timedelta(days=9), version=V1)
    ),
    "a draft removed": lambda tx: tx.drafts.remove(DRAFT.id),
    "a collection saved": lambda tx: tx.collections.save(
        replace(tx.collections.find([DIGITS])[DIGITS], next_index=7)
    ),
    "an alias moved": lambda tx: tx.versions.set_alias(DIGITS, "prod", V1),
    "an alias dropped": lambda tx: tx.versions.drop_alias(DIGITS, "prod"),
    "a version saved": lambda tx: tx.versions.save(version(0, description="new")),
    "a version deleted": lambda tx: tx.versions.mark_deleted([V1], NOW, "ada"),
    "a version with an alias deleted": lambda tx: tx.versions.mark_deleted([V0], NOW, "ada"),
    "a version purged": lambda tx: tx.versions.remove(V0),
    "a version added": lambda tx: tx.versions.add(
        version(2, manifest=version(1).manifest), DraftId("none"), []
    ),
    "a run saved": lambda tx: tx.runs.save(run("a", notes="new")),
    "a run beaten": lambda tx: tx.runs.beat(RUN, NOW + timedelta(hours=1)),
    "a segment added": lambda tx: tx.runs.add_segment(segment("a", 3), NOW),
    "a segment sealed": lambda tx: tx.runs.seal(segment("a", 2)),
    "a later segment's use": lambda tx: tx.flow.add_use(segment("a", 2), V1),
    "a run removed": lambda tx: tx.runs.remove(RUN),
    "a page attached": lambda tx: tx.drafts.attach(DRAFT.id, [PAGE.digest]),
    "a blob held": lambda tx: tx.drafts.hold(DRAFT.id, [BLOB.digest]),
    "a page passed on": lambda tx: tx.versions.add(version(3), DRAFT.id, [OWNED.digest]),
    "a page removed": lambda tx: tx.contents.remove_pages([PAGE.digest]),
}


class AheadContract:
    @pytest.mark.parametrize("name", CHANGES)
    def test_what_was_asked_ahead_is_answered_as_it_is_now(
        self, store: GraphStore, name: str
    ) -> None:
        def fn(tx: Transaction) -> tuple[object, object]:
            ahead(tx)
            CHANGES[name](tx)
            first = everything(tx)
            return first, everything(tx)

        store.write(build)
        first, second = store.write(fn)
        assert first == second == store.read(everything)
