from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import lineage
from lineage.client import stat_cache as stat_module
from lineage.client.cache import BlobCache
from lineage.client.hashing import digest_files
from lineage.client.stat_cache import FileState, StatCache, settles_at_ns
from lineage.digest import Digest
from tests.services.server import REPOSITORY


def write(path: Path, data: bytes = b"data") -> FileState:
    path.write_bytes(data)
    return FileState.of(path.stat())


def settled(path: Path, data: bytes = b"data") -> FileState:
    state = write(path, data)
    while time.time_ns() < settles_at_ns(state):
        time.sleep(0.01)
    return state


def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    cache = StatCache(tmp_path / "stat.sqlite3")
    path = tmp_path / "a"
    settled(path)
    (first,) = digest_files([str(path)], cache)
    (known,) = cache.find([str(path)], [first.state])
    assert known == first.parts == (Digest.of(b"data"),)
    path.write_bytes(b"DATA")
    (second,) = digest_files([str(path)], cache)
    assert second.digest == Digest.of(b"DATA")


def test_a_file_written_just_now_is_not_trusted(tmp_path: Path) -> None:
    cache = StatCache(tmp_path / "stat.sqlite3")
    path = tmp_path / "a"
    for number in range(20):
        write(path, b"%04d" % number)
        (file,) = digest_files([str(path)], cache)
        assert file.digest == Digest.of(b"%04d" % number)


def test_times_of_whole_seconds_are_trusted_only_after_two() -> None:
    fine = FileState(1, 1_000_000_123_456_789, 1_000_000_123_456_789, 1)
    coarse = fine._replace(ctime_ns=1_000_000_000_000_000, mtime_ns=1_000_000_000_000_000)
    assert settles_at_ns(fine) - fine.mtime_ns == 50_000_000
    assert settles_at_ns(coarse) - coarse.mtime_ns == 2_000_000_000


def test_a_file_that_looks_different_in_any_way_is_unknown(tmp_path: Path) -> None:
    cache = StatCache(tmp_path / "stat.sqlite3")
    state = FileState(4, 10**18 + 1, 10**18 + 1, 7)
    cache.add([("/a", state, [Digest.of(b"data")])])
    assert cache.find(["/a", "/b"], [state, state]) == [(Digest.of(b"data"),), None]
    for field in FileState._fields:
        other = state._replace(**{field: getattr(state, field) + 1})
        assert cache.find(["/a"], [other]) == [None]


@pytest.mark.parametrize("damage", [b"not a database" * 100, b""])
def test_a_corrupt_stat_cache_is_thrown_away(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "stat.sqlite3"
    cache, state = StatCache(path), FileState(4, 1, 1, 7)
    cache.add([(f"/{number}", state, [Digest.of(b"data")]) for number in range(1000)])
    path.write_bytes(damage + path.read_bytes()[len(damage) : 8192] if damage else b"")
    assert cache.find(["/1"], [state]) == [None]
    cache.add([("/1", state, [Digest.of(b"data")])])
    assert cache.find(["/1"], [state]) == [(Digest.of(b"data"),)]
    assert os.listdir(tmp_path) == ["stat.sqlite3"]  # noqa: PTH208


def test_a_stat_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache, state = StatCache(tmp_path / "file/stat.sqlite3"), FileState(4, 1, 1, 7)
    cache.add([("/1", state, [Digest.of(b"data")])])
    assert cache.find(["/1"], [state]) == [None]


def test_a_stat_cache_that_grew_too_large_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, state = StatCache(tmp_path / "stat.sqlite3"), FileState(4, 1, 1, 7)
    cache.add([("/1", state, [Digest.of(b"data")])])
    monkeypatch.setattr(stat_module, "_MAX_BYTES", 100)
    assert cache.find(["/1"], [state]) == [None]


def test_the_least_used_blobs_go_when_the_cache_is_full(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path / "blobs", max_bytes=10_000)
    blobs = [bytes([number]) * 1000 for number in range(20)]
    for data in blobs:
        cache.add(Digest.of(data), data)
        descriptor = cache.open(Digest.of(blobs[0]), 1000)  # always in use
        assert descriptor is not None
        os.close(descriptor)
        time.sleep(0.002)
    assert cache.size_bytes() <= 10_000
    assert cache.has(Digest.of(blobs[0]), 1000)
    assert cache.has(Digest.of(blobs[-1]), 1000)
    assert not cache.has(Digest.of(blobs[1]), 1000)
    assert cache.clean(0)[0] == 0
    assert cache.size_bytes() == 0


@pytest.mark.parametrize("harm", ["changed", "shortened"])
def test_a_harmed_blob_is_not_used(tmp_path: Path, harm: str) -> None:
    cache = BlobCache(tmp_path / "blobs", max_bytes=10_000)
    digest = Digest.of(b"data")
    cache.add(digest, b"data")
    (path,) = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    path.chmod(0o600)
    path.write_bytes(b"dada" if harm == "changed" else b"dat")
    assert not cache.has(digest, 4)
    assert not path.exists()


def test_a_touched_but_unharmed_blob_is_used(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path / "blobs", max_bytes=10_000)
    cache.add(Digest.of(b"data"), b"data")
    (path,) = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    path.touch()
    assert cache.has(Digest.of(b"data"), 4)


def test_editing_a_download_leaves_the_cache_alone(project: str) -> None:
    for name, size_bytes in (("small", 100), ("large", 2 * 1024 * 1024)):
        Path(name).write_bytes(os.urandom(size_bytes))
        with lineage.init() as run:
            artifact = run.log_artifact(name, name=name, type="dataset")
        for root in ("one", "two"):
            with (Path(artifact.download(root)) / name).open("r+b") as file:
                file.write(b"edited")
        third = Path(artifact.download("three")) / name
        assert third.read_bytes() == Path(name).read_bytes()


DOWNLOAD = """
import lineage, sys
lineage.Api().artifact("x").download(sys.argv[1])
"""


def test_several_processes_share_the_cache(project: str, tmp_path: Path) -> None:
    Path("data").mkdir()
    for number in range(200):
        Path(f"data/{number}").write_bytes(os.urandom(1000))
    Path("data/large").write_bytes(os.urandom(5 * 1024 * 1024))
    with lineage.init() as run:
        run.log_artifact("data", name="x", type="dataset")
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    # So small that blobs are removed while others want them.
    environment["LINEAGE_CACHE_SIZE_BYTES"] = str(6 * 1024 * 1024)
    processes = [
        subprocess.Popen([sys.executable, "-c", DOWNLOAD, f"out{n}"], env=environment)
        for n in range(4)
    ]
    assert [process.wait(timeout=30) for process in processes] == [0] * 4
    for n in range(4):
        for path in Path("data").iterdir():
            assert Path(f"out{n}", path.name).read_bytes() == path.read_bytes()
    partial = tmp_path / "cache/partial"
    assert list(partial.iterdir()) == []
