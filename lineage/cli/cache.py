"""lineage cache …"""

from __future__ import annotations

from lineage.cli import output
from lineage.cli.connection import connect
from lineage.cli.options import JsonOption, examples, group

__all__ = ["app"]

app = group("The cache: downloaded files, kept on this machine for the next time.")


@app.command(epilog=examples("lineage cache info", "lineage cache info --json | jq .size_bytes"))
def info(json: JsonOption = False) -> None:
    """Show where the cache is, how full, and how full it may be."""
    server = connect(None)
    found = {
        "folder": str(server.settings.cache_dir),
        "size_bytes": server.connection.cache.size_bytes(),
        "max_bytes": server.settings.cache_size_bytes,
    }
    if json:
        output.document(found)
        return
    output.details(
        [
            ("folder", found["folder"]),
            ("size", found["size_bytes"], "size"),
            ("at most", found["max_bytes"], "size"),
        ]
    )


@app.command(epilog=examples("lineage cache clear"))
def clear(json: JsonOption = False) -> None:
    """Remove every cached file. It costs nothing but the next download."""
    kept, freed = connect(None).connection.cache.clean(0)
    if json:
        output.document({"freed_bytes": freed, "size_bytes": kept})
    else:
        output.line(f"freed {output.size_text(freed)}")
