"""Stores for tests, each named by a URL, so that other processes can open it too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from unittest import mock
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.loaders import Loader

from cypher.store import Neo4jGraphStore
from lineage.ports import BlobStore, GraphStore
from sql.store import SqlGraphStore
from storage.local import LocalBlobStore
from storage.s3 import S3BlobStore
from tests.services.neo4j import Database
from tests.services.s3 import REGION, S3

__all__ = [
    "BLOBS",
    "GRAPHS",
    "LOADER",
    "PAIRS",
    "all_objects",
    "blobs_at",
    "empty_blobs",
    "empty_graph",
    "open_blobs",
    "open_graph",
    "open_neo4j",
]

GRAPHS: Final = ("sqlite", "neo4j")
BLOBS: Final = ("folder", "s3")
PAIRS: Final = tuple(f"{graph}-{blobs}" for graph in GRAPHS for blobs in BLOBS)
_SQLITE: Final = "sqlite://"
_FOLDER: Final = "file://"
PREFIX: Final = "some/where"
LOADER: Final = Loader()
"""Of the description of S3: each client would read it again, which takes 50 ms."""


def empty_graph(kind: str, folder: Path, request: pytest.FixtureRequest) -> str:
    """The URL of an empty graph, the only one of its kind that the test has."""
    if kind == "sqlite":
        return f"{_SQLITE}{folder / 'graph.db'}"
    database: Database = request.getfixturevalue("neo4j")
    database.wipe()
    return database.url


def open_graph(url: str) -> GraphStore:
    """The graph store that a URL names; what Neo4j warns of is an error."""
    if url.startswith(_SQLITE):
        return SqlGraphStore(Path(url.removeprefix(_SQLITE)))
    return Neo4jGraphStore.at(url, warns=True)


def open_neo4j(database: Database, *, timeout_s: float = 60.0) -> Neo4jGraphStore:
    """A new graph in the database, emptied for it; what the database warns of is an error."""
    database.wipe()
    return Neo4jGraphStore.at(database.url, timeout_s=timeout_s, warns=True)


def empty_blobs(
    kind: str, folder: Path, request: pytest.FixtureRequest, *, versioned: bool = False
) -> str:
    """The URL of an empty blob store of this test: a folder, or a bucket, that keeps versions if
    `versioned`."""
    if kind == "folder":
        return f"{_FOLDER}{folder / 'blobs'}"
    server: S3 = request.getfixturevalue("s3")
    bucket = server.new_bucket(versioned=versioned)
    request.addfinalizer(lambda: server.remove_bucket(bucket))
    return blobs_at(server, bucket)


def blobs_at(server: S3, bucket: str, *, endpoint_url: str | None = None) -> str:
    """The URL of a bucket, keys included; `endpoint_url` of a proxy before the server."""
    host = urlsplit(endpoint_url or server.endpoint_url).netloc
    return f"s3://{server.access_key}:{server.secret_key}@{host}/{bucket}/{PREFIX}"


def open_blobs(url: str, *, timeout_s: float = 20) -> BlobStore:
    """The blob store that a URL names."""
    if url.startswith(_FOLDER):
        return LocalBlobStore(Path(url.removeprefix(_FOLDER)))
    with _keys(url):
        return S3BlobStore.at(
            f"s3:/{urlsplit(url).path}", endpoint_url=_endpoint_url(url), timeout_s=timeout_s
        )


@contextmanager
def _keys(url: str) -> Iterator[None]:
    """With the URL's keys where AWS tools look for them, and nothing else that they would find."""
    parts = urlsplit(url)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    keys = {
        "AWS_ACCESS_KEY_ID": str(parts.username),
        "AWS_SECRET_ACCESS_KEY": str(parts.password),
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with (
        mock.patch.dict(os.environ, kept | keys, clear=True),
        mock.patch("botocore.session.create_loader", return_value=LOADER),
    ):
        yield


def _endpoint_url(url: str) -> str:
    return f"http://{urlsplit(url).netloc.rpartition('@')[2]}"


def all_objects(url: str) -> dict[str, bytes]:
    """What lies in a blob store, looked at around it: bytes by name, its claim left out.

    What a bucket keeps besides the current version of a key is told by another name each.
    """
    if url.startswith(_FOLDER):
        root = Path(url.removeprefix(_FOLDER))
        files = {str(p.relative_to(root)): p for p in root.rglob("*") if p.is_file()}
        return {name: path.read_bytes() for name, path in files.items() if name != "graph"}
    bucket, _, prefix = urlsplit(url).path.removeprefix("/").partition("/")
    client = _client(url)
    found: dict[str, bytes] = {}
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for part in ("Versions", "DeleteMarkers"):
            for entry in page.get(part, ()):
                key, version = entry["Key"], entry["VersionId"]
                is_current = part == "Versions" and entry["IsLatest"]
                name = key if is_current else f"{key} as {part} {version}"
                found[name.removeprefix(f"{prefix}/")] = (
                    client.get_object(Bucket=bucket, Key=key, VersionId=version)["Body"].read()
                    if part == "Versions"
                    else b""
                )
    found.pop("graph", None)
    return found


def _client(url: str) -> Any:
    """Another client than the store's own."""
    parts = urlsplit(url)
    with _keys(url):
        session = boto3.session.Session(region_name=REGION)
        return session.client(
            "s3",
            endpoint_url=_endpoint_url(url),
            aws_access_key_id=parts.username,
            aws_secret_access_key=parts.password,
            config=Config(s3={"addressing_style": "path"}),
        )
