"""`lineage artifacts verify --references`, and how drift shows elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.client.cli.world import World
from tests.services.web import Answer, Web, open_web


@pytest.fixture
def web() -> Iterator[Web]:
    with open_web() as web:
        web["/same"] = Answer(b"1", ETag='"1"')
        web["/other"] = Answer(b"1", ETag='"1"')
        yield web


@pytest.fixture
def scans(world: World, web: Web) -> str:
    """A version with two references, from which a run made a model."""
    world.cli("artifacts", "put", f"{web.url}/same", f"{web.url}/other", "--name", "scans")
    world.run("train", "scans:v0")
    world.log("model", {"weights": b"w"}, run="train", type="model")
    return "scans:v0"


def test_each_reference_is_told_with_its_status(world: World, web: Web, scans: str) -> None:
    told = world.cli("artifacts", "verify", scans, "--references")
    assert told.stdout == f"ok\tother\t{web.url}/other\t\nok\tsame\t{web.url}/same\t\n"
    assert told.stderr == "2 ok\n"
    web["/other"] = Answer(b"1", ETag='"2"')
    told = world.cli("artifacts", "verify", scans, "--references", exits=1)
    assert told.stdout.splitlines()[0].startswith("changed\tother\t")
    found = world.json("artifacts", "verify", scans, "--references", exits=1)
    assert (found["is_drifted"], found["is_recorded"], found["n_changed"]) == (True, True, 1)
    assert found["references"][0] == {
        "status": "changed",
        "path": "other",
        "ref": f"{web.url}/other",
        "reason": "something else lies there",
        "is_fetchable": False,
    }


def test_what_cannot_be_reached_is_neither_yes_nor_no(world: World, web: Web, scans: str) -> None:
    web["/other"] = Answer(status=503)
    told = world.cli("artifacts", "verify", scans, "--references", exits=6)
    assert "1 ok, 1 unreachable; not kept, as some could not be reached" in told.stderr
    assert world.json("artifacts", "show", scans)["reference_check"] is None
    del web.answers["/same"]
    world.cli("artifacts", "verify", scans, "--references", exits=1)
    assert world.json("artifacts", "show", scans)["reference_check"]["n_missing"] == 1


def test_a_version_without_references_has_nothing_to_look_after(world: World) -> None:
    world.log("data", {"a": b"1"})
    told = world.cli("artifacts", "verify", "data", "--references")
    assert (told.stdout, told.stderr) == ("", "no references\n")
    world.cli("artifacts", "verify", "data", "folder", "--references", exits=2)


def test_drift_shows_with_the_version_and_on_all_that_was_made_from_it(
    world: World, web: Web, scans: str
) -> None:
    assert "drifted" not in world.cli("trace", "downstream", scans).stdout
    web["/other"] = Answer(b"1", ETag='"2"')
    world.cli("artifacts", "verify", scans, "--references", exits=1)
    shown = world.cli("artifacts", "show", scans).stdout
    assert "drifted\tyes\n" in shown
    assert "references\t1 ok, 1 changed\n" in shown
    down = world.cli("trace", "downstream", scans).stdout.splitlines()
    assert down[0] == "◆ scans:v0 dataset [drifted]"
    assert down[1] == "└ ● train [running] [made from drifted data]"
    assert down[2].endswith("◆ model:v0 model [made from drifted data]")
    assert down[-1] == "1 drifted version, 2 made from drifted data"
    up = world.cli("trace", "upstream", "model:v0").stdout
    assert "◆ scans:v0 dataset [drifted]" in up
    nodes = world.json("trace", "downstream", scans)["downstream"]["nodes"]
    told = {key.rpartition("/")[2]: (n["drifted"], n["below_drifted"]) for key, n in nodes.items()}
    assert told == {
        "scans:v0": (True, False), "train": (False, True), "model:v0": (False, True),
    }  # fmt: skip


def test_more_objects_than_allowed_and_unseen_addresses(world: World, web: Web) -> None:
    for name in "ab":
        (world.home.parent / "here" / name).write_text(name)
    folder = (world.home.parent / "here").as_uri()
    told = world.cli("artifacts", "put", folder, "-n", "all", "--max-objects", "1", exits=2)
    assert "holds 2 files, more than 1" in told.stderr
    world.cli("artifacts", "put", f"{web.url}/none", "-n", "none", exits=3)
    world.cli("artifacts", "put", f"{web.url}/none", "-n", "none", "--no-checksum")
    world.cli("artifacts", "put", folder, "-n", "all")
    assert [row["path"] for row in world.rows("artifacts", "files", "all")] == ["a", "b"]
