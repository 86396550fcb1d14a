from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

import lineage
from lineage.client import hashing, upload
from lineage.client.connection import connect
from lineage.digest import Digest
from lineage.errors import Blocked, Conflict, Gone, Invalid, NotFound, PreconditionFailed
from lineage.manifest import Entry
from tests.services.server import Server


def folder_of(**files: str) -> str:
    for name, text in files.items():
        path = Path("data", name.replace("__", "/") + ".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return "data"


def log(name: str, **files: str) -> lineage.Artifact:
    artifact = lineage.Artifact(name, "dataset")
    for path, text in files.items():
        with artifact.new_file(path) as file:
            file.write(text)
    return lineage.Api().log_artifact(artifact)


def test_a_folder_is_logged_whole_and_comes_back_the_same(project: str) -> None:
    folder = folder_of(a="1", sub__b="2", sub__deep__c="3")
    Path(folder, ".hidden").write_text("4")
    artifact = lineage.Artifact("digits", "dataset", metadata={"n": 4}, description="d")
    artifact.add_dir(folder)
    artifact.add_dir(folder, name="again")
    with lineage.init() as run:
        assert run.log_artifact(artifact, aliases=["best", "latest"], tags=["t"]) is artifact
    assert artifact.name == "digits:v0"
    assert artifact.qualified_name == f"local/{project}/digits:v0"
    assert (artifact.version, artifact.state, artifact.is_new) == ("v0", "committed", True)
    assert artifact.aliases == ["best", "latest"]
    found = lineage.Api().artifact("digits:best", type="dataset")
    assert (found.metadata, found.description, found.tags) == ({"n": 4}, "d", ["t"])
    assert found.size == 8
    assert list(found.manifest.entries) == sorted(found.manifest.entries)
    root = Path(found.download("out"))
    assert (root / "again/sub/deep/c.txt").read_text() == "3"
    assert (root / ".hidden").read_text() == "4"
    found.verify("out")
    assert sorted(os.listdir(found.download("part", path_prefix="again/sub"))) == ["again"]  # noqa: PTH208
    assert Path(found.get_entry("a.txt").download("one")).read_text() == "1"


def test_the_same_content_is_the_same_version(project: str) -> None:
    first, second = log("x", a="1"), log("x", a="1")
    assert (second.name, second.is_new) == ("x:v0", False)
    assert log("x", a="2").name == "x:v1"
    assert first.digest == second.digest


def test_the_digest_is_known_before_logging(project: str) -> None:
    artifact = lineage.Artifact("x", "dataset")
    artifact.add_dir(folder_of(a="1"))
    before = artifact.digest
    assert artifact.manifest.entries["a.txt"].digest == Digest.of(b"1")
    assert artifact.state == "draft"
    with pytest.raises(Invalid, match="has not been logged"):
        artifact.download()
    assert lineage.Api().log_artifact(artifact).digest == before


def test_a_logged_artifact_never_changes_but_a_draft_begins_with_it(project: str) -> None:
    artifact = log("x", a="1", b="2")
    with pytest.raises(Invalid, match="new_draft"):
        artifact.add_file("x")
    draft = artifact.new_draft()
    draft.remove("b")
    with draft.new_file("c", mode="wb") as file:
        file.write(b"3")
    lineage.Api().log_artifact(draft)
    assert draft.name == "x:v1"
    assert list(draft.manifest.entries) == ["a", "c"]
    assert list(artifact.manifest.entries) == ["a", "b"]
    with pytest.raises(NotFound):
        artifact.new_draft().remove("none")


def test_a_removed_folder_takes_what_is_in_it(project: str) -> None:
    artifact = lineage.Artifact("x", "dataset")
    artifact.add_dir(folder_of(a="1", sub__b="2", sub__c="3"))
    artifact.remove("sub")
    assert list(artifact.manifest.entries) == ["a.txt"]


def test_save_sends_what_changed_and_leaves_what_others_did(project: str) -> None:
    log("x", a="1")
    mine, theirs = lineage.Api().artifact("x:v0"), lineage.Api().artifact("x:v0")
    theirs.aliases.append("theirs")
    theirs.tags.append("theirs")
    theirs.save()
    mine.aliases.append("mine")
    mine.tags = ["mine"]
    mine.save()
    assert mine.aliases == ["latest", "mine", "theirs"]
    assert mine.tags == ["mine", "theirs"]
    mine.aliases.remove("theirs")
    mine.metadata["k"] = 1
    mine.save()
    assert lineage.Api().artifact("x:v0").aliases == ["latest", "mine"]
    theirs.description = "theirs"
    with pytest.raises(PreconditionFailed):
        theirs.save()


def test_deleting_asks_first_and_frees_what_the_plan_says(project: str) -> None:
    log("x", a="only here", b="shared")
    log("y", b="shared")
    artifact = lineage.Api().artifact("x:latest")
    artifact.aliases.append("prod")
    artifact.save()
    with pytest.raises(Blocked, match="alias"):
        artifact.delete()
    plan = artifact.deletion_plan(delete_aliases=True)
    assert (plan.freed_bytes, plan.shared_bytes, plan.blockers) == (9, 6, ())
    assert "Frees 9 bytes" in str(plan)
    assert f"local/{project}/y:v0" in str(plan)
    assert plan.execute().bytes_freed == 9
    gone = lineage.Api().artifact("x:v0")
    assert gone.state == "deleted"
    with pytest.raises(Gone):
        gone.download()
    assert list(lineage.Api().artifacts(name="x")) == []


def test_an_artifact_that_was_not_logged_is_used_by_logging_it_first(project: str) -> None:
    artifact = lineage.Artifact("x", "dataset")
    artifact.add_dir(folder_of(a="1"))
    with lineage.init() as run:
        assert run.use_artifact(artifact) is artifact
    assert artifact.logged_by() is None
    assert [user.id for user in artifact.used_by()] == [run.id]
    with lineage.init() as run, pytest.raises(Invalid, match="of type dataset"):
        run.use_artifact("x:v0", type="model")


def test_a_path_is_logged_under_a_name_made_of_it(project: str) -> None:
    Path("my model.pt").write_text("w")
    with lineage.init() as run:
        assert run.log_artifact("my model.pt").name == f"run-{run.id}-my_model.pt:v0"
        assert run.log_artifact(folder_of(a="1"), name="d", type="dataset").name == "d:v0"
        reference = run.log_artifact(Path("my model.pt").absolute().as_uri(), name="r")
        assert reference.manifest.entries["my model.pt"].size == 1
        with pytest.raises(Invalid, match="list"):
            run.log_artifact("my model.pt", aliases="best")


def test_what_cannot_be_kept_is_refused_and_named(project: str) -> None:
    artifact = lineage.Artifact("x", "dataset")
    folder = Path(folder_of(a="1"))
    for path, what in (("none", NotFound), ("data", Invalid)):
        with pytest.raises(what, match=path):
            artifact.add_file(path)
    with pytest.raises(NotFound, match="none"):
        artifact.add_dir("none")
    for name in ("/abs", "../up", "a//b", "nul\0"):
        with pytest.raises(Invalid):
            artifact.add_file("data/a.txt", name=name)
    (folder / "dangling").symlink_to("nowhere")
    with pytest.raises(Invalid, match="dangling"):
        artifact.add_dir("data")
    (folder / "dangling").unlink()
    (folder / "loop").symlink_to("..", target_is_directory=True)
    with pytest.raises(Invalid, match="loop"):
        artifact.add_dir("data")
    (folder / "loop").unlink()
    with socket.socket(socket.AF_UNIX) as plug:
        plug.bind("data/plug")
        with pytest.raises(Invalid, match="plug"):
            artifact.add_dir("data")
    (folder / "plug").unlink()
    Path(os.fsdecode(b"data/\xff\xfe.txt")).write_text("")
    with pytest.raises(Invalid, match=r"xff.*UTF-8"):
        artifact.add_dir("data")


def test_names_are_brought_into_one_normal_form_and_twins_refused(project: str) -> None:
    artifact = lineage.Artifact("x", "dataset")
    Path("data").mkdir()
    Path("data/cafe\u0301").write_text("1")
    artifact.add_dir("data")
    assert list(artifact.manifest.entries) == ["caf\u00e9"]
    Path("data/caf\u00e9").write_text("2")
    with pytest.raises(Invalid, match="normal form"):
        artifact.add_dir("data")


def test_links_to_files_and_folders_are_followed(project: str) -> None:
    folder_of(a="1")
    Path("linked").mkdir()
    Path("linked/file").symlink_to("../data/a.txt")
    Path("linked/folder").symlink_to("../data")
    artifact = lineage.Artifact("x", "dataset")
    artifact.add_dir("linked")
    assert list(artifact.manifest.entries) == ["file", "folder/a.txt"]


def test_a_name_cannot_be_a_file_and_a_folder(project: str) -> None:
    artifact = lineage.Artifact("x", "dataset")
    folder_of(a="1")
    artifact.add_file("data/a.txt", "a")
    artifact.add_file("data/a.txt", "a/b")
    with pytest.raises(Invalid, match="both a file and a folder"):
        lineage.Api().log_artifact(artifact)
    with pytest.raises(Invalid, match="already"):
        artifact.add_file(__file__, "a")


def test_an_empty_artifact_or_one_without_a_name_is_refused(project: str) -> None:
    with pytest.raises(Invalid, match="holds no file"):
        lineage.Api().log_artifact(lineage.Artifact("x", "dataset"))
    with pytest.raises(Invalid, match="type"):
        lineage.Artifact("x")
    with pytest.raises(Invalid, match="name"):
        lineage.Artifact(type="dataset")


def test_a_collection_keeps_its_type(project: str) -> None:
    log("x", a="1")
    other = lineage.Artifact("x", "model")
    other.add_dir(folder_of(a="1"))
    with pytest.raises(Conflict, match="type dataset"):
        lineage.Api().log_artifact(other)


def test_a_file_that_changed_since_it_was_hashed_fails_the_version(
    project: str, shared_server: Server
) -> None:
    Path("a.txt").write_text("first")
    (file,) = hashing.digest_files([str(Path("a.txt").absolute())], None)
    Path("a.txt").write_text("later")
    os.utime("a.txt", ns=(0, file.state.mtime_ns))
    before = shared_server.objects()
    spec = upload.VersionSpec(f"local/{project}/x", "dataset")
    with pytest.raises(Conflict, match=r"a\.txt.*changed while it was read"):
        upload.commit_version(connect().http, spec, [file.entry("a.txt")], [file])
    assert shared_server.objects() == before
    with pytest.raises(NotFound):
        lineage.Api().artifact("x:latest")


def test_a_file_that_grows_while_it_is_hashed_is_noticed(project: str) -> None:
    with Path("a.bin").open("wb") as file:
        file.truncate(8 * 1024 * 1024)
    state = hashing.FileState.of(Path("a.bin").stat())
    chunks = hashing.read_part("a.bin", state, 0, state.size_bytes)
    next(chunks)
    with Path("a.bin").open("ab") as file:
        file.write(b"more")
    with pytest.raises(Conflict, match="changed while it was read"):
        list(chunks)


def test_references_name_what_lies_elsewhere(project: str) -> None:
    folder = Path(folder_of(a="1", sub__b="22")).absolute()
    artifact = lineage.Artifact("x", "dataset")
    artifact.add_reference(folder.as_uri(), name="all")
    artifact.add_reference("gs://bucket/key", checksum=False)
    lineage.Api().log_artifact(artifact)
    entries = lineage.Api().artifact("x").manifest.entries
    assert entries["all/sub/b.txt"].ref == (folder / "sub/b.txt").as_uri()
    assert entries["all/sub/b.txt"].size == 2
    assert entries["key"].ref == "gs://bucket/key"
    out = Path(lineage.Api().artifact("x").download(path_prefix="all"))
    assert (out / "all/sub/b.txt").read_text() == "22"
    (folder / "a.txt").write_text("changed")
    with pytest.raises(Conflict, match=r"a\.txt"):
        artifact.download("elsewhere", path_prefix="all")
    with pytest.raises(Invalid, match=r"checksum=False"):
        lineage.Artifact("y", "dataset").add_reference("gs://bucket/key")
    with pytest.raises(NotFound):
        lineage.Artifact("y", "dataset").add_reference((folder / "none").as_uri())


def test_contents_are_found_by_path_and_digest(project: str) -> None:
    log("x", **{f"only-{project}": "1"})
    (found,) = lineage.Api().containing(path=f"only-{project}")
    assert found.name == "x:v0"
    entry = Entry("a", 1, Digest.of(project.encode()))
    assert lineage.Api().containing(digest=entry.digest) == []
