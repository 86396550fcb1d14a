"""The JSON documents of holds, and of links past the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import with_config
from typing_extensions import TypedDict

from api.documents import EXAMPLE_BLOB, example, render_time
from lineage.digest import Digest
from lineage.engine import Hold
from lineage.model import Link, ObjectName

__all__ = [
    "EXAMPLE_HOLD",
    "HoldDocument",
    "HoldsDocument",
    "LinkDocument",
    "LinksDocument",
    "MissingDocument",
    "UploadDocument",
    "render_blob_link",
    "render_hold",
]


class LinkDocument(TypedDict):
    url: str
    headers: dict[str, str]


class UploadDocument(TypedDict):
    object: str
    url: str
    size_bytes: int
    until: str
    link: LinkDocument | None


_OBJECT: Final = f"sha256/58/{EXAMPLE_BLOB[9:]}-0123456789abcdef0123456789abcdef"
EXAMPLE_HOLD: Final = {
    "digest": EXAMPLE_BLOB,
    "held": False,
    "upload": {
        "object": _OBJECT,
        "url": f"/api/v1/uploads/{_OBJECT}",
        "size_bytes": 6,
        "until": "2026-01-31T10:00:02.000004Z",
        "link": None,
    },
}


@with_config(example(EXAMPLE_HOLD))
class HoldDocument(TypedDict):
    digest: str
    held: bool
    upload: UploadDocument | None


def render_hold(hold: Hold, links: Mapping[ObjectName, Link]) -> HoldDocument:
    """Args: `links`, ways past the API, where there are such."""
    upload = hold.upload
    if upload is None:
        return {"digest": hold.digest, "held": True, "upload": None}
    return {
        "digest": hold.digest,
        "held": False,
        "upload": {
            "object": upload.object,
            "url": f"/api/v1/uploads/{upload.object}",
            "size_bytes": upload.size_bytes,
            "until": render_time(upload.until),
            "link": _link(links.get(upload.object)),
        },
    }


def _link(link: Link | None) -> LinkDocument | None:
    return None if link is None else {"url": link.url, "headers": dict(link.headers)}


@with_config(example({"holds": [EXAMPLE_HOLD]}))
class HoldsDocument(TypedDict):
    holds: list[HoldDocument]


@with_config(example({"missing": []}))
class MissingDocument(TypedDict):
    missing: list[str]


class BlobLinkDocument(TypedDict):
    digest: str
    size_bytes: int
    link: LinkDocument | None


@with_config(example({"links": [{"digest": EXAMPLE_BLOB, "size_bytes": 6, "link": None}]}))
class LinksDocument(TypedDict):
    links: list[BlobLinkDocument]


def render_blob_link(digest: Digest, size_bytes: int, link: Link | None) -> BlobLinkDocument:
    return {"digest": digest, "size_bytes": size_bytes, "link": _link(link)}
