from __future__ import annotations

import re
from uuid import uuid4

import httpx2
import pytest

from tests.api.calls import Rest, assert_problem, wait_until
from tests.services.server import Server


def totals(server: Server) -> dict[str, float]:
    text = httpx2.get(f"{server.url}/metrics").text
    found = re.findall(r"^(lineage_\w+) ([\d.e+]+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in found}


def test_metrics_count_what_is_stored(server: Server) -> None:
    rest = Rest(server)
    assert totals(server)["lineage_stored_bytes"] == 0
    run = rest.start()
    version = rest.log("digits", {"a": b"12345", "b": b"123", "c": b"123"}, run=run)
    found = totals(server)
    assert found["lineage_runs"] == 1
    assert found["lineage_versions"] == 1
    assert found["lineage_objects"] == 2 == len(server.objects())
    assert found["lineage_stored_bytes"] == 8
    rest.ask("DELETE", rest.version_path(version))
    assert totals(server)["lineage_stored_bytes"] == 0
    rest.close()


def test_metrics_count_requests_by_route_and_status(rest: Rest) -> None:
    rest.start("counted")
    rest.get("{P}/runs/counted")
    rest.get("{P}/runs/nope")
    text = httpx2.get(f"{rest.server.url}/metrics").text
    route = 'route="/projects/{entity}/{project}/runs/{id}"'
    assert re.search(
        rf'lineage_requests_total{{method="GET",{re.escape(route)},status="200"}}', text
    )
    assert re.search(
        rf'lineage_requests_total{{method="GET",{re.escape(route)},status="404"}}', text
    )
    assert re.search(rf'lineage_request_seconds_count{{method="GET",{re.escape(route)}}}', text)
    assert rest.name.partition("/")[2] not in text


def test_paths_that_lead_nowhere_share_one_series(rest: Rest) -> None:
    for _ in range(3):
        rest.get(f"/{uuid4().hex}")
    text = httpx2.get(f"{rest.server.url}/metrics").text
    assert 'route="unmatched",status="404"' in text


@pytest.mark.parametrize("id", ["abc-123", "a.b:c_d", "A" * 128])
def test_a_request_id_that_is_harmless_is_kept(rest: Rest, id: str) -> None:
    answer = rest.get("/whoami", headers={"X-Request-ID": id})
    assert answer.headers["x-request-id"] == id
    line = f"request_id={id} event=request method=GET path=/api/v1/whoami"
    wait_until(lambda: line in rest.server.log())  # it is written when the answer is out


@pytest.mark.parametrize("id", ["", "two words", 'quo"te', "A" * 129, "ünicode".encode()])
def test_any_other_request_id_is_replaced(rest: Rest, id: str | bytes) -> None:
    answer = rest.get("/whoami", headers={"X-Request-ID": id})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


def test_a_client_cannot_write_lines_of_the_log(rest: Rest) -> None:
    rest.get("/x%0Aat=1970-01-01%20level=error")
    assert "\nat=1970" not in rest.server.log()


def test_readiness_follows_the_stores(shared_server: Server) -> None:
    url, blobs = f"{shared_server.url}/readyz", shared_server.blobs_path
    assert httpx2.get(url).status_code == 200
    away = blobs.rename(blobs.with_name("away"))
    try:
        wait_until(lambda: httpx2.get(url).status_code == 503)  # an answer is kept for a second
        document = assert_problem(httpx2.get(url), 503, "unavailable")
        assert httpx2.get(f"{shared_server.url}/healthz").status_code == 200
    finally:
        away.rename(blobs)
    assert str(blobs) not in document["detail"]
    assert str(blobs) in shared_server.log()
    wait_until(lambda: httpx2.get(url).status_code == 200)


def test_the_root_points_to_the_docs(shared_server: Server) -> None:
    found = httpx2.get(shared_server.url).json()
    assert "<title>" in httpx2.get(shared_server.url + found["docs"]).text
    assert httpx2.get(shared_server.url + found["openapi"]).json()["openapi"].startswith("3.")


def test_the_docs_page_loads_nothing_from_elsewhere(shared_server: Server) -> None:
    answer = httpx2.get(f"{shared_server.url}/api/v1/docs")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.search(r"(src|href)=.?(https?:)?//", answer.text)
