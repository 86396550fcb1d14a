"""lineage runs …"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lineage.cli import deletion, output
from lineage.cli.connection import connect, one_path
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
    RunArgument,
    YesOption,
    examples,
    group,
)
from lineage.cli.output import Column

__all__ = ["app", "run_details"]

app = group("Runs: one execution each, with its config and summary.")

_COLUMNS = (
    Column("run", "id", "name"),
    Column("state", "state"),
    Column("name", "name"),
    Column("job type", "job_type"),
    Column("group", "group"),
    Column("tags", "tags"),
    Column("created", "created_at", "time"),
)


@app.command(
    epilog=examples(
        "lineage runs ls -p acme/vision",
        "lineage runs ls --filter 'summary.acc >= 0.9' --order -summary.acc -c summary.acc",
        "lineage runs ls --json | jq .summary",
    )
)
def ls(
    project: ProjectOption = None,
    where: FilterOption = None,
    order: OrderOption = "-created_at",
    column: Annotated[
        list[str] | None,
        typer.Option("-c", "--column", metavar="PATH", help="One column more: config.lr …"),
    ] = None,
    limit: LimitOption = None,
    json: JsonOption = False,
) -> None:
    """List the runs of a project, newest first."""
    server = connect(project)
    items = server.items(f"{server.project_path()}/runs", filter=where, order=order)
    columns = (*_COLUMNS, *(Column(path, path) for path in column or ()))
    output.listing(items, columns, json=json, limit=limit, noun="runs")


@app.command(epilog=examples("lineage runs show 3f2a9c", "lineage runs show 3f2a9c --json"))
def show(run: RunArgument, project: ProjectOption = None, json: JsonOption = False) -> None:
    """Show a run: its state, config and summary, what it used and what it logged."""
    server = connect(project)
    path = one_path(server.run(run))
    found: dict[str, Any] = server.get(path)
    for kind in ("used", "logged"):
        found[kind] = [v["key"].removeprefix("artifact:") for v in server.items(f"{path}/{kind}")]
    if json:
        output.document(found)
    else:
        run_details(found)


def run_details(found: dict[str, Any]) -> None:
    """A run, one field a line."""
    output.details(
        [
            ("run", f"{found['entity']}/{found['project']}/{found['id']}"),
            ("name", found["name"]),
            ("state", found["state"]),
            ("job type", found["job_type"]),
            ("group", found["group"]),
            ("sweep", found["sweep"]),
            ("tags", found["tags"]),
            ("notes", found["notes"]),
            ("created", found["created_at"], "time"),
            ("finished", found["finished_at"], "time"),
            ("exit code", found["exit_code"]),
            ("error", found["error"]),
            *((f"config.{key}", value) for key, value in found["config"].items()),
            *((f"summary.{key}", value) for key, value in found["summary"].items()),
            *(("used", name) for name in found.get("used", ())),
            *(("logged", name) for name in found.get("logged", ())),
        ]
    )


@app.command(
    epilog=examples("lineage runs finish 3f2a9c", "lineage runs finish 3f2a9c --exit-code 1")
)
def finish(
    run: RunArgument,
    exit_code: Annotated[
        int, typer.Option("--exit-code", metavar="N", help="Other than 0, it has failed.")
    ] = 0,
    project: ProjectOption = None,
    json: JsonOption = False,
) -> None:
    """End a run from outside: one whose program was lost, or that has no program."""
    server = connect(project)
    found = server.post(f"{one_path(server.run(run))}/finish", {"exit_code": exit_code})
    if json:
        output.document(found)
    else:
        output.line(found["state"])


@app.command(
    epilog=examples(
        "lineage runs rm 3f2a9c --with-logged",
        "lineage runs rm 3f2a9c 77aa01 --dry-run",
        "lineage runs rm 3f2a9c 77aa01 --yes",
    )
)
def rm(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN", help="Ids: 3f2a9c, acme/vision/3f2a9c.")
    ],
    project: ProjectOption = None,
    with_logged: Annotated[
        bool, typer.Option("--with-logged", help="Delete the versions that they logged, too.")
    ] = False,
    delete_aliases: AliasesOption = False,
    purge: PurgeOption = False,
    plan: PlanOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Delete runs: shows what goes and what it breaks, and asks first."""
    server = connect(project)
    request = {
        "runs": [server.run(name).path for name in runs],
        "with_logged": with_logged,
        "delete_aliases": delete_aliases,
        "purge": purge,
    }
    deletion.delete(server, request, plan=plan, dry_run=dry_run, yes=yes, json=json)
