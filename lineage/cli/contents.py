"""lineage contains …"""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from lineage.cli import exits, output
from lineage.cli.connection import connect
from lineage.cli.options import JsonOption, LimitOption, examples
from lineage.cli.output import Column
from lineage.digest import Digest
from lineage.errors import Invalid
from lineage.names import check_path

__all__ = ["EXAMPLES", "contains"]

EXAMPLES: Final = examples(
    "lineage contains sha256:9f86d0818…",
    "lineage contains --path images/0001.png",
    "lineage contains sha256:9f86d0818… --json | jq -r .name",
)
_MOST: Final = 1000  # that the server tells
_COLUMNS = (
    Column("version", "name", "name"),
    Column("entity", "entity"),
    Column("project", "project"),
    Column("type", "type"),
    Column("state", "state"),
    Column("created", "created_at", "time"),
)


def contains(
    digest: Annotated[
        str | None, typer.Argument(metavar="DIGEST", help="Of a file: sha256:… or sha256-64m:…")
    ] = None,
    path: Annotated[str | None, typer.Option("--path", help="A path within the artifact.")] = None,
    limit: LimitOption = None,
    json: JsonOption = False,
) -> None:
    """Find the versions that contain a file, by its content or its path.

    Exit code 1 if none does.
    """
    if digest is None and path is None:
        raise Invalid("DIGEST", "is needed, or else --path")
    query: dict[str, Any] = {
        "digest": Digest.parse(digest) if digest else None,
        "path": check_path(path) if path else None,
    }
    items = connect(None).get("/contains", **query, limit=_MOST)["items"]
    if len(items) == _MOST:
        output.note(f"only the first {_MOST} versions are told")
    if not output.listing(items, _COLUMNS, json=json, limit=limit, noun="such versions"):
        raise typer.Exit(exits.NO)
