"""lineage fsck"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from lineage.cli import exits, output
from lineage.cli.connection import connect
from lineage.cli.options import JsonOption, examples
from lineage.cli.output import Column

__all__ = ["EXAMPLES", "fsck"]

EXAMPLES = examples("lineage fsck", "lineage fsck --deep --json", "lineage fsck --repair")
_COLUMNS = (
    Column("finding", "kind"),
    Column("what", "subject"),
    Column("size", "size_bytes", "size"),
    Column("needed by", "versions"),
    Column("repaired", "is_repaired"),
)


def fsck(
    deep: Annotated[
        bool, typer.Option("--deep", help="Also read every blob and compare its digest.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Delete objects that nothing knows.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Compare the graph with what the blob store holds, and prove the graph acyclic.

    Safe while others write; for administrators. Exit code 1 if there are findings.
    """
    told: list[int] = []

    def findings() -> Iterator[dict[str, Any]]:
        for row in connect(None).lines("/fsck", method="POST", deep=deep, repair=repair):
            if "n_findings" in row:
                told.append(row["n_findings"])
            else:
                yield row

    n_found = output.listing(findings(), _COLUMNS, json=json, limit=0, noun="findings")
    if n_found or told != [0]:
        raise typer.Exit(exits.NO)
