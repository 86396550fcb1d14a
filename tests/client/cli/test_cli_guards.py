"""`lineage projects guard` and `lineage plan --kept`, against a real server."""

from __future__ import annotations

from tests.client.cli.world import World


def test_guards_are_shown_set_and_taken_away(world: World) -> None:
    world.log("digits", {"f": b"one"})
    project = f"local/{world.project}"
    shown = world.cli("projects", "guard", project).stdout
    assert shown == "protected aliases: none\nwhat a run has used is not kept\n"
    world.cli("projects", "guard", project, "--protect", "prod", "--protect", "best")
    told = world.json("projects", "guard", project, "--unprotect", "best", "--downstream", "--json")
    assert (told["protected_aliases"], told["guards_downstream"]) == (["prod"], True)
    shown = world.cli("projects", "guard", project, "--no-downstream").stdout
    assert shown == "protected aliases: prod\nwhat a run has used is not kept\n"
    assert (
        "latest" in world.cli("projects", "guard", project, "--protect", "latest", exits=2).stderr
    )


def test_a_plan_tells_every_file_that_stays_and_with_whom(world: World) -> None:
    shared = f"shared in {world.project}".encode()  # the server has other projects
    world.log("digits", {"kept": shared, "gone": b"own"})
    world.log("models", {"weights": shared})
    lines = world.cli("plan", "digits:v0", "--kept").stdout.splitlines()
    p = f"artifact:local/{world.project}"
    assert lines[0] == f"{p}/digits:v0\tkept\t{len(shared)}\t{p}/models:v0"
    assert lines[1] == "goes: 1 version"
