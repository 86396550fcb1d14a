"""How the commands reach the server: the client's connection, and what names mean here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lineage.errors import LineageError, NotFound
from lineage.names import (
    ArtifactRef,
    ProjectKey,
    RunKey,
    SweepKey,
    check_name,
    parse_run_path,
    parse_version_or_run,
)
from lineage.values import dumps, loads

if TYPE_CHECKING:
    from lineage.client.connection import Connection
    from lineage.client.settings import Settings

__all__ = ["Answer", "Server", "artifact_hint", "connect", "one_path"]

_SLOW_S: Final = 3600.0  # what may take as long as there is much to do
_PLENTY_S: Final = 600.0  # what is one answer, however large
_FIRST_PAGE: Final = 100
_PAGE: Final = 1000

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Server:
    """The server, and the project that completes names."""

    connection: Connection
    settings: Settings
    project: ProjectKey

    def version(self, name: str) -> ArtifactRef:
        """The version that `[[entity/]project/]collection[:alias]` names."""
        return ArtifactRef.parse(name, entity=self.project.entity, project=self.project.name)

    def run(self, name: str) -> RunKey:
        return parse_run_path(name, entity=self.project.entity, project=self.project.name)

    def sweep(self, name: str) -> SweepKey:
        run = self.run(name.removeprefix("sweep:"))
        return SweepKey.of(run.project, run.name)

    def version_or_run(self, name: str) -> ArtifactRef | RunKey:
        """A name with a colon is a version, any other a run."""
        entity, project = self.project.entity, self.project.name
        return parse_version_or_run(name, entity=entity, project=project)

    def project_path(self) -> str:
        return f"/projects/{self.project}"

    def get(self, path: str, /, **query: Any) -> Answer:
        return _object(self.connection.http.get(path, query))

    def post(self, path: str, body: Any = None, /, **query: Any) -> Answer:
        from lineage.client.http import Body

        content = Body(dumps({} if body is None else body))
        response = self.connection.http.send(
            "POST", path, params=query, body=content, timeout_s=_PLENTY_S
        )
        return _object(loads(response.content))

    def execute(self, plan: str) -> Answer:
        """The receipt of a plan; a long deletion still goes on."""
        from lineage.client.deletions import begin_plan

        return _object(begin_plan(self.connection.http, plan))

    def kept_files(self, plan: str) -> Iterator[Answer]:
        """Every file that a plan leaves, with one who contains it."""
        from lineage.client.deletions import kept_files

        return map(_object, kept_files(self.connection.http, plan))

    def follow(self, receipt: Answer) -> Answer:
        """The receipt once it is finished, with a bar on a terminal while it takes long."""
        from lineage.client.deletions import follow

        return _object(follow(self.connection.http, receipt))

    def text(self, path: str, body: Any, *, accept: str) -> Iterator[str]:
        """The lines of an answer in a format of its own, without the newline that ends each."""
        from lineage.client.http import Body

        with self.connection.http.stream(
            "POST",
            path,
            body=Body(dumps(body)),
            headers={"Accept": accept},
            timeout_s=_PLENTY_S,
        ) as response:
            left = b""
            for data in response.iter_bytes():
                *whole, left = (left + data).split(b"\n")
                yield from (line.decode() for line in whole)
            if left:
                yield left.decode()

    def patch(self, path: str, body: Any) -> Answer:
        return _object(self.connection.http.patch(path, body))

    def put(self, path: str, body: Any) -> Answer:
        from lineage.client.http import Body

        response = self.connection.http.send("PUT", path, body=Body(dumps(body)))
        return _object(loads(response.content))

    def items(self, path: str, /, **query: Any) -> Iterator[Answer]:
        """The items of a list, page by page, as they are taken: a short page, then long ones."""
        page = self.get(path, **query, limit=_FIRST_PAGE)
        while True:
            yield from page["items"]
            if page.get("cursor") is None:
                return
            page = self.get(path, **query, limit=_PAGE, cursor=page["cursor"])

    def lines(self, path: str, /, *, method: str = "GET", **query: Any) -> Iterator[Answer]:
        """The lines of an answer, each a JSON object, as they come."""
        http = self.connection.http
        is_read = method == "GET"
        with http.stream(
            method, path, params=query, repeatable=is_read, timeout_s=_SLOW_S
        ) as response:
            left = b""
            for data in response.iter_bytes():  # iter_lines would also split at U+2028 in a path
                *whole, left = (left + data).split(b"\n")
                yield from (_object(loads(line)) for line in whole if line)
            if left:
                yield _object(loads(left))


def connect(project: str | None) -> Server:
    """The server of the settings; nothing is sent yet.

    Args:
        project: `entity/project` or `project`, from the command line; None is the settings'.
    """
    from lineage.client import connection
    from lineage.client.settings import read_settings

    settings = read_settings()
    if project is None:
        key = ProjectKey.of(settings.entity, settings.project)
    elif "/" in project:
        key = ProjectKey.parse(project)
    else:
        key = ProjectKey.of(settings.entity, check_name(project, "project"))
    return Server(connection.connect(settings), settings, key)


@contextmanager
def artifact_hint(*names: str) -> Iterator[None]:
    """Where a name without a colon is a run: say so to who meant an artifact."""
    try:
        yield
    except NotFound as exc:
        meant = next((name for name in names if ":" not in name), None)
        if meant is None:
            raise
        hint = f"for an artifact name its version: {meant}:latest"
        raise NotFound(f"{exc.message} ({hint})", **exc.facts) from None


def one_path(key: RunKey | SweepKey | ArtifactRef) -> str:
    """Where REST keeps one run, sweep or version. Names need no quoting."""
    if isinstance(key, ArtifactRef):
        collection = key.collection
        project, name = collection.project, collection.name
        return f"/projects/{project}/collections/{name}/versions/{key.version}"
    noun = "runs" if isinstance(key, RunKey) else "sweeps"
    return f"/projects/{key.project}/{noun}/{key.name}"


def _object(answer: Any) -> Answer:
    if not isinstance(answer, dict):
        raise LineageError("the server's answer is not a JSON object: is it a lineage server?")
    return answer
