"""The active run of this process: `init` begins it, and the functions of the same name act on it.

A program that ends, however it ends, ends its run: by an exception or an exit code other than 0 as
`failed`. What cannot be noticed from inside (a kill, a loss of power) the server notices by the
silence. How the end is noticed is in `ending`.
"""

from __future__ import annotations

import getpass
import inspect
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

from lineage.client.artifact import Artifact
from lineage.client.code import save_script
from lineage.client.connection import Connection, connect
from lineage.client.disabled import DisabledRun
from lineage.client.documents import Document, to_document
from lineage.client.ending import watch_the_end
from lineage.client.http import Http
from lineage.client.run import Run
from lineage.client.settings import read_settings, save_login
from lineage.client.wire import read_run
from lineage.errors import Invalid, LineageError, Unauthenticated
from lineage.model import Run as RunValue
from lineage.names import ProjectKey, RunKey, check_name

__all__ = [
    "check_key",
    "current_document",
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
    mode: str | None = None,
    reinit: bool | None = None,
    **unknown: Any,
) -> Run:
    """Begin a run; the one before, if it is still active, ends.

    On a terminal, one line on stderr says where it is recorded.

    Args:
        id: made up if not given.
        resume: what if a run of this id exists: "never" (also None and False) refuses, "allow"
            (also True) goes on with it, "must" refuses if there is none.
        config: a mapping, a dataclass or an argparse.Namespace.
        save_code: log the script or notebook that calls this as an artifact of type `code`.
        mode: "online" (also None), or "disabled": nothing is recorded, and no server is needed.
        reinit: True, which is what happens anyhow.
    Raises:
        Invalid: a value or an argument is not known; says what there is.
        AlreadyExists, NotFound: as `resume` says.
        Unavailable: no server answers; within 5 seconds.
    """
    global _active
    _refuse_unknown(unknown, mode=mode, reinit=reinit)
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
        _tell_ignored(tried, {"entity": entity, "project": project, "id": id})
        key = tried.key.project
        settings = read_settings(entity=key.entity, project=key.name)
        body |= {"id": tried.key.name, "resume": "allow"}
        # What the sweep chose is what is tried; a script's own values are defaults.
        body["config"] = {k: v for k, v in body["config"].items() if k not in tried.config}
    if mode == "disabled":
        config = (dict(tried.config) if tried is not None else {}) | body["config"]
        _active = DisabledRun(RunKey.of(key, body["id"]), {**body, "config": config})
        return _active
    connection = connect(settings)
    started = _start(connection, key, body, is_own_id=id is None)
    watch_the_end(lambda: _active.n_calls if _active is not None else 0, _end)
    _active = Run(started, connection)
    _tell_begun(_active, settings.url)
    if save_code:
        save_script(_active.log_artifact)
    return _active


def _refuse_unknown(unknown: Mapping[str, Any], *, mode: str | None, reinit: bool | None) -> None:
    if unknown:
        known = [n for n in inspect.signature(init).parameters if n != "unknown"]
        raise Invalid("init", f"knows no {', '.join(unknown)}; there are {', '.join(known)}")
    if mode not in (None, "online", "disabled"):
        raise Invalid("mode", f"{mode!r:.40} is neither online nor disabled; offline comes later")
    if reinit not in (None, True):
        raise Invalid("reinit", f"{reinit!r:.40} is not True: a new init always begins a new run")


_told_ignored: set[str] = set()


def _tell_ignored(tried: RunValue, given: Mapping[str, str | None]) -> None:
    """An agent's function cannot choose its run; said once, as it is called for every point."""
    project = tried.key.project
    chosen = {"entity": project.entity, "project": project.name, "id": tried.key.name}
    ignored = {name: value for name, value in given.items() if value not in (None, chosen[name])}
    if ignored.keys() - _told_ignored:
        _told_ignored.update(ignored)
        told = ", ".join(f"{name}={value!r}" for name, value in ignored.items())
        _log.warning("init(%s) is ignored: the sweep's agent began run %s", told, tried.key.path)


def _tell_begun(run: Run, url: str) -> None:
    if sys.stderr is not None and sys.stderr.isatty():
        from rich.console import Console  # only here: most programs run without a terminal

        console = Console(stderr=True, highlight=False, markup=False, emoji=False)
        console.print(f"lineage: recording run {run.path} at {url}", style="dim", soft_wrap=True)


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


def log(data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
    """`Run.log` of the active run."""
    _needed().log(data, step, commit)


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
    if _active is not None:  # it stays, so that one that an interrupt kept open is ended at exit
        _active.finish(exit_code)


def login(key: str | None = None, url: str | None = None) -> bool:
    """Ask the server whether a key is good, and keep it for this server.

    Args:
        key: if None, LINEAGE_API_KEY, the one that is kept already, or what a person types.
        url: of the server; the one that is set if None.
    Returns: True.
    Raises:
        Unauthenticated: the server does not know the key.
        Unavailable: no server answers.
    """
    settings = read_settings(url=url, api_key=key)
    given = key or os.environ.get("LINEAGE_API_KEY")
    if settings.api_key is None:
        if not sys.stdin.isatty():
            raise Invalid("key", "is needed: run `lineage login`, or set LINEAGE_API_KEY")
        given = getpass.getpass(f"API key for {settings.url}: ").strip()
    check_key(settings.url, given or settings.api_key or "")
    if given:
        save_login(settings.url, given)
    return True


def check_key(url: str, key: str) -> Any:
    """Who the server at `url` takes the owner of the key for, as `/whoami` tells it.

    Raises:
        Unauthenticated: it does not know the key; says where the key is to be found.
    """
    http = Http(url, key)
    try:
        return http.get("/whoami")
    except Unauthenticated as exc:
        where = "a server of `make serve` has it in var/admin-key; or ask who runs the server"
        raise Unauthenticated(f"{url} does not take this key: {where}", **exc.facts) from None
    finally:
        http.close()


def _end(exit_code: int, error: str) -> None:
    """What is done when the program ends."""
    run = current_run()
    if run is None:
        return
    try:
        run.finish(exit_code, error=error)
    except (LineageError, KeyboardInterrupt) as exc:
        run.abandon()
        reason = exc if isinstance(exc, LineageError) else "interrupted"
        _log.warning("run=%s could not be finished: %s", run.path, reason)
