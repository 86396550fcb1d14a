"""lineage plan …, and what `artifacts rm` and `runs rm` do: tell first, then do exactly that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from lineage.cli import exits, output
from lineage.cli.connection import artifact_hint, connect
from lineage.cli.options import (
    AliasesOption,
    FilterOption,
    JsonOption,
    ProjectOption,
    PurgeOption,
    examples,
)
from lineage.cli.output import size_text
from lineage.client.words import counted
from lineage.errors import Blocked, Invalid, PlanChanged
from lineage.names import RunKey

if TYPE_CHECKING:
    from lineage.cli.connection import Server

__all__ = ["EXAMPLES", "delete", "plan"]

_SHOWN: Final = 20  # names of a kind; --json has them all

EXAMPLES: Final = examples(
    "lineage plan digits:v3 digits:v4",
    "lineage plan 3f2a9c --with-logged",
    "lineage plan --collection digits --filter 'created_at < \"2026-01-31\"'",
    "lineage artifacts rm digits:v3 --plan sha256:…",
)


def plan(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="Versions (with a colon), or runs."),
    ] = None,
    project: ProjectOption = None,
    collection: Annotated[
        str | None, typer.Option("--collection", help="Instead of names: all its live versions.")
    ] = None,
    where: FilterOption = None,
    with_logged: Annotated[
        bool, typer.Option("--with-logged", help="With what the runs logged.")
    ] = False,
    delete_aliases: AliasesOption = False,
    purge: PurgeOption = False,
    json: JsonOption = False,
) -> None:
    """Say what a deletion would break and free, and delete nothing.

    Exit code 5 if something blocks it.
    """
    server = connect(project)
    request: dict[str, Any] = {
        "with_logged": with_logged,
        "delete_aliases": delete_aliases,
        "purge": purge,
    }
    if bool(names) == bool(collection):
        raise Invalid("NAME", "is needed, or else --collection")
    if where and not collection:
        raise Invalid("--filter", "chooses versions of a --collection")
    if collection:
        request["collection"] = str(server.version(collection).collection)
        request["filter"] = where
    for name in names or ():
        found = server.version_or_run(name)
        if isinstance(found, RunKey):
            request.setdefault("runs", []).append(found.path)
        else:
            request.setdefault("versions", []).append(str(found))
    with artifact_hint(*(names or ())):
        answer = server.post("/deletion-plans", request)
    if json:
        output.document(answer)
    else:
        _show(answer)
    if answer["blockers"]:
        raise typer.Exit(exits.BLOCKED)


def delete(
    server: Server, request: Mapping[str, Any], *, plan: str | None, yes: bool, json: bool
) -> None:
    """Plan the request, show the plan, ask, and execute that very plan.

    Raises:
        PlanChanged: the plan is not `plan`.
        Blocked: something blocks it.
        Invalid: nobody is there to be asked, and there is no `yes`.
    """
    if not yes and not output.is_interactive():
        raise Invalid("--yes", "is needed where nobody can be asked")
    answer = server.post("/deletion-plans", request)
    if not json:
        _show(answer)
    if plan is not None and plan != answer["digest"]:
        message = f"the plan is not {plan}, but {answer['digest']}. Nothing was deleted"
        raise PlanChanged(message)
    if answer["blockers"]:
        message = "the deletion is blocked. Nothing was deleted"
        raise Blocked(message, blockers=answer["blockers"] if json else [])
    if not yes and not output.confirm("Delete this?"):
        output.note("nothing was deleted")
        raise typer.Exit(exits.NO)
    receipt = server.execute(f"/deletion-plans/{answer['digest']}/execute")
    if json:
        output.document(receipt)
        return
    gone = _counts(receipt["versions"], receipt["runs"])
    freed = size_text(receipt["bytes_freed"])
    output.line(f"deleted {gone}; freed {freed} ({counted(receipt['n_blobs'], 'blob')})")


def _show(answer: Mapping[str, Any]) -> None:
    for style, text in _words(answer):
        output.line((text, style))


def _words(answer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A plan in words, as (style, line)."""
    yield "bold", f"goes: {_counts(answer['versions'], answer['runs'])}"
    yield from _listed("", [*answer["versions"], *answer["runs"]])
    if answer["aliases"]:
        yield from _listed("", [f"alias {alias}" for alias in answer["aliases"]])
    freed, n_blobs = size_text(answer["freed_bytes"]), answer["n_blobs"]
    yield (
        "green",
        f"frees: {freed} ({counted(n_blobs, 'blob')}, {counted(answer['n_pages'], 'page')})",
    )
    if answer["n_shared"]:
        shared = size_text(answer["shared_bytes"])
        yield "", f"stays, since shared: {shared} ({counted(answer['n_shared'], 'blob')})"
        holders = (
            f"{size_text(holder['size_bytes'])} with {_short(holder['key'])}"
            for holder in answer["holders"]
        )
        yield from _listed("", holders)
    yield from _downstream(answer)
    if answer["blockers"]:
        yield "bold red", f"blocked by {len(answer['blockers'])}:"
        yield from _listed(
            "red", (f"{b['kind']} {b['name']}: {_clearing(b)}" for b in answer["blockers"])
        )
    yield "dim", f"plan {answer['digest']}, kept until {answer['expires_at'][:19]}Z"


def _downstream(answer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    found = answer["downstream"]
    if not found["n_runs"] and not found["n_versions"]:
        yield "", "downstream: nothing"
        return
    counts = f"{counted(found['n_versions'], 'version')} and {counted(found['n_runs'], 'run')}"
    yield "yellow", f"downstream: {counts}"
    hops = (
        f"hop {hop}: {_short(key)}"
        for hop, keys in enumerate(found["levels"], start=1)
        for key in keys
    )
    yield from _listed("", hops)


def _clearing(blocker: Mapping[str, str]) -> str:
    """How to clear a blocker, in the words of this command line where it has a word."""
    if blocker["kind"] == "alias":
        collection, _, alias = blocker["name"].rpartition(":")
        drop = f"lineage artifacts alias {collection}:{alias} --drop {alias}"
        return f"`{drop}`, or add --delete-aliases"
    if blocker["kind"] == "running":
        finish = f"lineage runs finish {blocker['name'].removeprefix('run:')}"
        return f"`{finish}`, or wait: a run that is silent for 5 minutes counts as crashed"
    return blocker["how_to_clear"]


def _listed(style: str, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    n_more = 0
    for position, name in enumerate(names):
        if position < _SHOWN:
            yield style, f"  {_short(name)}"
        else:
            n_more += 1
    if n_more:
        yield "dim", f"  … and {n_more} more: --json lists all"


def _counts(versions: list[str], runs: list[str]) -> str:
    parts = [(len(versions), "version"), (len(runs), "run")]
    return " and ".join(counted(n, what) for n, what in parts if n) or "nothing"


def _short(key: str) -> str:
    return key.removeprefix("artifact:").replace("run:", "run ", 1)
