"""Collections and their versions: find, read, describe, delete."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.answers import (
    CollectionPage,
    LoggedByDocument,
    Runs,
    VersionPage,
    Versions,
)
from api.auth import CallerDep
from api.documents import (
    BytesDocument,
    CollectionDocument,
    VersionDocument,
    render_bytes,
    render_collection,
    render_run,
    render_version,
)
from api.intake import JsonRoute
from api.pages import PageDep, PageQuery
from api.parameters import (
    BackgroundDep,
    CollectionDep,
    EngineDep,
    ProjectDep,
    RevisionDep,
    VersionRefDep,
    etag,
    json_response,
    version_key,
)
from api.plans import PlanDocument, ReceiptDocument
from api.routes.deletions import LATER, answer_deletion
from api.schemas import ReferenceCheckBody, VersionPatchBody
from api.streams import NDJSON, gather, stream
from lineage.digest import Digest
from lineage.engine import DeletionRequest, Engine, VersionPatch
from lineage.filters import parse
from lineage.model import Caller
from lineage.names import CollectionKey, ProjectKey

__all__ = ["Order", "Where", "router"]

router = APIRouter(tags=["artifacts"], route_class=JsonRoute)

_PROJECT = "/projects/{entity}/{project}"
_COLLECTION = _PROJECT + "/collections/{collection}"
_VERSION = _COLLECTION + "/versions/{version}"

Where = Annotated[
    str | None,
    Query(alias="filter", description='Such as `tags = "good" and size_bytes < 1000`'),
]
Order = Annotated[str, Query(description="A field, descending after `-`.")]


@router.get(_PROJECT + "/collections", response_model=CollectionPage, summary="Collections by name")
def collections(
    engine: EngineDep,
    caller: CallerDep,
    project: ProjectDep,
    page: PageDep,
    type: Annotated[str | None, Query()] = None,
) -> Response:
    after = page.after_key(CollectionKey.parse)
    found = engine.versions.collections(
        caller, project, type=type, after=after, limit=page.limit + 1
    )
    return json_response(page.answer_by_key(found, lambda c: c.key, render_collection))


@router.get(_COLLECTION, response_model=CollectionDocument, summary="A collection")
def collection(engine: EngineDep, caller: CallerDep, key: CollectionDep) -> Response:
    return json_response(render_collection(engine.versions.collection(caller, key)))


@router.get(
    _COLLECTION + "/bytes", response_model=BytesDocument, summary="What a collection takes up"
)
def collection_bytes(engine: EngineDep, caller: CallerDep, key: CollectionDep) -> Response:
    return json_response(render_bytes(engine.versions.stored_bytes(caller, key)))


@router.get(_PROJECT + "/versions", response_model=VersionPage, summary="Versions of a project")
def project_versions(
    engine: EngineDep,
    caller: CallerDep,
    project: ProjectDep,
    page: PageDep,
    where: Where = None,
    order: Order = "-created_at",
) -> Response:
    return _select(engine, caller, page, project, None, where, order)


@router.get(
    _COLLECTION + "/versions", response_model=VersionPage, summary="Versions of a collection"
)
def collection_versions(
    engine: EngineDep,
    caller: CallerDep,
    key: CollectionDep,
    page: PageDep,
    where: Where = None,
    order: Order = "-created_at",
) -> Response:
    return _select(engine, caller, page, key.project, key, where, order)


def _select(
    engine: Engine,
    caller: Caller,
    page: PageQuery,
    project: ProjectKey,
    collection: CollectionKey | None,
    where: str | None,
    order: str,
) -> Response:
    versions, cursor = engine.versions.select(
        caller,
        project,
        collection=collection,
        where=None if where is None else parse(where),
        order=order,
        after=page.after,
        limit=page.limit,
    )
    return json_response(page.answer([render_version(version) for version in versions], cursor))


@router.get(_VERSION, response_model=VersionDocument, summary="A version, by index or alias")
def get(engine: EngineDep, caller: CallerDep, ref: VersionRefDep) -> Response:
    version = engine.versions.get(caller, ref)
    return json_response(render_version(version), headers=etag(version.revision))


@router.patch(_VERSION, response_model=VersionDocument, summary="Describe, tag, alias")
def update(
    engine: EngineDep,
    caller: CallerDep,
    ref: VersionRefDep,
    revision: RevisionDep,
    body: VersionPatchBody,
) -> Response:
    patch = VersionPatch(
        metadata=body.metadata,
        description=body.description,
        add_tags=tuple(body.add_tags),
        drop_tags=tuple(body.drop_tags),
        add_aliases=tuple(body.add_aliases),
        drop_aliases=tuple(body.drop_aliases),
    )
    key = version_key(engine, caller, ref)
    version = engine.versions.update(caller, key, patch, if_revision=revision)
    return json_response(render_version(version), headers=etag(version.revision))


@router.delete(
    _VERSION,
    response_model=ReceiptDocument | PlanDocument,
    responses=LATER,
    summary="Delete a version",
)
def delete(
    engine: EngineDep,
    caller: CallerDep,
    background: BackgroundDep,
    ref: VersionRefDep,
    plan: Annotated[str | None, Query(description="Digest of a deletion plan.")] = None,
    delete_aliases: bool = False,
    purge: bool = False,
    dry_run: Annotated[bool, Query(description="Only plan it.")] = False,
) -> Response:
    request = DeletionRequest(
        versions=(version_key(engine, caller, ref),), delete_aliases=delete_aliases, purge=purge
    )
    return answer_deletion(engine, caller, background, request, plan=plan, dry_run=dry_run)


@router.get(
    _VERSION + "/manifest",
    summary="All entries of a version, one a line",
    response_class=Response,
    responses={200: {"content": {NDJSON: {}}, "description": "Entries, sorted by path"}},
)
def manifest(engine: EngineDep, caller: CallerDep, ref: VersionRefDep) -> Response:
    key = version_key(engine, caller, ref)
    return stream(gather(engine.versions.page_bodies(caller, key)), media_type=NDJSON)


@router.get(_VERSION + "/bytes", response_model=BytesDocument, summary="What a version takes up")
def version_bytes(engine: EngineDep, caller: CallerDep, ref: VersionRefDep) -> Response:
    key = version_key(engine, caller, ref)
    return json_response(render_bytes(engine.versions.stored_bytes(caller, key)))


@router.post(
    _VERSION + "/reference-check",
    response_model=VersionDocument,
    summary="Record what its references were found to be",
)
def check_references(
    engine: EngineDep, caller: CallerDep, ref: VersionRefDep, body: ReferenceCheckBody
) -> Response:
    key = version_key(engine, caller, ref)
    version = engine.versions.record_check(
        caller,
        key,
        n_ok=body.n_ok,
        n_changed=body.n_changed,
        n_missing=body.n_missing,
        n_unversioned=body.n_unversioned,
    )
    return json_response(render_version(version), headers=etag(version.revision))


@router.get(
    _VERSION + "/logged-by", response_model=LoggedByDocument, summary="The run that made it"
)
def logged_by(engine: EngineDep, caller: CallerDep, ref: VersionRefDep) -> Response:
    run = engine.versions.logged_by(caller, version_key(engine, caller, ref))
    return json_response({"run": None if run is None else render_run(run)})


@router.get(_VERSION + "/used-by", response_model=Runs, summary="The runs that read it")
def used_by(engine: EngineDep, caller: CallerDep, ref: VersionRefDep) -> Response:
    runs = engine.versions.used_by(caller, version_key(engine, caller, ref))
    return json_response({"items": [render_run(run) for run in runs]})


@router.get("/contains", response_model=Versions, summary="Versions that contain a file")
def containing(
    engine: EngineDep,
    caller: CallerDep,
    digest: Annotated[str | None, Query(description="Of a file or a blob.")] = None,
    path: Annotated[str | None, Query(description="Of a file.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
) -> Response:
    parsed = None if digest is None else Digest.parse(digest)
    found = engine.versions.containing(caller, digest=parsed, path=path, limit=limit)
    return json_response({"items": [render_version(version) for version in found]})
