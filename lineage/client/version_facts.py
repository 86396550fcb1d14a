"""What a version is called and what the server tells of it: the facts that never need a request."""

from __future__ import annotations

from datetime import datetime

from lineage.client.answers import Traced
from lineage.errors import Invalid
from lineage.model import ReferenceCheck, Version
from lineage.names import ArtifactRef, VersionKey

__all__ = ["VersionFacts", "version_url"]


def version_url(ref: ArtifactRef) -> str:
    """The path of a version below `/api/v1`."""
    project, name = ref.collection.project, ref.collection.name
    return f"/projects/{project}/collections/{name}/versions/{ref.version}"


class VersionFacts(Traced):
    """The read-only side of an `Artifact`, before and after it is logged."""

    _collection: str | None
    _type: str
    _saved: Version | None  # None until it is logged
    _is_new: bool | None

    @property
    def type(self) -> str:
        return self._type

    @property
    def is_draft(self) -> bool:
        """Whether it has not been logged yet."""
        return self._saved is None

    @property
    def is_new(self) -> bool | None:
        """After logging: False if the collection had this content already."""
        return self._is_new

    @property
    def name(self) -> str:
        """`digits:v3`; before it is logged, `digits`."""
        if self._saved is None:
            return self._collection or ""
        return self._saved.key.path.rpartition("/")[2]

    source_name = name

    @property
    def collection(self) -> str:
        """The name without the version."""
        return self._collection or ""

    @property
    def entity(self) -> str:
        return self._key.project.entity

    @property
    def project(self) -> str:
        return self._key.project.name

    @property
    def qualified_name(self) -> str:
        """`entity/project/digits:v3`."""
        return self._key.path

    @property
    def id(self) -> str:
        """The version's key in the graph: `artifact:entity/project/digits:v3`."""
        return str(self._key)

    @property
    def version(self) -> str:
        """`v3`."""
        return f"v{self._key.number}"

    @property
    def state(self) -> str:
        """`draft`, `committed` or `deleted`."""
        return "draft" if self._saved is None else self._saved.state.value

    @property
    def created_at(self) -> datetime:
        return self._version.created_at

    @property
    def created_by(self) -> str:
        return self._version.created_by

    @property
    def reference_check(self) -> ReferenceCheck | None:
        """What `verify_references` found the last time, by whoever; None if nobody looked."""
        return self._version.reference_check

    @property
    def is_drifted(self) -> bool:
        """Whether that found references that are changed or missing."""
        return self._version.is_drifted

    @property
    def _version(self) -> Version:
        if self._saved is None:
            raise Invalid("artifact", f"{self.name} has not been logged yet: log_artifact does it")
        return self._saved

    @property
    def _key(self) -> VersionKey:
        return self._version.key

    @property
    def _url(self) -> str:
        key = self._key
        return version_url(ArtifactRef(key.collection, f"v{key.number}"))
