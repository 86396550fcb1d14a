"""Files through the command line: put, get, verify, the cache, fsck; and what each end means."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from lineage.cli import exits
from lineage.errors import (
    AlreadyExists,
    Blocked,
    Corrupt,
    CycleError,
    Denied,
    Gone,
    Invalid,
    LineageError,
    NotFound,
    PlanChanged,
    PreconditionFailed,
    TimedOut,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from tests.client.cli.world import World
from tests.services.server import Server


@pytest.fixture
def data(world: World) -> Path:
    """Files with content of this test alone."""
    folder = Path("data")
    (folder / "images").mkdir(parents=True)
    for name in ("images/1.png", "images/2.png", "labels.csv"):
        (folder / name).write_text(f"{name} {world.project}")
    return folder


def test_a_folder_is_put_and_comes_back_the_same(world: World, data: Path) -> None:
    made = world.json(
        *("artifacts", "put", str(data), "--name", "digits", "--alias", "raw", "--tag", "small"),
        *("--description", "a few", "--metadata", '{"n": 3}'),
    )
    assert (made["name"], made["n_files"], made["is_new"]) == ("digits:v0", 3, True)
    assert (made["tags"], made["metadata"], made["type"]) == (["small"], {"n": 3}, "dataset")
    told = world.cli("artifacts", "get", "digits:raw", "--root", "back")
    assert told.stdout == "back\n"
    for path in data.rglob("*.*"):
        assert (Path("back") / path.relative_to(data)).read_bytes() == path.read_bytes()


def test_the_same_content_put_again_gives_the_version_there_is(world: World, data: Path) -> None:
    world.cli("artifacts", "put", str(data))
    again = world.cli("artifacts", "put", str(data))
    assert "data:v0" in again.stdout
    assert "had this content already" in again.stderr
    assert world.json("artifacts", "put", str(data))["is_new"] is False


def test_single_files_and_references_are_put_together(world: World, data: Path) -> None:
    far = Path("far.bin")
    far.write_bytes(b"stays where it is")
    uri = far.absolute().as_uri()
    world.cli("artifacts", "put", str(data / "labels.csv"), uri, "--name", "mixed", "-t", "table")
    rows = world.rows("artifacts", "files", "mixed")
    assert [row["path"] for row in rows] == ["far.bin", "labels.csv"]
    assert rows[0]["ref"] == uri


def test_a_version_is_put_as_the_output_of_a_run(world: World, data: Path) -> None:
    world.run("train")
    world.cli("artifacts", "put", str(data), "-n", "model", "-t", "model", "--run", "train")
    assert world.json("artifacts", "show", "model")["logged_by"] == f"local/{world.project}/train"


def test_part_of_a_version_is_downloaded_to_a_folder_named_after_it(
    world: World, data: Path
) -> None:
    world.cli("artifacts", "put", str(data))
    told = world.json("artifacts", "get", "data", "--path", "images/1")
    assert told["folder"] == "artifacts/data:v0"
    assert [path.name for path in Path("artifacts").rglob("*.*")] == ["1.png"]


def test_verify_says_what_differs_between_a_folder_and_a_version(world: World, data: Path) -> None:
    world.cli("artifacts", "put", str(data))
    world.cli("artifacts", "verify", "data:v0", str(data))
    assert world.json("artifacts", "verify", "data:v0", str(data))["is_same"] is True
    (data / "images/1.png").write_text("other")
    (data / "images/2.png").unlink()
    (data / "new").write_text("new")
    found = world.cli("artifacts", "verify", "data:v0", str(data), exits=1).stdout
    assert found == "changed\timages/1.png\nmissing\timages/2.png\nextra\tnew\n"
    told = world.json("artifacts", "verify", "data:v0", str(data), exits=1)
    assert (told["is_same"], told["extra"]) == (False, ["new"])
    world.cli("artifacts", "verify", "data:v0", "nowhere", exits=2)


def test_a_put_that_makes_no_sense_is_refused_in_words(world: World, data: Path) -> None:
    put = ("artifacts", "put")
    assert "no/such/file" in world.cli(*put, "no/such/file", exits=2).stderr
    gone = Path("gone").absolute().as_uri()
    assert "gone" in world.cli(*put, gone, exits=2).stderr
    assert "--name" in world.cli(*put, str(data), "x", exits=2).stderr
    assert "--metadata" in world.cli(*put, str(data), "--metadata", "[1]", exits=2).stderr
    assert "JSON" in world.cli(*put, str(data), "--metadata", "{", exits=2).stderr
    assert "numbers" in world.cli(*put, str(data), "-n", "data:v3", exits=2).stderr
    assert "reserved" in world.cli(*put, str(data), "--alias", "v3", exits=2).stderr
    world.cli(*put, str(data), "--type", "dataset")
    assert "dataset" in world.cli(*put, str(data / "labels.csv"), "-n", "data", "-t", "model",
                                  exits=5).stderr  # fmt: skip


def test_what_is_not_there_or_deleted_ends_with_3(world: World, data: Path) -> None:
    world.cli("artifacts", "get", "nothing:v0", exits=3)
    world.cli("runs", "show", "nobody", exits=3)
    world.cli("trace", "upstream", "nothing:v0", exits=3)
    world.cli("artifacts", "put", str(data))
    world.cli("artifacts", "rm", "data:v0", "--yes")
    world.cli("artifacts", "get", "data:v0", exits=3)
    world.cli("artifacts", "files", "data:v0", exits=3)
    world.cli("artifacts", "rm", "data:v0", "--yes", exits=3)


def test_no_key_and_a_wrong_key_end_with_4(world: World) -> None:
    assert "wrong" in world.cli("runs", "ls", exits=4, LINEAGE_API_KEY="0" * 40).stderr
    missing = world.cli("runs", "ls", exits=4, LINEAGE_API_KEY=None).stderr
    assert "run `lineage login`" in missing
    assert "or set LINEAGE_API_KEY" in missing
    assert world.server.url in missing


def test_no_server_ends_with_6_and_says_what_to_do(world: World) -> None:
    told = world.cli("runs", "ls", exits=6, LINEAGE_URL="http://127.0.0.1:9")
    assert "LINEAGE_URL" in told.stderr
    assert told.stdout == ""


def test_damaged_bytes_end_with_7_and_fsck_finds_what_is_wrong(tmp_path: Path, data: Path) -> None:
    with Server(tmp_path / "damaged") as server:
        alone = World(server, tmp_path / "other-home")
        alone.cli("artifacts", "put", str(data))
        assert alone.cli("fsck", "--deep").stdout == ""
        damaged = next(path for path in server.objects() if b"labels" in path.read_bytes())
        size = damaged.stat().st_size
        damaged.chmod(0o600)
        damaged.write_bytes(b"x" * size)
        refused = alone.cli("artifacts", "get", "data:v0", exits=7)
        assert "labels.csv" in refused.stderr
        assert not list(Path("artifacts").rglob("labels*"))
        assert alone.cli("fsck").stdout == ""
        (found,) = alone.rows("fsck", "--deep", exits=1)
        assert found["kind"] == "blob_damaged"
        assert found["versions"] == [f"artifact:local/{alone.project}/data:v0"]
        last = "0" if damaged.name[-1] != "0" else "1"
        stray = damaged.with_name(damaged.name[:-1] + last)
        stray.write_bytes(b"known to nobody")
        assert "object_without_blob" in alone.cli("fsck", exits=1).stdout
        told = alone.cli("fsck", "--repair", "--json", exits=1)
        assert orjson.loads(told.stdout)["is_repaired"] is True
        assert told.stderr.startswith("checked 4 objects, 3 blobs, 1 page and 1 version; 1 finding")
        assert not stray.exists()
        assert "no findings" in alone.cli("fsck").stderr


def test_damaged_bytes_are_healed_by_whoever_puts_them_again(tmp_path: Path, data: Path) -> None:
    with Server(tmp_path / "damaged") as server:
        alone = World(server, tmp_path / "other-home")
        alone.cli("artifacts", "put", str(data))
        damaged = next(path for path in server.objects() if b"labels" in path.read_bytes())
        damaged.chmod(0o600)
        damaged.write_bytes(b"x" * damaged.stat().st_size)
        assert "again heals it" in alone.cli("fsck", "--deep", "--repair", exits=1).stdout
        assert "it is marked" in alone.cli("fsck", exits=1).stdout
        again = alone.cli("artifacts", "put", str(data))
        assert "had this content already" in again.stderr
        assert not damaged.exists()
        assert "no findings" in alone.cli("fsck", "--deep").stderr
        alone.cli("artifacts", "get", "data:v0", "--root", "back")
        assert (Path("back") / "labels.csv").read_bytes() == (data / "labels.csv").read_bytes()


def test_the_cache_is_shown_and_cleared(world: World, data: Path) -> None:
    world.cli("artifacts", "put", str(data))
    world.cli("artifacts", "get", "data")
    n_bytes = sum(path.stat().st_size for path in data.rglob("*.*"))
    assert world.json("cache", "info")["size_bytes"] == n_bytes
    assert f"size\t{n_bytes}" in world.cli("cache", "info").stdout
    assert world.json("cache", "clear") == {"freed_bytes": n_bytes, "size_bytes": 0}
    assert world.cli("cache", "clear").stdout == "freed 0 bytes\n"
    assert world.json("cache", "info")["size_bytes"] == 0


def test_a_folder_that_cannot_be_written_is_named(world: World, data: Path) -> None:
    world.cli("artifacts", "put", str(data))
    Path("file").write_text("in the way")
    refused = world.cli("artifacts", "get", "data", "--root", "file/below", exits=2)
    assert "file" in refused.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("x"), 3),
        (Gone("x"), 3),
        (Denied("x"), 4),
        (Unauthenticated("x"), 4),
        (AlreadyExists("x"), 5),
        (CycleError("x"), 5),
        (PlanChanged("x"), 5),
        (Blocked("x"), 5),
        (PreconditionFailed("x"), 5),
        (Invalid("x", "y"), 2),
        (TooLarge("x", "y"), 2),
        (Corrupt("x"), 7),
        (Unavailable("x"), 6),
        (TimedOut("x"), 6),
        (LineageError("x"), 6),
    ],
)
def test_each_error_has_an_exit_code_with_a_meaning(error: LineageError, code: int) -> None:
    assert exits.code_of(error) == code
    assert code in exits.MEANINGS


def test_an_address_that_nobody_looks_at_is_put_unseen_or_not_at_all(world: World) -> None:
    told = world.cli("artifacts", "put", "gs://bucket/key", exits=2)
    assert "checksum=False" in told.stderr
    world.cli("artifacts", "put", "gs://bucket/key", "--no-checksum")
    assert [row["ref"] for row in world.rows("artifacts", "files", "key")] == ["gs://bucket/key"]


def test_the_help_tells_every_exit_code(world: World) -> None:
    told = world.cli("--help").stdout
    assert all(f"{code:<3} {meaning}" in told for code, meaning in exits.MEANINGS.items())
