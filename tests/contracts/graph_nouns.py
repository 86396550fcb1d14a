"""Projects, runs, collections, versions, edges, sweeps, plans and events, in the port's words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lineage.digest import Digest
from lineage.errors import AlreadyExists, Conflict, LineageError, NotFound
from lineage.model import (
    Access,
    Collection,
    DraftId,
    Edge,
    EdgeKind,
    Event,
    Plan,
    Project,
    ReferenceCheck,
    RunState,
    Scope,
    Segment,
    VersionState,
)
from lineage.names import CollectionKey, ProjectKey, SweepKey
from lineage.ports import GraphStore, Transaction
from tests.contracts.graph_flow import FlowContract
from tests.contracts.graph_values import (
    ALL,
    DIGITS,
    NOW,
    PROJECT,
    RIVAL,
    commit,
    edges,
    page,
    run,
    run_key,
    segment,
    segments,
    sweep,
    version,
)

__all__ = ["NounsContract"]

LATER = NOW + timedelta(hours=1)


class ProjectsContract:
    def test_a_project_is_found_as_it_was_added(self, store: GraphStore) -> None:
        project = Project(ProjectKey.of("new", "one"), Access.PUBLIC, NOW)
        store.write(lambda tx: tx.projects.add(project))
        assert store.read(lambda tx: tx.projects.find(project.key)) == project
        assert store.read(lambda tx: tx.projects.find(ProjectKey.of("new", "two"))) is None

    def test_a_project_is_added_once(self, store: GraphStore) -> None:
        with pytest.raises(AlreadyExists):
            store.write(lambda tx: tx.projects.add(Project(PROJECT, Access.OPEN, NOW)))

    def test_access_can_be_changed(self, store: GraphStore) -> None:
        store.write(lambda tx: tx.projects.set_access(PROJECT, Access.OPEN))
        project = store.read(lambda tx: tx.projects.find(PROJECT))
        assert project == Project(PROJECT, Access.OPEN, NOW)

    def test_projects_are_listed_by_key_within_the_scope(self, store: GraphStore) -> None:
        public = ProjectKey.of("rival", "open-data")
        store.write(lambda tx: tx.projects.add(Project(public, Access.PUBLIC, NOW)))

        def keys(scope: Scope, entity: str | None = None, after: Any = None, n: int = 9) -> Any:
            found = store.read(
                lambda tx: tx.projects.select(scope, entity=entity, after=after, limit=n)
            )
            return [project.key for project in found]

        assert keys(ALL) == [PROJECT, public, RIVAL]
        assert keys(Scope("ada", frozenset({"acme"}))) == [PROJECT, public]
        assert keys(Scope("eve", frozenset())) == [public]
        assert keys(ALL, "rival") == [public, RIVAL]
        assert keys(ALL, n=1) == [PROJECT]
        assert keys(ALL, after=PROJECT) == [public, RIVAL]


class RunsContract:
    def test_a_run_keeps_every_field(self, store: GraphStore) -> None:
        full = run(
            "a",
            state=RunState.FAILED,
            heartbeat_at=LATER,
            name="näme",
            job_type="train",
            group="g",
            notes="n\n",
            tags=("z", "a"),
            config={"lr": 0.1, "big": 2**63 - 1, "deep": {"list": [1, None, True, "x"]}},
            summary={"inf": float("inf")},
            summary_min={"x": -1.5},
            summary_max={"x": 2},
            sweep=SweepKey.of(PROJECT, "s"),
            point=3,
            finished_at=LATER,
            exit_code=-9,
            error="boom",
            revision=4,
        )
        store.write(lambda tx: (tx.sweeps.add(sweep("s")), tx.runs.add(full)))
        assert store.read(lambda tx: tx.runs.find([full.key, run_key("none")])) == {full.key: full}

    def test_nan_is_kept(self, store: GraphStore) -> None:
        store.write(lambda tx: tx.runs.add(run("a", summary={"loss": float("nan")})))
        found = store.read(lambda tx: tx.runs.find([run_key("a")]))[run_key("a")]
        assert str(found.summary["loss"]) == "nan"

    def test_a_run_comes_with_its_first_segment_unsealed(self, store: GraphStore) -> None:
        store.write(lambda tx: tx.runs.add(run("a")))
        assert segments(store, "a") == [Segment(segment("a"), is_sealed=False)]
        assert segments(store, "unknown") == []

    def test_segments_are_sealed_and_continued(self, store: GraphStore) -> None:
        def fn(tx: Transaction) -> None:
            tx.runs.add(run("a"))
            for number in range(1, 12):
                tx.runs.seal(segment("a", number))
                tx.runs.add_segment(segment("a", number + 1), LATER)

        store.write(fn)
        expected = [Segment(segment("a", n), is_sealed=n < 12) for n in range(1, 13)]
        assert segments(store, "a") == expected
        continues = [
            Edge(segment("a", n), segment("a", n + 1), EdgeKind.CONTINUES) for n in range(1, 12)
        ]
        assert set(edges(store)) == set(continues)

    def test_save_replaces_all_but_key_creation_sweep_and_point(self, store: GraphStore) -> None:
        store.write(lambda tx: tx.runs.add(run("a", config={"x": 1, "y": 2}, tags=("old",))))
        saved = run(
            "a", state=RunState.FINISHED, heartbeat_at=LATER, finished_at=LATER, exit_code=0,
            config={"y": 2.0, "z": [1]}, summary={"acc": 1}, tags=("new",), name="n", revision=2,
        )  # fmt: skip
        store.write(lambda tx: tx.runs.save(replace(saved, created_at=LATER, point=9)))
        assert store.read(lambda tx: tx.runs.find([saved.key]))[saved.key] == saved

    def test_saving_an_unknown_run_is_not_found(self, store: GraphStore) -> None:
        with pytest.raises(NotFound):
            store.write(lambda tx: tx.runs.save(run("unknown")))

    def test_beat_moves_the_heartbeat_alone(self, store: GraphStore) -> None:
        store.write(lambda tx: tx.runs.add(run("a", summary={"x": 1})))
        store.write(lambda tx: tx.runs.beat(run_key("a"), LATER))
        found = store.read(lambda tx: tx.runs.find([run_key("a")]))[run_key("a")]
        assert found == run("a", summary={"x": 1}, heartbeat_at=LATER)

    def test_a_key_is_given_once_even_after_purge(self, store: GraphStore) -> None:
        store.write(lambda tx: tx.runs.add(run("a")))
        with pytest.raises(AlreadyExists):
            store.write(lambda tx: tx.runs.add(run("a")))
        store.write(lambda tx: tx.runs.remove(run_key("a")))
        assert store.read(lambda tx: tx.runs.find([run_key("a")])) == {}
        with pytest.raises(AlreadyExists):
            store.write(lambda tx: tx.runs.add(run("a")))

    def test_purging_a_run_takes_its_segments_and_every_edge(self, store: GraphStore) -> None:
        def fn(tx: Transaction) -> None:
            tx.runs.add(run("a", config={"x": 1}))
            tx.runs.add(run("b"))
            made = [commit(tx, n, [page({"f": b"%d" % n})]).key for n in range(3)]
            tx.flow.add_use(segment("a"), made[0])
            tx.flow.add_logged(segment("a"), made[1])
            tx.runs.add_segment(segment("a", 2), LATER)
            tx.flow.add_reproduced(segment("a", 2), made[2])
            tx.flow.add_use(segment("b"), made[1])
            tx.runs.remove(run_key("a"))

        store.write(fn)
        assert edges(store) == [Edge(DIGITS.version(1), segment("b"), EdgeKind.FEEDS)]
        assert segments(store, "a") == []
        assert store.read(lambda tx: tx.flow.reproducers(DIGITS.version(2))) == []


class CollectionsContract:
    def test_a_collection_is_added_once_and_saved(self, store: GraphStore) -> None:
        key = CollectionKey.of(PROJECT, "models")
        collection = Collection(key, "model", NOW, 0, "what")
        store.write(lambda tx: tx.collections.add(collection))
        assert store.read(lambda tx: tx.collections.find([key, DIGITS]))[key] == collection
        with pytest.raises(AlreadyExists):
            store.write(lambda tx: tx.collections.add(replace(collection, type="other")))
        saved = replace(collection, next_index=3, description="more")
        store.write(lambda tx: tx.collections.save(replace(saved, type="ignored")))
        assert store.read(lambda tx: tx.collections.find([key])) == {key: saved}

    def test_collections_are_listed_by_key(self, store: GraphStore) -> None:
        names = ["b", "a", "c"]
        keys = [CollectionKey.of(PROJECT, name) for name in names]
        made = [Collection(key, "model", NOW) for key in keys]
        store.write(lambda tx: [tx.collections.add(collection) for collection in made])

        def listed(type: str | None = None, after: Any = None, n: int = 9) -> list[str]:
            found = store.read(
                lambda tx: tx.collections.select(PROJECT, type=type, after=after, limit=n)
            )
            return [collection.key.name for collection in found]

        assert listed() == ["a", "b", "c", "digits"]
        assert listed("model") == ["a", "b", "c"]
        assert listed("model", keys[1], 1) == ["b"]


class VersionsContract:
    def test_a_version_keeps_every_field_and_no_aliases(self, store: GraphStore) -> None:
        full = version(
            0, size_bytes=2**40, n_files=3, metadata={"n": 1, "deep": {"x": [1.5]}},
            description="d", tags=("b", "a"), revision=2,
        )  # fmt: skip
        store.write(lambda tx: tx.versions.add(replace(full, aliases=("x",)), DraftId("none"), []))
        assert store.read(lambda tx: tx.versions.find([full.key])) == {full.key: full}

    def test_save_replaces_what_people_say_about_it(self, store: GraphStore) -> None:
        first = version(0, metadata={"a": 1, "b": 2})
        store.write(lambda tx: tx.versions.add(first, DraftId("none"), []))
        said = replace(first, metadata={"b": 3}, description="d", tags=("t",), revision=2)
        store.write(lambda tx: tx.versions.save(replace(said, size_bytes=99)))
        assert store.read(lambda tx: tx.versions.find([first.key]))[first.key] == said

    def test_pages_pass_from_the_draft_to_the_version_in_order(self, store: GraphStore) -> None:
        pages = [page({"z": b"1"}), page({"a": b"2"}), page({"m": b"3"})]
        store.write(lambda tx: commit(tx, 0, pages))
        digests = [page.digest for page in pages]
        assert store.read(lambda tx: tx.contents.pages_of(DIGITS.version(0))) == digests
        assert (
            store.read(lambda tx: tx.contents.pages_of(DIGITS.version(0), limit=2)) == digests[:2]
        )
        bodies = store.read(lambda tx: list(tx.contents.bodies(DIGITS.version(0))))
        assert bodies == [page.body for page in pages]

    def test_the_live_version_with_this_content_is_found(self, store: GraphStore) -> None:
        other = CollectionKey.of(PROJECT, "other")

        def fn(tx: Transaction) -> None:
            tx.collections.add(Collection(other, "dataset", NOW))
            tx.versions.add(version(0), DraftId("none"), [])
            tx.versions.add(version(1), DraftId("none"), [])
            tx.versions.mark_deleted([DIGITS.version(0)], LATER, "ada")

        store.write(fn)

        def found(collection: CollectionKey, content: bytes) -> Any:
            return store.read(
                lambda tx: tx.versions.find_by_manifest(collection, Digest.of(content))
            )

        assert found(DIGITS, b"1") == DIGITS.version(1)
        assert found(DIGITS, b"0") is None
        assert found(other, b"1") is None

    def test_the_newest_is_the_live_version_with_the_highest_index(self, store: GraphStore) -> None:
        def newest() -> Any:
            return store.read(lambda tx: tx.versions.find_newest(DIGITS))

        assert newest() is None
        for number in range(11):
            store.write(lambda tx, n=number: tx.versions.add(version(n), DraftId("none"), []))
        assert newest() == DIGITS.version(10)
        store.write(lambda tx: tx.versions.mark_deleted([DIGITS.version(10)], LATER, "ada"))
        assert newest() == DIGITS.version(9)

    def test_a_deleted_version_keeps_its_pages_and_little_else(self, store: GraphStore) -> None:
        def fn(tx: Transaction) -> None:
            made = commit(tx, 0, [page({"f": b"x"})])
            said = replace(made, metadata={"x": 1}, description="d", tags=("t",))
            tx.versions.save(said)
            tx.versions.set_alias(DIGITS, "prod", made.key)
            tx.versions.mark_deleted([made.key], LATER, "bob")

        store.write(fn)
        found = store.read(lambda tx: tx.versions.find([DIGITS.version(0)]))[DIGITS.version(0)]
        manifest = found.manifest
        gone = VersionState.DELETED
        expected = version(0, manifest=manifest, state=gone, deleted_at=LATER, deleted_by="bob")
        assert found == expected
        assert store.read(lambda tx: tx.versions.find_aliases(DIGITS, ["prod"])) == {}
        assert len(store.read(lambda tx: tx.contents.pages_of(found.key))) == 1

    def test_the_last_check_of_references_is_kept(self, store: GraphStore) -> None:
        keys = [DIGITS.version(number) for number in range(12)]
        fine = ReferenceCheck(NOW, "ada", n_ok=3, n_unversioned=1)
        bad = ReferenceCheck(LATER, "bob", n_ok=1, n_changed=2**40, n_missing=1)

        def fn(tx: Transaction) -> None:
            for number in range(12):
                tx.versions.add(version(number), DraftId("none"), [])
            for key in keys[:4]:
                tx.versions.set_check(key, fine)
            for number in (2, 10, 3):
                tx.versions.set_check(keys[number], bad)
            tx.versions.save(version(2, description="d"))

        store.write(fn)
        found = store.read(lambda tx: tx.versions.find(keys[1:4] + keys[10:]))
        checks = [found[key].reference_check for key in keys[1:4] + keys[10:]]
        assert checks == [fine, bad, bad, bad, None]
        assert store.read(lambda tx: tx.versions.drifted()) == [keys[10], keys[2], keys[3]]

        def change(tx: Transaction) -> None:
            tx.versions.set_check(keys[10], fine)
            tx.versions.mark_deleted([keys[2]], LATER, "ada")
            tx.versions.remove(keys[3])

        store.write(change)
        assert store.read(lambda tx: tx.versions.drifted()) == []
        gone = store.read(lambda tx: tx.versions.find([keys[2]]))[keys[2]]
        assert gone.reference_check is None

    def test_a_check_of_an_unknown_version_is_not_found(self, store: GraphStore) -> None:
        with pytest.raises(NotFound):
            store.write(
                lambda tx: tx.versions.set_check(DIGITS.version(7), ReferenceCheck(NOW, "ada"))
            )

    def test_purge_is_refused_while_it_owns_a_page_and_keeps_the_key(
        self, store: GraphStore
    ) -> None:
        key = DIGITS.version(0)
        made = page({"f": b"x"})
        store.write(lambda tx: commit(tx, 0, [made]))
        with pytest.raises(Conflict):
            store.write(lambda tx: tx.versions.remove(key))

        def purge(tx: Transaction) -> None:
            tx.runs.add(run("a"))
            tx.flow.add_use(segment("a"), key)
            tx.versions.set_alias(DIGITS, "prod", key)
            tx.contents.disown(key, [made.digest])
            tx.versions.remove(key)

        store.write(purge)
        assert store.read(lambda tx: tx.versions.find([key])) == {}
        assert edges(store) == []
        with pytest.raises(AlreadyExists):
            store.write(lambda tx: tx.versions.add(version(0), DraftId("none"), []))

    def test_an_alias_has_one_holder(self, store: GraphStore) -> None:
        def fn(tx: Transaction) -> None:
            for number in range(2):
                tx.versions.add(version(number), DraftId("none"), [])
            tx.versions.set_alias(DIGITS, "prod", DIGITS.version(0))
            tx.versions.set_alias(DIGITS, "best", DIGITS.version(0))
            tx.versions.set_alias(DIGITS, "prod", DIGITS.version(1))

        store.write(fn)
        aliases = {"best": DIGITS.version(0), "prod": DIGITS.version(1)}
        names = ["prod", "best", "none"]
        assert store.read(lambda tx: tx.versions.find_aliases(DIGITS, names)) == aliases
        found = store.read(lambda tx: tx.versions.find([DIGITS.version(0), DIGITS.version(1)]))
        assert [found[DIGITS.version(n)].aliases for n in range(2)] == [("best",), ("prod",)]
        store.write(lambda tx: tx.versions.drop_alias(DIGITS, "best"))
        assert set(store.read(lambda tx: tx.versions.find_aliases(DIGITS, names))) == {"prod"}

    def test_what_does_not_exist_cannot_be_pointed_at(self, store: GraphStore) -> None:
        with pytest.raises(LineageError):
            store.write(lambda tx: tx.versions.set_alias(DIGITS, "prod", DIGITS.version(7)))
        none = Digest.of(b"none")
        with pytest.raises(LineageError):
            store.write(lambda tx: tx.versions.add(version(0), DraftId("none"), [none]))
        with pytest.raises(LineageError):
            store.write(lambda tx: tx.flow.add_use(segment("none"), DIGITS.version(7)))


class SweepsPlansEventsContract:
    def test_a_sweep_keeps_every_field(self, store: GraphStore) -> None:
        full = sweep(
            "s", parameters={"lr": {"values": [1, 2]}}, name="n", program="p.py", run_cap=5,
            next_point=1, is_stopped=True,
        )  # fmt: skip
        store.write(lambda tx: tx.sweeps.add(full))
        assert store.read(lambda tx: tx.sweeps.find(full.key)) == full
        with pytest.raises(AlreadyExists):
            store.write(lambda tx: tx.sweeps.add(full))
        moved = replace(full, next_point=2, is_stopped=False)
        store.write(lambda tx: tx.sweeps.save(replace(moved, name="ignored")))
        assert store.read(lambda tx: tx.sweeps.find(full.key)) == moved

    def test_sweeps_are_listed_by_key(self, store: GraphStore) -> None:
        store.write(lambda tx: [tx.sweeps.add(sweep(name)) for name in "bac"])

        def listed(after: Any, n: int) -> list[str]:
            found = store.read(lambda tx: tx.sweeps.select(PROJECT, after=after, limit=n))
            return [each.key.name for each in found]

        assert listed(None, 2) == ["a", "b"]
        assert listed(SweepKey.of(PROJECT, "b"), 2) == ["c"]

    def test_a_plan_is_kept_until_it_expires(self, store: GraphStore) -> None:
        versions = (DIGITS.version(0),)
        plan = Plan(
            Digest.of(b"plan"), "ada", LATER, versions, (run_key("a"),), True, False, {"n": [1]}
        )
        store.write(lambda tx: tx.plans.add(replace(plan, actor="bob")))
        store.write(lambda tx: tx.plans.add(plan))
        store.write(lambda tx: tx.plans.remove_expired(NOW))
        assert store.read(lambda tx: tx.plans.find(plan.digest)) == plan
        store.write(lambda tx: tx.plans.remove_expired(LATER + timedelta(seconds=1)))
        assert store.read(lambda tx: tx.plans.find(plan.digest)) is None

    def test_events_are_told_oldest_first(self, store: GraphStore) -> None:
        told = [
            Event(NOW, "ada", "set", "x", None, {"a": 1}),
            Event(LATER, "bob", "set", "y", [1], "text"),
            Event(NOW, "ada", "drop", "x", {"a": 1}, None),
        ]
        store.write(lambda tx: tx.events.append(told[:2]))
        store.write(lambda tx: tx.events.append(told[2:]))

        def select(subject: str | None = None, after: int | None = None, n: int = 9) -> Any:
            return store.read(lambda tx: tx.events.select(subject=subject, after=after, limit=n))

        found = select()
        assert [replace(event, id=None) for event in found] == told
        assert [event.id for event in found] == sorted({event.id for event in found})
        assert select("x") == [found[0], found[2]]
        assert select(None, found[0].id) == found[1:]
        assert select("x", found[0].id, 1) == [found[2]]
        assert select(n=1) == found[:1]


class NounsContract(
    ProjectsContract,
    RunsContract,
    CollectionsContract,
    VersionsContract,
    FlowContract,
    SweepsPlansEventsContract,
):
    pass
