from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from api.app import create_app
from api.auth import require_caller
from api.wiring import Stores
from lineage.engine import Engine
from tests.api.calls import Rest, assert_problem
from tests.services.server import Server

OPEN = {"/", "/healthz", "/readyz", "/metrics", "/api/v1/docs", "/api/v1/openapi.json"}
FOR_NEO4J = {f"/browser{path}" for path in ("", "/", "/guide", "/style.grass", "/favorites.zip")}


def asked_of(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from asked_of(inner)


def test_every_route_but_health_and_docs_passes_the_gate() -> None:
    nothing: Any = None
    stores = Stores(Engine(nothing, nothing, nothing), nothing)
    app = create_app(stores, admin_key=None, draft_ttl_s=60)
    paths = set()
    for context in iter_route_contexts(app.routes):
        route: Any = context
        assert isinstance(context.original_route, APIRoute), context
        paths.add(route.path)
        is_guarded = require_caller in asked_of(route.dependant)
        assert is_guarded is (route.path not in OPEN | FOR_NEO4J), route.path
    assert len(paths) > 40
    assert paths > OPEN | FOR_NEO4J


def test_nothing_described_answers_without_a_key(shared_server: Server) -> None:
    with httpx2.Client(base_url=shared_server.url) as client:
        described = client.get("/api/v1/openapi.json").json()["paths"]
        for path, methods in described.items():
            for method in methods:
                answer = client.request(method.upper(), path.replace("{", "").replace("}", ""))
                if path in OPEN:
                    assert answer.status_code == 200, path
                else:
                    assert_problem(answer, 401, "unauthenticated")


@pytest.mark.parametrize("path", sorted(OPEN))
def test_what_is_open_needs_no_key(shared_server: Server, path: str) -> None:
    assert httpx2.get(shared_server.url + path).status_code == 200


def basic(user: str, key: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{key}".encode()).decode()


def test_a_key_comes_as_bearer_or_as_basic(shared_server: Server) -> None:
    url, key = f"{shared_server.url}/api/v1/whoami", shared_server.key
    for header in (f"Bearer {key}", f"bearer {key}", basic("api", key)):
        answer = httpx2.get(url, headers={"Authorization": header})
        assert answer.json() == {"name": "admin", "is_admin": True, "entities": []}


def test_any_other_key_is_refused(shared_server: Server) -> None:
    url, key = f"{shared_server.url}/api/v1/whoami", shared_server.key
    wrong = [
        "Bearer",
        f"Bearer {key[:-1]}",
        f"Bearer {key}0",
        f"Bearer {key.upper()}",
        key,
        f"Token {key}",
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
        basic("root", key),
        basic("api", ""),
    ]
    for header in wrong:
        answer = httpx2.get(url, headers={"Authorization": header})
        assert_problem(answer, 401, "unauthenticated")


def test_a_stranger_s_body_is_not_even_read(shared_server: Server) -> None:
    answer = httpx2.post(
        f"{shared_server.url}/api/v1/projects/a/b/runs",
        content=b"{ not json",
        headers={"Content-Type": "application/json"},
    )
    assert_problem(answer, 401, "unauthenticated")


def test_the_key_is_never_told(rest: Rest) -> None:
    rest.get("/whoami")
    rest.get("/nowhere")
    assert rest.server.key not in rest.server.log()
