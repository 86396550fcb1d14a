"""Drafts: how bytes come in and become a version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Path, Request, Response

from api import bundle
from api.answers import (
    CommittedDocument,
    DraftDocument,
    render_draft,
)
from api.auth import CallerDep
from api.documents import render_version
from api.holds import HoldsDocument, MissingDocument, render_hold
from api.intake import JsonRoute, receive
from api.parameters import BundleLimiterDep, EngineDep, UploadLimiterDep, json_response
from api.schemas import BlobsBundle, DraftBody, HoldBlobs
from lineage.digest import MAX_BUNDLED_BYTES, Digest
from lineage.engine import DraftRequest, check_draft_id
from lineage.errors import Corrupt, NotFound
from lineage.model import DraftId, ObjectName
from lineage.names import CollectionKey, RunKey

__all__ = ["DraftDep", "router"]

router = APIRouter(tags=["drafts"], route_class=JsonRoute)

_BUNDLE: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {bundle.MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        "description": "One JSON line `[[digest, size_bytes], …]`, then the bytes in that order.",
    }
}
_RAW: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


async def _draft_id(
    id: Annotated[str, Path(examples=["00000000000000000000000000000001"])],
) -> DraftId:
    return check_draft_id(id)


DraftDep = Annotated[DraftId, Depends(_draft_id)]


@router.post("/drafts", response_model=DraftDocument, summary="Begin a draft, or find where it is")
def begin(engine: EngineDep, caller: CallerDep, body: DraftBody) -> Response:
    request = DraftRequest(
        id=check_draft_id(body.id),
        collection=CollectionKey.parse(body.collection),
        type=body.type,
        pages=tuple(Digest.parse(page, field="pages") for page in body.pages),
        run=None if body.run is None else RunKey.parse(body.run),
        aliases=tuple(body.aliases),
        tags=tuple(body.tags),
        metadata=body.metadata,
        description=body.description,
    )
    answer = engine.drafts.begin(caller, request, bodies=[text.encode() for text in body.bodies])
    return json_response(render_draft(answer, engine.links.for_uploads(answer.holds)))


@router.post(
    "/drafts/{id}/holds",
    response_model=HoldsDocument,
    summary="Ask for each blob: is it held, or where does it go",
)
def hold(engine: EngineDep, caller: CallerDep, id: DraftDep, body: HoldBlobs) -> Response:
    blobs = [(Digest.parse(digest), size_bytes) for digest, size_bytes in body.blobs]
    holds = engine.drafts.hold(caller, id, blobs)
    # Ten thousand holds without a float among them: no walk in search of NaN.
    links = engine.links.for_uploads(holds)
    content = orjson.dumps({"holds": [render_hold(hold, links) for hold in holds]})
    return Response(content, media_type="application/json")


@router.post(
    "/drafts/{id}/stored",
    response_model=MissingDocument,
    summary="Say what has been put by links; the answer names what is not there",
)
def confirm(engine: EngineDep, caller: CallerDep, id: DraftDep, body: BlobsBundle) -> Response:
    digests = [Digest.parse(digest) for digest in body.digests]
    return json_response({"missing": engine.links.confirm(caller, id, digests)})


@router.put("/uploads/{object:path}", status_code=204, summary="Store a blob", openapi_extra=_RAW)
async def store(
    request: Request,
    engine: EngineDep,
    caller: CallerDep,
    limiter: UploadLimiterDep,
    name: Annotated[str, Path(alias="object", description="As the hold named it.")],
) -> Response:
    if not name.isprintable():
        raise NotFound("there is no such upload: ask the draft for a new one")

    def work(pieces: Iterator[bytes]) -> None:
        engine.drafts.store(caller, ObjectName(name), pieces)

    await receive(request, work, limiter=limiter)
    return Response(status_code=204)


@router.post(
    "/drafts/{id}/bundle",
    status_code=204,
    summary="Store many small blobs",
    openapi_extra=_BUNDLE,
)
async def store_many(
    request: Request,
    engine: EngineDep,
    caller: CallerDep,
    limiter: BundleLimiterDep,
    id: DraftDep,
) -> Response:
    def work(pieces: Iterator[bytes]) -> None:
        items = bundle.parse(pieces, max_item_bytes=MAX_BUNDLED_BYTES)
        engine.drafts.store_many(caller, id, items)

    await receive(request, work, limiter=limiter)
    return Response(status_code=204)


@router.post(
    "/drafts/{id}/pages",
    status_code=204,
    summary="Send pages of the manifest",
    openapi_extra=_BUNDLE,
)
async def add_pages(
    request: Request,
    engine: EngineDep,
    caller: CallerDep,
    limiter: BundleLimiterDep,
    id: DraftDep,
) -> Response:
    def work(pieces: Iterator[bytes]) -> None:
        items = bundle.parse(pieces, max_item_bytes=bundle.MAX_BYTES)
        for digest, body in items:
            if Digest.of(body) != digest:
                raise Corrupt(f"page {digest} arrived with another digest: send it again")
        engine.drafts.add_pages(caller, id, [body for _, body in items])

    await receive(request, work, limiter=limiter)
    return Response(status_code=204)


@router.post(
    "/drafts/{id}/commit", response_model=CommittedDocument, summary="Make the draft a version"
)
def commit(engine: EngineDep, caller: CallerDep, id: DraftDep) -> Response:
    committed = engine.drafts.commit(caller, id)
    return json_response(
        {"version": render_version(committed.version), "created": committed.created}
    )


@router.delete("/drafts/{id}", status_code=204, summary="Give a draft up")
def discard(engine: EngineDep, caller: CallerDep, id: DraftDep) -> Response:
    engine.drafts.discard(caller, id)
    return Response(status_code=204)
