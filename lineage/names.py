"""Names: the one grammar for everything a person or a program can point at.

    entity        acme
    project       acme/vision
    run           acme/vision/3f2a9c                key  run:acme/vision/3f2a9c
    segment       a later part of that run          key  run:acme/vision/3f2a9c#2
    sweep         acme/vision/lr-search             key  sweep:acme/vision/lr-search
    collection    acme/vision/digits
    version       acme/vision/digits:v3             key  artifact:acme/vision/digits:v3
    alias         acme/vision/digits:prod

Keys are what the graph stores; a key is its own value type, so that none stands in for another.
What people type (`digits:prod`, `vision/digits:v3`) is an ArtifactRef or a path, completed from
the defaults of whoever reads it. parse(format(x)) == x for each of them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Self

from lineage.errors import Invalid

__all__ = [
    "LATEST",
    "ArtifactRef",
    "CollectionKey",
    "NodeKey",
    "ProjectKey",
    "RunKey",
    "SegmentKey",
    "SweepKey",
    "VersionKey",
    "check_alias",
    "check_name",
    "check_path",
    "check_tag",
    "parse_index",
    "parse_node",
    "parse_run_path",
    "parse_version_or_run",
]

LATEST: Final = "latest"
_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}")
_INDEX: Final = re.compile(r"v(0|[1-9][0-9]{0,17})")
_RESERVED: Final = re.compile(r"v[0-9]+")
_SEGMENT: Final = re.compile(r"[1-9][0-9]{0,8}")


def check_name(text: object, field: str = "name") -> str:
    """`text`, if it may name an entity, project, collection, run or sweep; Invalid otherwise."""
    if isinstance(text, str) and _NAME.fullmatch(text):
        return text
    reason = f"{text!r:.140} is not 1 to 128 of A-Z a-z 0-9 _ - . without a dot in front"
    raise Invalid(field, reason)


def check_alias(text: object, field: str = "alias") -> str:
    """`text`, if a person may set it as an alias: a name that is neither `v3` nor `latest`."""
    alias = check_name(text, field)
    if _RESERVED.fullmatch(alias):
        raise Invalid(field, f"{alias} is reserved: v and a number always name a version itself")
    if alias == LATEST:
        raise Invalid(field, "latest is kept by the server: it is the version logged last")
    return alias


def check_tag(text: object, field: str = "tags") -> str:
    """`text`, if it may label a run or version: 1 to 128 printable characters."""
    if isinstance(text, str) and 0 < len(text) <= 128 and text.isprintable() and _is_utf8(text):
        return text
    raise Invalid(field, f"{text!r:.140} is not 1 to 128 printable characters")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_path(text: object, field: str = "path") -> str:
    """`text`, if it may be a path in a manifest: relative, NFC, no empty, `.` or `..` part."""
    if not isinstance(text, str) or not text:
        raise Invalid(field, f"{text!r:.200} is not a path")
    if text.isascii():
        n_bytes = len(text)
    else:
        if not _is_utf8(text):
            raise Invalid(field, f"{text!r:.200} cannot be written as UTF-8")
        if not unicodedata.is_normalized("NFC", text):
            raise Invalid(field, f"{text!r:.200} is not in Unicode normal form C")
        n_bytes = len(text.encode())
    if n_bytes > 4096:
        raise Invalid(field, f"{text[:60]!r}… is longer than 4,096 bytes")
    if "\0" in text:
        raise Invalid(field, f"{text!r:.200} contains a NUL character")
    if text[0] == "/":
        raise Invalid(field, f"{text!r:.200} is absolute; paths are relative to the artifact")
    if "//" in text or text[-1] == "/" or ("." in text and _has_dot_part(text)):
        raise Invalid(field, f"{text!r:.200} has an empty, `.` or `..` part")
    return text


def _has_dot_part(text: str) -> bool:
    return any(part in (".", "..") for part in text.split("/"))


def parse_index(text: str) -> int | None:
    """3 for `v3`; None for anything that is not a version index."""
    match = _INDEX.fullmatch(text)
    return int(match[1]) if match else None


class ProjectKey(str):
    """`entity/project`."""

    __slots__ = ()

    @classmethod
    def of(cls, entity: str, name: str) -> Self:
        return cls(f"{check_name(entity, 'entity')}/{check_name(name, 'project')}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """`entity/project`; Invalid for anything else."""
        entity, slash, name = _text(text, "project").partition("/")
        if not slash:
            raise Invalid("project", f"{text!r:.280} is not `entity/project`")
        return cls.of(entity, name)

    @property
    def entity(self) -> str:
        return self.partition("/")[0]

    @property
    def name(self) -> str:
        return self.partition("/")[2]


class _InProject(str):
    """`[prefix]entity/project/name`, shared by the keys of what lies in a project."""

    __slots__ = ()
    _PREFIX = ""
    _WHAT = "name"

    @classmethod
    def of(cls, project: ProjectKey, name: str) -> Self:
        return cls(f"{cls._PREFIX}{project}/{check_name(name, cls._WHAT)}")

    @classmethod
    def parse(cls, text: str) -> Self:
        body = _text(text, cls._WHAT).removeprefix(cls._PREFIX)
        project, slash, name = body.rpartition("/")
        if not slash:
            raise Invalid(cls._WHAT, f"{text!r:.400} is not `{cls._PREFIX}entity/project/name`")
        return cls.of(ProjectKey.parse(project), name)

    @property
    def path(self) -> str:
        """Without the prefix: what people type."""
        return self[len(self._PREFIX) :]

    @property
    def project(self) -> ProjectKey:
        return ProjectKey(self.path.rpartition("/")[0])

    @property
    def name(self) -> str:
        return self.rpartition("/")[2]


class CollectionKey(_InProject):
    """`entity/project/collection`."""

    __slots__ = ()
    _WHAT = "collection"

    def version(self, index: int) -> VersionKey:
        return VersionKey(f"artifact:{self}:v{index}")


class SweepKey(_InProject):
    """`sweep:entity/project/sweep`."""

    __slots__ = ()
    _PREFIX = "sweep:"
    _WHAT = "sweep"


class RunKey(_InProject):
    """`run:entity/project/run`: also the key of the run's first segment."""

    __slots__ = ()
    _PREFIX = "run:"
    _WHAT = "run"

    def segment(self, number: int) -> SegmentKey:
        """The key of the run's n-th segment, counted from 1."""
        return SegmentKey(self if number == 1 else f"{self}#{number}")


class NodeKey(str):
    """The key of a node of the graph: a SegmentKey or a VersionKey."""

    __slots__ = ()


class SegmentKey(NodeKey):
    """`run:entity/project/run` for the first segment, `…#2` and on for the later ones."""

    __slots__ = ()

    @property
    def run(self) -> RunKey:
        return RunKey(self.partition("#")[0])

    @property
    def number(self) -> int:
        return int(self.partition("#")[2] or 1)


class VersionKey(NodeKey):
    """`artifact:entity/project/collection:v3`."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        body, colon, index = _text(text, "version").removeprefix("artifact:").rpartition(":")
        if not colon or parse_index(index) is None:
            reason = f"{text!r:.400} is not `entity/project/collection:v0`"
            raise Invalid("version", reason)
        return cls(f"artifact:{CollectionKey.parse(body)}:{index}")

    @property
    def path(self) -> str:
        return self[len("artifact:") :]

    @property
    def collection(self) -> CollectionKey:
        return CollectionKey(self.path.rpartition(":")[0])

    @property
    def project(self) -> ProjectKey:
        return self.collection.project

    @property
    def number(self) -> int:
        """3 for `…:v3`."""
        return int(self.rpartition(":v")[2])


def parse_node(text: str) -> NodeKey:
    """The segment or version that a full key names; Invalid for anything else."""
    if _text(text, "node").startswith("artifact:"):
        return VersionKey.parse(text)
    if text.startswith("run:"):
        body, hash_, number = text.partition("#")
        if hash_ and (_SEGMENT.fullmatch(number) is None or number == "1"):
            raise Invalid("node", f"{text!r:.400}: a later segment is `#2` or more")
        return RunKey.parse(body).segment(int(number or 1))
    raise Invalid("node", f"{text!r:.400} begins neither with `artifact:` nor with `run:`")


def _text(text: object, field: str) -> str:
    if isinstance(text, str):
        return text
    raise Invalid(field, f"{text!r:.100} is not text")


@dataclass(frozen=True, slots=True)
class ArtifactRef:
    """What a person types for an artifact: `[[entity/]project/]collection[:alias or vN]`."""

    collection: CollectionKey
    version: str = LATEST

    @classmethod
    def parse(cls, text: str, *, entity: str | None = None, project: str | None = None) -> Self:
        """Completed from the defaults; Invalid if a part is missing or malformed."""
        # `artifact:v3` alone is a collection of that name: a full key has a slash behind it.
        body = _text(text, "artifact").removeprefix("artifact:")
        path, colon, version = (body if "/" in body else text).partition(":")
        key = CollectionKey.parse("/".join(_complete(path, "artifact", entity, project)))
        if not colon:
            return cls(key)
        if parse_index(version) is None and version != LATEST:
            check_alias(version)
        return cls(key, version)

    @property
    def index(self) -> int | None:
        """The version index, if one is named and not an alias."""
        return parse_index(self.version)

    def __str__(self) -> str:
        return f"{self.collection}:{self.version}"


def parse_run_path(text: str, *, entity: str | None = None, project: str | None = None) -> RunKey:
    """The run that `[[entity/]project/]run` names, completed from the defaults."""
    body = _text(text, "run").removeprefix("run:")
    return RunKey.parse("/".join(_complete(body, "run", entity, project)))


def parse_version_or_run(
    text: str, *, entity: str | None = None, project: str | None = None
) -> ArtifactRef | RunKey:
    """What `lineage trace` takes: a name with a colon is an artifact, any other a run."""
    if _text(text, "node").startswith("run:"):
        return parse_run_path(text, entity=entity, project=project)
    if ":" in text:
        return ArtifactRef.parse(text, entity=entity, project=project)
    return parse_run_path(text, entity=entity, project=project)


def _complete(path: str, field: str, entity: str | None, project: str | None) -> list[str]:
    parts = path.split("/")
    if len(parts) > 3:
        raise Invalid(field, f"{path!r:.400} has more than entity, project and name")
    defaults = [("entity", entity), ("project", project)][: 3 - len(parts)]
    for what, value in defaults:
        if value is None:
            raise Invalid(field, f"{path!r:.280} names no {what}, and none is set")
    return [value for _, value in defaults if value is not None] + parts
