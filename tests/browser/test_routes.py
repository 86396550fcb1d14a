"""What our server gives to Neo4j Browser, and to the person who sets it up."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

import httpx2
import pytest

from cypher import browser
from tests.api.calls import assert_problem
from tests.services.server import Server

TEXTS = {
    "guide": "text/html; charset=utf-8",
    "style.grass": "text/plain; charset=utf-8",
    "favorites.zip": "application/zip",
}


@pytest.fixture
def client(api: Server) -> Iterator[httpx2.Client]:
    """Without a key: these hold no data."""
    with httpx2.Client(base_url=f"{api.url}/browser") as client:
        yield client


@pytest.mark.parametrize(("name", "type_"), TEXTS.items())
def test_a_page_from_elsewhere_may_read_what_the_browser_loads(
    client: httpx2.Client, name: str, type_: str
) -> None:
    answer = client.get(name)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == type_
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "public, max-age=300"

    # The Browser asks first, because it sends headers of its own.
    asked = {"Origin": "http://localhost:7474", "Access-Control-Request-Method": "GET"}
    asked["Access-Control-Request-Headers"] = "cache-control,pragma,sentry-trace"
    answer = client.options(name, headers=asked)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-methods"] == "GET"
    assert answer.headers["access-control-allow-headers"] == "*"
    assert_problem(client.post(name), 405, "invalid")


def test_nothing_else_may_be_read_from_elsewhere(api: Server, client: httpx2.Client) -> None:
    others = ("/", "/healthz", "/browser/", "/api/v1/whoami", "/api/v1/openapi.json")
    for path in others:
        answer = httpx2.get(f"{api.url}{path}", headers={"Origin": "http://localhost:7474"})
        assert "access-control-allow-origin" not in answer.headers


def test_the_texts_are_those_of_the_room(client: httpx2.Client) -> None:
    assert client.get("guide").text == browser.guide()
    assert client.get("style.grass").text == browser.style()
    with zipfile.ZipFile(io.BytesIO(client.get("favorites.zip").content)) as archive:
        found = {name: archive.read(name).decode() for name in archive.namelist()}
    assert list(found.values()) == [favorite.text for favorite in browser.favorites()]
    assert list(found) == [
        f"lineage/{n}_{f.name}.cypher" for n, f in enumerate(browser.favorites(), 1)
    ]


@pytest.mark.parametrize("path", ["", "/"])
def test_the_page_warns_and_says_three_commands(
    api: Server, client: httpx2.Client, path: str
) -> None:
    answer = httpx2.get(f"{api.url}/browser{path}")
    text = " ".join(answer.text.split())
    assert "For administrators only." in text
    assert "can change or delete it" in text
    # 127.0.0.1 is not among the hosts that the Browser loads from; localhost is.
    for line in (":style {}/style.grass", ":guide {}/guide", '"{}/favorites.zip"'):
        assert line.format(f"http://localhost:{api.port}/browser") in text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_the_page_shows_a_host_as_text_and_nothing_more(client: httpx2.Client) -> None:
    answer = client.get("/", headers={"Host": 'x"><script>alert(1)</script>'})
    assert "<script>" not in answer.text


@pytest.mark.parametrize("name", ["", *TEXTS])
def test_without_neo4j_there_is_nothing_to_load(shared_server: Server, name: str) -> None:
    answer = httpx2.get(f"{shared_server.url}/browser/{name}")
    document = assert_problem(answer, 404, "not_found")
    assert "SQLite" in document["detail"]
    assert "LINEAGE_GRAPH_URL" in document["detail"]
