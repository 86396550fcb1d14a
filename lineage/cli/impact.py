"""lineage impact …"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Annotated, Any, Final

import typer

from lineage.cli import output
from lineage.cli.choosing import (
    CollectionOption,
    DigestOption,
    FileOption,
    KeepLastOption,
    NamesArgument,
    ProjectWideOption,
    WithLoggedOption,
    chosen,
)
from lineage.cli.connection import artifact_hint, connect
from lineage.cli.options import FilterOption, JsonOption, ProjectOption, examples
from lineage.cli.output import Part
from lineage.cli.tree import LOST, TraceTree
from lineage.client.words import counted, short_key, what_there_is
from lineage.errors import Invalid

__all__ = ["EXAMPLES", "impact"]

_TERMINAL_LINES: Final = 200  # of the tree
_SHOWN: Final = 20  # of what is beside the tree, of a kind
_RED: Final = "bold red"

EXAMPLES: Final = examples(
    "lineage impact raw-images:v0",
    "lineage impact 3f2a9c --with-logged --json",
    "lineage impact --collection digits --keep-last 3",
    "lineage impact --digest sha256:9f86d0818… --csv > impact.csv",
    "lineage impact --file images/0001.png",
)


def impact(
    names: NamesArgument = None,
    project: ProjectOption = None,
    collection: CollectionOption = None,
    project_wide: ProjectWideOption = False,
    digest: DigestOption = None,
    file: FileOption = None,
    where: FilterOption = None,
    keep_last: KeepLastOption = 0,
    with_logged: WithLoggedOption = False,
    json: JsonOption = False,
    csv: Annotated[
        bool, typer.Option("--csv", help="A table: one line for each node downstream.")
    ] = False,
) -> None:
    """Draw what depends on versions and runs, and what could not be made again without them.

    A run could be made again while all its inputs are stored, or could be too.
    What the deletion of these would leave without such a way is marked red.
    """
    if json and csv:
        raise Invalid("--csv", "and --json are two answers: choose one")
    server = connect(project)
    selection = chosen(
        server,
        names,
        collection=collection,
        project_wide=project_wide,
        digest=digest,
        file=file,
        where=where,
        keep_last=keep_last,
        with_logged=with_logged,
    )
    with artifact_hint(*(names or ())):
        if csv:
            output.exact(server.text("/impact", selection, accept="text/csv"))
        elif json:
            output.document(server.post("/impact", selection))
        else:
            _draw(server.post("/impact", selection, edges=True))


def _draw(answer: Mapping[str, Any]) -> None:
    found = answer["downstream"]
    runs = set(answer["runs"])
    segments = sorted(key for key in found["nodes"] if key.partition("#")[0] in runs)
    starts = [*answer["versions"], *segments]
    lost = [*answer["irreproducible"]["runs"], *answer["irreproducible"]["versions"]]
    tree = TraceTree.of(starts, found, upstream=False, lost=lost)
    lines = tree.lines()
    for parts in islice(lines, _TERMINAL_LINES if output.is_terminal() else None):
        output.line(*parts)
    n_more = sum(1 for _ in lines)
    if n_more:
        output.line((f"… and {n_more} lines more: `| less` shows all", "bold"))
    for parts in _summary(answer):
        output.line(*parts)


def _summary(answer: Mapping[str, Any]) -> Iterator[list[Part]]:
    found, lost = answer["downstream"], answer["irreproducible"]
    n_hidden = found["n_hidden"]
    hidden = f", {n_hidden} of them in projects that you may not read" if n_hidden else ""
    yield [(f"{_counts(found)} downstream{hidden}", "bold")]
    for title, shares in (("collection", answer["collections"]), ("owner", answer["owners"])):
        if shares:
            yield [(f"by {title}:", "dim")]
        yield from _listed([f"{share['name']}: {_counts(share)}" for share in shares], "")
    if lost["runs"] or lost["versions"]:
        counts = {"n_versions": len(lost["versions"]), "n_runs": len(lost["runs"])}
        yield [(f"{_counts(counts)} {LOST}", _RED)]
        drawn = {key.partition("#")[0] for level in found["levels"] for key in level}
        beside = [key for key in (*lost["runs"], *lost["versions"]) if key not in drawn]
        yield from _listed([f"{short_key(key)}, which is not in the tree" for key in beside], "red")
    if answer["lost"]:
        yield [(f"lost for good: {counted(len(answer['lost']), 'version')}", _RED)]
        yield from _listed(list(map(short_key, answer["lost"])), "red")


def _listed(texts: Sequence[str], style: str) -> Iterator[list[Part]]:
    for text in texts[:_SHOWN]:
        yield [(f"  {text}", style)]
    if len(texts) > _SHOWN:
        yield [(f"  … and {len(texts) - _SHOWN} more: --json lists all", "dim")]


def _counts(of: Mapping[str, Any]) -> str:
    return what_there_is(n_versions=of["n_versions"], n_runs=of["n_runs"])
