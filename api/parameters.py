"""What routes take from path, query and headers, read once and in one way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final

import anyio
from fastapi import Depends, Path, Request, Response

from api.background import Background
from api.wiring import Stores
from lineage.engine import Engine
from lineage.errors import Invalid, PreconditionFailed
from lineage.model import Caller
from lineage.names import ArtifactRef, CollectionKey, ProjectKey, RunKey, SweepKey, VersionKey
from lineage.values import dumps

__all__ = [
    "BackgroundDep",
    "BundleLimiterDep",
    "CollectionDep",
    "EngineDep",
    "Entity",
    "ProjectDep",
    "ProjectName",
    "RevisionDep",
    "RunDep",
    "StoresDep",
    "SweepDep",
    "UploadLimiterDep",
    "VersionRefDep",
    "etag",
    "json_response",
    "version_key",
    "version_keys",
]

_ETAG: Final = re.compile(r'"(\d{1,18})"')

Entity = Annotated[str, Path(examples=["acme"])]
ProjectName = Annotated[str, Path(examples=["vision"])]


async def _stores(request: Request) -> Stores:
    stores: Stores = request.app.state.stores
    return stores


async def _engine(request: Request) -> Engine:
    stores: Stores = request.app.state.stores
    return stores.engine


async def _background(request: Request) -> Background:
    background: Background = request.app.state.background
    return background


async def _upload_limiter(request: Request) -> anyio.CapacityLimiter:
    limiter: anyio.CapacityLimiter = request.app.state.uploads
    return limiter


async def _bundle_limiter(request: Request) -> anyio.CapacityLimiter:
    limiter: anyio.CapacityLimiter = request.app.state.bundles
    return limiter


async def _project(entity: Entity, project: ProjectName) -> ProjectKey:
    return ProjectKey.of(entity, project)


ProjectDep = Annotated[ProjectKey, Depends(_project)]


async def _run(project: ProjectDep, id: Annotated[str, Path(examples=["3f2a9c"])]) -> RunKey:
    return RunKey.of(project, id)


async def _sweep(
    project: ProjectDep, sweep: Annotated[str, Path(examples=["lr-search"])]
) -> SweepKey:
    return SweepKey.of(project, sweep)


async def _collection(
    project: ProjectDep, collection: Annotated[str, Path(examples=["digits"])]
) -> CollectionKey:
    return CollectionKey.of(project, collection)


CollectionDep = Annotated[CollectionKey, Depends(_collection)]


async def _version_ref(
    collection: CollectionDep,
    version: Annotated[str, Path(description="`v3`, or an alias.", examples=["v0"])],
) -> ArtifactRef:
    return ArtifactRef.parse(f"{collection}:{version}")


async def _revision(request: Request) -> int | None:
    """The revision that If-Match names; None if there is no such header, or it is `*`."""
    header = request.headers.get("if-match")
    if header is None or header.strip() == "*":
        return None
    match = _ETAG.fullmatch(header.strip())
    if match is None:
        if header.strip().startswith("W/"):
            raise PreconditionFailed("If-Match takes no weak ETag")
        raise Invalid("If-Match", 'is not one ETag such as "3", as GET answers it')
    return int(match[1])


StoresDep = Annotated[Stores, Depends(_stores)]
BackgroundDep = Annotated[Background, Depends(_background)]
EngineDep = Annotated[Engine, Depends(_engine)]
UploadLimiterDep = Annotated[anyio.CapacityLimiter, Depends(_upload_limiter)]
BundleLimiterDep = Annotated[anyio.CapacityLimiter, Depends(_bundle_limiter)]
RunDep = Annotated[RunKey, Depends(_run)]
SweepDep = Annotated[SweepKey, Depends(_sweep)]
VersionRefDep = Annotated[ArtifactRef, Depends(_version_ref)]
RevisionDep = Annotated[int | None, Depends(_revision)]


def version_key(engine: Engine, caller: Caller, ref: ArtifactRef) -> VersionKey:
    """The version that the reference names; an alias costs a question to the store."""
    if ref.index is not None:
        return ref.collection.version(ref.index)
    return engine.versions.get(caller, ref).key


def version_keys(engine: Engine, caller: Caller, texts: Sequence[str]) -> Iterator[VersionKey]:
    """The versions that these name, each with or without `artifact:` in front."""
    return (version_key(engine, caller, ArtifactRef.parse(text)) for text in texts)


def json_response(
    document: Any, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """A JSON answer, written as the engine writes JSON, NaN included."""
    return Response(dumps(document), status, headers, media_type="application/json")


def etag(revision: int) -> dict[str, str]:
    """The header that If-Match is compared with."""
    return {"ETag": f'"{revision}"'}
