"""lineage sweep …"""

from __future__ import annotations

import secrets
from typing import Annotated, Any

import typer

from lineage.cli import exits, output
from lineage.cli.connection import connect, one_path
from lineage.cli.options import (
    JsonOption,
    LimitOption,
    ProjectOption,
    SweepArgument,
    examples,
    group,
)
from lineage.cli.output import Column
from lineage.cli.runs import run_details
from lineage.client.words import counted
from lineage.errors import Invalid
from lineage.model import Goal
from lineage.values import loads

__all__ = ["app"]

app = group("Sweeps: sets of runs that search hyperparameters.")

_COLUMNS = (
    Column("sweep", "id", "name"),
    Column("method", "method"),
    Column("metric", "metric"),
    Column("goal", "goal"),
    Column("begun", "next_point"),
    Column("of", "n_points"),
    Column("stopped", "is_stopped"),
    Column("created", "created_at", "time"),
)
_RANKED = (
    Column("value", "value"),
    Column("run", "run.id", "name"),
    Column("name", "run.name"),
    Column("state", "run.state"),
    Column("config", "run.config"),
)


@app.command(epilog=examples("lineage sweep ls -p acme/vision", "lineage sweep ls --json"))
def ls(project: ProjectOption = None, limit: LimitOption = None, json: JsonOption = False) -> None:
    """List the sweeps of a project."""
    server = connect(project)
    items = server.items(f"{server.project_path()}/sweeps")
    output.listing(items, _COLUMNS, json=json, limit=limit, noun="sweeps")


@app.command(epilog=examples("lineage sweep show lr-search"))
def show(sweep: SweepArgument, project: ProjectOption = None, json: JsonOption = False) -> None:
    """Show a sweep: what it searches, and how far it is."""
    server = connect(project)
    _show(server.get(one_path(server.sweep(sweep))), json=json)


def _show(found: dict[str, Any], *, json: bool) -> None:
    if json:
        output.document(found)
        return
    output.details(
        [
            ("sweep", found["key"].removeprefix("sweep:")),
            ("name", found["name"]),
            ("method", found["method"]),
            ("metric", found["metric"]),
            ("goal", found["goal"]),
            *((f"parameters.{key}", value) for key, value in found["parameters"].items()),
            ("program", found["program"]),
            ("points begun", found["next_point"]),
            ("points", found["n_points"]),
            ("at most", found["run_cap"]),
            ("stopped", "yes" if found["is_stopped"] else "no"),
            ("created", found["created_at"], "time"),
        ]
    )


@app.command(
    epilog=examples(
        "lineage sweep best lr-search",
        "lineage sweep best lr-search --metric val.loss --goal minimize --limit 5",
        "lineage sweep best lr-search --json | jq -r '.items[0].logged[]'",
    )
)
def best(
    sweep: SweepArgument,
    project: ProjectOption = None,
    metric: Annotated[
        str | None, typer.Option("--metric", help="A path in the summary.", show_default="its own")
    ] = None,
    goal: Annotated[
        Goal | None, typer.Option("--goal", help="Which way is better.", show_default="its own")
    ] = None,
    limit: Annotated[
        int, typer.Option("-n", "--limit", min=1, max=1000, help="The best so many.")
    ] = 1,
    json: JsonOption = False,
) -> None:
    """Show the best run of a sweep and what it logged.

    Exit code 1 if no run has the metric.
    """
    server = connect(project)
    path = one_path(server.sweep(sweep))
    answer = server.get(
        f"{path}/best", metric=metric, goal=goal.value if goal else None, limit=limit
    )
    for item in answer["items"]:
        run = item["run"]
        logged = server.items(f"/projects/{run['entity']}/{run['project']}/runs/{run['id']}/logged")
        item["logged"] = [version["key"].removeprefix("artifact:") for version in logged]
    if json:
        output.document(answer)
    elif len(answer["items"]) == 1:
        (item,) = answer["items"]
        output.details([(f"{answer['metric']} ({answer['goal']})", item["value"])])
        run_details({**item["run"], "logged": item["logged"]})
    else:
        output.listing(answer["items"], _RANKED, json=False, limit=0, noun="runs with this metric")
    if answer["n_without"]:
        output.note(
            f"without a number for {answer['metric']}: {counted(answer['n_without'], 'run')}"
        )
    if not answer["items"]:
        raise typer.Exit(exits.NO)


@app.command(
    epilog=examples(
        "lineage sweep create sweep.json",
        "lineage sweep create - < sweep.json",
    )
)
def create(
    config: Annotated[
        typer.FileText,
        typer.Argument(metavar="FILE", help="The configuration as JSON; - is stdin."),
    ],
    project: ProjectOption = None,
    id: Annotated[str | None, typer.Option("--id", help="What to call it in paths.")] = None,
    json: JsonOption = False,
) -> None:
    """Create a sweep: method, metric, parameters, and what else `lineage.sweep` takes."""
    server = connect(project)
    wanted = loads(config.read())
    if not isinstance(wanted, dict):
        raise Invalid("FILE", "is not a JSON object")
    sweep = id or wanted.get("id") or secrets.token_hex(4)
    _show(server.post(f"{server.project_path()}/sweeps", {**wanted, "id": sweep}), json=json)


@app.command(epilog=examples("lineage sweep stop lr-search"))
def stop(sweep: SweepArgument, project: ProjectOption = None, json: JsonOption = False) -> None:
    """Hand out no more points; runs that have begun go on."""
    server = connect(project)
    _show(server.post(f"{one_path(server.sweep(sweep))}/stop"), json=json)
