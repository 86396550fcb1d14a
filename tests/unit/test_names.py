"""Names: one grammar, and parse(format(x)) == x for each kind of key."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lineage.errors import Invalid
from lineage.names import (
    ArtifactRef,
    CollectionKey,
    ProjectKey,
    RunKey,
    SegmentKey,
    SweepKey,
    VersionKey,
    check_alias,
    check_name,
    check_path,
    check_tag,
    parse_index,
    parse_node,
    parse_run_path,
    parse_version_or_run,
)

NAME_CHARACTERS = "ABCXYZabcxyz0189_-."
names = st.text(NAME_CHARACTERS, min_size=1, max_size=128).filter(lambda name: name[0] != ".")
projects = st.builds(ProjectKey.of, names, names)
collections = st.builds(CollectionKey.of, projects, names)
indexes = st.integers(0, 10**18 - 1)
versions = st.builds(CollectionKey.version, collections, indexes)
runs = st.builds(RunKey.of, projects, names)
segments = st.builds(RunKey.segment, runs, st.integers(1, 10**9 - 1))
aliases = names.filter(lambda name: parse_index(name) is None and not name[1:].isdigit())


@given(projects)
def test_a_project_key_parses_to_itself(key: ProjectKey) -> None:
    assert ProjectKey.parse(key) == key
    assert ProjectKey.of(key.entity, key.name) == key


@given(collections)
def test_a_collection_key_parses_to_itself(key: CollectionKey) -> None:
    assert CollectionKey.parse(key) == key
    assert CollectionKey.of(key.project, key.name) == key
    assert ProjectKey.parse(key.project) == key.project


@given(runs)
def test_a_run_key_parses_to_itself_with_and_without_its_prefix(key: RunKey) -> None:
    assert RunKey.parse(key) == RunKey.parse(key.path) == key
    assert RunKey.of(key.project, key.name) == key


@given(st.builds(SweepKey.of, projects, names))
def test_a_sweep_key_parses_to_itself_with_and_without_its_prefix(key: SweepKey) -> None:
    assert SweepKey.parse(key) == SweepKey.parse(key.path) == key
    assert SweepKey.of(key.project, key.name) == key


@given(versions)
def test_a_version_key_parses_to_itself_with_and_without_its_prefix(key: VersionKey) -> None:
    assert VersionKey.parse(key) == VersionKey.parse(key.path) == key
    assert key.collection.version(key.number) == key
    assert key.project == key.collection.project


@given(segments)
def test_a_segment_key_tells_its_run_and_number(key: SegmentKey) -> None:
    assert key.run.segment(key.number) == key
    assert RunKey.parse(key.run) == key.run


@given(segments | versions)
def test_a_node_key_parses_to_itself_and_keeps_its_type(key: SegmentKey | VersionKey) -> None:
    assert parse_node(key) == key
    assert type(parse_node(key)) is type(key)


@given(collections, aliases | st.just("latest") | indexes.map("v{}".format))
def test_an_artifact_reference_parses_to_itself(collection: CollectionKey, version: str) -> None:
    ref = ArtifactRef(collection, version)
    assert ArtifactRef.parse(str(ref)) == ref
    assert ArtifactRef.parse(f"artifact:{ref}") == ref
    assert parse_version_or_run(str(ref)) == ref
    short = f"{collection.name}:{version}"
    entity, project = collection.project.entity, collection.project.name
    assert ArtifactRef.parse(short, entity=entity, project=project) == ref


@given(runs)
def test_a_run_path_is_completed_from_the_defaults(key: RunKey) -> None:
    entity, project, name = key.path.split("/")
    assert parse_run_path(name, entity=entity, project=project) == key
    assert parse_run_path(f"{project}/{name}", entity=entity) == key
    assert parse_run_path(key) == parse_version_or_run(key) == key
    assert parse_version_or_run(key.path) == key


def test_an_artifact_without_a_version_is_the_latest() -> None:
    ref = ArtifactRef.parse("acme/vision/digits")
    assert ref == ArtifactRef(CollectionKey.parse("acme/vision/digits"), "latest")
    assert ref.index is None
    assert ArtifactRef.parse("acme/vision/digits:v3").index == 3


def test_a_collection_may_be_named_artifact() -> None:
    ref = ArtifactRef.parse("artifact:v3", entity="acme", project="vision")
    assert str(ref) == "acme/vision/artifact:v3"
    assert ArtifactRef.parse("artifact:acme/vision/artifact:v3") == ref


def test_a_part_that_is_missing_is_named() -> None:
    with pytest.raises(Invalid, match="names no entity"):
        ArtifactRef.parse("vision/digits:v1")
    with pytest.raises(Invalid, match="names no project"):
        ArtifactRef.parse("digits:v1", entity="acme")


BAD_NAMES = ["", ".", "..", ".a", "a b", "a/b", "a:b", "a#2", "a\n", "ä", "x" * 129, "a\0", None, 3]


@pytest.mark.parametrize("text", BAD_NAMES)
def test_a_name_outside_the_grammar_is_refused(text: object) -> None:
    with pytest.raises(Invalid) as caught:
        check_name(text, "collection")
    assert caught.value.field == "collection"


@pytest.mark.parametrize("name", ["a", "A-b_c.9", "-", "_x", "x" * 128, "v3", "latest"])
def test_a_name_inside_the_grammar_is_kept(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "alias", ["v0", "v3", "v007", "v99999999999999999999", "latest", *BAD_NAMES]
)
def test_an_alias_is_never_a_version_nor_latest(alias: object) -> None:
    with pytest.raises(Invalid):
        check_alias(alias)


@pytest.mark.parametrize("alias", ["prod", "v", "v3a", "V3", "latest-2", "3"])
def test_a_name_that_only_resembles_a_version_may_be_an_alias(alias: str) -> None:
    assert check_alias(alias) == alias


@pytest.mark.parametrize(
    "text", ["v", "3", "v-1", "v03", "v1.0", "V1", "v1 ", "v" + "9" * 19, "v٣"]
)
def test_only_v_and_a_plain_number_is_an_index(text: str) -> None:
    assert parse_index(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "acme",
        "acme/",
        "/vision",
        "acme/vision/x",
        "acme//vision",
        "a b/c",
        "acme/.vision",
        "",
        None,
        7,
    ],
)
def test_a_malformed_project_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        ProjectKey.parse(text)


@pytest.mark.parametrize(
    "text",
    ["acme/vision/digits", "acme/vision/digits:", "acme/vision/digits:prod", "digits:v1", "x/y:v1",
     "artifact:artifact:acme/vision/digits:v1", "run:acme/vision/digits:v1", "a/b/c/d:v1",
     "acme/vision/digits:v01", "acme/vision/:v1", "acme/vision/digits:v1\n", None],
)  # fmt: skip
def test_a_malformed_version_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        VersionKey.parse(text)


@pytest.mark.parametrize(
    "text",
    ["run:acme/vision/r#1", "run:acme/vision/r#0", "run:acme/vision/r#", "run:acme/vision/r#02",
     "run:acme/vision/r#2#3", "run:acme/vision", "acme/vision/r", "sweep:acme/vision/s", "", None],
)  # fmt: skip
def test_a_malformed_node_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_node(text)


@pytest.mark.parametrize("text", ["", "a/b/c/d", "a//c", "acme/vision/r#2", "acme/vision/r:v1"])
def test_a_malformed_run_path_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_run_path(text, entity="acme", project="vision")


@pytest.mark.parametrize(
    "text", ["a/b/c:", "a/b/c:v1:v2", "a/b/c/d:v1", ":v1", "a/b/c:x y", "a/b/c:/"]
)
def test_a_malformed_artifact_reference_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        ArtifactRef.parse(text, entity="acme", project="vision")


@pytest.mark.parametrize("tag", ["a", "needs review", "ä ö", "x" * 128, "a/b:c", "🙂"])
def test_a_printable_tag_is_kept(tag: str) -> None:
    assert check_tag(tag) == tag


@pytest.mark.parametrize("tag", ["", "x" * 129, "a\nb", "a\0", "\ud800", None, 3])
def test_a_tag_that_cannot_be_printed_is_refused(tag: object) -> None:
    with pytest.raises(Invalid):
        check_tag(tag)


GOOD_PATHS = [
    "a",
    "a/b.txt",
    ".hidden",
    "a/.b",
    "...",
    "a/..b",
    "a b",
    "ä",
    "日本",
    "a\nb",
    "a\\b",
    "~",
]


@pytest.mark.parametrize("path", [*GOOD_PATHS, "x" * 4096])
def test_a_relative_path_is_kept(path: str) -> None:
    assert check_path(path) == path


@pytest.mark.parametrize(
    ("path", "reason"),
    [("", "not a path"), (None, "not a path"), (b"a", "not a path"), ("/", "absolute"),
     ("/etc/passwd", "absolute"), ("//a", "absolute"), (".", "part"), ("..", "part"),
     ("../a", "part"), ("a/../b", "part"), ("a/..", "part"), ("./a", "part"), ("a/./b", "part"),
     ("a//b", "part"), ("a/", "part"), ("a\0b", "NUL"), ("\0", "NUL"), ("a\ud800", "UTF-8"),
     ("e\u0301", "normal form C"), ("\u212b", "normal form C"), ("x" * 4097, "4,096 bytes"),
     ("ä" * 2049, "4,096 bytes")],
)  # fmt: skip
def test_a_path_that_could_lead_elsewhere_is_refused(path: object, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        check_path(path)


@given(st.text(min_size=1))
def test_of_two_spellings_of_one_path_at_most_one_is_taken(path: str) -> None:
    try:
        nfd = unicodedata.normalize("NFD", path)
        assume(unicodedata.normalize("NFC", nfd) != nfd)
    except ValueError:
        assume(False)
    with pytest.raises(Invalid):
        check_path(nfd)
