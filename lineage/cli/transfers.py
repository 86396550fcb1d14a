"""lineage artifacts put, get, verify: files between this machine and the server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lineage.cli import exits, output
from lineage.cli.artifacts import app, version_details
from lineage.cli.connection import Server, connect, one_path
from lineage.cli.options import JsonOption, ProjectOption, VersionArgument, examples
from lineage.errors import Corrupt, Invalid, NotFound
from lineage.names import ArtifactRef
from lineage.values import loads

if TYPE_CHECKING:
    from lineage.client.artifact import Artifact

_REFERENCES = (
    output.Column("status", "status", "name"),
    output.Column("path", "path"),
    output.Column("reference", "ref"),
    output.Column("reason", "reason"),
)
_FAULTS = (output.Column("difference", "fault"), output.Column("path", "path"))


@app.command(
    epilog=examples(
        "lineage artifacts put data/ --name digits --type dataset --alias raw",
        "lineage artifacts put model.pt --name acme/vision/model --type model --run 3f2a9c",
        "lineage artifacts put file:///archive/scans --name scans",
        "lineage artifacts put w.bin -n model --metadata '{\"acc\": 0.97}' --json | jq -r .name",
    )
)
def put(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH", help="Files, folders, URIs to refer to.")
    ],
    name: Annotated[
        str | None,
        typer.Option("-n", "--name", help="The collection.", show_default="the one path's name"),
    ] = None,
    type: Annotated[
        str, typer.Option("-t", "--type", help="dataset, model …: one for a collection.")
    ] = "dataset",
    alias: Annotated[list[str] | None, typer.Option("-a", "--alias", help="May repeat.")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="May repeat.")] = None,
    description: Annotated[str | None, typer.Option("--description", help="A few words.")] = None,
    metadata: Annotated[
        str | None, typer.Option("--metadata", metavar="JSON", help="An object.")
    ] = None,
    run: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="The run that made it.")
    ] = None,
    max_objects: Annotated[
        int, typer.Option("--max-objects", min=1, help="That a folder referred to may hold.")
    ] = 10_000,
    no_checksum: Annotated[bool, typer.Option("--no-checksum", help="Record URIs unseen.")] = False,
    project: ProjectOption = None,
    json: JsonOption = False,
) -> None:
    """Make a version from files here; content that the collection has gives the version it has.

    What is in a folder keeps its path below the folder.
    """
    from lineage.client.artifact import Artifact

    server = connect(project)
    collection = server.version(_collection_name(name, paths)).collection
    told = loads(metadata) if metadata else {}
    if not isinstance(told, dict):
        raise Invalid("--metadata", "is not a JSON object")
    artifact = Artifact(collection.name, type, description=description, metadata=told)
    for path in paths:
        _add(artifact, path, max_objects=max_objects, checksum=not no_checksum)
    artifact.log(
        server.connection,
        collection.project,
        run=server.run(run).path if run else None,
        aliases=alias or (),
        tags=tag or (),
    )
    found = server.get(one_path(ArtifactRef(collection, artifact.version)))
    if json:
        output.document({**found, "is_new": artifact.is_new})
        return
    version_details(found)
    if not artifact.is_new:
        output.note("the collection had this content already")


def _add(artifact: Artifact, path: str, *, max_objects: int, checksum: bool) -> None:
    try:
        if "://" in path:
            artifact.add_reference(path, max_objects=max_objects, checksum=checksum)
        elif Path(path).is_dir():
            artifact.add_dir(path)
        else:
            artifact.add_file(path)
    except NotFound as exc:
        if "path" not in exc.facts:
            raise
        # Not found is what the server lacks; what is lacking here was named wrongly.
        raise Invalid("PATH", exc.message) from None


def _collection_name(name: str | None, paths: list[str]) -> str:
    if name is None and len(paths) > 1:
        raise Invalid("--name", "is needed with several paths")
    if name is None:
        path = paths[0].partition("?versionId=")[0].rstrip("/")
        name = path.rpartition("/")[2] if "://" in path else Path(path).resolve().name
    if ":" in name:
        raise Invalid("--name", f"{name} names a version; the server numbers those: leave :… out")
    return name


@app.command(
    epilog=examples(
        "lineage artifacts get digits:prod",
        "lineage artifacts get digits:v3 --root data --path images/",
        "cd $(lineage artifacts get digits)",
    )
)
def get(
    name: VersionArgument,
    root: Annotated[
        str | None,
        typer.Option("--root", help="The folder.", show_default="artifacts/digits:v3 here"),
    ] = None,
    path: Annotated[str | None, typer.Option("--path", help="Only paths that begin so.")] = None,
    project: ProjectOption = None,
    json: JsonOption = False,
) -> None:
    """Download a version, every file checked, and print the folder.

    What is there already with these bytes is left alone; a file with others is replaced, and files
    of other names stay. Exit code 7 if stored bytes are damaged: such a file is
    not put there.
    """
    artifact = _artifact(connect(project), name)
    folder = artifact.download(root, path)
    if json:
        output.document({"version": artifact.qualified_name, "folder": folder})
    else:
        output.line(folder)


@app.command(
    epilog=examples(
        "lineage artifacts verify digits:v3",
        "lineage artifacts verify digits:v3 data --json",
        "lineage artifacts verify scans:prod --references",
    )
)
def verify(
    name: VersionArgument,
    root: Annotated[
        str | None,
        typer.Argument(metavar="FOLDER", help="Where it is.", show_default="artifacts/digits:v3"),
    ] = None,
    references: Annotated[
        bool, typer.Option("--references", help="Look where its references lead instead.")
    ] = False,
    project: ProjectOption = None,
    json: JsonOption = False,
) -> None:
    """Compare a folder with a version: every file is read.

    With --references, look instead whether what was logged still lies where they lead, and keep
    the answer with the version: everything made from it shows as made from drifted data.

    Exit code 1 if files are changed, missing or extra, or references changed or missing; 6 if some
    cannot be reached.
    """
    artifact = _artifact(connect(project), name)
    if references:
        if root is not None:
            raise Invalid("FOLDER", "has nothing to do with --references: leave it out")
        _verify_references(artifact, json=json)
        return
    folder = Path(root) if root is not None else Path("artifacts") / artifact.name
    if not folder.is_dir():
        reason = f"there is no folder {folder}: `lineage artifacts get {name}` makes one"
        raise Invalid("FOLDER", reason)
    faults = _compare(artifact, folder)
    if json:
        told = {"version": artifact.qualified_name, "folder": str(folder)}
        output.document({**told, "is_same": not any(faults.values()), **faults})
    else:
        rows = [{"fault": fault, "path": path} for fault in faults for path in faults[fault]]
        output.listing(rows, _FAULTS, json=False, limit=0, noun="differences")
    if any(faults.values()):
        raise typer.Exit(exits.NO)


def _verify_references(artifact: Artifact, *, json: bool) -> None:
    report = artifact.verify_references()
    rows = [
        {
            "status": each.status.value,
            "path": each.path,
            "ref": each.ref,
            "reason": each.reason,
            "is_fetchable": each.is_fetchable,
        }
        for each in report
    ]
    if json:
        told = {"version": artifact.qualified_name, "is_drifted": report.is_drifted}
        told |= {"is_recorded": report.is_recorded, "not_recorded": report.not_recorded}
        output.document({**told, **report.counts, "references": rows})
    else:
        output.listing(rows, _REFERENCES, json=False, limit=0, noun="references")
        counts = [f"{n} {name.removeprefix('n_')}" for name, n in report.counts.items() if n]
        if counts:
            kept = "" if report.is_recorded else f"; not kept, as {report.not_recorded}"
            output.note(", ".join(counts) + kept)
    if report.is_drifted:
        raise typer.Exit(exits.NO)
    if not report.is_complete:
        raise typer.Exit(exits.UNAVAILABLE)


def _compare(artifact: Artifact, folder: Path) -> dict[str, list[str]]:
    try:
        artifact.verify(folder)
    except Corrupt as exc:
        if "missing" not in exc.facts:  # the manifest itself is damaged
            raise
        return {fault: exc.facts[fault] for fault in ("changed", "missing", "extra")}
    return {"changed": [], "missing": [], "extra": []}


def _artifact(server: Server, name: str) -> Artifact:
    from lineage.client.artifact import Artifact
    from lineage.client.wire import read_version

    found: dict[str, Any] = server.get(one_path(server.version(name)))
    return Artifact.of(read_version(found), server.connection)
