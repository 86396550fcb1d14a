from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

import lineage
from lineage.client.connection import connect
from lineage.client.download import download_entries
from lineage.client.placing import Placer, check_collisions
from lineage.digest import PART_SIZE_BYTES, Digest
from lineage.errors import Corrupt, Invalid, Unavailable
from lineage.manifest import Entry
from tests.client.conftest import settle_in
from tests.services.proxy import Proxy
from tests.services.server import Server

MIB = 1024 * 1024


def random_folder(n_files: int, size_bytes: int) -> str:
    Path("data").mkdir(exist_ok=True)
    for number in range(n_files):
        Path(f"data/{number:05}.bin").write_bytes(os.urandom(size_bytes))
    return "data"


def log_folder(name: str, folder: str) -> lineage.Artifact:
    artifact = lineage.Artifact(name, "dataset")
    artifact.add_dir(folder)
    return lineage.Api().log_artifact(artifact)


def assert_same(one: str | Path, other: str | Path) -> None:
    names = sorted(path.relative_to(one) for path in Path(one).rglob("*") if path.is_file())
    assert names == sorted(p.relative_to(other) for p in Path(other).rglob("*") if p.is_file())
    for name in names:
        assert (Path(one) / name).read_bytes() == (Path(other) / name).read_bytes()


def forget_downloads() -> None:
    shutil.rmtree(os.environ["LINEAGE_CACHE_DIR"])


def test_many_small_files_go_in_bundles_and_unchanged_ones_not_at_all(proxy: Proxy) -> None:
    folder = random_folder(1000, 100)
    assert log_folder("x", folder).is_new
    sent = proxy.n_bytes["requests"]
    assert sent < 1000 * 400
    again = log_folder("x", folder)
    assert not again.is_new
    assert proxy.n_bytes["requests"] - sent < 5000
    Path("data/00007.bin").write_bytes(b"changed")
    sent = proxy.n_bytes["requests"]
    assert log_folder("x", folder).name == "x:v1"
    assert proxy.n_bytes["requests"] - sent < 400_000
    assert_same(folder, log_folder("x", folder).download("out"))


def test_a_file_of_several_parts_comes_back_the_same(project: str) -> None:
    with Path("big.bin").open("wb") as file:
        file.write(os.urandom(MIB))
        file.truncate(PART_SIZE_BYTES)
        file.seek(PART_SIZE_BYTES)
        file.write(b"the end")
    with lineage.init() as run:
        artifact = run.log_artifact("big.bin", name="big", type="dataset")
    entry = artifact.manifest.entries["big.bin"]
    assert str(entry.digest).startswith("sha256-64m:")
    assert Path(entry.download("out")).read_bytes() == Path("big.bin").read_bytes()
    assert Path("out/big.bin").stat().st_size == PART_SIZE_BYTES + 7


@pytest.mark.parametrize("size_bytes", [1000, 3 * MIB])
def test_an_upload_goes_on_after_broken_connections(proxy: Proxy, size_bytes: int) -> None:
    folder = random_folder(4, size_bytes)
    proxy.cut_requests(after_bytes=2 * size_bytes, times=2)
    proxy.cut_answers(after_bytes=400, times=2)
    log_folder("x", folder)
    assert proxy.n_cut == 4
    assert_same(folder, lineage.Api().artifact("x").download("out"))


def test_an_upload_that_was_given_up_is_taken_up_by_the_next(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINEAGE_RETRY_S", "0.5")
    folder = random_folder(8, 3 * MIB)
    proxy.cut_requests(after_bytes=14 * MIB)
    proxy.cut_requests(after_bytes=0, times=1000)
    with pytest.raises(Unavailable):
        log_folder("x", folder)
    proxy.forget_cuts()
    sent = proxy.n_bytes["requests"]
    log_folder("x", folder)
    assert proxy.n_bytes["requests"] - sent < 23 * MIB
    assert_same(folder, lineage.Api().artifact("x").download("out"))


def test_a_download_goes_on_where_it_broke_off(proxy: Proxy) -> None:
    folder = random_folder(1, 8 * MIB)
    artifact = log_folder("x", folder)
    assert artifact.files()
    received = proxy.n_bytes["answers"]
    proxy.cut_answers(after_bytes=5 * MIB)
    proxy.cut_answers(after_bytes=1 * MIB)
    assert_same(folder, artifact.download("out"))
    assert proxy.n_cut == 2
    assert proxy.n_bytes["answers"] - received < 8.5 * MIB


def test_a_download_that_was_given_up_is_taken_up_by_the_next(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINEAGE_RETRY_S", "0.5")
    folder = random_folder(1, 8 * MIB)
    artifact = log_folder("x", folder)
    assert artifact.files()
    proxy.cut_answers(after_bytes=6 * MIB)
    proxy.cut_answers(after_bytes=0, times=1000)
    with pytest.raises(Unavailable):
        artifact.download("out")
    assert list(Path("out").rglob("*")) == []
    proxy.forget_cuts()
    received = proxy.n_bytes["answers"]
    assert_same(folder, artifact.download("out"))
    assert proxy.n_bytes["answers"] - received < 3 * MIB


def test_what_is_in_place_or_in_the_cache_is_not_fetched_again(proxy: Proxy) -> None:
    folder = random_folder(50, 1000)
    artifact = log_folder("x", folder)
    artifact.download("out")
    received = proxy.n_bytes["answers"]
    Path("out/00003.bin").write_bytes(b"edited")
    assert_same(folder, artifact.download("out"))
    assert_same(folder, artifact.download("elsewhere"))
    assert proxy.n_bytes["answers"] == received


@pytest.mark.parametrize("size_bytes", [500, 2 * MIB])
def test_a_corrupted_stored_file_is_named_and_not_put_in_place(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size_bytes: int
) -> None:
    settle_in(monkeypatch, tmp_path, server.url, server.key)
    artifact = log_folder("x", random_folder(1, size_bytes))
    (stored,) = [path for path in server.objects() if path.stat().st_size == size_bytes]
    stored.chmod(0o600)
    data = bytearray(stored.read_bytes())
    data[size_bytes // 2] ^= 1
    stored.write_bytes(data)
    with pytest.raises(Corrupt, match=r"00000\.bin.*sha256:"):
        artifact.download("out")
    assert list(Path("out").rglob("*")) == []


def test_verify_tells_what_is_changed_missing_and_extra(project: str) -> None:
    artifact = log_folder("x", random_folder(3, 10))
    root = Path(artifact.download())
    artifact.verify()
    before = (root / "00000.bin").stat()
    (root / "00000.bin").write_bytes(b"0123456789")
    os.utime(root / "00000.bin", ns=(before.st_atime_ns, before.st_mtime_ns))
    (root / "00001.bin").unlink()
    (root / "new").touch()
    with pytest.raises(Corrupt) as caught:
        artifact.verify()
    told = caught.value
    assert (told.changed, told.missing, told.extra) == (["00000.bin"], ["00001.bin"], ["new"])


def test_a_manifest_leads_nowhere_but_into_the_folder(project: str) -> None:
    artifact = log_folder("x", random_folder(1, 10))
    (entry,) = artifact.files()
    assert entry.digest is not None
    for path in ("../escaped", "/tmp/escaped", "a/../../escaped", "a\0b"):  # noqa: S108
        with pytest.raises(Invalid):
            download_entries(connect(), [Entry(path, 10, entry.digest)], Path("out"))
    assert not Path("escaped").exists()


def test_a_link_in_the_folder_is_not_followed(project: str) -> None:
    Path("data/sub").mkdir(parents=True)
    Path("data/sub/a.txt").write_text("1")
    artifact = log_folder("x", "data")
    Path("elsewhere").mkdir()
    Path("out").mkdir()
    Path("out/sub").symlink_to("../elsewhere", target_is_directory=True)
    with pytest.raises(Invalid, match="symbolic link"):
        artifact.download("out")
    assert list(Path("elsewhere").iterdir()) == []
    Path("out/sub").unlink()
    Path("kept").write_text("mine")
    Path("out/sub").mkdir()
    Path("out/sub/a.txt").symlink_to("../../kept")
    artifact.download("out")
    assert Path("kept").read_text() == "mine"
    assert Path("out/sub/a.txt").read_text() == "1"


def test_names_that_differ_by_case_are_both_put_where_the_folder_can(project: str) -> None:
    Path("data").mkdir()
    Path("data/A.txt").write_text("1")
    Path("data/a.txt").write_text("2")
    if len(list(Path("data").iterdir())) == 1:
        with pytest.raises(Invalid, match="cannot hold both"):
            check_collisions([Entry("A.txt"), Entry("a.txt")], Path())
    else:
        assert_same("data", log_folder("x", "data").download("out"))


def test_a_folder_that_cannot_be_written_is_named(project: str) -> None:
    artifact = log_folder("x", random_folder(1, 10))
    Path("out").write_text("a file")
    with pytest.raises(Invalid, match="out"):
        artifact.download("out")
    Path("full/00000.bin").mkdir(parents=True)
    with pytest.raises(Invalid, match="move it away"):
        artifact.download("full")


def test_placing_leaves_nothing_behind_when_it_fails(tmp_path: Path) -> None:
    placer = Placer(tmp_path)
    with pytest.raises(ZeroDivisionError):
        placer.place("a", (bytes([1 // n]) for n in (1, 0)))
    assert list(tmp_path.iterdir()) == []


def test_a_manifest_that_was_tampered_with_is_noticed(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle_in(monkeypatch, tmp_path, server.url, server.key)
    log_folder("x", random_folder(1, 10))
    server.stop()
    database = server.graph_path.read_bytes()
    body = re.search(rb'\{"digest":"sha256:[0-9a-f]{64}","path":"00000.bin"', database)
    assert body is not None
    other = body[0].replace(b"00000.bin", b"99999.bin")
    server.graph_path.write_bytes(database.replace(body[0], other))
    server.start()
    with pytest.raises(Corrupt, match="does not match its digest"):
        lineage.Api().artifact("x").download("out")


def test_the_cache_is_not_needed_for_what_is_there(project: str) -> None:
    artifact = log_folder("x", random_folder(2, 2 * MIB))
    artifact.download("out")
    forget_downloads()
    assert_same("data", artifact.download("out"))
    assert Digest.of(Path("out/00000.bin").read_bytes()) == artifact.files()[0].digest
