"""The active run of this process: `init` begins it, and the functions of the same name act on it.

A program that ends, however it ends, ends its run: by an exception or an exit code other than 0 as
`failed`. What cannot be noticed from inside (a kill, a loss of power) the server notices by the
silence.
"""

from __future__ import annotations

import atexit
import getpass
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn
from uuid import uuid4

from lineage.client.artifact import Artifact
from lineage.client.code import save_script
from lineage.client.connection import Connection, connect
from lineage.client.documents import Document, to_document
from lineage.client.http import Http
from lineage.client.run import Run, outcome_of
from lineage.client.settings import read_settings, save_login
from lineage.client.wire import read_run
from lineage.errors import Invalid, LineageError
from lineage.model import Run as RunValue
from lineage.names import ProjectKey, check_name

__all__ = [
    "current_run",
    "finish",
    "init",
    "log",
    "log_artifact",
    "login",
    "point_to_try",
    "use_artifact",
]

_log = logging.getLogger(__name__)

_active: Run | None = None
point_to_try: ContextVar[RunValue | None] = ContextVar("point_to_try", default=None)
"""The run that an agent has started on a point of a sweep, for `init` to take up."""


def init(
    project: str | None = None,
    entity: str | None = None,
    *,
    id: str | None = None,
    resume: str | bool | None = None,
    config: Any = None,
    job_type: str | None = None,
    group: str | None = None,
    tags: Sequence[str] | None = None,
    notes: str | None = None,
    name: str | None = None,
    save_code: bool = False,
) -> Run:
    """Begin a run; the one before, if it is still active, ends.

    Args:
        id: made up if not given.
        resume: what if a run of this id exists: "never" (also None and False) refuses, "allow"
            (also True) goes on with it, "must" refuses if there is none.
        config: a mapping, a dataclass or an argparse.Namespace.
        save_code: log the script or notebook that calls this as an artifact of type `code`.
    Raises:
        AlreadyExists, NotFound: as `resume` says.
        Unavailable: no server answers; within 5 seconds.
    """
    global _active
    finish()
    tried = point_to_try.get()
    settings = read_settings(entity=entity, project=project)
    key = ProjectKey.of(settings.entity, settings.project)
    body: dict[str, Any] = {
        "id": check_name(id, "id") if id is not None else uuid4().hex[:12],
        "resume": _resume(resume),
        "name": name or "",
        "job_type": job_type or "",
        "group": group or "",
        "notes": notes or "",
        "tags": _texts(tags),
        "config": to_document({} if config is None else config, "config"),
    }
    if tried is not None:
        key = tried.key.project
        settings = read_settings(entity=key.entity, project=key.name)
        body |= {"id": tried.key.name, "resume": "allow"}
        # What the sweep chose is what is tried; a script's own values are defaults.
        body["config"] = {k: v for k, v in body["config"].items() if k not in tried.config}
    connection = connect(settings)
    started = _start(connection, key, body, is_own_id=id is None)
    _watch_the_end()
    _active = Run(started, connection)
    if save_code:
        save_script(_active)
    return _active


def _start(
    connection: Connection, project: ProjectKey, body: dict[str, Any], *, is_own_id: bool
) -> RunValue:
    """Nobody else has an id that was made up here, so if the answer was lost it is ours to resume;
    an id that was given could be another's, unless it was to be resumed anyhow."""
    told = connection.http.post(
        f"/projects/{project}/runs",
        body,
        repeatable=is_own_id or body["resume"] != "never",
        retry_body={**body, "resume": "allow"} if is_own_id else None,
    )
    return read_run(told)


def _resume(resume: str | bool | None) -> str:
    match resume:
        case None | False | "never":
            return "never"
        case True | "allow" | "auto":
            return "allow"
        case "must":
            return "must"
    raise Invalid("resume", f"{resume!r:.40} is none of allow, must, never, True, False, None")


def _texts(values: Sequence[str] | None) -> list[str]:
    if isinstance(values, str):
        raise Invalid("tags", 'are a list, such as ["baseline"]')
    return list(values or ())


def current_run() -> Run | None:
    """The active run; None before `init` and after `finish`."""
    return _active if _active is not None and not _active.is_finished else None


def _needed() -> Run:
    run = current_run()
    if run is None:
        raise Invalid("run", "no run is active: call init() first")
    return run


def current_document(name: str) -> Document:
    """The active run's `config` or `summary`; without a run, one that refuses whatever is set."""
    run = current_run()
    if run is not None:
        return run.config if name == "config" else run.summary
    return Document({}, lambda _: _refuse(name), name)


def _refuse(name: str) -> NoReturn:
    raise Invalid(name, "no run is active: call init() first")


def log(data: Mapping[str, Any], step: int | None = None) -> None:
    """`Run.log` of the active run."""
    _needed().log(data, step)


def use_artifact(artifact: str | Artifact, type: str | None = None) -> Artifact:
    """`Run.use_artifact` of the active run."""
    return _needed().use_artifact(artifact, type)


def log_artifact(
    artifact_or_path: Artifact | str | Path,
    name: str | None = None,
    type: str | None = None,
    aliases: Sequence[str] = (),
    tags: Sequence[str] = (),
) -> Artifact:
    """`Run.log_artifact` of the active run."""
    return _needed().log_artifact(artifact_or_path, name, type, aliases, tags)


def finish(exit_code: int | None = None) -> None:
    """End the active run, if there is one."""
    global _active
    run, _active = _active, None
    if run is not None:
        run.finish(exit_code)


def login(key: str | None = None, url: str | None = None) -> bool:
    """Keep a key for a server, after asking the server whether it is good.

    Args:
        key: asked for on the terminal if None and LINEAGE_API_KEY is not set.
        url: of the server; the one that is set if None.
    Returns: True.
    Raises:
        Unauthenticated: the server does not know the key.
        Unavailable: no server answers.
    """
    settings = read_settings(url=url)
    key = key or os.environ.get("LINEAGE_API_KEY")
    if not key:
        if not sys.stdin.isatty():
            raise Invalid("key", "is needed: login(key=…), or set LINEAGE_API_KEY")
        key = getpass.getpass(f"API key for {settings.url}: ").strip()
    Http(settings.url, key).get("/whoami")
    save_login(settings.url, key)
    return True


# How a program ends

_is_watching = False
_ending: tuple[int, str, int] | None = None  # exit code, error, and the run's calls until then


def _watch_the_end() -> None:
    """From the first run on: note an uncaught exception or exit code, and end the run with it."""
    global _is_watching
    if _is_watching:
        return
    _is_watching = True
    hook, exit_ = sys.excepthook, sys.exit

    def excepthook(
        kind: type[BaseException], exc: BaseException, trace: TracebackType | None
    ) -> None:
        _note(exc)
        hook(kind, exc, trace)

    def exit_noted(status: Any = None, /) -> NoReturn:
        _note(SystemExit(status))
        exit_(status)

    sys.excepthook = excepthook
    sys.exit = exit_noted  # excepthook is not told of SystemExit
    atexit.register(_end)


def _note(exc: BaseException) -> None:
    global _ending
    n_calls = _active.n_calls if _active is not None else 0
    _ending = (*outcome_of(exc), n_calls)


def _end() -> None:
    run = current_run()
    if run is None:
        return
    exit_code, error = 0, ""
    # An exit that was caught, after which the run went on, was not the end.
    if _ending is not None and _ending[2] == run.n_calls:
        exit_code, error, _ = _ending
    try:
        run.finish(exit_code, error=error)
    except LineageError as exc:
        _log.warning("run=%s could not be finished: %s", run.path, exc)
