"""Impact: who is downstream of something, and what could not be made again without it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.auth import CallerDep
from api.impacts import CSV, ImpactDocument, csv_lines, render_impact
from api.intake import JsonRoute
from api.parameters import EngineDep, json_response, version_keys
from api.schemas import SelectionBody
from api.streams import gather, stream
from lineage.engine import Selection

__all__ = ["router"]

router = APIRouter(tags=["lineage"], route_class=JsonRoute)


@router.post(
    "/impact",
    response_model=ImpactDocument,
    summary="Who is downstream, and what could not be made again",
    responses={200: {"content": {CSV: {}}, "description": "Counts and lists; or a line a node"}},
)
def impact(
    request: Request,
    engine: EngineDep,
    caller: CallerDep,
    body: SelectionBody,
    edges: Annotated[bool, Query(description="Also the edges downstream.")] = False,
) -> Response:
    keys = version_keys(engine, caller, body.versions)
    selection = Selection(**body.selection(keys))
    found = engine.impacts.impact(caller, selection, with_edges=edges)
    if CSV in request.headers.get("accept", ""):
        headers = {"Content-Disposition": 'attachment; filename="impact.csv"'}
        return stream(gather(csv_lines(found)), media_type=CSV, headers=headers)
    return json_response(render_impact(found))
