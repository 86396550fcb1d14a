"""lineage receipts …"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from lineage.cli import output
from lineage.cli.connection import connect
from lineage.cli.options import JsonOption, LimitOption, examples, group
from lineage.cli.output import Column
from lineage.names import check_name

__all__ = ["app"]

app = group("Receipts: what was deleted, by whom, and what it freed.")

_COLUMNS = (
    Column("receipt", "id", "name"),
    Column("state", "state"),
    Column("versions", "n_versions"),
    Column("runs", "n_runs"),
    Column("freed", "bytes_freed", "size"),
    Column("blobs", "n_blobs"),
    Column("by", "deleted_by"),
    Column("deleted", "deleted_at", "time"),
)


@app.callback(
    invoke_without_command=True,
    no_args_is_help=False,
    epilog=examples(
        "lineage receipts",
        "lineage receipts --json | jq -r .id",
        "lineage receipts show 5d0f3c1b8f7e4a2d9c6b5a4f3e2d1c0b",
    ),
)
def receipts(context: typer.Context, limit: LimitOption = None, json: JsonOption = False) -> None:
    """Receipts: what was deleted, by whom, and what it freed. Alone, as `ls`."""
    if context.invoked_subcommand is None:
        ls(limit=limit, json=json)


@app.command(epilog=examples("lineage receipts ls", "lineage receipts ls --json | jq -r .id"))
def ls(limit: LimitOption = None, json: JsonOption = False) -> None:
    """List your deletions, newest first; for an administrator all."""
    items = connect(None).items("/deletions")
    found = items if json else map(_counted, items)
    output.listing(found, _COLUMNS, json=json, limit=limit, noun="receipts")


def _counted(receipt: Mapping[str, Any]) -> Mapping[str, Any]:
    n_versions, n_runs = len(receipt["versions"]), len(receipt["runs"])
    return {**receipt, "n_versions": n_versions, "n_runs": n_runs}


@app.command(
    epilog=examples(
        "lineage receipts show 5d0f3c1b8f7e4a2d9c6b5a4f3e2d1c0b",
        "lineage receipts show 5d0f3c1b8f7e4a2d9c6b5a4f3e2d1c0b --json > receipt.json",
    )
)
def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="As `lineage receipts ls` tells it.")],
    json: JsonOption = False,
) -> None:
    """Show what a deletion took and freed, and how far it is if it goes on."""
    found = connect(None).get(f"/deletions/{check_name(id, 'id')}")
    if json:
        output.document(found)
        return
    is_running = found["state"] != "finished"
    output.details(
        [
            ("receipt", found["id"]),
            ("state", found["state"]),
            ("done", f"{found['n_done']} of {len(found['versions'])}" if is_running else None),
            ("deleted", found["deleted_at"], "time"),
            ("by", found["deleted_by"]),
            ("finished", found["finished_at"], "time"),
            ("freed", found["bytes_freed"], "size"),
            ("blobs", found["n_blobs"]),
            ("pages", found["n_pages"]),
            ("plan", found["plan"]),
            ("purged", found["purge"] or None),
            *(("version", key.removeprefix("artifact:")) for key in found["versions"]),
            *(("run", key.removeprefix("run:")) for key in found["runs"]),
        ]
    )
