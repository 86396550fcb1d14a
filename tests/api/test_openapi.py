"""The OpenAPI document: each example is what a real server takes and answers, and each answer has
the shape that is described."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx2
import pytest
from fastapi.routing import iter_route_contexts
from pydantic import TypeAdapter

from api.app import create_app
from api.wiring import Stores
from lineage.engine import Engine
from tests.api.calls import Rest
from tests.services.server import Server

PROJECT = "/projects/acme/vision"
RUN = f"{PROJECT}/runs/3f2a9c"
VERSION = f"{PROJECT}/collections/digits/versions/v0"
RUN_OF_IMPACT = f"{PROJECT}/runs/9c1d04"
SWEEP = f"{PROJECT}/sweeps/lr-search"
VARIABLE = [
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<time>"),
    (re.compile(r"-[0-9a-f]{32}$"), "-<uuid>"),
]


def steady(value: Any) -> Any:
    """The value with what differs from one telling to the next taken out."""
    if isinstance(value, str):
        for pattern, name in VARIABLE:
            value = pattern.sub(name, value)
        return value
    if isinstance(value, dict):
        return {key: steady(item) for key, item in value.items()}
    if isinstance(value, list):
        return [steady(item) for item in value]
    return value


class Teller:
    """Sends what the document shows, and compares the answers with what it shows."""

    def __init__(self, server: Server) -> None:
        self.client = httpx2.Client(base_url=f"{server.url}/api/v1", headers=server.headers)
        self.schemas = self.client.get("/openapi.json").json()["components"]["schemas"]
        self.told: set[str] = set()
        nothing: Any = None
        stores = Stores(Engine(nothing, nothing, nothing), nothing)
        app = create_app(stores, admin_key=None, draft_ttl_s=60)
        self.routes: list[Any] = list(iter_route_contexts(app.routes))

    def example(self, name: str) -> Any:
        self.told.add(name)
        (value,) = self.schemas[name]["examples"]
        return value

    def ask(
        self,
        method: str,
        path: str,
        *,
        send: str | None = None,
        answers: str | None = None,
        **options: Any,
    ) -> httpx2.Response:
        """Send the example `send`; the answer must be the example `answers`."""
        if send is not None:
            options["json"] = self.example(send)
        answer = self.client.request(method, path, **options)
        if answers != "ProblemDocument":
            assert answer.is_success, answer.text
            self.check_shape(method, answer)
        if answers is not None:
            assert steady(answer.json()) == steady(self.example(answers))
        return answer

    def check_shape(self, method: str, answer: httpx2.Response) -> None:
        path = answer.request.url.path
        (route,) = (r for r in self.routes if method in r.methods and r.path_regex.fullmatch(path))
        if route.response_model is not None and answer.content:
            TypeAdapter(route.response_model).validate_json(answer.content, strict=True)


@pytest.fixture(scope="module")
def teller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Teller]:
    with Server(tmp_path_factory.mktemp("story")) as server:
        teller = Teller(server)
        with closing(teller.client):
            tell(teller, server)
            yield teller


def tell(story: Teller, server: Server) -> None:
    story.ask("GET", "/whoami", answers="CallerDocument")
    story.ask("PUT", PROJECT, send="ProjectAccess", answers="ProjectDocument")
    story.ask("GET", "/projects", answers="ProjectPage")
    story.ask("GET", "/events", answers="EventPage")
    story.ask("GET", "/events", params={"limit": 1}, answers="EventPage")
    assert story.example("EventDocument") == story.example("EventPage")["items"][0]
    story.ask("PATCH", PROJECT, send="ProjectGuards")
    story.ask("PATCH", PROJECT, json={"protected_aliases": []}, answers="ProjectDocument")
    story.ask("POST", f"{PROJECT}/runs", send="StartRun")
    story.ask("PATCH", RUN, send="RunPatchBody", answers="RunDocument")
    story.ask("GET", f"{PROJECT}/runs", answers="RunPage")
    story.ask("POST", f"{RUN}/heartbeat")
    tell_of_a_version(story, server)
    story.ask("POST", f"{PROJECT}/sweeps", send="SweepBody", answers="SweepDocument")
    story.ask("GET", f"{PROJECT}/sweeps", answers="SweepPage")
    story.ask("GET", SWEEP, answers="SweepDocument")
    story.ask("POST", f"{SWEEP}/next", send="NextPoint")
    story.ask("PATCH", f"{PROJECT}/runs/7b1e00", json={"metrics": {"acc": 1}})
    assert story.ask("GET", f"{SWEEP}/best").json()["items"][0]["value"] == 1
    story.ask("POST", f"{SWEEP}/stop")
    story.ask("POST", f"{RUN}/finish", send="FinishRun")
    plan = story.ask("POST", "/deletion-plans", send="DeletionRequestBody").json()
    shown = story.example("PlanDocument")
    # What the digest covers is the engine's affair: any digest is a true example of one.
    assert steady(plan | {"digest": shown["digest"]}) == steady(shown)
    receipt = story.ask("POST", f"/deletion-plans/{plan['digest']}/execute").json()
    assert receipt["plan"] == plan["digest"]
    shown = story.example("ReceiptDocument")
    assert steady(receipt | {k: shown[k] for k in ("id", "plan")}) == steady(shown)
    assert story.ask("GET", f"/deletions/{receipt['id']}").json() == receipt
    assert story.ask("GET", "/deletions").json()["items"] == [receipt]
    tell_of_an_impact(story, server)
    story.ask("POST", "/fsck")
    story.ask(
        "GET",
        f"{PROJECT}/runs/nope",
        headers={"X-Request-ID": "example-1"},
        answers="ProblemDocument",
    )


def tell_of_a_version(story: Teller, server: Server) -> None:
    draft = f"/drafts/{story.example('DraftBody')['id']}"
    story.ask("POST", "/drafts", send="DraftBody", answers="DraftDocument")
    holds = story.ask("POST", f"{draft}/holds", send="HoldBlobs", answers="HoldsDocument").json()
    assert steady(story.example("HoldDocument")) == steady(holds["holds"][0])
    url = server.url + holds["holds"][0]["upload"]["url"]
    assert story.client.put(url, content=b"hello\n").status_code == 204
    story.ask("POST", f"{draft}/stored", send="BlobsBundle", answers="MissingDocument")
    done = story.ask("POST", "/drafts", send="DraftBody").json()
    assert steady(done["version"]) == steady(story.example("VersionDocument"))
    story.ask("POST", f"{draft}/commit", answers="CommittedDocument")
    story.ask("GET", VERSION, answers="VersionDocument")
    story.ask("GET", f"{PROJECT}/versions", answers="VersionPage")
    story.ask("GET", f"{PROJECT}/collections/digits", answers="CollectionDocument")
    for of in (PROJECT, f"{PROJECT}/collections/digits", VERSION):
        story.ask("GET", f"{of}/bytes", answers="BytesDocument")
    params = {"start": "artifact:acme/vision/digits:v0", "edges": "true"}
    story.ask("GET", "/trace", params=params, answers="TraceDocument")
    story.ask("GET", "/trace", params=params | {"nodes": "true", "direction": "both"})
    story.ask("POST", "/blobs/links", send="BlobsBundle", answers="LinksDocument")
    bundle = story.ask("POST", "/blobs/bundle", send="BlobsBundle")
    assert bundle.content.endswith(b"\nhello\n")
    story.ask("POST", f"{RUN}/logged", send="DeclareLogged", answers="CreatedDocument")
    story.ask("POST", f"{RUN}/used", send="UseArtifact", answers="VersionDocument")
    story.ask("PATCH", VERSION, send="VersionPatchBody")
    for path in (f"{RUN}/used", f"{RUN}/logged", f"{VERSION}/used-by", f"{VERSION}/logged-by"):
        story.ask("GET", path)
    story.ask("GET", "/contains", params={"path": "hello.txt"})
    story.ask("GET", f"{PROJECT}/collections")
    story.ask("GET", f"{PROJECT}/collections/digits/versions")
    story.ask("GET", PROJECT, answers="ProjectDocument")
    check = story.ask("POST", f"{VERSION}/reference-check", send="ReferenceCheckBody").json()
    assert (check["drifted"], check["reference_check"]["n_ok"]) == (False, 1)


def tell_of_an_impact(story: Teller, server: Server) -> None:
    """Of the older of two versions, of which a run made a model."""
    with closing(Rest(server)) as rest:
        rest.name = "acme/vision"
        rest.log("digits", {"hello.txt": b"once more\n"})
        run = rest.start("9c1d04", name="larger", job_type="train")
        rest.post(f"{RUN_OF_IMPACT}/used", {"artifact": f"{rest.name}/digits:v1"})
        rest.log("models", {"model.pt": b"weights\n"}, run=run, type="model")
        rest.log("digits", {"hello.txt": b"and again\n"})
    story.ask("POST", "/impact", send="SelectionBody", answers="ImpactDocument")
    story.ask("DELETE", f"{PROJECT}/collections/digits/versions/v1", params={"dry_run": "true"})


def test_every_example_is_told_by_a_real_server(teller: Teller) -> None:
    shown = {name for name, schema in teller.schemas.items() if "examples" in schema}
    assert len(shown) >= 30
    assert shown == teller.told


def test_every_operation_is_described_once_and_has_a_summary(teller: Teller) -> None:
    document = teller.client.get("/openapi.json").json()
    operations = [
        operation for methods in document["paths"].values() for operation in methods.values()
    ]
    assert len(operations) > 50
    ids = [operation["operationId"] for operation in operations]
    assert sorted(ids) == sorted(set(ids))
    assert all(operation["summary"] for operation in operations)


def test_errors_are_described_as_problem_documents(teller: Teller) -> None:
    document = teller.client.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert "application/problem+json" in operation["responses"]["4XX"]["content"], path
    assert {"bearer": []} in document["security"]
