"""Bytes going out: files of versions, and blobs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from api import bundle
from api.auth import CallerDep
from api.holds import LinksDocument, render_blob_link
from api.intake import JsonRoute
from api.parameters import EngineDep, VersionRefDep, json_response, version_key
from api.schemas import BlobsBundle
from api.streams import ByteRange, file_headers, gather, requested_range, stream, whole
from lineage.digest import MAX_BUNDLED_BYTES, Digest
from lineage.engine import Engine
from lineage.errors import Invalid
from lineage.manifest import Entry
from lineage.model import Blob, Caller

__all__ = ["router"]

router = APIRouter(tags=["files"], route_class=JsonRoute)

_BINARY: Final = "application/octet-stream"
_BYTES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {_BINARY: {}}, "description": "The bytes"},
    206: {"content": {_BINARY: {}}, "description": "The range that was asked for"},
    304: {"description": "If-None-Match names what is there"},
    416: {"description": "The range begins after the end"},
}
_FILE = "/projects/{entity}/{project}/collections/{collection}/versions/{version}/files/{path:path}"


@router.head(_FILE, include_in_schema=False)
@router.get(_FILE, summary="A file of a version", response_class=Response, responses=_BYTES)
def get_file(
    request: Request, engine: EngineDep, caller: CallerDep, ref: VersionRefDep, path: str
) -> Response:
    entry = engine.versions.entry(caller, version_key(engine, caller, ref), path)
    if entry.digest is None or entry.size_bytes is None or entry.ref is not None:
        raise Invalid("path", f"{path!r:.200} is a reference: its bytes lie at {entry.ref}")
    return _answer(request, engine, caller, entry, entry.digest, entry.size_bytes)


@router.head("/blobs/{digest}", include_in_schema=False)
@router.get("/blobs/{digest}", summary="A blob", response_class=Response, responses=_BYTES)
def get_blob(request: Request, engine: EngineDep, caller: CallerDep, digest: str) -> Response:
    parsed = Digest.parse(digest)
    if not parsed.is_blob:
        raise Invalid("digest", f"{parsed} is of a file of several blobs: ask for its parts")
    blob = engine.versions.blobs(caller, [parsed])[parsed]
    entry = Entry(parsed, blob.size_bytes, parsed)
    return _answer(request, engine, caller, entry, parsed, blob.size_bytes)


def _answer(
    request: Request,
    engine: Engine,
    caller: Caller,
    entry: Entry,
    digest: Digest,
    size_bytes: int,
) -> Response:
    if request.headers.get("if-none-match") == f'"{digest}"':
        return Response(status_code=304, headers={"ETag": f'"{digest}"'})
    wanted = requested_range(request, digest, size_bytes)
    headers = file_headers(digest, wanted)
    status = 206 if wanted.is_part else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=_BINARY)
    found = _read(engine, caller, entry, wanted)
    chunks = whole(found, wanted.size_bytes, of=entry.path, digest=digest)
    return stream(chunks, media_type=_BINARY, status=status, headers=headers)


def _read(engine: Engine, caller: Caller, entry: Entry, wanted: ByteRange) -> Iterator[bytes]:
    with engine.versions.read(
        caller, entry, start=wanted.start, size_bytes=wanted.size_bytes
    ) as chunks:
        yield from chunks


@router.post(
    "/blobs/links",
    response_model=LinksDocument,
    summary="Where to get blobs past the API, if the store allows it",
)
def get_links(engine: EngineDep, caller: CallerDep, body: BlobsBundle) -> Response:
    found = engine.links.for_downloads(caller, [Digest.parse(digest) for digest in body.digests])
    return json_response(
        {"links": [render_blob_link(digest, *told) for digest, told in found.items()]}
    )


@router.post(
    "/blobs/bundle",
    summary="Many small blobs in one answer",
    response_class=Response,
    responses={200: {"content": {bundle.MEDIA_TYPE: {}}, "description": "A bundle"}},
)
def get_bundle(engine: EngineDep, caller: CallerDep, body: BlobsBundle) -> Response:
    digests = list(dict.fromkeys(Digest.parse(digest) for digest in body.digests))
    found = engine.versions.blobs(caller, digests)
    blobs = [found[digest] for digest in digests]
    sizes = [(blob.digest, blob.size_bytes) for blob in blobs]
    bundle.check_sizes(sizes, max_item_bytes=MAX_BUNDLED_BYTES)
    first = bundle.header(sizes)
    length = len(first) + sum(blob.size_bytes for blob in blobs)
    headers = {"Content-Length": str(length)}
    chunks = gather(_bundle(first, engine, blobs))
    return stream(chunks, media_type=bundle.MEDIA_TYPE, headers=headers)


def _bundle(first: bytes, engine: Engine, blobs: Sequence[Blob]) -> Iterator[bytes]:
    yield first
    for blob in blobs:
        with engine.versions.read_blob(blob) as chunks:
            yield from whole(chunks, blob.size_bytes, of=blob.digest, digest=blob.digest)
