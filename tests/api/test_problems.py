"""The error table, complete: each code reached through HTTP, with its status and its facts."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

import httpx2
import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.problems import status_of
from api.wiring import Stores, SystemClock
from lineage import errors
from lineage.digest import Digest
from lineage.engine import Engine
from lineage.errors import LineageError, TimedOut, from_code
from storage.local import LocalBlobStore
from tests.api.calls import Rest, assert_problem
from tests.services.server import Server


def rebuilt(document: dict[str, Any]) -> LineageError:
    """The error as a client raises it again."""
    known = ("type", "title", "status", "detail", "code", "request_id")
    facts = {name: value for name, value in document.items() if name not in known}
    return from_code(document["code"], document["detail"], **facts)


def test_what_is_not_there_is_not_found(rest: Rest) -> None:
    rest.start()
    assert_problem(rest.get("{P}/runs/nope"), 404, "not_found")


def test_a_path_that_leads_nowhere_is_not_found(rest: Rest) -> None:
    assert_problem(rest.get("/nowhere"), 404, "not_found")


def test_a_method_that_does_not_apply_is_invalid(rest: Rest) -> None:
    assert_problem(rest.ask("DELETE", "/whoami"), 405, "invalid")


def test_a_run_id_that_is_taken_already_exists(rest: Rest) -> None:
    rest.start("twice")
    assert_problem(rest.post("{P}/runs", {"id": "twice"}), 409, "already_exists")


def test_the_content_of_a_deleted_version_is_gone(rest: Rest) -> None:
    version = rest.version_path(rest.log("digits", {"a": uuid4().bytes}))
    assert rest.ask("DELETE", version).status_code == 200
    assert_problem(rest.get(f"{version}/manifest"), 410, "gone")
    assert_problem(rest.get(f"{version}/files/a"), 410, "gone")
    assert rest.get(version).json()["state"] == "deleted"


def test_a_collection_of_another_type_is_a_conflict(rest: Rest) -> None:
    rest.log("digits", {"a": b"1"})
    body = rest.draft("digits", {"a": b"2"}, type="model")
    assert_problem(rest.post("/drafts", body), 409, "conflict")


def test_a_commit_without_its_pages_says_which_are_missing(rest: Rest) -> None:
    body = rest.draft("digits", {"a": uuid4().bytes}, inline=False)
    assert rest.post("/drafts", body).json()["missing_pages"] == body["pages"]
    document = assert_problem(rest.post(f"/drafts/{body['id']}/commit"), 409, "conflict")
    assert document["missing_pages"] == body["pages"]


def test_an_edge_that_closes_a_cycle_is_refused_with_the_path(rest: Rest) -> None:
    run = rest.start("made-it")
    version = rest.log("digits", {"a": uuid4().bytes}, run=run)
    answer = rest.post(
        "{P}/runs/made-it/used",
        {"artifact": version["key"].removeprefix("artifact:"), "declared": True},
    )
    document = assert_problem(answer, 409, "cycle")
    assert document["path"] == [f"run:{run}", version["key"]]
    assert rebuilt(document).path == document["path"]


def test_a_plan_that_no_longer_holds_says_what_changed(rest: Rest) -> None:
    version = rest.log("digits", {"a": uuid4().bytes})
    name = version["key"].removeprefix("artifact:")
    plan = rest.post("/deletion-plans", {"versions": [name]}).json()
    rest.ask("PATCH", rest.version_path(version), json={"add_aliases": ["prod"]})
    document = assert_problem(
        rest.post(f"/deletion-plans/{plan['digest']}/execute"), 409, "plan_changed"
    )
    assert document["difference"]["aliases"]["planned"] == []
    assert document["difference"]["aliases"]["now"] == [name.rpartition(":")[0] + ":prod"]
    assert rest.get(rest.version_path(version)).json()["state"] == "committed"


def test_a_deletion_that_an_alias_blocks_says_how_to_clear_it(rest: Rest) -> None:
    version = rest.log("digits", {"a": uuid4().bytes}, aliases=["prod"])
    document = assert_problem(rest.ask("DELETE", rest.version_path(version)), 409, "blocked")
    (blocker,) = document["blockers"]
    assert blocker["kind"] == "alias"
    assert blocker["name"].endswith("digits:prod")
    assert "delete_aliases=true" in blocker["how_to_clear"]


def test_an_old_revision_is_a_failed_precondition(rest: Rest) -> None:
    rest.start("edited")
    assert rest.ask("PATCH", "{P}/runs/edited", json={"notes": "mine"}).status_code == 200
    answer = rest.ask(
        "PATCH", "{P}/runs/edited", json={"notes": "yours"}, headers={"If-Match": '"1"'}
    )
    assert_problem(answer, 412, "precondition_failed")
    assert rest.get("{P}/runs/edited").json()["notes"] == "mine"


def test_what_makes_no_sense_is_invalid_and_names_the_field(rest: Rest) -> None:
    document = assert_problem(rest.post("{P}/runs", {"id": "../up"}), 422, "invalid")
    assert document["field"] == "run"
    document = assert_problem(rest.post("{P}/runs", {"id": "a", "tags": "x"}), 422, "invalid")
    assert document["field"] == "tags"
    document = assert_problem(rest.post("{P}/runs", {"id": "a", "confg": {}}), 422, "invalid")
    assert document["field"] == "confg"
    document = assert_problem(rest.get("{P}/runs", params={"limit": 0}), 422, "invalid")
    assert document["field"] == "limit"
    document = assert_problem(rest.get("/projects/.x/y"), 422, "invalid")
    assert document["field"] == "entity"
    assert rebuilt(document).field == "entity"


@pytest.mark.parametrize(
    "content", [b"{", b"", b'{"id": NaN}', b'"\xff"', b"[" * 5000, b'{"config": {"$float": 1}}']
)
def test_json_that_cannot_be_read_is_a_bad_request(rest: Rest, content: bytes) -> None:
    answer = rest.ask(
        "POST", "{P}/runs", content=content, headers={"Content-Type": "application/json"}
    )
    assert_problem(answer, 400, "invalid")


def test_a_body_that_is_not_sent_as_json_is_a_bad_request(rest: Rest) -> None:
    answer = rest.ask("POST", "{P}/runs", content=b'{"id":"a"}')
    assert_problem(answer, 400, "invalid")


def test_json_that_is_too_deep_is_invalid(rest: Rest) -> None:
    deep: dict[str, Any] = {}
    for _ in range(40):
        deep = {"a": deep}
    document = assert_problem(rest.post("{P}/runs", {"id": "a", "config": deep}), 422, "invalid")
    assert document["field"] == "config"


@pytest.mark.parametrize("is_announced", [True, False])
def test_json_over_16_mib_is_too_large(rest: Rest, is_announced: bool) -> None:
    content = b'{"id":"a","notes":"' + b"x" * (16 * 1024 * 1024) + b'"}'
    sent: Any = content if is_announced else iter([content[:9_000_000], content[9_000_000:]])
    answer = rest.ask(
        "POST", "{P}/runs", content=sent, headers={"Content-Type": "application/json"}
    )
    assert_problem(answer, 413, "too_large")
    assert_problem(rest.get("{P}"), 404, "not_found")


def test_a_document_over_8_mib_is_too_large(rest: Rest) -> None:
    answer = rest.post("{P}/runs", {"id": "a", "config": {"a": "x" * (8 * 1024 * 1024)}})
    assert_problem(answer, 413, "too_large")


def test_bytes_with_another_digest_are_corrupt(rest: Rest) -> None:
    _, hold = rest.target(b"promised")
    document = assert_problem(rest.put(hold, b"PROMISED"), 422, "corrupt")
    assert document["digest"] == Digest.of(b"promised")


def test_a_stored_file_that_lost_bytes_is_corrupt_and_named(rest: Rest) -> None:
    data = uuid4().bytes
    version = rest.log("digits", {"dir/a.bin": data})
    (stored,) = rest.new_objects()
    stored.unlink()
    stored.write_bytes(data[:-1])
    document = assert_problem(
        rest.get(f"{rest.version_path(version)}/files/dir/a.bin"), 500, "corrupt"
    )
    assert "dir/a.bin" in document["detail"]
    assert_problem(rest.get(f"/blobs/{Digest.of(data)}"), 500, "corrupt")
    assert_problem(rest.post("/blobs/bundle", {"digests": [Digest.of(data)]}), 500, "corrupt")
    stored.write_bytes(data)


def test_a_store_that_is_away_is_unavailable_and_may_be_tried_again(rest: Rest) -> None:
    _, hold = rest.target(b"while the disk is away")
    blobs = rest.server.blobs_path if rest.server.is_on_folder else rest.server.blobs_path.parent
    away = blobs.rename(blobs.with_name("away"))
    answer = rest.put(hold, b"while the disk is away")
    away.rename(blobs)
    assert_problem(answer, 503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert rest.put(hold, b"while the disk is away").status_code == 204


class BrokenGraph:
    """A graph store that fails every question in one way."""

    def __init__(self, fault: Exception) -> None:
        self._fault = fault

    def read(self, fn: Callable[..., Any]) -> NoReturn:
        raise self._fault

    write = read

    def check(self) -> NoReturn:
        raise self._fault

    def close(self) -> None:
        pass


@pytest.fixture
def ask_broken(tmp_path: Path) -> Iterator[Callable[[Exception], httpx2.Response]]:
    def ask(fault: Exception) -> httpx2.Response:
        blobs = LocalBlobStore(tmp_path)
        graph: Any = BrokenGraph(fault)
        stores = Stores(Engine(graph, blobs, SystemClock()), graph)
        app = create_app(stores, admin_key=None, draft_ttl_s=3600)
        with TestClient(app, base_url="http://localhost") as client:
            answer: httpx2.Response = client.get("/api/v1/projects/a/b")
            return answer

    return ask


def test_a_question_that_takes_too_long_has_timed_out(
    ask_broken: Callable[[Exception], httpx2.Response],
) -> None:
    assert_problem(ask_broken(TimedOut("no answer in 30 s")), 504, "timed_out")


def test_a_fault_of_ours_is_an_error_without_its_secrets(
    ask_broken: Callable[[Exception], httpx2.Response], caplog: pytest.LogCaptureFixture
) -> None:
    answer = ask_broken(RuntimeError("password=hunter2"))
    assert_problem(answer, 500, "error")
    assert "hunter2" not in answer.text
    assert "hunter2" in caplog.text


def test_with_auth_off_strangers_are_denied(tmp_path: Path) -> None:
    with Server(tmp_path, settings={"LINEAGE_AUTH": "off", "LINEAGE_ADMIN_KEY": None}) as server:
        url = f"{server.url}/api/v1/whoami"
        assert httpx2.get(url).json()["name"] == "local"
        rebinding = httpx2.get(url, headers={"Host": "evil.example"})
        assert_problem(rebinding, 403, "denied")
        page = httpx2.get(url, headers={"Origin": "https://evil.example"})
        assert_problem(page, 403, "denied")


def test_without_a_key_one_is_unauthenticated(shared_server: Server) -> None:
    answer = httpx2.get(f"{shared_server.url}/api/v1/whoami")
    assert_problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


CLASSES = [
    cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, LineageError)
]


def test_every_code_is_reached_by_a_test_of_this_file() -> None:
    asserted = set(re.findall(r'\d{3}, "([a-z_]+)"', Path(__file__).read_text()))
    assert {cls.code for cls in CLASSES} == asserted


@pytest.mark.parametrize("cls", CLASSES)
def test_every_class_of_error_has_a_status(cls: type[LineageError]) -> None:
    error = from_code(cls.code, "message")
    assert type(error) is cls
    assert 400 <= status_of(error, "/api/v1/whoami") < 600
