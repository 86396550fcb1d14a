"""`lineage impact`, what can be chosen, dry runs and receipts, against a real server."""

from __future__ import annotations

import csv
import io

import pytest

from lineage.cli import impact
from lineage.digest import Digest
from tests.client.cli.world import World

CHOICES = [
    (["--collection", "model"], ["model:v0", "model:v1", "model:v2"]),
    (["--collection", "model", "--keep-last", "2"], ["model:v0"]),
    (["--collection", "model", "--keep-last", "1", "-f", "not exists aliases"], ["model:v0"]),
    (["--project-wide", "--keep-last", "1"], ["model:v0", "model:v1", "tried:v0"]),
    (["--project-wide", "--filter", 'type = "report"'], ["report:v0"]),
    (["--file", "report.md", "--filter", 'type = "report"'], ["report:v0"]),
]
WRONG = [
    [],
    ["raw:v0", "--collection", "model"],
    ["--collection", "model", "--project-wide"],
    ["--project-wide", "--digest", Digest.of(b"x")],
    ["raw:v0", "--filter", 'type = "model"'],
    ["raw:v0", "--keep-last", "3"],
    ["--collection", "model", "--keep-last", "-1"],
    ["--digest", "sha256:short"],
    ["--file", "../outside"],
]


def test_a_tree_marks_what_could_not_be_made_again(asked: World) -> None:
    lines = asked.cli("impact", "raw:v0").stdout.splitlines()
    mark = " ✗ could not be made again"
    p = f"local/{asked.project}"
    assert lines == [
        "◆ raw:v0 dataset",
        f"└ ● splitter (split) prep [running]{mark}",
        f"  ├ ◆ test:v0 dataset{mark}",
        "  │ └ ● eval [running]",
        "  │   └ ◆ report:v0 report",
        f"  └ ◆ train:v0 dataset{mark}",
        "    ├ ● train-0 (r0)",
        "    │ └ ◆ model:v0 model",
        "    ├ ● train-1 (r1)",
        "    │ └ ◆ model:v1 model",
        "    └ ● train-2 (r2)",
        "      └ ◆ model:v2 model",
        "        └ ● eval [running] (see above)",
        "6 versions and 5 runs downstream",
        "by collection:",
        f"  {p}/model: 3 versions",
        f"  {p}/report: 1 version",
        f"  {p}/test: 1 version",
        f"  {p}/train: 1 version",
        "by owner:",
        "  local: 6 versions and 5 runs",
        "2 versions and 1 run could not be made again",
        "lost for good: 1 version",
        f"  {p}/raw:v0",
    ]


def test_each_of_a_set_is_a_root_and_nothing_is_drawn_twice(asked: World) -> None:
    lines = asked.cli("impact", "split", "train:v0", "r2", "--with-logged").stdout.splitlines()
    roots = [line for line in lines if line[:1] in "◆●"]
    assert roots == [
        "◆ model:v2 model",
        "◆ test:v0 dataset",
        "◆ train:v0 dataset",
        "● train-2 (r2)",
        "● splitter (split) prep [running]",
    ]
    assert "3 versions and 3 runs downstream" in lines
    drawn = [line.lstrip("│├└ ") for line in lines if "see above" not in line]
    assert len(drawn) == len(set(drawn))


def test_nothing_downstream_is_said(asked: World) -> None:
    lines = asked.cli("impact", "report:v0").stdout.splitlines()
    assert lines == ["◆ report:v0 report", "nothing downstream"]


def test_what_is_not_in_the_tree_is_named_beside_it(world: World) -> None:
    project = world.project.encode()
    for name in ("raw", "other"):
        world.log(name, {"x": name.encode() + project})
    for run, name in (("first", "raw"), ("second", "other")):
        world.run(run, f"{name}:v0")
        world.log("model", {"x": b"same" + project}, run=run)
    world.cli("artifacts", "rm", "raw:v0", "--yes")
    lines = world.cli("impact", "other:v0").stdout.splitlines()
    assert lines[:2] == ["◆ other:v0 dataset", "└ ● second [running] ✗ could not be made again"]
    assert f"  local/{world.project}/model:v0, which is not in the tree" in lines


def test_a_table_is_told_just_as_the_server_tells_it(asked: World) -> None:
    told = asked.cli("impact", "raw:v0", "--csv").stdout
    head, *rows = csv.reader(io.StringIO(told, newline=""))
    assert head[:3] == ["hop", "kind", "key"]
    assert len(rows) == 11
    assert {len(row) for row in rows} == {len(head)}
    answer = asked.json("impact", "raw:v0")
    levels = answer["downstream"]["levels"]
    assert [row[2] for row in rows] == [key for level in levels for key in level]
    both = asked.cli("impact", "raw:v0", "--csv", "--json", exits=2)
    assert both.stdout == ""


@pytest.mark.parametrize(("args", "expected"), CHOICES)
def test_a_plan_and_an_impact_choose_alike(
    asked: World, args: list[str], expected: list[str]
) -> None:
    if "--file" in args:  # other tests have such a path, too
        digest = asked.json("artifacts", "show", "report")["digest"]
        args = [*args[:-1], f'{args[-1]} and digest = "{digest}"', "--file", "report.md"]
    for command, exits in (("impact", 0), ("plan", 5 if "model:v1" in expected else 0)):
        answer = asked.json(command, *args, exits=exits)
        assert [key.rpartition("/")[2] for key in answer["versions"]] == expected


def test_a_file_is_chosen_by_its_digest(world: World) -> None:
    for name in ("one", "two"):
        world.log(name, {f"{name}.txt": world.project.encode()})
    digest = Digest.of(world.project.encode())
    both = world.json("plan", "--digest", digest)["versions"]
    assert [key.rpartition("/")[2] for key in both] == ["one:v0", "two:v0"]
    one = world.json("impact", "--digest", digest, "--file", "two.txt")["versions"]
    assert [key.rpartition("/")[2] for key in one] == ["two:v0"]


@pytest.mark.parametrize("args", WRONG)
@pytest.mark.parametrize("command", ["impact", "plan"])
def test_what_cannot_be_meant_is_a_usage_error(asked: World, command: str, args: list[str]) -> None:
    assert asked.cli(command, *args, exits=2).stdout == ""


def test_a_choice_that_is_empty_is_not_found(asked: World) -> None:
    for command in ("impact", "plan"):
        told = asked.cli(command, "--collection", "report", "--keep-last", "1", exits=3)
        assert "the selection is empty" in told.stderr


def test_a_dry_run_is_the_plan_and_deletes_nothing(world: World) -> None:
    world.log("data", {"a": world.project.encode()}, aliases=["prod"])
    words = world.cli("artifacts", "rm", "data:v0", "--dry-run", exits=5).stdout
    assert "goes: 1 version" in words
    assert "blocked by 1:" in words
    plan = world.json("artifacts", "rm", "data:v0", "--dry-run", "--delete-aliases")
    assert plan["freed_bytes"] == 13
    world.run("r")
    world.cli("runs", "finish", "r")
    assert world.json("runs", "rm", "r", "--dry-run")["runs"] == [f"run:local/{world.project}/r"]
    other = "sha256:" + "0" * 64
    world.cli("runs", "rm", "r", "--dry-run", "--plan", other, exits=5)
    assert world.json("artifacts", "show", "data:v0")["state"] == "committed"
    assert world.json("runs", "show", "r")["state"] == "finished"


def test_a_plan_is_executed_by_its_digest_and_once(world: World) -> None:
    for n in range(3):
        world.log("data", {"a": b"%d" % n + world.project.encode()})
    plan = world.json("plan", "--collection", "data", "--keep-last", "1")
    receipt = world.json("execute", plan["digest"])
    assert receipt["versions"] == plan["versions"]
    assert receipt["bytes_freed"] == plan["freed_bytes"] == 28
    assert world.json("execute", plan["digest"]) == receipt
    words = world.cli("execute", plan["digest"]).stdout
    assert words == f"deleted 2 versions; freed 28 bytes (2 blobs)\nreceipt {receipt['id']}\n"
    world.cli("execute", "sha256:" + "0" * 64, exits=3)
    world.cli("execute", "sha256:short", exits=2)


def test_receipts_are_listed_and_shown(world: World) -> None:
    world.log("data", {"a": world.project.encode()})
    done = world.json("artifacts", "rm", "data:v0", "--yes")
    newest = world.cli("receipts", "ls", "--limit", "1").stdout.rstrip("\n").split("\t")
    assert newest[:7] == [done["id"], "finished", "1", "0", "13", "1", "admin"]
    assert world.rows("receipts", "ls", "--limit", "1") == [done]
    assert world.rows("receipts", "--limit", "1") == [done]
    assert world.json("receipts", "show", done["id"]) == done
    words = world.cli("receipts", "show", done["id"]).stdout
    assert f"version\tlocal/{world.project}/data:v0" in words
    assert "freed\t13" in words
    assert "done" not in words
    world.cli("receipts", "show", "0" * 32, exits=3)
    world.cli("receipts", "show", "../whoami", exits=2)


def test_a_tree_is_cut_on_a_terminal_alone(asked: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(impact, "_TERMINAL_LINES", 3)
    assert len(asked.cli("impact", "raw:v0").stdout.splitlines()) == 24
    monkeypatch.setattr("lineage.cli.output.is_terminal", lambda: True)
    lines = asked.cli("impact", "raw:v0").stdout.splitlines()
    assert "… and 10 lines more: `| less` shows all" in lines[3]
    assert "6 versions and 5 runs downstream" in lines[4]
