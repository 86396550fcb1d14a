"""What `plan` and `impact` are about: names, or a way to choose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lineage.digest import Digest
from lineage.errors import Invalid
from lineage.names import RunKey, check_path

if TYPE_CHECKING:
    from lineage.cli.connection import Server

__all__ = [
    "CollectionOption",
    "DigestOption",
    "FileOption",
    "KeepLastOption",
    "NamesArgument",
    "ProjectWideOption",
    "WithLoggedOption",
    "chosen",
]

NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME", help="Versions (with a colon), or runs."),
]
CollectionOption = Annotated[
    str | None, typer.Option("--collection", help="Instead of names: all its live versions.")
]
ProjectWideOption = Annotated[
    bool,
    typer.Option(
        "--project-wide",
        help="Instead of names: all live versions of the project, and all its runs unless"
        " --filter or --keep-last leave something out.",
    ),
]
DigestOption = Annotated[
    str | None,
    typer.Option("--digest", help="Instead of names: the live versions that contain this file."),
]
FileOption = Annotated[
    str | None,
    typer.Option(
        "--file", metavar="PATH", help="Instead of names: those that contain a file of this path."
    ),
]
KeepLastOption = Annotated[
    int,
    typer.Option(
        "--keep-last",
        metavar="N",
        min=0,
        help="Without the newest so many of each collection.",
        show_default=False,
    ),
]
WithLoggedOption = Annotated[bool, typer.Option("--with-logged", help="With what the runs logged.")]


def chosen(
    server: Server,
    names: list[str] | None,
    *,
    collection: str | None,
    project_wide: bool,
    digest: str | None,
    file: str | None,
    where: str | None,
    keep_last: int,
    with_logged: bool,
) -> dict[str, Any]:
    """The selection in the body of a request.

    Raises:
        Invalid: there is no name and no way to choose, or more than one of these.
    """
    is_by_content = bool(digest or file)
    if sum((bool(names), bool(collection), project_wide, is_by_content)) != 1:
        ways = "--collection, --project-wide, or --digest and --file"
        raise Invalid("NAME", f"is needed, or else one of {ways}")
    if names and (where or keep_last):
        option = "--filter" if where else "--keep-last"
        raise Invalid(option, "chooses among versions: say of which --collection, or other")
    request: dict[str, Any] = {
        "filter": where,
        "keep_last": keep_last,
        "with_logged": with_logged,
    }
    if collection:
        request["collection"] = str(server.version(collection).collection)
    if project_wide:
        request["project"] = str(server.project)
    if digest:
        request["digest"] = Digest.parse(digest)
    if file:
        request["path"] = check_path(file)
    for name in names or ():
        found = server.version_or_run(name)
        if isinstance(found, RunKey):
            request.setdefault("runs", []).append(found.path)
        else:
            request.setdefault("versions", []).append(str(found))
    return request
