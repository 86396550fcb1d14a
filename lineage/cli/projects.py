"""lineage projects …"""

from __future__ import annotations

from typing import Annotated

import typer

from lineage.cli import output
from lineage.cli.connection import connect
from lineage.cli.options import JsonOption, LimitOption, examples, group
from lineage.cli.output import Column
from lineage.model import Access

__all__ = ["app"]

app = group("Projects: who may read and write what is in them.")

_COLUMNS = (
    Column("entity", "entity"),
    Column("project", "name", "name"),
    Column("access", "access"),
    Column("created", "created_at", "time"),
)


@app.command(epilog=examples("lineage projects ls", "lineage projects ls --entity acme --json"))
def ls(
    entity: Annotated[str | None, typer.Option("--entity", help="Only this owner's.")] = None,
    limit: LimitOption = None,
    json: JsonOption = False,
) -> None:
    """List the projects that you may read."""
    items = connect(None).items("/projects", entity=entity)
    output.listing(items, _COLUMNS, json=json, limit=limit, noun="projects")


@app.command(
    epilog=examples("lineage projects access acme/vision", "lineage projects access vision public")
)
def access(
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="acme/vision, vision.")],
    access: Annotated[
        Access | None,
        typer.Argument(help="Leave it out to see what it is.", show_default=False),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show or set who may do what.

    private: its team reads and writes. public: everyone reads, the team writes. open: everyone
    reads and writes. Everyone means: any valid key. A project that is new is created.
    """
    server = connect(project)
    path = server.project_path()
    found = server.put(path, {"access": access.value}) if access else server.get(path)
    if json:
        output.document(found)
    else:
        output.line(found["access"])


@app.command(
    epilog=examples(
        "lineage projects guard vision --protect prod --protect staging",
        "lineage projects guard vision --unprotect prod",
        "lineage projects guard vision --downstream",
        "lineage projects guard vision",
    )
)
def guard(
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="acme/vision, vision.")],
    protect: Annotated[
        list[str] | None,
        typer.Option("--protect", metavar="ALIAS", help="Only administrators move it then."),
    ] = None,
    unprotect: Annotated[
        list[str] | None, typer.Option("--unprotect", metavar="ALIAS", help="No longer.")
    ] = None,
    downstream: Annotated[
        bool | None,
        typer.Option(
            "--downstream/--no-downstream",
            help="Keep what a run has used, until that run is deleted.",
            show_default=False,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show or set what a project guards against. Setting is for administrators.

    A version with a protected alias is not deleted, whatever is asked.
    """
    server = connect(project)
    path = server.project_path()
    found = server.get(path)
    if protect or unprotect or downstream is not None:
        aliases = {*found["protected_aliases"], *(protect or ())} - {*(unprotect or ())}
        body = {"protected_aliases": sorted(aliases), "guards_downstream": downstream}
        found = server.patch(path, body)
    if json:
        output.document(found)
        return
    output.line(f"protected aliases: {', '.join(found['protected_aliases']) or 'none'}")
    output.line(f"what a run has used is {'kept' if found['guards_downstream'] else 'not kept'}")
