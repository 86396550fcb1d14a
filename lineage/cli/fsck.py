"""lineage fsck"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

import typer

from lineage.cli import exits, output
from lineage.cli.connection import connect
from lineage.cli.options import JsonOption, examples
from lineage.cli.output import Column
from lineage.client.words import counted
from lineage.errors import LineageError

__all__ = ["EXAMPLES", "fsck"]

EXAMPLES = examples("lineage fsck", "lineage fsck --deep --json", "lineage fsck --repair")
_COLUMNS = (
    Column("finding", "kind"),
    Column("what", "subject"),
    Column("size", "size_bytes", "size"),
    Column("needed by", "versions"),
    Column("and drafts", "drafts"),
    Column("repaired", "is_repaired"),
    Column("", "detail"),
)
_NOUNS: Final = ("object", "blob", "page", "version")


def fsck(
    deep: Annotated[
        bool, typer.Option("--deep", help="Also read every blob and compare its digest.")
    ] = False,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Remove what is leaked; mark what is lost, so that logging it again heals it.",
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Compare the graph with itself and with what the blob store holds, and prove it acyclic.

    Names every version that something damaged or missing affects. Safe while others write; for
    administrators. Exit code 1 if there are findings.
    """
    last: dict[str, Any] = {}

    def findings() -> Iterator[dict[str, Any]]:
        with output.busy(json=json) as show:
            for row in connect(None).lines("/fsck", method="POST", deep=deep, repair=repair):
                if "kind" in row:
                    yield row
                elif "n_findings" in row:
                    last.update(row)
                else:
                    show(f"checked {_amounts(row)}")

    output.listing(findings(), _COLUMNS, json=json, limit=0, noun="findings")
    if not last:
        raise LineageError("the check ended early: the server's log says why")
    n_findings = last["n_findings"]
    found = f"{counted(n_findings, 'finding')}, {last['n_repaired']} repaired"
    output.note(f"checked {_amounts(last)}; {found}")
    if n_findings:
        raise typer.Exit(exits.NO)


def _amounts(row: Mapping[str, Any]) -> str:
    amounts = [counted(row[f"n_{noun}s"], noun) for noun in _NOUNS]
    return f"{', '.join(amounts[:-1])} and {amounts[-1]}"
