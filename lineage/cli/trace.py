"""lineage trace …"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

import typer

from lineage.cli import output
from lineage.cli.connection import artifact_hint, connect
from lineage.cli.options import JsonOption, ProjectOption, examples, group
from lineage.cli.tree import TraceTree
from lineage.client.words import counted
from lineage.names import RunKey

__all__ = ["app"]

app = group("Lineage: what something came from, and what was made from it.")

_TERMINAL_NODES: Final = 200

_NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="A version (with a colon: digits:v3), or a run.")
]
_HopsOption = Annotated[
    int | None,
    typer.Option(
        "--max-hops",
        min=1,
        help="Edges to follow; runs and versions both count.",
        show_default="to the end",
    ),
]
_NodesOption = Annotated[
    int | None,
    typer.Option(
        "-n",
        "--limit",
        min=0,
        help="The nearest so many; 0 for all. By default all, and 200 on a terminal.",
        show_default=False,
    ),
]


@app.command(
    epilog=examples("lineage trace upstream model:prod", "lineage trace upstream 3f2a9c --json")
)
def upstream(
    name: _NameArgument,
    project: ProjectOption = None,
    max_hops: _HopsOption = None,
    limit: _NodesOption = None,
    json: JsonOption = False,
) -> None:
    """Draw everything that a version or a run was made from."""
    _trace(name, "upstream", project, max_hops=max_hops, limit=limit, json=json)


@app.command(
    epilog=examples(
        "lineage trace downstream raw-images:v0",
        "lineage trace downstream raw-images:v0 --max-hops 2",
    )
)
def downstream(
    name: _NameArgument,
    project: ProjectOption = None,
    max_hops: _HopsOption = None,
    limit: _NodesOption = None,
    json: JsonOption = False,
) -> None:
    """Draw everything that was made from a version or a run."""
    _trace(name, "downstream", project, max_hops=max_hops, limit=limit, json=json)


def _trace(
    name: str,
    direction: str,
    project: str | None,
    *,
    max_hops: int | None,
    limit: int | None,
    json: bool,
) -> None:
    server = connect(project)
    start = server.version_or_run(name)
    key = str(start) if isinstance(start, RunKey) else f"artifact:{start}"
    if limit is None and output.is_terminal() and not json:
        limit = _TERMINAL_NODES
    bounds = {"start": key, "direction": direction, "max_hops": max_hops}
    with artifact_hint(name):
        answer = server.get("/trace", **bounds, limit=limit or None, edges=True, nodes=True)
    if json:
        output.document(answer)
        return
    found = answer[direction]
    total = found if found["complete"] else server.get("/trace", **bounds)[direction]
    tree = TraceTree.of(answer["starts"], found, upstream=direction == "upstream")
    for parts in tree.lines():
        output.line(*parts)
    n_more = sum(map(len, total["levels"])) - sum(map(len, found["levels"]))
    if n_more:
        output.line((f"… and {n_more} more: --limit 0 shows all, --max-hops the nearest", "bold"))
    output.line((_summary(total, direction, max_hops), "dim"))
    drift = _drift(found["nodes"].values())
    if drift:
        output.line((drift, "yellow"))


def _drift(nodes: Iterable[Mapping[str, Any]]) -> str:
    """What of those that were drawn is drifted, or was made from what is."""
    told = [(node["drifted"], node["below_drifted"]) for node in nodes]
    n_drifted, n_below = sum(own for own, _ in told), sum(below for _, below in told)
    parts = [counted(n_drifted, "drifted version")] if n_drifted else []
    parts += [f"{n_below} made from drifted data"] if n_below else []
    return ", ".join(parts)


def _summary(total: dict[str, Any], direction: str, max_hops: int | None) -> str:
    n_versions, n_runs = counted(total["n_versions"], "version"), counted(total["n_runs"], "run")
    counts = f"{n_versions} and {n_runs} {direction}"
    bound = f" within {counted(max_hops, 'hop')}" if max_hops else ""
    n_hidden = total["n_hidden"]
    hidden = f", {n_hidden} of them in projects that you may not read" if n_hidden else ""
    return f"{counts}{bound}{hidden}"
