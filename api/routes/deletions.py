"""Deletion plans: what a deletion would break and free, and doing just that."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.auth import CallerDep
from api.intake import JsonRoute
from api.parameters import EngineDep, json_response, version_key
from api.plans import PlanDocument, ReceiptDocument, render_plan, render_receipt
from api.schemas import DeletionRequestBody
from lineage.digest import Digest
from lineage.engine import DeletionRequest
from lineage.filters import parse
from lineage.names import ArtifactRef, CollectionKey, RunKey

__all__ = ["router"]

router = APIRouter(prefix="/deletion-plans", tags=["deletion"], route_class=JsonRoute)


@router.post("", response_model=PlanDocument, status_code=201, summary="Plan a deletion")
def plan(engine: EngineDep, caller: CallerDep, body: DeletionRequestBody) -> Response:
    refs = [ArtifactRef.parse(text) for text in body.versions]
    request = DeletionRequest(
        versions=tuple(version_key(engine, caller, ref) for ref in refs),
        runs=tuple(RunKey.parse(text) for text in body.runs),
        collection=None if body.collection is None else CollectionKey.parse(body.collection),
        where=None if body.filter is None else parse(body.filter),
        with_logged=body.with_logged,
        delete_aliases=body.delete_aliases,
        purge=body.purge,
    )
    return json_response(render_plan(engine.deletion.plan(caller, request)), 201)


@router.post("/{digest}/execute", response_model=ReceiptDocument, summary="Do what the plan says")
def execute(
    engine: EngineDep,
    caller: CallerDep,
    digest: Annotated[str, Path(description="Of the plan.")],
) -> Response:
    receipt = engine.deletion.execute(caller, Digest.parse(digest, field="plan"))
    return json_response(render_receipt(receipt))
