"""Requests that many tests make, in as few words as they deserve."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import orjson

from lineage.digest import Digest
from lineage.manifest import Entry, cut, encode
from tests.services.server import Server

BUNDLE = "application/vnd.lineage.bundle"


class Rest:
    """A client of the server, and a project of its own there."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._objects = set(server.objects())
        self.name = f"acme/p{uuid4().hex[:12]}"
        self.client = httpx2.Client(
            base_url=f"{server.url}/api/v1", headers=server.headers, timeout=30
        )

    def new_objects(self) -> list[Path]:
        """What has come to lie in the blob folder since; tests run one after another."""
        return sorted(set(self.server.objects()) - self._objects)

    def close(self) -> None:
        self.client.close()

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """`path` is below /api/v1; `{P}` in it stands for this project's."""
        return self.client.request(method, path.replace("{P}", f"/projects/{self.name}"), **options)

    def get(self, path: str, **options: Any) -> httpx2.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> httpx2.Response:
        if body is not None:
            options["json"] = body
        return self.ask("POST", path, **options)

    def start(self, id: str | None = None, **fields: Any) -> str:
        """Start a run; its path."""
        id = id or uuid4().hex[:8]
        answer = self.post("{P}/runs", {"id": id, **fields})
        assert answer.status_code == 201, answer.text
        return f"{self.name}/{id}"

    def draft(
        self, collection: str, files: Mapping[str, bytes], *, inline: bool = True, **fields: Any
    ) -> dict[str, Any]:
        """The body of POST /drafts for a version with these files."""
        entries = [Entry(path, len(data), Digest.of(data)) for path, data in files.items()]
        bodies = list(cut(entries))
        return {
            "id": uuid4().hex,
            "collection": f"{self.name}/{collection}",
            "type": "dataset",
            "pages": [Digest.of(body) for body in bodies],
            "bodies": [body.decode() for body in bodies] if inline else [],
            **fields,
        }

    def log(
        self, collection: str, files: Mapping[str, bytes], *, inline: bool = True, **fields: Any
    ) -> dict[str, Any]:
        """Log a version with these files; the version."""
        body = self.draft(collection, files, **fields)
        answer = self.post("/drafts", body)
        assert answer.status_code == 200, answer.text
        data = {Digest.of(content): content for content in files.values()}
        for hold in answer.json()["holds"]:
            if not hold["held"]:
                self.upload(hold, data[hold["digest"]])
        document: dict[str, Any] = answer.json()
        if document["version"] is None:
            document = self.post("/drafts", body).json()
        version: dict[str, Any] = document["version"]
        return version

    def upload(self, hold: Mapping[str, Any], data: bytes) -> None:
        answer = self.client.put(self.server.url + hold["upload"]["url"], content=data)
        assert answer.status_code == 204, answer.text

    def target(self, data: bytes) -> tuple[str, dict[str, Any]]:
        """Begin a draft of one file with these bytes: its id, and the hold to upload them by."""
        body = self.draft("targets", {"file": data})
        answer = self.post("/drafts", body).json()
        (hold,) = answer["holds"]
        return body["id"], hold

    def put(self, hold: Mapping[str, Any], data: bytes) -> httpx2.Response:
        return self.client.put(self.server.url + hold["upload"]["url"], content=data)

    def version_path(self, version: Mapping[str, Any]) -> str:
        collection, _, index = version["name"].partition(":")
        return f"{{P}}/collections/{collection}/versions/{index}"


def bundle(items: Sequence[tuple[str, bytes]]) -> bytes:
    """Spelled out here, so that writing and reading cannot share a mistake."""
    header = orjson.dumps([[digest, len(data)] for digest, data in items])
    return header + b"\n" + b"".join(data for _, data in items)


def page_of(entries: Sequence[tuple[str, bytes]]) -> bytes:
    lines = [encode(Entry(path, len(data), Digest.of(data))) for path, data in sorted(entries)]
    return b"".join(lines)


def assert_problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """The answer is this problem, whole and as RFC 9457 asks; its document."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["type"] == f"urn:lineage:error:{code}"
    assert document["code"] == code
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    assert document["request_id"] == answer.headers["x-request-id"]
    return document


def wait_until(is_so: Callable[[], bool], *, timeout_s: float = 5) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)
