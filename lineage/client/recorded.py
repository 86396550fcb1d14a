"""A run as the server has it: one that is over, or that another process is busy with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lineage.client.answers import Traced
from lineage.client.artifact import Artifact
from lineage.client.connection import Connection
from lineage.client.deletions import DeletionPlan, Receipt, ask_plan, follow
from lineage.client.documents import Document
from lineage.client.http import Http
from lineage.client.wire import read_run, read_version
from lineage.model import Run
from lineage.names import ArtifactRef

__all__ = ["RecordedRun"]


class RecordedRun(Traced):
    """What `Api` gives. Setting a key of `config` or `summary` sends it at once."""

    def __init__(self, run: Run, connection: Connection) -> None:
        self._run = run
        self._connection = connection
        self._http = connection.http
        self.config = Document(
            run.config, lambda changes: self._patch({"config": changes}), "config"
        )
        self.summary = Document(
            run.summary, lambda changes: self._patch({"summary": changes}), "summary"
        )

    @property
    def id(self) -> str:
        return self._run.key.name

    @property
    def name(self) -> str:
        return self._run.name

    @property
    def entity(self) -> str:
        return self._run.key.project.entity

    @property
    def project(self) -> str:
        return self._run.key.project.name

    @property
    def path(self) -> str:
        """`entity/project/run`."""
        return self._run.key.path

    @property
    def state(self) -> str:
        """`running`, `finished`, `failed`, `crashed` or `deleted`."""
        return self._run.state.value

    @property
    def job_type(self) -> str:
        return self._run.job_type

    @property
    def group(self) -> str:
        return self._run.group

    @property
    def notes(self) -> str:
        return self._run.notes

    @property
    def tags(self) -> tuple[str, ...]:
        return self._run.tags

    @property
    def created_at(self) -> datetime:
        return self._run.created_at

    @property
    def heartbeat_at(self) -> datetime:
        return self._run.heartbeat_at

    @property
    def finished_at(self) -> datetime | None:
        return self._run.finished_at

    @property
    def exit_code(self) -> int | None:
        return self._run.exit_code

    @property
    def error(self) -> str:
        """Why it failed; empty if it did not."""
        return self._run.error

    @property
    def sweep_id(self) -> str | None:
        return None if self._run.sweep is None else self._run.sweep.name

    @property
    def point(self) -> int | None:
        """Which point of its sweep it tried."""
        return self._run.point

    @property
    def value(self) -> Run:
        """All the server tells of it."""
        return self._run

    def logged_artifacts(self) -> list[Artifact]:
        """What it created or reproduced."""
        items = self._http.items(f"{self._url}/logged")
        return [Artifact.of(read_version(told), self._connection) for told in items]

    def used_artifacts(self) -> list[Artifact]:
        """What it used."""
        items = self._http.items(f"{self._url}/used")
        return [Artifact.of(read_version(told), self._connection) for told in items]

    def use_artifact(self, artifact: str | Artifact) -> Artifact:
        """State afterwards that the run used a version.

        Raises:
            CycleError: the version was made from what the run logged.
        """
        body = {"artifact": self._name(artifact), "declared": True}
        told = self._http.post(f"{self._url}/used", body)
        return Artifact.of(read_version(told), self._connection)

    def log_artifact(self, artifact: str | Artifact) -> bool:
        """State afterwards that the run made a version, one that is logged already.

        Returns: whether the run is its creator now; otherwise another is, and this reproduced it.
        Raises:
            CycleError: the run is downstream of the version.
        """
        told = self._http.post(f"{self._url}/logged", {"artifact": self._name(artifact)})
        return bool(told["created"])

    def _name(self, artifact: str | Artifact) -> str:
        if isinstance(artifact, Artifact):
            return artifact.qualified_name
        return str(ArtifactRef.parse(artifact, entity=self.entity, project=self.project))

    def _place(self) -> tuple[Http, str]:
        return self._http, self._run.key

    def update(
        self,
        *,
        name: str | None = None,
        group: str | None = None,
        job_type: str | None = None,
        notes: str | None = None,
        tags: list[str] | None = None,
    ) -> None:
        """Change what is given."""
        given = {
            "name": name,
            "group": group,
            "job_type": job_type,
            "notes": notes,
            "tags": tags,
        }
        self._patch({field: value for field, value in given.items() if value is not None})

    def refresh(self) -> None:
        """Read it from the server again."""
        self._take(self._http.get(self._url))

    def deletion_plan(
        self, *, with_logged: bool = False, delete_aliases: bool = False, purge: bool = False
    ) -> DeletionPlan:
        """What deleting it, and with `with_logged` what it logged, would break and free."""
        request = {"runs": [self.path], "with_logged": with_logged}
        return ask_plan(self._http, {**request, "delete_aliases": delete_aliases, "purge": purge})

    def delete(self, *, with_logged: bool = False, delete_aliases: bool = False) -> Receipt:
        """Delete it, and with `with_logged` what it logged."""
        params = {"with_logged": with_logged, "delete_aliases": delete_aliases}
        receipt = Receipt.read(follow(self._http, self._http.delete(self._url, params)))
        self.refresh()
        return receipt

    def _patch(self, body: dict[str, Any]) -> None:
        if body:
            self._take(self._http.patch(self._url, body))

    def _take(self, told: Any) -> None:
        self._run = read_run(told)
        self.config.merge(self._run.config)
        self.summary.merge(self._run.summary)

    @property
    def _url(self) -> str:
        return f"/projects/{self._run.key.project}/runs/{self.id}"

    def __repr__(self) -> str:
        return f"<RecordedRun {self.path} {self.state}>"
