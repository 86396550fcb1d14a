"""Blobs in a folder: the contract, and what only a folder can do wrong."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.digest import Digest
from lineage.errors import AlreadyExists, NotFound, Unavailable
from lineage.model import ObjectName
from storage import layout, local
from storage.local import LocalBlobStore
from tests.contracts.blob_store import NOW, BlobStoreContract, pattern, read_all, upload_of

CHECKOUT = Path(__file__).parents[2]


class Folder:
    """The store's folder, seen with nothing but paths."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def everything(self) -> dict[str, bytes]:
        files = (path for path in self.root.rglob("*") if not path.is_dir() or path.is_symlink())
        return {str(path.relative_to(self.root)): path.read_bytes() for path in files}

    def plant(self, name: ObjectName, data: bytes) -> None:
        (self.root / name).write_bytes(data)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "not" / "there" / "yet"


@pytest.fixture
def store(root: Path) -> LocalBlobStore:
    return LocalBlobStore(root)


@pytest.fixture
def raw(store: LocalBlobStore, root: Path) -> Folder:
    return Folder(root)


class TestLocalBlobStore(BlobStoreContract):
    pass


class TestNames:
    def test_a_name_begins_with_the_digest_and_lies_in_a_known_folder(self) -> None:
        digest = Digest.of(b"abc")
        name = layout.new_object(digest)
        assert name.startswith(f"sha256/{digest.hex[:2]}/{digest.hex[2:]}-")
        assert name.rpartition("/")[0] in layout.FOLDERS
        assert layout.is_object(name)


class TestTheFolder:
    def test_objects_and_folders_are_for_their_owner_alone(
        self, store: LocalBlobStore, root: Path
    ) -> None:
        one, two = upload_of(b"one"), upload_of(b"two")
        store.put(one, [b"one"], now=NOW)
        store.put_many([(two, b"two")], now=NOW)
        modes = {stat.S_IMODE((root / name).stat().st_mode) for name in (one.object, two.object)}
        assert modes == {0o400}
        folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
        assert len(folders) == 1 + 2 + 256
        assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}

    def test_a_second_store_on_the_folder_sees_the_same_objects(
        self, store: LocalBlobStore, root: Path
    ) -> None:
        upload = upload_of(b"abc")
        store.put(upload, [b"abc"], now=NOW)
        other = LocalBlobStore(root)
        assert read_all(other, upload.object) == b"abc"
        other.delete([upload.object])
        assert store.find_size(upload.object) is None

    def test_a_relative_folder_stays_where_it_was(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        upload = upload_of(b"abc")
        monkeypatch.chdir(tmp_path)
        store = LocalBlobStore(Path("blobs"))
        monkeypatch.chdir("/")
        store.put(upload, [b"abc"], now=NOW)
        assert (tmp_path / "blobs" / upload.object).read_bytes() == b"abc"

    def test_what_is_no_object_is_not_listed(self, store: LocalBlobStore, root: Path) -> None:
        (root / "sha256" / "ab" / "notes.txt").write_text("somebody's")
        (root / "sha256" / "lost+found").mkdir()
        assert list(store.iter_objects()) == []

    def test_an_object_deleted_while_it_is_listed_is_left_out(
        self, store: LocalBlobStore, raw: Folder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        raw.plant(layout.new_object(Digest.of(b"abc")), b"abc")

        def look_and_delete(name: str) -> bool:
            (raw.root / name).unlink()
            return True

        monkeypatch.setattr(layout, "is_object", look_and_delete)
        assert list(store.iter_objects()) == []

    def test_put_under_a_taken_name_is_refused_before_anything_is_read(
        self, store: LocalBlobStore, raw: Folder
    ) -> None:
        upload = upload_of(b"abc")
        raw.plant(upload.object, b"there before")
        chunks = iter([b"abc"])
        with pytest.raises(AlreadyExists):
            store.put(upload, chunks, now=NOW)
        assert next(chunks) == b"abc"

    def test_a_link_is_no_object(self, store: LocalBlobStore, root: Path, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("not yours")
        name = layout.new_object(Digest.of(b"abc"))
        (root / name).symlink_to(tmp_path / "secret")
        with pytest.raises(NotFound), store.read(name):
            pass
        assert store.find_size(name) is None
        assert list(store.iter_objects()) == []

    def test_a_folder_that_is_a_file_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        for path in (tmp_path / "file", tmp_path / "file" / "below"):
            with pytest.raises(Unavailable, match="a file is where a folder") as caught:
                LocalBlobStore(path)
            assert str(path) in str(caught.value)

    def test_a_folder_that_went_away_is_not_an_absent_object(
        self, store: LocalBlobStore, root: Path
    ) -> None:
        upload = upload_of(b"abc")
        shutil.rmtree(root)
        for verb in (
            lambda: store.put(upload, [b"abc"], now=NOW),
            lambda: store.put_many([(upload, b"abc")], now=NOW),
            lambda: store.read(upload.object).__enter__(),
            lambda: store.find_size(upload.object),
            lambda: store.delete([upload.object]),
            lambda: list(store.iter_objects()),
            lambda: store.check(),
        ):
            with pytest.raises(Unavailable, match="mount or restore it"):
                verb()


@pytest.mark.skipif(sys.platform != "linux", reason="syncfs and /proc are Linux's")
class TestFlushing:
    """What is flushed, and when, as the kernel is asked: only a power cut could show more."""

    @pytest.fixture
    def calls(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
        """Each call and the path it is about; all of them still happen."""
        calls: list[tuple[str, str]] = []
        fsync, link, syncfs = os.fsync, os.link, local._syncfs()
        assert syncfs is not None

        def open_path(fd: int) -> str:
            return str(Path(f"/proc/self/fd/{fd}").readlink())

        def spy_fsync(fd: int) -> None:
            calls.append(("fsync", open_path(fd)))
            fsync(fd)

        def spy_link(source: str, target: str) -> None:
            calls.append(("link", target))
            link(source, target)

        def spy_syncfs(fd: int) -> None:
            calls.append(("syncfs", open_path(fd)))
            syncfs(fd)

        monkeypatch.setattr(os, "fsync", spy_fsync)
        monkeypatch.setattr(os, "link", spy_link)
        monkeypatch.setattr(local, "_syncfs", lambda: spy_syncfs)
        return calls

    def test_put_flushes_the_bytes_then_names_them_then_flushes_the_folder(
        self, store: LocalBlobStore, root: Path, calls: list[tuple[str, str]]
    ) -> None:
        upload = upload_of(b"abc")
        store.put(upload, [b"abc"], now=NOW)
        target = root / upload.object
        assert [verb for verb, _ in calls] == ["fsync", "link", "fsync"]
        assert Path(calls[0][1]).parent == root / "tmp"
        assert calls[1:] == [("link", str(target)), ("fsync", str(target.parent))]

    def test_few_files_are_flushed_alone(
        self, store: LocalBlobStore, root: Path, calls: list[tuple[str, str]]
    ) -> None:
        items = [(upload_of(data), data) for data in (b"a", b"b", b"c")]
        store.put_many(items, now=NOW)
        files = [root / upload.object for upload, _ in items]
        folders = sorted({path.parent for path in files})
        assert calls == [("fsync", str(path)) for path in (*files, *folders)]

    def test_many_files_are_flushed_together_once(
        self, store: LocalBlobStore, root: Path, calls: list[tuple[str, str]]
    ) -> None:
        items = [(upload_of(data), data) for data in map(pattern, range(100))]
        store.put_many(items, now=NOW)
        assert calls == [("syncfs", str(root))]

    def test_without_syncfs_many_files_are_flushed_alone(
        self,
        store: LocalBlobStore,
        calls: list[tuple[str, str]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(local, "_syncfs", lambda: None)
        items = [(upload_of(data), data) for data in map(pattern, range(100))]
        folders = {upload.object.rpartition("/")[0] for upload, _ in items}
        store.put_many(items, now=NOW)
        assert [verb for verb, _ in calls] == ["fsync"] * (100 + len(folders))

    def test_delete_flushes_each_folder_once_though_the_object_is_absent(
        self, store: LocalBlobStore, root: Path, calls: list[tuple[str, str]]
    ) -> None:
        names = [layout.new_object(Digest.of(b"abc")) for _ in range(3)]
        (root / names[0]).touch()
        store.delete(names)
        assert calls == [("fsync", str((root / names[0]).parent))]

    def test_a_flush_that_fails_is_told_and_leaves_nothing(
        self, store: LocalBlobStore, raw: Folder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # No disk here fails on demand: the call is stopped where a broken one would stop it.
        def broken(fd: int) -> None:
            raise OSError(5, "Input/output error")

        items = [(upload_of(data), data) for data in map(pattern, range(100))]
        upload = upload_of(b"abc")
        for name, value in ((os, "fsync"), (local, "_flush")):
            with monkeypatch.context() as patch:
                patch.setattr(name, value, lambda _: broken(0))
                with pytest.raises(Unavailable, match="the disk reports errors"):
                    store.put(upload, [b"abc"], now=NOW)
            assert raw.everything() == {}
        with monkeypatch.context() as patch:
            patch.setattr(local, "_syncfs", lambda: broken)
            with pytest.raises(Unavailable, match="the disk reports errors"):
                store.put_many(items, now=NOW)
        assert raw.everything() == {}


def run(script: str, *args: object, prefix: tuple[str, ...] = ()) -> str:
    """What a program of its own prints; it has failed if it did not end well."""
    done = subprocess.run(
        [*prefix, sys.executable, "-c", textwrap.dedent(script), *map(str, args)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class TestCrashes:
    WRITER = """
        import sys, time
        from pathlib import Path
        from storage.local import LocalBlobStore
        from tests.contracts.blob_store import NOW, upload_of

        def chunks():
            yield b"half"
            print("half", flush=True)
            time.sleep(60)

        LocalBlobStore(Path(sys.argv[1])).put(upload_of(b"half and half"), chunks(), now=NOW)
    """

    @pytest.fixture
    def writer(self, store: LocalBlobStore, root: Path) -> Iterator[subprocess.Popen[str]]:
        """A process that has stored half a blob, and waits for the rest."""
        command = [sys.executable, "-c", textwrap.dedent(self.WRITER), str(root)]
        with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "half\n"
                yield process
            finally:
                process.kill()

    def test_what_a_killed_writer_left_goes_at_the_next_start(
        self, writer: subprocess.Popen[str], raw: Folder
    ) -> None:
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        left = raw.everything()
        assert list(left.values()) == [b"half"]
        assert next(iter(left)).startswith("tmp/")
        assert list(LocalBlobStore(raw.root).iter_objects()) == []
        assert raw.everything() == {}

    def test_what_a_live_writer_is_writing_stays(
        self, writer: subprocess.Popen[str], raw: Folder
    ) -> None:
        LocalBlobStore(raw.root).check()
        assert list(raw.everything().values()) == [b"half"]

    def test_a_file_taken_for_a_leftover_before_its_lock_is_made_again(
        self, store: LocalBlobStore, raw: Folder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        flock = local.fcntl.flock
        upload = upload_of(b"abc")

        def late_flock(fd: int, how: int) -> None:
            monkeypatch.setattr(local.fcntl, "flock", flock)
            LocalBlobStore(raw.root)  # another process starts between the two calls
            assert raw.everything() == {}
            flock(fd, how)

        monkeypatch.setattr(local.fcntl, "flock", late_flock)
        store.put(upload, [b"abc"], now=NOW)
        assert raw.everything() == {upload.object: b"abc"}


class TestTroubleWithTheDisk:
    @pytest.fixture
    def own_mounts(self) -> tuple[str, ...]:
        """Starts a program that may mount: its disks are real, and gone when it ends."""
        command = ("unshare", "--user", "--map-root-user", "--mount")
        if shutil.which("unshare") is None or subprocess.run([*command, "true"]).returncode:
            pytest.skip("this system lets nobody mount a disk of their own")
        return command

    START = """
        import resource, subprocess, sys
        from pathlib import Path
        from lineage.errors import Unavailable
        from storage.local import LocalBlobStore
        from tests.contracts.blob_store import NOW, pattern, read_all, upload_of

        root = Path(sys.argv[1])

        def mount(*how):
            subprocess.run(["mount", *how, str(root)], check=True)

        def files():
            return [path for path in root.rglob("*") if path.is_file()]

        def refused(verb, *words):
            try:
                verb()
            except Unavailable as error:
                assert all(word in str(error) for word in (str(root), *words)), error
                assert error.retryable
            else:
                raise AssertionError("not refused")

        BIG = pattern(2 * 2**20)
        def put():
            store.put(upload_of(BIG), [BIG[:2**20], BIG[2**20:]], now=NOW)
        def put_many(n):
            store.put_many([(upload_of(BIG[:n]), BIG[:n]) for n in range(0, n, 4096)], now=NOW)
    """

    def test_a_full_disk_is_told_and_keeps_nothing_of_the_blob(
        self, own_mounts: tuple[str, ...], tmp_path: Path
    ) -> None:
        script = """
        mount("-t", "tmpfs", "-o", "size=2m", "none")
        store = LocalBlobStore(root)
        kept = upload_of(BIG[:2**20])
        store.put(kept, [BIG[:2**20]], now=NOW)
        for _ in range(2):  # what a refused one took is free again
            refused(put, "the disk is full", "free some space")
            refused(lambda: put_many(2**20), "the disk is full")
        assert files() == [root / kept.object]
        assert read_all(store, kept.object) == BIG[:2**20]

        filler = root / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        refused(store.check, "the disk is full")
        filler.unlink()
        store.check()
        """
        run(self.START + script, tmp_path, prefix=own_mounts)

    def test_a_read_only_disk_is_told_and_still_read(
        self, own_mounts: tuple[str, ...], tmp_path: Path
    ) -> None:
        script = """
        mount("-t", "tmpfs", "none")
        store = LocalBlobStore(root)
        kept = upload_of(b"kept")
        store.put(kept, [b"kept"], now=NOW)
        mount("-o", "remount,ro")
        for verb in (put, lambda: put_many(9999), lambda: store.delete([kept.object]),
                     store.check, lambda: LocalBlobStore(root)):
            refused(verb, "read-only", "mount it writable")
        assert files() == [root / kept.object]
        assert read_all(store, kept.object) == b"kept"
        """
        run(self.START + script, tmp_path, prefix=own_mounts)

    def test_a_limit_reached_in_mid_file_is_told_and_leaves_nothing(self, tmp_path: Path) -> None:
        script = """
        store = LocalBlobStore(root)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        refused(put, "ulimit -f")
        refused(lambda: put_many(200_000), "ulimit -f")
        assert files() == []
        put_many(40_000)
        """
        run(self.START + script, tmp_path)

    def test_a_folder_of_somebody_else_is_told(self) -> None:
        # Root may write anywhere, so it becomes nobody while the test lasts.
        was_root = os.geteuid() == 0
        place = Path(tempfile.mkdtemp())
        try:
            if was_root:
                os.chown(place, 65534, 65534)
                os.seteuid(65534)
            store = LocalBlobStore(place / "blobs")
            upload = upload_of(b"abc")
            (place / "blobs" / "tmp").chmod(0o500)
            (place / "blobs" / upload.object).parent.chmod(0o500)
            for verb in (
                lambda: store.put(upload, [b"abc"], now=NOW),
                lambda: store.put_many([(upload, b"abc")], now=NOW),
                lambda: store.check(),
                lambda: LocalBlobStore(place / "blobs"),
            ):
                with pytest.raises(Unavailable, match=f"{place}/blobs .*give its user the folder"):
                    verb()
            place.chmod(0o500)
            with pytest.raises(Unavailable, match=f"{place}/new .*give its user the folder"):
                LocalBlobStore(place / "new")
        finally:
            if was_root:
                os.seteuid(0)
            place.chmod(0o700)
            for folder in place.rglob("*"):
                folder.chmod(0o700)
            shutil.rmtree(place)
