"""A run of this process: what it logs, uses and reports while it is alive.

Metrics are gathered and sent about once a second by a thread that also says every 30 seconds that
the run is alive. What a later call depends on is sent before it: `use_artifact`, `log_artifact` and
`finish` wait for it.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from lineage.client.artifact import Artifact
from lineage.client.code import code_name
from lineage.client.connection import Connection
from lineage.client.documents import Document, to_document
from lineage.client.ending import interrupts_put_off, outcome_of
from lineage.client.http import API
from lineage.client.outbox import Outbox, bodies_of
from lineage.client.wire import read_run, read_version
from lineage.errors import Invalid, LineageError, Unavailable
from lineage.model import Run as RunValue
from lineage.names import ArtifactRef

__all__ = ["Run"]

_log = logging.getLogger(__name__)

_BEAT_S: Final = 30.0
_FLUSH_S: Final = 1.0
_PATIENCE_S: Final = 2.0  # of the thread: what it cannot send now it sends later
_MAX_ERROR: Final = 20_000


class Run:
    """One execution. As a context manager it ends with the block, `failed` by an exception."""

    def __init__(self, started: RunValue, connection: Connection) -> None:
        self._key = started.key
        self._connection = connection
        self._http = connection.http
        self._started = started
        self._pid = os.getpid()
        self.config = Document(started.config, self._config_changed, "config")
        self.summary = Document(started.summary, self._summary_changed, "summary")
        self._outbox = Outbox()
        self._sending = threading.Lock()  # held by whoever sends, so that the order is kept
        self._wake = threading.Event()
        self._finished = threading.Event()
        self.n_calls = 0  # tells whether the program went on after sys.exit
        self._failure: LineageError | None = None
        self._thread = threading.Thread(target=self._live, name="lineage-run", daemon=True)
        self._thread.start()

    # What it is

    @property
    def id(self) -> str:
        return self._key.name

    @property
    def entity(self) -> str:
        return self._key.project.entity

    @property
    def project(self) -> str:
        return self._key.project.name

    @property
    def path(self) -> str:
        """`entity/project/run`."""
        return self._key.path

    @property
    def url(self) -> str:
        """Where REST tells of it."""
        return f"{self._http.url}{API}{self._url}"

    @property
    def job_type(self) -> str:
        return self._started.job_type

    @property
    def group(self) -> str:
        return self._started.group

    @property
    def name(self) -> str:
        return self._started.name

    @name.setter
    def name(self, name: str) -> None:
        self._describe(name=name)

    @property
    def tags(self) -> tuple[str, ...]:
        return self._started.tags

    @tags.setter
    def tags(self, tags: Sequence[str]) -> None:
        self._describe(tags=list(tags))

    @property
    def notes(self) -> str:
        return self._started.notes

    @notes.setter
    def notes(self, notes: str) -> None:
        self._describe(notes=notes)

    def _describe(self, **changes: Any) -> None:
        """Sent at once, so that a name that cannot be is refused where it is given."""
        self._check_running()
        self._started = read_run(self._http.patch(self._url, changes))

    @property
    def sweep_id(self) -> str | None:
        sweep = self._started.sweep
        return None if sweep is None else sweep.name

    @property
    def is_finished(self) -> bool:
        return self._finished.is_set()

    # What it reports

    def log(
        self,
        data: Mapping[str, Any],
        step: int | None = None,
        commit: bool | None = None,  # noqa: ARG002 - a name users know
    ) -> None:
        """Record metrics: the summary keeps the last of each, and its least and greatest.

        Args:
            data: JSON values, and numbers of numpy or torch; NaN is kept.
            step: kept as `_step`.
            commit: makes no difference, as long as there is no history step by step.
        Raises:
            Invalid: the run has finished, or a value is none that JSON can say.
        Cost: microseconds; it is sent within about a second.
        """
        self._check_running()
        metrics = to_document(data if step is None else {**data, "_step": step}, "data")
        self.summary.merge(metrics)
        self._outbox.log(metrics)
        self._wake.set()

    def _summary_changed(self, changes: dict[str, Any]) -> None:
        self._check_running()
        self._outbox.set_summary(changes)
        self._wake.set()

    def _config_changed(self, changes: dict[str, Any]) -> None:
        self._check_running()
        self._outbox.set_config(changes)
        self._wake.set()

    def use_artifact(self, artifact: str | Artifact, type: str | None = None) -> Artifact:
        """Record that the run reads a version, and get it.

        Args:
            artifact: `name:alias`, `project/name:v3`, `entity/project/name`; or an Artifact. One
                that has not been logged is logged first, by no run.
            type: what it must be.
        Raises:
            NotFound, Gone: there is no such version, or it has been deleted.
        """
        self._check_running()
        self.flush()
        if isinstance(artifact, Artifact):
            if artifact.is_draft:
                artifact.log(self._connection, self._key.project)
            name = artifact.qualified_name
        else:
            name = artifact
        ref = ArtifactRef.parse(name, entity=self.entity, project=self.project)
        told = self._http.post(f"{self._url}/used", {"artifact": str(ref)})
        version = read_version(told)
        if type is not None and version.type != type:
            raise Invalid("type", f"{version.key.path} is of type {version.type}, not {type}")
        if isinstance(artifact, Artifact):
            return artifact
        return Artifact.of(version, self._connection)

    def log_artifact(
        self,
        artifact_or_path: Artifact | str | Path,
        name: str | None = None,
        type: str | None = None,
        aliases: Sequence[str] = (),
        tags: Sequence[str] = (),
    ) -> Artifact:
        """Log an artifact, a file, a folder, or what a URI refers to; returns once it is committed.

        Args:
            name, type: for a path; `run-<id>-<file>` and `unspecified` if not given.
            aliases: names that move to this version; `latest` comes by itself.
        Raises:
            Conflict: a file changed meanwhile, or the collection has another type.
        """
        self._check_running()
        self.flush()
        artifact = artifact_or_path
        if not isinstance(artifact, Artifact):
            artifact = self._from_path(str(artifact), name, type)
        elif name is not None or type is not None:
            raise Invalid("name", "and type are for paths: an Artifact has its own")
        if isinstance(aliases, str) or isinstance(tags, str):
            raise Invalid("aliases", 'are a list, such as ["best"]')
        if not artifact.collection:
            artifact.name_code(code_name(self.project, artifact))
        return artifact.log(
            self._connection, self._key.project, run=self.path, aliases=aliases, tags=tags
        )

    def _from_path(self, path: str, name: str | None, type: str | None) -> Artifact:
        base = re.sub(r"[^A-Za-z0-9_.-]", "_", Path(path.rstrip("/")).name)
        artifact = Artifact(name or f"run-{self.id}-{base}"[:128], type or "unspecified")
        if "://" in path:
            artifact.add_reference(path)
        elif Path(path).is_dir():
            artifact.add_dir(path)
        else:
            artifact.add_file(path)
        return artifact

    # How it lives and ends

    def flush(self) -> None:
        """Send what is waiting; returns when the server has it.

        Raises: whatever sending met, now or before in the background.
        """
        with self._sending:
            failure, self._failure = self._failure, None
            if failure is not None:
                raise failure
            self._send()

    def finish(self, exit_code: int | None = None, *, error: str = "") -> None:
        """End the run: `finished`, or `failed` with an exit code other than 0. Once is enough."""
        if self._finished.is_set() or self._pid != os.getpid():
            return
        with interrupts_put_off():
            try:
                try:
                    self.flush()
                except Unavailable:
                    raise
                except LineageError as exc:
                    # The run must not stay open for a value that the server refuses.
                    self._tell_end(exit_code or 1, error or str(exc))
                    raise
                self._tell_end(exit_code or 0, error)
            except LineageError:
                self.abandon()
                raise

    def _tell_end(self, exit_code: int, error: str) -> None:
        body = {"exit_code": exit_code, "error": error[-_MAX_ERROR:]}
        with self._sending:  # no heartbeat comes after it
            self._http.post(f"{self._url}/finish", body)
            self.abandon()

    def abandon(self) -> None:
        """Say nothing more about the run, not even that it ends."""
        self._finished.set()
        self._wake.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        exit_code, error = outcome_of(exc)
        try:
            with interrupts_put_off(then_raise=exc is None):
                self.finish(exit_code, error=error)
        except LineageError as failure:
            if exc is None:
                raise
            # The exception of the block tells more than this one.
            _log.warning("run=%s could not be finished: %s", self.path, failure)

    def _check_running(self) -> None:
        self.n_calls += 1
        if self._finished.is_set():
            raise Invalid("run", f"{self.path} has finished: init begins another")
        if self._pid != os.getpid():  # the thread that sends did not come along
            reason = f"{self.path} belongs to another process, which forked this one"
            raise Invalid("run", f"{reason}: hand results to it, or begin a run here")

    @property
    def _url(self) -> str:
        return f"/projects/{self._key.project}/runs/{self.id}"

    def _live(self) -> None:
        beaten = time.monotonic()
        while not self._finished.is_set():
            was_woken = self._wake.wait(max(0.0, beaten + _BEAT_S - time.monotonic()))
            if self._finished.is_set():
                return
            if was_woken:
                time.sleep(_FLUSH_S)  # more may come; a flush may be faster
                self._wake.clear()
            with self._sending:
                if self._finished.is_set():
                    return
                try:
                    if self._outbox:
                        self._send(patience_s=_PATIENCE_S)
                    elif not was_woken:
                        self._http.post(f"{self._url}/heartbeat", patience_s=_PATIENCE_S)
                    else:
                        continue
                    beaten = time.monotonic()
                except Unavailable:
                    # An outage of the server is no reason for training to stop.
                    self._http.tell_outage(f"what run {self.path} logs is kept, and sent later")
                    beaten = time.monotonic()
                    if self._outbox:
                        self._wake.set()
                except LineageError as exc:
                    self._failure = exc
                    beaten = time.monotonic()

    def _send(self, *, patience_s: float | None = None) -> None:
        """Send what is waiting, in order; what could not be sent for an outage stays."""
        while patch := self._outbox.take():
            try:
                for body in bodies_of(patch):
                    self._http.patch(self._url, body, patience_s=patience_s)
            except (Unavailable, KeyboardInterrupt):
                self._outbox.put_back(patch)
                raise

    def __repr__(self) -> str:
        return f"<Run {self.path} {'finished' if self.is_finished else 'running'}>"
