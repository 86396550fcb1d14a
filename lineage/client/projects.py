"""Projects and collections, as the server tells of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from lineage.client.http import Http
from lineage.client.wire import read_time
from lineage.model import Bytes
from lineage.model import Collection as CollectionValue
from lineage.names import ProjectKey

__all__ = ["Collection", "Project"]


class Project:
    def __init__(self, told: Any, http: Http) -> None:
        self._told = told
        self._http = http

    @property
    def name(self) -> str:
        return str(self._told["name"])

    @property
    def entity(self) -> str:
        return str(self._told["entity"])

    @property
    def path(self) -> str:
        """`entity/project`."""
        return ProjectKey.of(self.entity, self.name)

    @property
    def access(self) -> str:
        """`private`, `public` or `open`."""
        return str(self._told["access"])

    @property
    def created_at(self) -> datetime | None:
        return read_time(self._told["created_at"])

    def set_access(self, access: str) -> None:
        """Make it `private`, `public` or `open`."""
        body = {"access": access}
        self._told = self._http.put(f"/projects/{self.path}", body)

    @property
    def protected_aliases(self) -> tuple[str, ...]:
        """Aliases that only an administrator moves or drops; what has one is not deleted."""
        return tuple(self._told["protected_aliases"])

    @property
    def guards_downstream(self) -> bool:
        """Whether a version that a run has used is kept until that run is deleted."""
        return bool(self._told["guards_downstream"])

    def guard(
        self, *, aliases: Sequence[str] | None = None, downstream: bool | None = None
    ) -> None:
        """Change what it guards against; None leaves it as it is. For administrators."""
        body = {"protected_aliases": None if aliases is None else list(aliases)}
        asked = body | {"guards_downstream": downstream}
        self._told = self._http.patch(f"/projects/{self.path}", asked)

    def stored_bytes(self) -> Bytes:
        """What its versions take up: all, shared with others, its own alone."""
        return _read_bytes(self._http.get(f"/projects/{self.path}/bytes"))

    def __repr__(self) -> str:
        return f"<Project {self.path} {self.access}>"


class Collection:
    def __init__(self, value: CollectionValue, http: Http) -> None:
        self._value = value
        self._http = http

    @property
    def name(self) -> str:
        return self._value.key.name

    @property
    def type(self) -> str:
        return self._value.type

    @property
    def path(self) -> str:
        """`entity/project/collection`."""
        return str(self._value.key)

    @property
    def description(self) -> str:
        return self._value.description

    @property
    def n_versions(self) -> int:
        """How many there have been; deleted ones count."""
        return self._value.next_index

    @property
    def created_at(self) -> datetime:
        return self._value.created_at

    def stored_bytes(self) -> Bytes:
        """What its versions take up: all, shared with others, its own alone."""
        project = self._value.key.project
        return _read_bytes(self._http.get(f"/projects/{project}/collections/{self.name}/bytes"))

    def __repr__(self) -> str:
        return f"<Collection {self.path} {self.type}>"


def _read_bytes(told: Any) -> Bytes:
    return Bytes(told["all_bytes"], told["shared_bytes"], told["n_blobs"])
