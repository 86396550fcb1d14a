"""The JSON that requests carry. An unknown field is refused: it would be ignored in silence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.documents import EXAMPLE_BLOB, EXAMPLE_PAGE, EXAMPLE_PAGE_BODY
from lineage.digest import Digest
from lineage.filters import parse
from lineage.names import CollectionKey, ProjectKey, RunKey, VersionKey

__all__ = [
    "BlobsBundle",
    "DeclareLogged",
    "DeletionRequestBody",
    "DraftBody",
    "FinishRun",
    "HoldBlobs",
    "NextPoint",
    "ProjectAccess",
    "ProjectGuards",
    "ReferenceCheckBody",
    "RunPatchBody",
    "SelectionBody",
    "StartRun",
    "SweepBody",
    "UseArtifact",
    "VersionPatchBody",
]


def _config(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [example]})


class ProjectAccess(BaseModel):
    model_config = _config({"access": "private"})

    access: Literal["private", "public", "open"]


class ProjectGuards(BaseModel):
    """What the project guards against; a field that is left out stays as it is."""

    model_config = _config({"protected_aliases": ["prod"]})

    protected_aliases: list[str] | None = Field(default=None, max_length=1000)
    guards_downstream: bool | None = None


class StartRun(BaseModel):
    model_config = _config(
        {
            "id": "3f2a9c",
            "name": "baseline",
            "job_type": "train",
            "tags": ["first"],
            "config": {"lr": 0.01, "layers": [64, 10]},
        }
    )

    id: str
    resume: Literal["never", "allow", "must"] = "never"
    name: str = ""
    job_type: str = ""
    group: str = ""
    notes: str = ""
    tags: list[str] = Field(default_factory=list)
    config: dict[str, Any] = Field(default_factory=dict)


class RunPatchBody(BaseModel):
    """Documents are merged key by key; `metrics` also move the least and greatest values."""

    model_config = _config({"metrics": {"acc": 0.91, "loss": {"$float": "NaN"}}})

    config: dict[str, Any] | None = None
    summary: dict[str, Any] | None = None
    metrics: dict[str, Any] | None = None
    name: str | None = None
    group: str | None = None
    job_type: str | None = None
    notes: str | None = None
    tags: list[str] | None = None


class FinishRun(BaseModel):
    model_config = _config({"exit_code": 0, "error": ""})

    exit_code: int = Field(default=0, ge=-(2**31), lt=2**32)
    error: str = ""


class UseArtifact(BaseModel):
    model_config = _config({"artifact": "acme/vision/digits:latest"})

    artifact: str = Field(description="entity/project/collection:v3, or an alias instead of v3")
    declared: bool = Field(False, description="State it afterwards, of the whole run.")


class DeclareLogged(BaseModel):
    model_config = _config({"artifact": "acme/vision/digits:v0"})

    artifact: str


class VersionPatchBody(BaseModel):
    """`metadata` is replaced whole; tags and aliases come and go by name."""

    model_config = _config({"description": "handwritten digits", "add_aliases": ["raw"]})

    metadata: dict[str, Any] | None = None
    description: str | None = None
    add_tags: list[str] = Field(default_factory=list)
    drop_tags: list[str] = Field(default_factory=list)
    add_aliases: list[str] = Field(default_factory=list)
    drop_aliases: list[str] = Field(default_factory=list)


class ReferenceCheckBody(BaseModel):
    """What was found at the addresses of a version's references; each counts once."""

    model_config = _config({"n_ok": 1, "n_changed": 0, "n_missing": 0, "n_unversioned": 0})

    n_ok: int = Field(default=0, ge=0, le=2**53 - 1)
    n_changed: int = Field(default=0, ge=0, le=2**53 - 1)
    n_missing: int = Field(default=0, ge=0, le=2**53 - 1)
    n_unversioned: int = Field(default=0, ge=0, le=2**53 - 1)


class DraftBody(BaseModel):
    """With `bodies`, a small manifest needs no other request once its blobs are held."""

    model_config = _config(
        {
            "id": "00000000000000000000000000000001",
            "collection": "acme/vision/digits",
            "type": "dataset",
            "run": "acme/vision/3f2a9c",
            "pages": [EXAMPLE_PAGE],
            "bodies": [EXAMPLE_PAGE_BODY],
            "aliases": ["raw"],
            "metadata": {"source": "nist"},
            "description": "handwritten digits",
        }
    )

    id: str = Field(description="A UUID of the client's, 32 hex digits: the same id, one version.")
    collection: str
    type: str
    pages: list[str] = Field(description="Digests of all pages of the manifest, in order.")
    run: str | None = None
    aliases: list[str] = Field(default_factory=list)
    tags: list[str] = Field(default_factory=list)
    metadata: dict[str, Any] | None = None
    description: str = ""
    bodies: list[str] = Field(default_factory=list, description="Text of pages, if it is small.")


class HoldBlobs(BaseModel):
    model_config = _config({"blobs": [[EXAMPLE_BLOB, 6]]})

    blobs: list[tuple[str, int]] = Field(max_length=10_000)


class BlobsBundle(BaseModel):
    model_config = _config({"digests": [EXAMPLE_BLOB]})

    digests: list[str] = Field(max_length=10_000)


class SelectionBody(BaseModel):
    """Versions and runs by name; or chosen: the live versions of a collection or a project, or
    those that contain a file, by digest or path. A filter leaves those that pass it, `keep_last`
    takes out the newest of each collection. A project without these two is all of it, runs too."""

    model_config = _config({"collection": "acme/vision/digits", "keep_last": 1})

    versions: list[str] = Field(default_factory=list)
    runs: list[str] = Field(default_factory=list)
    collection: str | None = None
    project: str | None = None
    digest: str | None = None
    path: str | None = None
    filter: str | None = None
    keep_last: int = Field(default=0, ge=0, le=2**31)
    with_logged: bool = False

    def selection(self, keys: Iterable[VersionKey]) -> dict[str, Any]:
        """The arguments of a Selection; `keys` are what `versions` name."""
        return {
            "versions": tuple(dict.fromkeys(keys)),
            "runs": tuple(RunKey.parse(text) for text in dict.fromkeys(self.runs)),
            "collection": None if self.collection is None else CollectionKey.parse(self.collection),
            "project": None if self.project is None else ProjectKey.parse(self.project),
            "digest": None if self.digest is None else Digest.parse(self.digest),
            "path": self.path,
            "where": None if self.filter is None else parse(self.filter),
            "keep_last": self.keep_last,
            "with_logged": self.with_logged,
        }


class DeletionRequestBody(SelectionBody):
    """What to delete. Aliases other than `latest` block it unless they go too; `purge` takes the
    nodes out of the graph as well."""

    model_config = _config({"versions": ["acme/vision/digits:v0"], "delete_aliases": True})

    delete_aliases: bool = False
    purge: bool = False


class SweepBody(BaseModel):
    model_config = _config(
        {
            "id": "lr-search",
            "name": "learning rates",
            "method": "grid",
            "metric": {"name": "acc", "goal": "maximize"},
            "parameters": {"lr": {"values": [0.01, 0.1]}},
            "program": "train.py",
        }
    )

    id: str
    method: str
    parameters: dict[str, Any]
    metric: dict[str, Any] | None = None
    name: str | None = None
    program: str | None = None
    run_cap: int | None = None


class NextPoint(BaseModel):
    model_config = _config({"run": "7b1e00"})

    run: str = Field(description="Id of the new run that is to try the point.")
