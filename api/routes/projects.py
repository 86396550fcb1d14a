"""Projects: who may reach them, and what they take up."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.answers import ProjectPage
from api.auth import CallerDep
from api.documents import BytesDocument, ProjectDocument, render_bytes, render_project
from api.intake import JsonRoute
from api.pages import PageDep
from api.parameters import EngineDep, ProjectDep, json_response
from api.schemas import ProjectAccess, ProjectGuards
from lineage.model import Access
from lineage.names import ProjectKey, check_name

__all__ = ["router"]

router = APIRouter(prefix="/projects", tags=["projects"], route_class=JsonRoute)


@router.get("", response_model=ProjectPage, summary="Projects that you may read, by name")
def select(
    engine: EngineDep,
    caller: CallerDep,
    page: PageDep,
    entity: Annotated[str | None, Query()] = None,
) -> Response:
    if entity is not None:
        check_name(entity, "entity")
    after = page.after_key(ProjectKey.parse)
    found = engine.projects.select(caller, entity=entity, after=after, limit=page.limit + 1)
    return json_response(page.answer_by_key(found, lambda p: p.key, render_project))


@router.get("/{entity}/{project}", response_model=ProjectDocument, summary="A project")
def get(engine: EngineDep, caller: CallerDep, project: ProjectDep) -> Response:
    return json_response(render_project(engine.projects.get(caller, project)))


@router.put(
    "/{entity}/{project}",
    response_model=ProjectDocument,
    summary="Create a project, or change who may reach it",
)
def set_access(
    engine: EngineDep, caller: CallerDep, project: ProjectDep, body: ProjectAccess
) -> Response:
    return json_response(
        render_project(engine.projects.set_access(caller, project, Access(body.access)))
    )


@router.patch(
    "/{entity}/{project}",
    response_model=ProjectDocument,
    summary="Change what a project guards against",
)
def set_guards(
    engine: EngineDep, caller: CallerDep, project: ProjectDep, body: ProjectGuards
) -> Response:
    changed = engine.projects.set_guards(
        caller,
        project,
        protected_aliases=body.protected_aliases,
        guards_downstream=body.guards_downstream,
    )
    return json_response(render_project(changed))


@router.get(
    "/{entity}/{project}/bytes",
    response_model=BytesDocument,
    summary="What a project takes up, and what of it is shared with others",
)
def stored_bytes(engine: EngineDep, caller: CallerDep, project: ProjectDep) -> Response:
    return json_response(render_bytes(engine.versions.stored_bytes(caller, project)))
