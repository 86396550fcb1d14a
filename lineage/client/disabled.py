"""A run that records nothing: what `init(mode="disabled")` gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from lineage.client.artifact import Artifact
from lineage.client.documents import Document, to_document
from lineage.client.run import Run
from lineage.errors import Invalid
from lineage.model import Run as RunValue
from lineage.model import RunState
from lineage.names import RunKey

__all__ = ["DisabledRun"]


class DisabledRun(Run):
    """Talks to no server: what is logged is checked and forgotten, but for config and summary."""

    def __init__(self, key: RunKey, body: Mapping[str, Any]) -> None:
        # Not Run's own: that one needs a server, and begins a thread.
        now = datetime.now(UTC)
        told = {name: body[name] for name in ("name", "job_type", "group", "notes", "config")}
        self._key = key
        self._started = RunValue(
            key=key,
            state=RunState.RUNNING,
            created_at=now,
            heartbeat_at=now,
            tags=tuple(body["tags"]),
            **told,
        )
        self._is_finished = False
        self.n_calls = 0
        self.config = Document(self._started.config, self._forget, "config")
        self.summary = Document({}, self._forget, "summary")

    @property
    def url(self) -> str:
        return ""

    @property
    def is_finished(self) -> bool:
        return self._is_finished

    def log(
        self,
        data: Mapping[str, Any],
        step: int | None = None,
        commit: bool | None = None,  # noqa: ARG002 - a name users know
    ) -> None:
        """Keep the last value of each metric in `summary`, in this process alone."""
        self._check_running()
        self.summary.merge(to_document(data if step is None else {**data, "_step": step}, "data"))

    def use_artifact(self, artifact: str | Artifact, type: str | None = None) -> NoReturn:  # noqa: ARG002 - as of any run
        """Raises: Invalid, as there is no server to get it from."""
        reason = "a disabled run has no server to get an artifact from: init without mode"
        raise Invalid("mode", reason)

    def log_artifact(
        self,
        artifact_or_path: Artifact | str | Path,
        name: str | None = None,
        type: str | None = None,
        aliases: Sequence[str] = (),  # noqa: ARG002 - as of any run
        tags: Sequence[str] = (),  # noqa: ARG002 - as of any run
    ) -> Artifact:
        """Give the artifact back as it is: it stays a draft."""
        self._check_running()
        if isinstance(artifact_or_path, Artifact):
            return artifact_or_path
        return self._from_path(str(artifact_or_path), name, type)

    def flush(self) -> None:
        """Nothing is waiting."""

    def finish(self, exit_code: int | None = None, *, error: str = "") -> None:  # noqa: ARG002 - as of any run
        """End it."""
        self._is_finished = True

    def abandon(self) -> None:
        self._is_finished = True

    def _describe(self, **changes: Any) -> None:
        self._check_running()
        self._started = replace(self._started, **changes)

    def _check_running(self) -> None:
        self.n_calls += 1
        if self._is_finished:
            raise Invalid("run", f"{self.path} has finished: init begins another")

    def _forget(self, _: Mapping[str, Any]) -> None:
        self._check_running()
