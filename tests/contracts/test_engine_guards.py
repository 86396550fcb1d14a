"""What a project guards against: protected aliases, and deleting what something was made from."""

from __future__ import annotations

import pytest

from lineage.engine import DeletionRequest, VersionPatch
from lineage.errors import Blocked, Denied, Invalid, NotFound
from tests.contracts.lab import ANN, BOB, DIGITS, EVE, TRAIN, VISION, A, B, C, Lab


def test_a_protected_alias_is_moved_and_dropped_by_administrators_alone(lab: Lab) -> None:
    first = lab.version(A, aliases=("prod",)).key
    second = lab.version(B).key
    guarded = lab.engine.projects.set_guards(ANN, VISION, protected_aliases=["prod", "prod"])
    assert guarded.protected_aliases == ("prod",)
    assert lab.engine.projects.get(BOB, VISION) == guarded
    for patch in (VersionPatch(add_aliases=("prod",)), VersionPatch(drop_aliases=("prod",))):
        with pytest.raises(Denied, match="protected"):
            lab.engine.versions.update(BOB, second, patch)
    with pytest.raises(Denied, match="protected"):
        lab.version(C, aliases=("prod",))
    lab.engine.versions.update(ANN, second, VersionPatch(add_aliases=("prod",)))
    found = lab.graph.read(lambda tx: tx.versions.find_aliases(DIGITS, ["prod"]))
    assert found == {"prod": second}
    assert lab.verbs().count("project.guards") == 1
    assert first != second


def test_what_has_a_protected_alias_is_not_deleted(lab: Lab) -> None:
    key = lab.version(A, aliases=("prod", "other")).key
    lab.version(B)
    lab.engine.projects.set_guards(ANN, VISION, protected_aliases=["prod"])
    request = DeletionRequest(versions=(key,), delete_aliases=True)
    for caller in (BOB, ANN):
        plan = lab.engine.deletion.plan(caller, request)
        assert [(b.kind, b.name) for b in plan.blockers] == [
            ("protected_alias", "acme/vision/digits:prod")
        ]
        with pytest.raises(Blocked):
            lab.engine.deletion.delete(caller, request)
    lab.engine.versions.update(ANN, key, VersionPatch(drop_aliases=("prod",)))
    lab.engine.deletion.delete(BOB, request)


def test_an_alias_protected_after_the_plan_is_a_difference(lab: Lab) -> None:
    key = lab.version(A, aliases=("prod",)).key
    request = DeletionRequest(versions=(key,), delete_aliases=True)
    plan = lab.engine.deletion.plan(BOB, request)
    lab.engine.projects.set_guards(ANN, VISION, protected_aliases=["prod"])
    with pytest.raises(Exception, match="blockers changed"):
        lab.engine.deletion.execute(BOB, plan.digest)
    assert lab.latest() == key.path


def test_what_a_run_has_used_is_kept_until_that_run_goes(lab: Lab) -> None:
    lab.start(TRAIN, finished=True)
    key = lab.version(A).key
    lab.engine.runs.use(BOB, TRAIN, key)
    lab.engine.projects.set_guards(ANN, VISION, guards_downstream=True)
    request = DeletionRequest(versions=(key,))
    plan = lab.engine.deletion.plan(BOB, request)
    assert [(b.kind, b.name) for b in plan.blockers] == [("downstream", TRAIN.path)]
    with pytest.raises(Blocked, match="delete this run first"):
        lab.engine.deletion.delete(BOB, request)
    both = DeletionRequest(versions=(key,), runs=(TRAIN,))
    assert lab.engine.deletion.plan(BOB, both).blockers == ()
    lab.engine.deletion.delete(BOB, DeletionRequest(runs=(TRAIN,)))
    lab.engine.deletion.delete(BOB, request)


def test_guards_are_changed_by_administrators_and_stay_as_they_were_otherwise(lab: Lab) -> None:
    lab.version(A)
    with pytest.raises(Denied):
        lab.engine.projects.set_guards(BOB, VISION, guards_downstream=True)
    with pytest.raises(NotFound):
        lab.engine.projects.set_guards(EVE, VISION, guards_downstream=True)
    with pytest.raises(Invalid, match="kept by the server"):
        lab.engine.projects.set_guards(ANN, VISION, protected_aliases=["latest"])
    lab.engine.projects.set_guards(ANN, VISION, guards_downstream=True)
    found = lab.engine.projects.set_guards(ANN, VISION, protected_aliases=["prod"])
    assert (found.protected_aliases, found.guards_downstream) == (("prod",), True)
    [listed] = [p for p in lab.engine.projects.select(BOB) if p.key == VISION]
    assert listed == found


def test_every_shared_file_of_a_plan_names_one_who_keeps_it(lab: Lab) -> None:
    lab.version({"x/a": b"one", "x/b": b"two"})
    other = lab.version({"kept": b"one", "y": b"four"}, collection=DIGITS).key
    plan = lab.engine.deletion.plan(BOB, DeletionRequest(versions=(DIGITS.version(0),)))
    [kept] = lab.engine.deletion.kept_files(BOB, plan.digest)
    assert (kept.version, kept.path, kept.size_bytes) == (DIGITS.version(0), "x/a", 3)
    assert kept.holder == other
    with pytest.raises(NotFound):
        list(lab.engine.deletion.kept_files(ANN, plan.digest))
