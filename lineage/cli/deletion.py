"""lineage plan …, and what `artifacts rm` and `runs rm` do: tell first, then do exactly that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from lineage.cli import exits, output
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
from lineage.cli.options import (
    AliasesOption,
    FilterOption,
    JsonOption,
    ProjectOption,
    PurgeOption,
    examples,
)
from lineage.cli.output import Column, size_text
from lineage.client.words import clearing, counted, short_key, what_there_is
from lineage.digest import Digest
from lineage.errors import Blocked, Invalid, PlanChanged

if TYPE_CHECKING:
    from lineage.cli.connection import Server

__all__ = ["EXAMPLES", "EXECUTE_EXAMPLES", "delete", "execute", "plan"]

_SHOWN: Final = 20  # names of a kind; --json has them all

_KEPT: Final = (
    Column("version", "version", "name"),
    Column("path", "path"),
    Column("size", "size_bytes", "size"),
    Column("stays with", "holder"),
)
EXAMPLES: Final = examples(
    "lineage plan digits:v3 digits:v4",
    "lineage plan 3f2a9c --with-logged",
    "lineage plan --collection digits --keep-last 3 --filter 'not exists aliases'",
    "lineage plan --project-wide --filter 'created_at < \"2026-01-31\"'",
    "lineage plan --file images/0001.png",
    "lineage execute sha256:5f0c…",
)
EXECUTE_EXAMPLES: Final = examples("lineage execute sha256:5f0c…")


def plan(
    names: NamesArgument = None,
    project: ProjectOption = None,
    collection: CollectionOption = None,
    project_wide: ProjectWideOption = False,
    digest: DigestOption = None,
    file: FileOption = None,
    where: FilterOption = None,
    keep_last: KeepLastOption = 0,
    with_logged: WithLoggedOption = False,
    delete_aliases: AliasesOption = False,
    purge: PurgeOption = False,
    kept: Annotated[
        bool,
        typer.Option("--kept", help="Also every file that stays, with one who contains it."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Say what a deletion would break and free, and delete nothing.

    `lineage execute` with the digest that ends it does just that. Exit code 5 if something blocks.
    """
    server = connect(project)
    request = chosen(
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
    request |= {"delete_aliases": delete_aliases, "purge": purge}
    with artifact_hint(*(names or ())):
        answer = server.post("/deletion-plans", request)
    if kept:
        output.listing(
            server.kept_files(answer["digest"]), _KEPT, json=json, limit=0, noun="shared files"
        )
    _tell(answer, json=json)


def _tell(answer: Mapping[str, Any], *, json: bool) -> None:
    if json:
        output.document(answer)
    else:
        _show(answer)
    if answer["blockers"]:
        raise typer.Exit(exits.BLOCKED)


def execute(
    plan: Annotated[
        str, typer.Argument(metavar="PLAN", help="Its digest, as `lineage plan` tells it.")
    ],
    json: JsonOption = False,
) -> None:
    """Delete just what a plan of yours says, or nothing if something of it has changed.

    Asks nothing. Done before, it tells the receipt of then, so it may be repeated.
    """
    _execute(connect(None), Digest.parse(plan, field="PLAN"), json=json)


def delete(
    server: Server,
    request: Mapping[str, Any],
    *,
    plan: str | None,
    dry_run: bool,
    yes: bool,
    json: bool,
) -> None:
    """Plan the request, show the plan, ask, and execute that very plan.

    Args:
        dry_run: show the plan, and be done: as `lineage plan`.
    Raises:
        PlanChanged: the plan is not `plan`.
        Blocked: something blocks it.
        Invalid: nobody is there to be asked, and there is no `yes`.
    """
    if not (yes or dry_run or output.is_interactive()):
        raise Invalid("--yes", "is needed where nobody can be asked")
    answer = server.post("/deletion-plans", request)
    if not json and not dry_run:
        _show(answer)
    if plan is not None and plan != answer["digest"]:
        message = f"the plan is not {plan}, but {answer['digest']}. Nothing was deleted"
        raise PlanChanged(message)
    if dry_run:
        _tell(answer, json=json)
        return
    if answer["blockers"]:
        message = "the deletion is blocked. Nothing was deleted"
        raise Blocked(message, blockers=answer["blockers"] if json else [])
    if not yes and not output.confirm("Delete this?"):
        output.note("nothing was deleted")
        raise typer.Exit(exits.NO)
    _execute(server, answer["digest"], json=json)


def _execute(server: Server, plan: str, *, json: bool) -> None:
    begun = server.execute(plan)
    try:
        receipt = server.follow(begun)
    except KeyboardInterrupt:
        output.note(f"the server goes on: lineage receipts show {begun['id']}")
        raise
    if json:
        output.document(receipt)
        return
    gone = _named(receipt)
    freed = size_text(receipt["bytes_freed"])
    output.line(f"deleted {gone}; freed {freed} ({counted(receipt['n_blobs'], 'blob')})")
    output.line((f"receipt {receipt['id']}", "dim"))


def _show(answer: Mapping[str, Any]) -> None:
    for style, text in _words(answer):
        output.line((text, style))


def _words(answer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A plan in words, as (style, line)."""
    yield "bold", f"goes: {_named(answer)}"
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
            f"{size_text(holder['size_bytes'])} with {short_key(holder['key'])}"
            for holder in answer["holders"]
        )
        yield from _listed("", holders)
    if answer["joint_bytes"]:
        joint = size_text(answer["joint_bytes"])
        yield "dim", f"of what is freed, {joint} only because all who share it go"
    if answer["n_hidden"]:
        yield "dim", f"{answer['n_hidden']} of these runs and versions you may not see"
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
        f"hop {hop}: {short_key(key)}"
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
    return clearing(blocker)


def _listed(style: str, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    n_more = 0
    for position, name in enumerate(names):
        if position < _SHOWN:
            yield style, f"  {short_key(name)}"
        else:
            n_more += 1
    if n_more:
        yield "dim", f"  … and {n_more} more: --json lists all"


def _named(of: Mapping[str, Any]) -> str:
    return what_there_is(n_versions=len(of["versions"]), n_runs=len(of["runs"]))
