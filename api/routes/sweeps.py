"""Sweeps: hand out points, and rank what came of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.answers import BestDocument, SweepPage, render_best
from api.auth import CallerDep
from api.documents import RunDocument, SweepDocument, render_run, render_sweep
from api.intake import JsonRoute
from api.pages import PageDep
from api.parameters import EngineDep, ProjectDep, SweepDep, etag, json_response
from api.schemas import NextPoint, SweepBody
from lineage.model import Goal
from lineage.names import RunKey, SweepKey

__all__ = ["router"]

router = APIRouter(
    prefix="/projects/{entity}/{project}/sweeps", tags=["sweeps"], route_class=JsonRoute
)


@router.get("", response_model=SweepPage, summary="Sweeps by name")
def select(engine: EngineDep, caller: CallerDep, project: ProjectDep, page: PageDep) -> Response:
    after = page.after_key(SweepKey.parse)
    found = engine.sweeps.select(caller, project, after=after, limit=page.limit + 1)
    return json_response(page.answer_by_key(found, lambda s: s.key, render_sweep))


@router.post("", response_model=SweepDocument, summary="Create a sweep, or find an equal one")
def create(engine: EngineDep, caller: CallerDep, project: ProjectDep, body: SweepBody) -> Response:
    config = body.model_dump(exclude={"id"}, exclude_none=True)
    return json_response(
        render_sweep(engine.sweeps.create(caller, SweepKey.of(project, body.id), config))
    )


@router.get("/{sweep}", response_model=SweepDocument, summary="A sweep")
def get(engine: EngineDep, caller: CallerDep, key: SweepDep) -> Response:
    return json_response(render_sweep(engine.sweeps.get(caller, key)))


@router.post(
    "/{sweep}/next",
    response_model=RunDocument,
    summary="Start a run on the next point",
    responses={204: {"description": "No point is left"}},
)
def next_run(engine: EngineDep, caller: CallerDep, key: SweepDep, body: NextPoint) -> Response:
    run = engine.sweeps.next_run(caller, key, RunKey.of(key.project, body.run))
    if run is None:
        return Response(status_code=204)
    return json_response(render_run(run), headers=etag(run.revision))


@router.post("/{sweep}/stop", response_model=SweepDocument, summary="Hand out no more points")
def stop(engine: EngineDep, caller: CallerDep, key: SweepDep) -> Response:
    return json_response(render_sweep(engine.sweeps.stop(caller, key)))


@router.get("/{sweep}/best", response_model=BestDocument, summary="The sweep's best runs")
def best(
    engine: EngineDep,
    caller: CallerDep,
    key: SweepDep,
    metric: Annotated[
        str | None, Query(description="A path in the summary; none: the sweep's own.")
    ] = None,
    goal: Goal | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1,
) -> Response:
    found = engine.sweeps.best(caller, key, metric=metric, goal=goal, limit=limit)
    return json_response(render_best(found))
