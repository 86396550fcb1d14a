"""What Neo4j Browser loads from us: a style, favorites and a guide, and a page that says how.

These are texts without data and open to everyone, so pages from elsewhere may read them too.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse

from api.parameters import StoresDep
from cypher import browser
from cypher.store import Neo4jGraphStore
from lineage.errors import NotFound

__all__ = ["router"]

_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
)
_LOOPBACK: Final = ("127.0.0.1", "::1")
_CACHED: Final = {"Cache-Control": "public, max-age=300"}
_SHARED: Final = _CACHED | {"Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff"}
# The Browser sends headers of its own (Cache-Control, and where it finds localhost in the address a
# sentry-trace), and so it first asks whether it may.
_PREFLIGHT: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "300",
}


def _require_neo4j(stores: StoresDep) -> None:
    if not isinstance(stores.graph, Neo4jGraphStore):
        raise NotFound(
            "this server keeps its graph in SQLite, which Neo4j Browser cannot open; it can where"
            " LINEAGE_GRAPH_URL names a Neo4j"
        )


router = APIRouter(
    prefix="/browser", include_in_schema=False, dependencies=[Depends(_require_neo4j)]
)


@router.get("")
@router.get("/")
def page(request: Request) -> Response:
    text = Path(__file__).with_name("browser.html").read_text(encoding="utf-8")
    base = request.base_url
    if base.hostname in _LOOPBACK:  # the Browser loads from localhost, and by no other name of it
        base = base.replace(hostname="localhost")
    text = text.replace("{base}", html.escape(str(base).rstrip("/")))
    # What it shows depends on the name by which it was asked for.
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "private, max-age=300"}
    return HTMLResponse(text, headers=headers)


@router.get("/guide")
def guide() -> Response:
    return HTMLResponse(browser.guide(), headers={**_SHARED, "Content-Security-Policy": _POLICY})


@router.get("/style.grass")
def style() -> Response:
    return Response(browser.style(), media_type="text/plain; charset=utf-8", headers=_SHARED)


@router.get("/favorites.zip")
def favorites() -> Response:
    disposition = {"Content-Disposition": 'attachment; filename="lineage-favorites.zip"'}
    content = browser.favorites_zip()
    return Response(content, media_type="application/zip", headers=_SHARED | disposition)


@router.options("/guide")
@router.options("/style.grass")
@router.options("/favorites.zip")
def preflight() -> Response:
    return Response(status_code=204, headers=_PREFLIGHT)
