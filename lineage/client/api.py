"""Questions about what was recorded: `Api().run(…)`, `.runs(…)`, `.artifact(…)`, `.sweep(…)` …"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, Literal, TypeVar, overload

from lineage.client.answers import Impact, Trace, ask_impact, ask_trace
from lineage.client.artifact import Artifact
from lineage.client.connection import connect
from lineage.client.deletions import DeletionPlan, Receipt, ask_plan
from lineage.client.mongo import filter_text, order_text
from lineage.client.projects import Collection, Project
from lineage.client.recorded import RecordedRun
from lineage.client.settings import read_settings
from lineage.client.sweep import Sweep, parse_sweep_path
from lineage.client.version_facts import version_url
from lineage.client.wire import read_collection, read_run, read_sweep, read_version
from lineage.errors import Invalid
from lineage.names import (
    ArtifactRef,
    ProjectKey,
    RunKey,
    check_name,
    parse_run_path,
    parse_version_or_run,
)

__all__ = ["Api", "Pages"]

T = TypeVar("T")


class Pages(Sequence[T], Generic[T]):
    """A list that is fetched page by page, as far as it is read. `len` and `[-1]` read it all."""

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items
        self._read: list[T] = []

    def __iter__(self) -> Iterator[T]:
        position = 0
        while self._has(position):
            yield self._read[position]
            position += 1

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, int) and index >= 0:
            self._has(index)
        else:
            self._has(None)
        return self._read[index]

    def __len__(self) -> int:
        self._has(None)
        return len(self._read)

    def __bool__(self) -> bool:
        return self._has(0)

    def _has(self, position: int | None) -> bool:
        while position is None or len(self._read) <= position:
            try:
                self._read.append(next(self._items))
            except StopIteration:
                return False
        return True


class Api:
    """Args: the server and the names to complete paths with; from the settings if None.

    Paths: `run`, `project/run` or `entity/project/run`; likewise for artifacts and sweeps.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        entity: str | None = None,
        project: str | None = None,
    ) -> None:
        settings = read_settings(url=url, api_key=api_key, entity=entity, project=project)
        self._connection = connect(settings)
        self._http = self._connection.http
        self._entity, self._project = settings.entity, settings.project

    # Runs

    def run(self, path: str) -> RecordedRun:
        """The run; NotFound if there is none."""
        key = self._run_key(path)
        told = self._http.get(f"/projects/{key.project}/runs/{key.name}")
        return RecordedRun(read_run(told), self._connection)

    def runs(
        self,
        path: str | None = None,
        filters: str | Mapping[str, Any] | None = None,
        order: str = "-created_at",
        per_page: int = 100,
    ) -> Pages[RecordedRun]:
        """The runs of a project (`entity/project`) that pass a filter.

        Args:
            filters: text such as `state = "finished" and summary.acc > 0.9`, or an object such as
                {"config.lr": 0.1, "summary_metrics.acc": {"$gt": 0.9}}.
            order: a field, with `-` in front from the greatest down.
        """
        params = self._selection(filters, order, per_page)
        items = self._http.items(f"/projects/{self._project_key(path)}/runs", params)
        return Pages(RecordedRun(read_run(told), self._connection) for told in items)

    # Artifacts

    def artifact(self, name: str, type: str | None = None) -> Artifact:
        """A version: `name:v3`, `name:alias`, or `name` for the latest, in a project or not.

        Raises:
            NotFound: there is none.
            Invalid: it is not of `type`.
        """
        ref = self._ref(name)
        version = read_version(self._http.get(version_url(ref)))
        if type is not None and version.type != type:
            raise Invalid("type", f"{version.key.path} is of type {version.type}, not {type}")
        return Artifact.of(version, self._connection)

    def artifacts(
        self,
        type: str | None = None,
        name: str | None = None,
        *,
        filters: str | Mapping[str, Any] | None = None,
        order: str = "-created_at",
        project: str | None = None,
        per_page: int = 100,
    ) -> Pages[Artifact]:
        """The versions of a collection, or of a whole project; deleted ones are left out, unless
        the filter names `state`.

        Args:
            type: only of this type.
            name: the collection, in a project or not; all of `project` if None.
        """
        text = filter_text(filters)
        parts = [f"({text})"] if text else []
        if type is not None:
            parts.append(f'type = "{check_name(type, "type")}"')
        if text is None or "state" not in text:
            parts.append('state = "committed"')
        params = self._selection(" and ".join(parts), order, per_page)
        if name is None:
            url = f"/projects/{self._project_key(project)}/versions"
        else:
            key = self._ref(name).collection
            url = f"/projects/{key.project}/collections/{key.name}/versions"
        items = self._http.items(url, params)
        return Pages(Artifact.of(read_version(told), self._connection) for told in items)

    def collections(
        self, project: str | None = None, *, type: str | None = None
    ) -> Pages[Collection]:
        """The collections of a project, by name."""
        url = f"/projects/{self._project_key(project)}/collections"
        items = self._http.items(url, {"type": type})
        return Pages(Collection(read_collection(told), self._http) for told in items)

    def collection(self, name: str) -> Collection:
        """The collection; NotFound if there is none."""
        key = self._ref(name).collection
        told = self._http.get(f"/projects/{key.project}/collections/{key.name}")
        return Collection(read_collection(told), self._http)

    def artifact_collection(self, type: str, name: str) -> Collection:
        """As `collection`, of this type; Invalid if it is of another."""
        found = self.collection(name)
        if found.type != type:
            raise Invalid("type", f"{found.path} is of type {found.type}, not {type}")
        return found

    def log_artifact(
        self,
        artifact: Artifact,
        *,
        project: str | None = None,
        aliases: Sequence[str] = (),
        tags: Sequence[str] = (),
    ) -> Artifact:
        """Make an artifact a version that no run has logged."""
        key = self._project_key(project)
        return artifact.log(self._connection, key, aliases=aliases, tags=tags)

    def containing(
        self, *, digest: str | None = None, path: str | None = None, limit: int = 100
    ) -> list[Artifact]:
        """The versions that contain this file (its digest), or a file of this path."""
        items = self._http.items("/contains", {"digest": digest, "path": path, "limit": limit})
        return [Artifact.of(read_version(told), self._connection) for told in items]

    # Sweeps and projects

    def sweep(self, path: str) -> Sweep:
        """The sweep; NotFound if there is none."""
        key = parse_sweep_path(path, entity=self._entity, project=self._project)
        told = self._http.get(f"/projects/{key.project}/sweeps/{key.name}")
        return Sweep(read_sweep(told), self._connection)

    def sweeps(self, project: str | None = None) -> Pages[Sweep]:
        """The sweeps of a project, by id."""
        items = self._http.items(f"/projects/{self._project_key(project)}/sweeps")
        return Pages(Sweep(read_sweep(told), self._connection) for told in items)

    def project(self, name: str | None = None, entity: str | None = None) -> Project:
        """The project; NotFound if there is none."""
        path = name if entity is None or name is None else f"{entity}/{name}"
        return Project(self._http.get(f"/projects/{self._project_key(path)}"), self._http)

    def projects(self, entity: str | None = None) -> Pages[Project]:
        """The projects that may be read, of one entity or of all."""
        items = self._http.items("/projects", {"entity": entity})
        return Pages(Project(told, self._http) for told in items)

    # Lineage and deletion

    def trace(
        self,
        *starts: str,
        direction: Literal["upstream", "downstream"] = "upstream",
        max_hops: int | None = None,
        limit: int | None = None,
    ) -> Trace:
        """All that runs (`project/run`) and versions (`name:v3`) came from, or led to."""
        given = {"entity": self._entity, "project": self._project}
        keys = [str(parse_version_or_run(start, **given)) for start in starts]
        return ask_trace(self._http, keys, direction=direction, max_hops=max_hops, limit=limit)

    def impact(
        self,
        *names: str | Artifact | RecordedRun,
        collection: str | None = None,
        project: str | None = None,
        digest: str | None = None,
        path: str | None = None,
        filters: str | Mapping[str, Any] | None = None,
        keep_last: int = 0,
        with_logged: bool = False,
    ) -> Impact:
        """What depends on runs (`project/run`) and versions (`name:v3`), and what could not be
        made again without them; or on what the others choose, as for `deletion_plan`."""
        given = {"entity": self._entity, "project": self._project}
        chosen = self._chosen(collection, project, digest, path, filters, keep_last)
        for name in names:
            if isinstance(name, Artifact):
                chosen["versions"].append(name.qualified_name)
            elif isinstance(name, RecordedRun):
                chosen["runs"].append(name.path)
            else:
                key = parse_version_or_run(name, **given)
                if isinstance(key, RunKey):
                    chosen["runs"].append(key.path)
                else:
                    chosen["versions"].append(str(key))
        return ask_impact(self._http, {**chosen, "with_logged": with_logged})

    def deletion_plan(
        self,
        *,
        artifacts: Sequence[str | Artifact] = (),
        runs: Sequence[str | RecordedRun] = (),
        collection: str | None = None,
        project: str | None = None,
        digest: str | None = None,
        path: str | None = None,
        filters: str | Mapping[str, Any] | None = None,
        keep_last: int = 0,
        with_logged: bool = False,
        delete_aliases: bool = False,
        purge: bool = False,
    ) -> DeletionPlan:
        """What a deletion would break and free; `plan.execute()` does just that.

        Args:
            artifacts, runs: what to delete.
            collection, project, digest, path: the live versions of a collection or of a project,
                or those that contain this file: one way. A project alone is its runs, too.
            filters, keep_last: of these versions those that pass a filter, and that are not among
                the newest so many of their collection.
            with_logged: also what the runs logged.
            delete_aliases: aliases go too, rather than block.
            purge: the nodes go as well, and lineage through them is cut.
        """
        names = [a if isinstance(a, str) else a.qualified_name for a in artifacts]
        paths = [run if isinstance(run, str) else run.path for run in runs]
        chosen = self._chosen(collection, project, digest, path, filters, keep_last)
        request = {
            **chosen,
            "versions": [str(self._ref(name)) for name in names],
            "runs": [self._run_key(name).path for name in paths],
            "with_logged": with_logged,
            "delete_aliases": delete_aliases,
            "purge": purge,
        }
        return ask_plan(self._http, request)

    def receipts(self, per_page: int = 100) -> Pages[Receipt]:
        """Your deletions, or for an administrator all, newest first."""
        items = self._http.items("/deletions", {"limit": per_page})
        return Pages(Receipt.read(told) for told in items)

    def receipt(self, id: str) -> Receipt:
        """The receipt of a deletion, and how far it is; NotFound if none of yours is of this id."""
        return Receipt.read(self._http.get(f"/deletions/{check_name(id, 'id')}"))

    def whoami(self) -> Mapping[str, Any]:
        """`name`, `is_admin` and `entities` of whoever the key belongs to."""
        told: Mapping[str, Any] = self._http.get("/whoami")
        return told

    # Names

    def _run_key(self, path: str) -> RunKey:
        return parse_run_path(path, entity=self._entity, project=self._project)

    def _ref(self, name: str) -> ArtifactRef:
        return ArtifactRef.parse(name, entity=self._entity, project=self._project)

    def _project_key(self, path: str | None) -> ProjectKey:
        if path is None:
            return ProjectKey.of(self._entity, self._project)
        return ProjectKey.parse(path if "/" in path else f"{self._entity}/{path}")

    def _chosen(
        self,
        collection: str | None,
        project: str | None,
        digest: str | None,
        path: str | None,
        filters: str | Mapping[str, Any] | None,
        keep_last: int,
    ) -> dict[str, Any]:
        """What chooses versions, in the body of a request; nothing is named in it yet."""
        return {
            "versions": [],
            "runs": [],
            "collection": None if collection is None else str(self._ref(collection).collection),
            "project": None if project is None else str(self._project_key(project)),
            "digest": digest,
            "path": path,
            "filter": filter_text(filters),
            "keep_last": keep_last,
        }

    def _selection(
        self, filters: str | Mapping[str, Any] | None, order: str, per_page: int
    ) -> dict[str, Any]:
        return {"filter": filter_text(filters), "order": order_text(order), "limit": per_page}
