"""The command line against a real server: what each command answers, with and without --json."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from lineage.cli import output
from tests.client.cli.world import World

LISTS = [
    (["runs", "ls"], ["eval", "split", "r0"]),
    (["runs", "ls", "--filter", "summary.acc >= 0.5", "-c", "summary.acc"], ["r1", "r2"]),
    (["artifacts", "ls"], ["raw", "model", "report"]),
    (["artifacts", "ls", "--type", "model"], ["model"]),
    (["artifacts", "ls", "model"], ["model:v0", "model:v1", "prod"]),
    (["artifacts", "ls", "--filter", 'tags = "nist"'], ["raw:v0"]),
    (["artifacts", "files", "raw"], ["images/1.png", "images/2.png"]),
    (["artifacts", "files", "raw", "--path", "images/2"], ["images/2.png"]),
    (["sweep", "ls"], ["search"]),
    (["projects", "ls", "--entity", "local"], ["private"]),
    (["contains", "--path", "images/1.png"], ["raw:v0"]),
]
DOCUMENTS = [
    (["runs", "show", "r1"], ["train-1", "train:v0", "model:v1"], "summary"),
    (["artifacts", "show", "train"], ["dataset", "latest", "split", "r2"], "used_by"),
    (["trace", "upstream", "report:v0"], ["raw:v0", "splitter (split)", "eval"], "upstream"),
    (["trace", "downstream", "raw:v0"], ["report:v0", "(see above)"], "downstream"),
    (
        ["trace", "downstream", "split", "--max-hops", "1"],
        ["0 runs downstream within 1 hop"],
        "starts",
    ),
    (["plan", "test:v0"], ["frees: 14 bytes", "raw:v0", "hop 1"], "digest"),
    (["plan", "r0", "--with-logged"], ["1 version and 1 run", "model:v0"], "digest"),
    (["plan", "--collection", "report"], ["report:v0"], "digest"),
    (
        ["plan", "--collection", "model", "--keep-last", "1", "-f", "not exists aliases"],
        ["goes: 1 version\n", "model:v0"],
        "digest",
    ),
    (["impact", "raw:v0"], ["report:v0", "6 versions and 5 runs downstream"], "irreproducible"),
    (["impact", "--collection", "model", "--keep-last", "2"], ["model:v0", "nothing"], "lost"),
    (["sweep", "show", "search"], ["grid", "maximize"], "n_points"),
    (["sweep", "best", "search"], ["0.9", "s1", "tried:v1"], "items"),
    (["sweep", "best", "search", "--limit", "2"], ["s0", "s1"], "n_without"),
    (["status"], ["admin", "collections"], "url"),
    (["cache", "info"], ["cache"], "size_bytes"),
]


@pytest.mark.parametrize(("args", "told"), LISTS)
def test_a_list_is_plain_lines_in_a_pipe_and_one_document_a_line_with_json(
    asked: World, args: list[str], told: list[str]
) -> None:
    plain = asked.cli(*args).stdout
    assert all(text in plain for text in told)
    assert "\x1b" not in plain
    rows = asked.rows(*args)
    assert len(rows) == len(plain.splitlines()) > 0
    assert all(isinstance(row, dict) for row in rows)


@pytest.mark.parametrize(("args", "told", "field"), DOCUMENTS)
def test_an_answer_is_plain_text_in_a_pipe_and_one_document_with_json(
    asked: World, args: list[str], told: list[str], field: str
) -> None:
    plain = asked.cli(*args).stdout
    assert all(text in plain for text in told), plain
    assert "\x1b" not in plain
    assert field in asked.json(*args)


def test_a_list_in_a_pipe_is_whole_unless_a_limit_is_given(asked: World) -> None:
    everything = asked.rows("runs", "ls")
    assert len(everything) == 8
    few = asked.cli("runs", "ls", "--limit", "2")
    assert len(few.stdout.splitlines()) == 2
    assert "there are more runs: --limit 0 shows all" in few.stderr
    assert "more" not in asked.cli("runs", "ls", "--limit", "8").stderr


def test_a_list_goes_on_past_the_servers_pages(world: World) -> None:
    for n in range(101):
        world.run(f"n{n:03}")
    rows = world.rows("runs", "ls", "--order", "id")
    assert [row["id"] for row in rows] == [f"n{n:03}" for n in range(101)]


def test_an_empty_list_says_so_beside_the_answer(asked: World) -> None:
    empty = asked.cli("runs", "ls", "--filter", 'name = "nobody"')
    assert (empty.stdout, empty.stderr) == ("", "no runs\n")


def test_the_tree_of_a_trace_shows_each_node_once(asked: World) -> None:
    lines = asked.cli("trace", "upstream", "report:v0").stdout.splitlines()
    assert lines == [
        "◆ report:v0 report",
        "└ ● eval [running]",
        "  ├ ◆ model:v2 model",
        "  │ └ ● train-2 (r2)",
        "  │   └ ◆ train:v0 dataset",
        "  │     └ ● splitter (split) prep [running]",
        "  │       └ ◆ raw:v0 dataset",
        "  └ ◆ test:v0 dataset",
        "    └ ● splitter (split) prep [running] (see above)",
        "4 versions and 3 runs upstream",
    ]


def test_a_tree_that_is_cut_says_how_much_more_there_is(asked: World) -> None:
    lines = asked.cli("trace", "downstream", "raw:v0", "--limit", "3").stdout.splitlines()
    assert len(lines) == 1 + 3 + 2
    assert lines[-2] == "… and 8 more: --limit 0 shows all, --max-hops the nearest"
    assert lines[-1] == "6 versions and 5 runs downstream"


def test_a_deleted_version_stays_in_the_tree_and_is_marked(world: World) -> None:
    world.log("data", {"a": b"1"})
    world.run("train", "data:v0")
    world.log("model", {"w": b"2"}, run="train", type="model")
    world.cli("artifacts", "rm", "data:v0", "--yes")
    tree = world.cli("trace", "upstream", "model:v0").stdout
    assert "◆ data:v0 dataset [deleted]" in tree


def test_names_of_other_people_cannot_drive_the_terminal(world: World) -> None:
    world.run("r", name="\x1b[2Jsorry\tgone")
    plain = world.cli("runs", "ls").stdout
    assert "\\x1b[2Jsorry\\tgone" in plain
    assert "\x1b" not in plain


def test_nan_in_a_summary_is_still_json(world: World) -> None:
    world.run("r")
    nan = {"$float": "NaN"}
    world.rest("PATCH", "./runs/r", {"summary": {"loss": nan}})
    assert world.json("runs", "show", "r")["summary"] == {"loss": nan}
    assert "summary.loss\t" in world.cli("runs", "show", "r").stdout


def test_the_project_option_says_what_a_short_name_means(asked: World) -> None:
    told = asked.json("runs", "show", "r1", "-p", f"local/{asked.project}")
    assert told["id"] == "r1"
    assert asked.json("runs", "show", "r1", "-p", asked.project)["id"] == "r1"
    assert asked.json("runs", "show", f"local/{asked.project}/r1", "-p", "other")["id"] == "r1"
    asked.cli("runs", "show", "r1", "-p", "other", exits=3)


def test_aliases_are_set_moved_and_dropped(world: World) -> None:
    for n in range(2):
        world.log("model", {"w": b"%d" % n})
    assert world.cli("artifacts", "alias", "model:v0", "prod", "best").stdout == "best\nprod\n"
    assert "prod" in world.json("artifacts", "alias", "model:v1", "prod")["aliases"]
    assert world.cli("artifacts", "alias", "model:v0").stdout == "best\n"
    world.cli("artifacts", "alias", "model:v0", "--drop", "best")
    assert world.json("artifacts", "show", "model:v0")["aliases"] == []


def test_tags_are_added_and_dropped(world: World) -> None:
    world.log("model", {"w": b"0"})
    assert world.cli("artifacts", "tag", "model", "good", "new").stdout == "good\nnew\n"
    assert world.json("artifacts", "tag", "model", "--drop", "new")["tags"] == ["good"]


def test_a_plan_deletes_nothing_and_the_deletion_does_what_it_said(world: World) -> None:
    project = world.project.encode()  # other tests' files are not shared with these
    world.log("data", {"a": b"shared" + project, "b": b"alone" + project})
    world.log("data", {"a": b"shared" + project})
    plan = world.json("plan", "data:v0")
    assert (plan["freed_bytes"], plan["shared_bytes"]) == (18, 19)
    words = world.cli("plan", "data:v0").stdout
    assert f"19 bytes with local/{world.project}/data:v1" in words
    assert "downstream: nothing" in words
    receipt = world.json("artifacts", "rm", "data:v0", "--plan", plan["digest"], "--yes")
    assert (receipt["bytes_freed"], receipt["plan"]) == (18, plan["digest"])
    assert [row["name"] for row in world.rows("artifacts", "ls", "data")] == ["data:v1"]
    every = world.cli("artifacts", "ls", "data", "--all").stdout
    assert "data:v0\tdataset\tdeleted" in every


def test_a_blocked_deletion_says_how_to_clear_it_and_deletes_nothing(world: World) -> None:
    world.log("model", {"w": world.project.encode()}, aliases=["prod"])
    refused = world.cli("artifacts", "rm", "model:v0", "--yes", exits=5)
    assert "artifacts alias" in refused.stdout
    assert "--drop prod" in refused.stdout
    assert "Nothing was deleted" in refused.stderr
    told = world.cli("artifacts", "rm", "model:v0", "--yes", "--json", exits=5)
    assert "prod" in told.stderr
    assert world.cli("plan", "model:v0", exits=5).stdout
    assert world.json("plan", "model:v0", exits=5)["blockers"][0]["kind"] == "alias"
    done = world.cli("artifacts", "rm", "model:v0", "--yes", "--delete-aliases")
    assert "deleted 1 version; freed 13 bytes (1 blob)" in done.stdout


def test_a_deletion_with_a_plan_that_no_longer_holds_is_refused(world: World) -> None:
    world.log("data", {"a": b"0"})
    digest = world.json("plan", "data:v0")["digest"]
    world.run("late", "data:v0")
    refused = world.cli("artifacts", "rm", "data:v0", "--plan", digest, "--yes", exits=5)
    assert "Nothing was deleted" in refused.stderr
    assert world.json("artifacts", "show", "data:v0")["state"] == "committed"


def test_a_purge_leaves_no_trace(world: World) -> None:
    world.log("data", {"a": b"0"})
    world.cli("artifacts", "rm", "data:v0", "--yes")
    assert world.json("artifacts", "show", "data:v0")["state"] == "deleted"
    assert "data:v0" in world.cli("artifacts", "rm", "data:v0", "--purge", "--yes").stdout
    world.cli("artifacts", "show", "data:v0", exits=3)


def test_runs_are_deleted_with_what_they_logged(world: World) -> None:
    world.run("r")
    world.log("model", {"w": b"0"}, run="r")
    blocked = world.cli("runs", "rm", "r", "--yes", exits=5)
    assert f"`lineage runs finish local/{world.project}/r`, or wait" in blocked.stdout
    assert world.cli("runs", "finish", "r").stdout == "finished\n"
    receipt = world.json("runs", "rm", "r", "--with-logged", "--yes")
    assert receipt["versions"] == [f"artifact:local/{world.project}/model:v0"]
    assert world.json("runs", "show", "r")["state"] == "deleted"


def test_where_nobody_can_be_asked_a_deletion_needs_yes(world: World) -> None:
    world.log("data", {"a": b"0"})
    refused = world.cli("artifacts", "rm", "data:v0", exits=2)
    assert "--yes" in refused.stderr
    assert world.json("artifacts", "show", "data:v0")["state"] == "committed"


def test_a_deletion_names_its_version(world: World) -> None:
    world.log("data", {"a": b"0"})
    assert "data:v0" in world.cli("artifacts", "rm", "data", "--yes", exits=2).stderr


def test_a_sweep_is_created_from_a_file_or_stdin_and_stopped(world: World, tmp_path: Path) -> None:
    config = {"method": "grid", "parameters": {"lr": {"values": [1, 2]}}}
    text = orjson.dumps(config).decode()
    (tmp_path / "sweep.json").write_text(text)
    made = world.json("sweep", "create", str(tmp_path / "sweep.json"))
    assert made["n_points"] == 2
    named = world.cli("sweep", "create", "-", "--id", "mine", stdin=text)
    assert f"local/{world.project}/mine" in named.stdout
    assert world.json("sweep", "stop", "mine")["is_stopped"] is True
    assert "stopped\tyes" in world.cli("sweep", "stop", "mine").stdout
    world.cli("sweep", "best", "mine", "--metric", "acc", "--goal", "maximize", exits=1)
    other = orjson.dumps({**config, "method": "random"}).decode()
    world.cli("sweep", "create", "-", "--id", "mine", stdin=other, exits=5)
    world.cli("sweep", "create", "-", stdin="[]", exits=2)


def test_a_run_is_finished_from_outside(world: World) -> None:
    world.run("r")
    told = world.json("runs", "finish", "r", "--exit-code", "3")
    assert (told["state"], told["exit_code"]) == ("failed", 3)
    world.cli("runs", "finish", "nobody", exits=3)


def test_a_name_of_an_artifact_without_its_version_is_hinted_at(asked: World) -> None:
    for words in (["trace", "upstream"], ["trace", "downstream"], ["plan"]):
        told = asked.cli(*words, "model", exits=3).stderr
        assert "for an artifact name its version: model:latest" in told
    assert "latest" not in asked.cli("trace", "upstream", "none:v0", exits=3).stderr


def test_a_narrow_terminal_still_shows_names_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    row = {
        "name": "a-collection-with-a-long-name:v12",
        "type": "dataset",
        "size": 123456,
        "digest": "sha256:" + "ab" * 32,
        "at": "2026-01-31T10:00:00Z",
    }
    columns = [
        output.Column("type", "type"),
        output.Column("version", "name", "name"),
        output.Column("size", "size", "size"),
        output.Column("digest", "digest", "digest"),
        output.Column("created", "at", "time"),
    ]

    def shown(width: int) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        output.listing([row], columns, json=False, noun="versions")
        return capsys.readouterr().out

    assert "abababababab" in shown(100)
    assert "2026-01-31 10:00Z" in shown(80)
    assert "digest" not in shown(80)
    for width in (80, 60, 40):
        assert row["name"] in shown(width)


def test_access_to_a_project_is_shown_and_set(world: World) -> None:
    project = f"local/{world.project}"
    assert world.cli("projects", "access", project, "public").stdout == "public\n"
    assert world.cli("projects", "access", world.project).stdout == "public\n"
    assert world.json("projects", "access", project, "open")["access"] == "open"


def test_the_status_tells_of_a_project_that_is_not_there_yet(world: World) -> None:
    assert "does not exist yet" in world.cli("status").stdout
    assert world.json("status")["project"]["exists"] is False


def test_contents_are_found_by_digest_and_the_answer_may_be_no(asked: World) -> None:
    digest = asked.rows("artifacts", "files", "report")[0]["digest"]
    assert "report:v0" in asked.cli("contains", digest).stdout
    asked.cli("contains", "sha256:" + "0" * 64, exits=1)
    assert asked.rows("contains", "--path", "no/such/file", exits=1) == []
    asked.cli("contains", exits=2)
    asked.cli("contains", "sha256:short", exits=2)


def test_a_login_is_checked_and_kept_for_its_owner_alone(world: World, tmp_path: Path) -> None:
    unset = {"LINEAGE_URL": None, "LINEAGE_API_KEY": None}
    url, key = world.server.url, world.server.key
    wrong = world.cli("login", "--url", url, "--key", "0" * 40, exits=4, **unset)
    assert "var/admin-key" in wrong.stderr
    world.cli("status", exits=4, LINEAGE_URL=url, LINEAGE_API_KEY=None)
    done = world.cli("login", "--url", url, "--key", "-", stdin=f"{key}\n", **unset)
    (kept,) = [path for path in tmp_path.rglob("*") if path.is_file() and key in path.read_text()]
    assert str(kept) in done.stdout
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "admin" in world.cli("status", **unset).stdout
    assert key not in done.output


def test_login_without_a_key_needs_somebody_to_ask(world: World) -> None:
    assert "key" in world.cli("login", "--url", world.server.url, exits=2).stderr


def test_the_version_of_the_command_is_told(world: World) -> None:
    assert world.cli("--version").stdout.startswith("lineage ")
