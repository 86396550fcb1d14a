"""Who am I, the record of changes, and the store's health."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict
from time import monotonic
from typing import Annotated, Any, Final

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
from lineage.engine import Checked, Engine, Finding
from lineage.model import Caller

__all__ = ["router"]

_TELL_EVERY_S: Final = 1.0
_FSCK_LINES: Final = (
    "A line for each finding: its `kind`, its `subject`, the live `versions` and the `drafts` that"
    " need it, and whether `is_repaired`; `is_continued` if it only names more of these. Every"
    " second a line that says how much has been checked; last, how much in all, `n_findings` and"
    " `n_repaired`."
)

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
    responses={200: {"content": {NDJSON: {}}, "description": _FSCK_LINES}},
)
def fsck(
    engine: EngineDep,
    caller: CallerDep,
    deep: Annotated[bool, Query(description="Also read every blob.")] = False,
    repair: Annotated[
        bool, Query(description="Remove what is leaked, and mark what is lost.")
    ] = False,
) -> Response:
    return stream(_findings(engine, caller, deep=deep, repair=repair), media_type=NDJSON)


def _findings(engine: Engine, caller: Caller, *, deep: bool, repair: bool) -> Generator[bytes]:
    n_findings = n_repaired = 0
    checked = Checked()
    told_at = monotonic()
    for told in engine.fsck.watch(caller, deep=deep, repair=repair):
        if isinstance(told, Finding):
            n_findings += not told.is_continued
            n_repaired += told.is_repaired and not told.is_continued
            yield _line(asdict(told))
        else:
            checked = told
            if monotonic() - told_at < _TELL_EVERY_S:
                continue
            yield _line(asdict(checked))
        told_at = monotonic()
    yield _line({"n_findings": n_findings, "n_repaired": n_repaired, **asdict(checked)})


def _line(document: dict[str, Any]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
