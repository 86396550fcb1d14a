"""lineage artifacts …: everything but moving files, which is in transfers.py."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lineage.cli import deletion, output
from lineage.cli.connection import Server, connect, one_path
from lineage.cli.options import (
    AliasesOption,
    DryRunOption,
    FilterOption,
    JsonOption,
    LimitOption,
    OrderOption,
    PlanOption,
    ProjectOption,
    PurgeOption,
    VersionArgument,
    YesOption,
    examples,
    group,
)
from lineage.cli.output import Column
from lineage.errors import Invalid

__all__ = ["app", "version_details"]

app = group("Artifacts: collections of versions, and the files in them.")

_COLLECTIONS = (
    Column("collection", "name", "name"),
    Column("type", "type"),
    Column("versions ever", "next_index"),
    Column("created", "created_at", "time"),
    Column("description", "description"),
)
_VERSIONS = (
    Column("version", "name", "name"),
    Column("type", "type"),
    Column("state", "state"),
    Column("aliases", "aliases"),
    Column("tags", "tags"),
    Column("files", "n_files"),
    Column("size", "size_bytes", "size"),
    Column("digest", "digest", "digest"),
    Column("created", "created_at", "time"),
)
_FILES = (
    Column("path", "path"),
    Column("size", "size_bytes", "size"),
    Column("digest", "digest", "digest"),
    Column("reference", "ref"),
)


@app.command(
    epilog=examples(
        "lineage artifacts ls",
        "lineage artifacts ls digits",
        "lineage artifacts ls --filter 'type = \"model\" and metadata.acc > 0.9' --json",
    )
)
def ls(
    collection: Annotated[
        str | None,
        typer.Argument(
            metavar="COLLECTION", help="Its versions; without it, the project's collections."
        ),
    ] = None,
    project: ProjectOption = None,
    type: Annotated[str | None, typer.Option("--type", help="Only of this type.")] = None,
    where: FilterOption = None,
    order: OrderOption = "-created_at",
    with_deleted: Annotated[
        bool, typer.Option("-a", "--all", help="Deleted versions too.")
    ] = False,
    limit: LimitOption = None,
    json: JsonOption = False,
) -> None:
    """List the collections of a project, or versions.

    With COLLECTION, its versions, newest first; with a filter alone, versions of all collections.
    """
    server = connect(project)
    path = server.project_path()
    if collection is None and where is None and not with_deleted:
        found = server.items(f"{path}/collections", type=type)
        output.listing(found, _COLLECTIONS, json=json, limit=limit, noun="collections")
        return
    if collection is not None:
        key = server.version(collection).collection
        path = f"/projects/{key.project}/collections/{key.name}"
    clauses = [
        f"({where})" if where else None,
        None if with_deleted else 'state = "committed"',
        f"type = {_quoted(type)}" if type else None,
    ]
    text = " and ".join(clause for clause in clauses if clause) or None
    found = server.items(f"{path}/versions", filter=text, order=order)
    output.listing(found, _VERSIONS, json=json, limit=limit, noun="versions")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@app.command(
    epilog=examples("lineage artifacts show digits:prod", "lineage artifacts show digits --json")
)
def show(name: VersionArgument, project: ProjectOption = None, json: JsonOption = False) -> None:
    """Show a version: what it is, who logged and used it, what it alone keeps stored."""
    server = connect(project)
    found = server.get(one_path(server.version(name)))
    # By its index from here on: an alias may move between two questions.
    path = one_path(server.version(found["key"]))
    logged_by = server.get(f"{path}/logged-by")["run"]
    found["logged_by"] = logged_by and logged_by["key"].removeprefix("run:")
    found["used_by"] = [run["key"].removeprefix("run:") for run in server.items(f"{path}/used-by")]
    if found["state"] != "deleted":
        found["bytes"] = server.get(f"{path}/bytes")
    if json:
        output.document(found)
    else:
        version_details(found)


def version_details(found: dict[str, Any]) -> None:
    """A version, one field a line."""
    stored = found.get("bytes", {})
    check = found["reference_check"]
    output.details(
        [
            ("version", found["key"].removeprefix("artifact:")),
            ("type", found["type"]),
            ("state", found["state"]),
            ("aliases", found["aliases"]),
            ("tags", found["tags"]),
            ("description", found["description"]),
            ("files", found["n_files"]),
            ("size", found["size_bytes"], "size"),
            ("its own", stored.get("own_bytes"), "size"),
            ("shared", stored.get("shared_bytes"), "size"),
            ("digest", found["digest"]),
            ("created", found["created_at"], "time"),
            ("created by", found["created_by"]),
            ("deleted", found["deleted_at"], "time"),
            ("deleted by", found["deleted_by"]),
            ("drifted", "yes" if found["drifted"] else None),
            ("references", check and _counts(check)),
            ("looked after", check and check["checked_at"], "time"),
            *((f"metadata.{key}", value) for key, value in found["metadata"].items()),
            ("logged by", found.get("logged_by")),
            *(("used by", run) for run in found.get("used_by", ())),
        ]
    )


def _counts(check: dict[str, Any]) -> str:
    named = ("ok", "changed", "missing", "unversioned")
    return ", ".join(f"{check[f'n_{name}']} {name}" for name in named if check[f"n_{name}"])


@app.command(
    epilog=examples(
        "lineage artifacts files digits:v3",
        "lineage artifacts files digits:v3 --path images/ --json | jq -r .digest",
    )
)
def files(
    name: VersionArgument,
    project: ProjectOption = None,
    path: Annotated[str, typer.Option("--path", help="Only paths that begin so.")] = "",
    limit: LimitOption = None,
    json: JsonOption = False,
) -> None:
    """List the files and references in a version, by path."""
    server = connect(project)
    entries = server.lines(f"{one_path(server.version(name))}/manifest")
    chosen = (entry for entry in entries if entry["path"].startswith(path))
    output.listing(chosen, _FILES, json=json, limit=limit, noun="files")


@app.command(
    epilog=examples(
        "lineage artifacts alias digits:v3 prod",
        "lineage artifacts alias digits:v3 --drop staging",
    )
)
def alias(
    name: VersionArgument,
    aliases: Annotated[
        list[str] | None, typer.Argument(metavar="ALIAS", help="Moved here from where it was.")
    ] = None,
    drop: Annotated[list[str] | None, typer.Option("--drop", help="Take this one away.")] = None,
    project: ProjectOption = None,
    json: JsonOption = False,
) -> None:
    """Set, move and drop aliases of a version; without any, list them."""
    _label(connect(project), name, "aliases", aliases or [], drop or [], json=json)


@app.command(
    epilog=examples(
        "lineage artifacts tag digits:v3 reviewed",
        "lineage artifacts tag digits:v3 --drop 'needs review'",
    )
)
def tag(
    name: VersionArgument,
    tags: Annotated[list[str] | None, typer.Argument(metavar="TAG")] = None,
    drop: Annotated[list[str] | None, typer.Option("--drop", help="Take this one away.")] = None,
    project: ProjectOption = None,
    json: JsonOption = False,
) -> None:
    """Add and drop tags of a version; without any, list them."""
    _label(connect(project), name, "tags", tags or [], drop or [], json=json)


def _label(
    server: Server, name: str, field: str, add: list[str], drop: list[str], *, json: bool
) -> None:
    path = one_path(server.version(name))
    if add or drop:
        found = server.patch(path, {f"add_{field}": add, f"drop_{field}": drop})
    else:
        found = server.get(path)
    if json:
        output.document(found)
    else:
        for text in found[field]:
            output.line(text)


@app.command(
    epilog=examples(
        "lineage artifacts rm digits:v3 digits:v4",
        "lineage artifacts rm digits:v3 --delete-aliases --yes",
        "lineage artifacts rm digits:v3 --dry-run",
        "lineage artifacts rm digits:v3 --plan sha256:… --yes",
    )
)
def rm(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME", help="digits:v3, digits:prod. The version must be said."),
    ],
    project: ProjectOption = None,
    delete_aliases: AliasesOption = False,
    purge: PurgeOption = False,
    plan: PlanOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Delete versions: shows what goes and what it breaks, and asks first.

    Files that other versions contain stay. Where nobody can be asked, --yes is needed.
    """
    for name in names:
        if ":" not in name.removeprefix("artifact:"):
            raise Invalid("NAME", f"{name} names no version: say which, such as {name}:v0")
    server = connect(project)
    request = {
        "versions": [str(server.version(name)) for name in names],
        "delete_aliases": delete_aliases,
        "purge": purge,
    }
    deletion.delete(server, request, plan=plan, dry_run=dry_run, yes=yes, json=json)
