from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

from tests.api.calls import Rest, assert_problem


def walk(rest: Rest, path: str, **params: Any) -> list[list[dict[str, Any]]]:
    """All pages of a list."""
    pages, cursor = [], None
    while True:
        answer = rest.get(path, params=params | ({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.text
        pages.append(answer.json()["items"])
        cursor = answer.json()["cursor"]
        if cursor is None:
            return pages


def test_pages_of_runs_join_without_a_gap_or_a_repetition(rest: Rest) -> None:
    ids = [f"r{number}" for number in range(7)]
    for number, id in enumerate(ids):
        rest.start(id, config={"n": number % 3})
    pages = walk(rest, "{P}/runs", limit=3, order="config.n")
    assert [len(page) for page in pages] == [3, 3, 1]
    joined = [(run["config"]["n"], run["id"]) for page in pages for run in page]
    assert joined == sorted(joined)
    assert sorted(id for _, id in joined) == ids


def test_a_list_that_just_fits_has_no_next_page(rest: Rest) -> None:
    for collection in ("a", "b", "c", "d"):
        rest.log(collection, {"x": b"1"})
    for path in ("{P}/collections", "{P}/versions"):
        assert [len(page) for page in walk(rest, path, limit=2)] == [2, 2]
        assert [len(page) for page in walk(rest, path, limit=4)] == [4]


def test_lists_by_key_are_sorted_and_whole(rest: Rest) -> None:
    for name in ("c", "a", "d", "b"):
        rest.post("{P}/sweeps", {"id": name, "method": "grid", "parameters": {"x": {"value": 1}}})
        rest.log(name, {"x": b"1"})
    for path, key in (("{P}/sweeps", "id"), ("{P}/collections", "name")):
        found = [item[key] for page in walk(rest, path, limit=3) for item in page]
        assert found == ["a", "b", "c", "d"]


def test_projects_and_events_have_pages_too(rest: Rest) -> None:
    rest.start("a")
    found = [item["key"] for page in walk(rest, "/projects", limit=1) for item in page]
    assert rest.name in found
    assert found == sorted(set(found))
    events = [item for page in walk(rest, "/events", limit=1, subject=rest.name) for item in page]
    assert [event["verb"] for event in events] == ["project.create"]
    ids = [item["id"] for page in walk(rest, "/events", limit=50) for item in page]
    assert ids == sorted(set(ids))


def test_a_cursor_of_another_query_is_refused(rest: Rest) -> None:
    for number in range(3):
        rest.start(f"r{number}")
    cursor = rest.get("{P}/runs", params={"limit": 1}).json()["cursor"]
    other = rest.get("{P}/runs", params={"limit": 1, "order": "name", "cursor": cursor})
    document = assert_problem(other, 400, "invalid")
    assert document["field"] == "cursor"
    assert_problem(rest.get("{P}/versions", params={"cursor": cursor}), 400, "invalid")
    again = rest.get("{P}/runs", params={"limit": 2, "cursor": cursor})
    assert len(again.json()["items"]) == 2


@pytest.mark.parametrize("cursor", ["x", "%%%", "ä", "bnVsbA", "W10", "WzEsMl0", "A" * 5000])
def test_what_is_no_cursor_is_refused(rest: Rest, cursor: str) -> None:
    rest.start()
    assert_problem(rest.get("{P}/runs", params={"cursor": cursor}), 400, "invalid")


@pytest.mark.parametrize("path", ["{P}/runs", "{P}/collections", "/events", "/projects"])
@pytest.mark.parametrize(
    "place", [1, -1, 2**64 - 1, "x", {}, [], [None, None], [[1], 2], True, 1e999]
)
def test_a_forged_place_is_refused_or_harmless(rest: Rest, path: str, place: Any) -> None:
    for name in "ab":
        rest.start(name)
        rest.log(name, {"x": b"1"})
    rest.ask("PUT", "{P}-too", json={"access": "private"})
    cursor = rest.get(path, params={"limit": 1}).json()["cursor"]
    query, _ = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    forged = base64.urlsafe_b64encode(orjson.dumps([query, place])).decode().rstrip("=")
    answer = rest.get(path, params={"limit": 1, "cursor": forged})
    assert answer.status_code in (200, 400, 422), answer.text
