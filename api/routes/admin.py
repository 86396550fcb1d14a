"""Who am I, the record of changes, and the store's health."""

from __future__ import annotations

from collections.abc import Generator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Response

from api.answers import CallerDocument, EventPage, render_caller
from api.auth import CallerDep
from api.documents import render_event
from api.intake import JsonRoute
from api.pages import PageDep
from api.parameters import EngineDep, json_response
from api.problems import malformed
from api.streams import NDJSON, stream
from lineage.engine import Engine
from lineage.model import Caller

__all__ = ["router"]

router = APIRouter(tags=["administration"], route_class=JsonRoute)


@router.get("/whoami", response_model=CallerDocument, summary="Who your key says you are")
def whoami(caller: CallerDep) -> Response:
    return json_response(render_caller(caller))


@router.get("/events", response_model=EventPage, summary="The record of changes, oldest first")
def events(
    engine: EngineDep,
    caller: CallerDep,
    page: PageDep,
    subject: Annotated[str | None, Query(description="Key of what was changed.")] = None,
) -> Response:
    after = page.after
    if after is not None and (type(after) is not int or not 0 <= after < 2**63):
        raise malformed("cursor", "is not one that this query has given")
    found = engine.events(caller, subject=subject, after=after, limit=page.limit + 1)
    return json_response(page.answer_by_key(found, lambda event: event.id, render_event))


@router.post(
    "/fsck",
    summary="Compare what the graph says with what the store holds",
    response_class=Response,
    responses={200: {"content": {NDJSON: {}}, "description": "A line each, their number last"}},
)
def fsck(
    engine: EngineDep, caller: CallerDep, deep: bool = False, repair: bool = False
) -> Response:
    return stream(_findings(engine, caller, deep=deep, repair=repair), media_type=NDJSON)


def _findings(engine: Engine, caller: Caller, *, deep: bool, repair: bool) -> Generator[bytes]:
    n_findings = 0
    for finding in engine.fsck.run(caller, deep=deep, repair=repair):
        n_findings += 1
        yield _line(
            {
                "kind": finding.kind,
                "subject": finding.subject,
                "size_bytes": finding.size_bytes,
                "versions": finding.versions,
                "is_repaired": finding.is_repaired,
            }
        )
    yield _line({"n_findings": n_findings})


def _line(document: dict[str, Any]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
