"""lineage login, lineage status"""

from __future__ import annotations

import sys
from typing import Annotated, Any, Final

import typer

from lineage.cli import output
from lineage.cli.connection import Server, connect
from lineage.cli.options import JsonOption, ProjectOption, examples
from lineage.errors import NotFound

__all__ = ["LOGIN_EXAMPLES", "STATUS_EXAMPLES", "login", "status"]

LOGIN_EXAMPLES: Final = examples(
    "lineage login",
    "lineage login --url https://lineage.example.org --key - < key-file",
)
STATUS_EXAMPLES: Final = examples("lineage status", "lineage status --json | jq -r .url")


def login(
    url: Annotated[
        str | None, typer.Option("--url", help="The server.", show_default="asks")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key", help="The API key; - reads it from stdin.", show_default="asks, unseen"
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Keep a server and a key for it, in a file that only you can read.

    The key is checked first: exit code 4 if the server does not take it. LINEAGE_URL and
    LINEAGE_API_KEY go before what is kept.
    """
    from lineage.client.active import check_key
    from lineage.client.settings import read_settings, save_login

    if url is None:
        known = read_settings().url
        url = output.ask("Server", default=known) if output.is_interactive() else known
    url = read_settings(url=url).url
    if key == "-":
        key = sys.stdin.readline()
    key = (key or output.ask("Key", hidden=True)).strip()
    caller = check_key(url, key)
    path = save_login(url, key)
    if json:
        output.document({"url": url, "name": caller["name"], "file": str(path)})
    else:
        output.line(f"{caller['name']} at {url}, kept in {path}")


def status(project: ProjectOption = None, json: JsonOption = False) -> None:
    """Show which server is asked, as whom, and what is there."""
    server = connect(project)
    caller = server.get("/whoami")
    found: dict[str, Any] = {
        "url": server.settings.url,
        "name": caller["name"],
        "is_admin": caller["is_admin"],
        "entities": caller["entities"],
        "n_projects": sum(1 for _ in server.items("/projects")),
        "project": _project(server),
    }
    if json:
        output.document(found)
        return
    inside = found["project"]
    output.details(
        [
            ("server", found["url"]),
            ("you are", found["name"] + (", an administrator" if found["is_admin"] else "")),
            ("teams", found["entities"]),
            ("projects", found["n_projects"]),
            ("project", inside["key"] + ("" if inside["exists"] else ", which does not exist yet")),
            ("collections", inside.get("n_collections")),
            ("files", inside.get("n_blobs")),
            ("stored", inside.get("all_bytes"), "size"),
        ]
    )


def _project(server: Server) -> dict[str, Any]:
    """The project that names without one mean, and what is in it."""
    path = server.project_path()
    try:
        stored = server.get(f"{path}/bytes")
    except NotFound:
        return {"key": server.project, "exists": False}
    n_collections = sum(1 for _ in server.items(f"{path}/collections"))
    return {"key": server.project, "exists": True, "n_collections": n_collections, **stored}
