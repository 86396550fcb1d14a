"""Deletion plans, doing just what they say, and the receipts of what was done."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Path, Response

from api.auth import CallerDep
from api.background import Background
from api.documents import render_time
from api.intake import JsonRoute
from api.pages import PageDep, PageQuery
from api.parameters import BackgroundDep, EngineDep, json_response, version_keys
from api.plans import (
    PlanDocument,
    ReceiptDocument,
    ReceiptPage,
    render_plan,
    render_receipt,
)
from api.problems import malformed
from api.schemas import DeletionRequestBody
from api.streams import NDJSON, gather, stream
from lineage.digest import Digest
from lineage.engine import DeletionRequest, Engine
from lineage.model import Caller, Receipt, ReceiptId

__all__ = ["LATER", "answer_deletion", "router"]

router = APIRouter(tags=["deletion"], route_class=JsonRoute)

_AT_ONCE: Final = 500  # versions; a larger deletion goes on behind its request
LATER: Final[dict[int | str, dict[str, Any]]] = {
    202: {"model": ReceiptDocument, "description": "It goes on: `Location` tells how far it is"}
}


@router.post(
    "/deletion-plans", response_model=PlanDocument, status_code=201, summary="Plan a deletion"
)
def plan(engine: EngineDep, caller: CallerDep, body: DeletionRequestBody) -> Response:
    request = DeletionRequest(
        **body.selection(version_keys(engine, caller, body.versions)),
        delete_aliases=body.delete_aliases,
        purge=body.purge,
    )
    return json_response(render_plan(engine.deletion.plan(caller, request)), 201)


@router.post(
    "/deletion-plans/{digest}/execute",
    response_model=ReceiptDocument,
    responses=LATER,
    summary="Do what the plan says",
)
def execute(
    engine: EngineDep,
    caller: CallerDep,
    background: BackgroundDep,
    digest: Annotated[str, Path(description="Of the plan.")],
) -> Response:
    receipt = engine.deletion.decide(caller, Digest.parse(digest, field="plan"))
    return _answer(engine, background, receipt)


@router.get(
    "/deletion-plans/{digest}/kept",
    summary="Every file that stays because it is shared, with one who contains it",
    response_class=Response,
    responses={200: {"content": {NDJSON: {}}, "description": "A line for each file"}},
)
def kept(
    engine: EngineDep,
    caller: CallerDep,
    digest: Annotated[str, Path(description="Of the plan.")],
) -> Response:
    found = engine.deletion.kept_files(caller, Digest.parse(digest, field="plan"))
    lines = (orjson.dumps(asdict(file), option=orjson.OPT_APPEND_NEWLINE) for file in found)
    return stream(gather(lines), media_type=NDJSON)


def answer_deletion(
    engine: Engine,
    caller: Caller,
    background: Background,
    request: DeletionRequest,
    *,
    plan: str | None,
    dry_run: bool,
) -> Response:
    """The answer to DELETE: the receipt, or with `dry_run` the plan."""
    digest = None if plan is None else Digest.parse(plan, field="plan")
    if dry_run:
        return json_response(render_plan(engine.deletion.plan(caller, request)))
    return _answer(engine, background, engine.deletion.begin(caller, request, plan=digest))


def _answer(engine: Engine, background: Background, receipt: Receipt) -> Response:
    """The finished receipt of a decided deletion, or 202 and where to follow a long one."""
    if receipt.finished_at is None and len(receipt.versions) <= _AT_ONCE:
        receipt = engine.deletion.carry_out(receipt.id)
    if receipt.finished_at is not None:
        return json_response(render_receipt(receipt))
    background.carry_out(receipt.id)
    headers = {"Location": f"/api/v1/deletions/{receipt.id}", "Retry-After": "1"}
    return json_response(render_receipt(receipt), 202, headers)


@router.get("/deletions", response_model=ReceiptPage, summary="What you have deleted, newest first")
def receipts(engine: EngineDep, caller: CallerDep, page: PageDep) -> Response:
    found = engine.deletion.receipts(caller, after=_place(page), limit=page.limit + 1)
    return json_response(
        page.answer_by_key(found, lambda r: [render_time(r.deleted_at), r.id], render_receipt)
    )


@router.get(
    "/deletions/{id}",
    response_model=ReceiptDocument,
    summary="The receipt of a deletion, and how far it is",
)
def receipt(engine: EngineDep, caller: CallerDep, id: str) -> Response:
    return json_response(render_receipt(engine.deletion.receipt(caller, ReceiptId(id))))


def _place(page: PageQuery) -> tuple[datetime, ReceiptId] | None:
    match page.after:
        case None:
            return None
        case [str(at), str(id)]:
            try:
                return datetime.fromisoformat(at), ReceiptId(id)
            except ValueError:
                pass
    raise malformed("cursor", "is not one that this query has given")
