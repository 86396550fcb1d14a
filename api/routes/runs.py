"""Runs: their life, what they record, and the edges to what they read and made."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.answers import CreatedDocument, RunPage, Versions
from api.auth import CallerDep
from api.documents import RunDocument, VersionDocument, render_run, render_version
from api.intake import JsonRoute
from api.pages import PageDep
from api.parameters import (
    BackgroundDep,
    EngineDep,
    ProjectDep,
    RevisionDep,
    RunDep,
    etag,
    json_response,
    version_key,
)
from api.plans import PlanDocument, ReceiptDocument
from api.routes.deletions import LATER, answer_deletion
from api.schemas import DeclareLogged, FinishRun, RunPatchBody, StartRun, UseArtifact
from lineage.engine import DeletionRequest, RunPatch, RunStart
from lineage.filters import parse
from lineage.names import ArtifactRef, RunKey

__all__ = ["router"]

router = APIRouter(prefix="/projects/{entity}/{project}/runs", tags=["runs"], route_class=JsonRoute)


@router.post(
    "",
    response_model=RunDocument,
    status_code=201,
    summary="Start a run, or resume it (200)",
    responses={200: {"model": RunDocument, "description": "Resumed"}},
)
def start(engine: EngineDep, caller: CallerDep, project: ProjectDep, body: StartRun) -> Response:
    run, was_there = engine.runs.start(
        caller,
        RunStart(
            key=RunKey.of(project, body.id),
            resume=body.resume,
            name=body.name,
            job_type=body.job_type,
            group=body.group,
            notes=body.notes,
            tags=tuple(body.tags),
            config=body.config,
        ),
    )
    return json_response(render_run(run), 200 if was_there else 201, etag(run.revision))


@router.get("", response_model=RunPage, summary="Runs that pass a filter")
def select(
    engine: EngineDep,
    caller: CallerDep,
    project: ProjectDep,
    page: PageDep,
    where: Annotated[
        str | None,
        Query(alias="filter", description='Such as `state = "finished" and summary.acc >= 0.9`'),
    ] = None,
    order: Annotated[str, Query(description="A field, descending after `-`.")] = "-created_at",
) -> Response:
    runs, cursor = engine.runs.select(
        caller,
        project,
        where=None if where is None else parse(where),
        order=order,
        after=page.after,
        limit=page.limit,
    )
    return json_response(page.answer([render_run(run) for run in runs], cursor))


@router.get("/{id}", response_model=RunDocument, summary="A run")
def get(engine: EngineDep, caller: CallerDep, key: RunDep) -> Response:
    run = engine.runs.get(caller, key)
    return json_response(render_run(run), headers=etag(run.revision))


@router.patch("/{id}", response_model=RunDocument, summary="Record metrics, change what it says")
def update(
    engine: EngineDep, caller: CallerDep, key: RunDep, revision: RevisionDep, body: RunPatchBody
) -> Response:
    patch = RunPatch(
        config=body.config,
        summary=body.summary,
        metrics=body.metrics,
        name=body.name,
        group=body.group,
        job_type=body.job_type,
        notes=body.notes,
        tags=None if body.tags is None else tuple(body.tags),
    )
    run = engine.runs.update(caller, key, patch, if_revision=revision)
    return json_response(render_run(run), headers=etag(run.revision))


@router.delete(
    "/{id}", response_model=ReceiptDocument | PlanDocument, responses=LATER, summary="Delete a run"
)
def delete(
    engine: EngineDep,
    caller: CallerDep,
    background: BackgroundDep,
    key: RunDep,
    plan: Annotated[str | None, Query(description="Digest of a deletion plan.")] = None,
    with_logged: bool = False,
    delete_aliases: bool = False,
    purge: bool = False,
    dry_run: Annotated[bool, Query(description="Only plan it.")] = False,
) -> Response:
    request = DeletionRequest(
        runs=(key,), with_logged=with_logged, delete_aliases=delete_aliases, purge=purge
    )
    return answer_deletion(engine, caller, background, request, plan=plan, dry_run=dry_run)


@router.post("/{id}/heartbeat", status_code=204, summary="Say that the run's process is alive")
def beat(engine: EngineDep, caller: CallerDep, key: RunDep) -> Response:
    engine.runs.beat(caller, key)
    return Response(status_code=204)


@router.post("/{id}/finish", response_model=RunDocument, summary="End a run")
def finish(
    engine: EngineDep, caller: CallerDep, key: RunDep, body: FinishRun | None = None
) -> Response:
    body = body or FinishRun()
    run = engine.runs.finish(caller, key, exit_code=body.exit_code, error=body.error)
    return json_response(render_run(run), headers=etag(run.revision))


@router.get("/{id}/used", response_model=Versions, summary="What a run read")
def used(engine: EngineDep, caller: CallerDep, key: RunDep) -> Response:
    return json_response({"items": [render_version(v) for v in engine.runs.used(caller, key)]})


@router.post("/{id}/used", response_model=VersionDocument, summary="Record that a run read")
def use(engine: EngineDep, caller: CallerDep, key: RunDep, body: UseArtifact) -> Response:
    version = version_key(engine, caller, ArtifactRef.parse(body.artifact))
    return json_response(
        render_version(engine.runs.use(caller, key, version, declared=body.declared))
    )


@router.get("/{id}/logged", response_model=Versions, summary="What a run made")
def logged(engine: EngineDep, caller: CallerDep, key: RunDep) -> Response:
    return json_response({"items": [render_version(v) for v in engine.runs.logged(caller, key)]})


@router.post(
    "/{id}/logged", response_model=CreatedDocument, summary="Declare afterwards that a run made it"
)
def declare_logged(
    engine: EngineDep, caller: CallerDep, key: RunDep, body: DeclareLogged
) -> Response:
    version = version_key(engine, caller, ArtifactRef.parse(body.artifact))
    return json_response({"created": engine.runs.declare_logged(caller, key, version)})
