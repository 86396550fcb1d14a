"""The real server, killed at random moments while one client logs and another deletes."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import orjson
import pytest

from lineage.digest import Digest
from lineage.manifest import Entry, cut
from tests.services.server import Server

N_VERSIONS = 30
PROJECT = "/projects/acme/vision"
COLLECTION = f"{PROJECT}/collections/digits"
SHARED = b"in every version" * 1000
BUNDLE = {"Content-Type": "application/vnd.lineage.bundle"}


def files_of(number: int) -> dict[str, bytes]:
    """A version of a blob that all share, one that goes alone and some that go in a bundle."""
    seed = f"version {number}".encode()
    small = {f"part-{n}": seed + bytes([n]) * 100 for n in range(40)}
    return {"shared.bin": SHARED, "large.bin": hashlib.sha256(seed).digest() * 40_000, **small}


class Client:
    """Asks again what had no answer, until it has one."""

    def __init__(self, server: Server) -> None:
        self._http = httpx2.Client(
            base_url=f"{server.url}/api/v1", headers=server.headers, timeout=20
        )
        self.n_lost = 0

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        return self._http.request(method, path, **options)

    def until_answered(self, step: Callable[[], Any]) -> Any:
        """What `step` gives; None means that it has to begin again."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                answer = step()
            except httpx2.TransportError:
                self.n_lost += 1
                time.sleep(0.02)
            else:
                if answer is not None:
                    return answer
        raise AssertionError("no answer within a minute")

    def log(self, number: int) -> dict[str, Any]:
        """Log version `number` with one draft id, whatever comes between; the version."""
        files = files_of(number)
        bodies = list(cut(Entry(p, len(data), Digest.of(data)) for p, data in files.items()))
        body = {
            "id": UUID(int=number + 1).hex,
            "collection": "acme/vision/digits",
            "type": "dataset",
            "run": "acme/vision/r1",
            "pages": [Digest.of(page) for page in bodies],
            "bodies": [page.decode() for page in bodies],
        }
        data = {Digest.of(content): content for content in files.values()}

        def step() -> dict[str, Any] | None:
            response = self.ask("POST", "/drafts", json=body)
            assert response.status_code == 200, response.text
            answer: dict[str, Any] = response.json()
            if answer["version"] is not None:
                assert answer["created"] is True
                version: dict[str, Any] = answer["version"]
                return version
            holds = [hold for hold in answer["holds"] if not hold["held"]]
            self.send(body["id"], holds, data)
            return None

        version: dict[str, Any] = self.until_answered(step)
        return version

    def send(self, draft: Any, holds: list[dict[str, Any]], data: dict[Digest, bytes]) -> None:
        small: list[bytes] = []
        for hold in holds:
            content = data[hold["digest"]]
            if len(content) < 100_000:
                small.append(content)
                continue
            url = hold["upload"]["url"].removeprefix("/api/v1")
            response = self.ask("PUT", url, content=content)
            assert response.status_code == 204, response.text
        if small:
            header = orjson.dumps([[Digest.of(content), len(content)] for content in small])
            content = b"".join([header, b"\n", *small])
            response = self.ask("POST", f"/drafts/{draft}/bundle", content=content, headers=BUNDLE)
            assert response.status_code == 204, response.text

    def use(self, name: str) -> bool:
        """Whether the run could use it; not if it has been deleted."""
        body = {"artifact": f"acme/vision/{name}"}
        path = f"{PROJECT}/runs/r1/used"
        response = self.until_answered(lambda: self.ask("POST", path, json=body))
        assert response.status_code in (200, 410), response.text
        return bool(response.status_code == 200)

    def delete(self, index: int) -> None:
        response = self.until_answered(
            lambda: self.ask("DELETE", f"{COLLECTION}/versions/v{index}")
        )
        # 410: done before, and the answer was lost.
        assert response.status_code in (200, 410), response.text

    def close(self) -> None:
        self._http.close()


class Traffic:
    """What two clients do until they are told to stop, and what they know to be done."""

    def __init__(self, server: Server, rng: random.Random, *, at_least: int) -> None:
        self.logged: list[int] = []
        self.used: set[str] = set()
        self.deleted: set[int] = set()
        self.n_lost = 0
        self._server = server
        self._rng = rng
        self._at_least = at_least
        self._stop = threading.Event()

    def log(self) -> None:
        client = Client(self._server)
        try:
            body = {"id": "r1", "resume": "allow"}
            path = f"{PROJECT}/runs"
            started = client.until_answered(lambda: client.ask("POST", path, json=body))
            assert started.status_code in (200, 201), started.text
            while not self._stop.is_set() or len(self.logged) < self._at_least:
                version = client.log(len(self.logged))
                assert version["index"] == len(self.logged)
                self.logged.append(version["index"])
                if client.use(version["name"]):
                    self.used.add(version["name"])
        finally:
            self._stop.set()
            self.n_lost += client.n_lost
            client.close()

    def delete(self) -> None:
        client = Client(self._server)
        try:
            while not self._stop.is_set():
                live = sorted(set(self.logged) - self.deleted)
                if len(live) < 10:
                    self._stop.wait(0.01)
                    continue
                index = self._rng.choice(live)
                client.delete(index)
                self.deleted.add(index)
        finally:
            self._stop.set()
            self.n_lost += client.n_lost
            client.close()

    def kill(self, n_kills: int) -> None:
        try:
            for _ in range(n_kills):
                if self._stop.wait(self._rng.uniform(0.02, 0.5)):
                    return  # a client has failed, and says why
                self._server.kill9()
                self._server.start()
        finally:
            self._stop.set()


def crash_under_traffic(folder: Path, rng: random.Random, *, n_kills: int) -> None:
    with Server(folder) as server:
        traffic = Traffic(server, rng, at_least=N_VERSIONS)
        with ThreadPoolExecutor(2) as pool:
            both = [pool.submit(traffic.log), pool.submit(traffic.delete)]
            traffic.kill(n_kills)
            for one in both:
                one.result()
        assert traffic.n_lost > 0, "no kill came between"
        server.restart()
        client = Client(server)
        try:
            check_answers(client, traffic)
            check_folder(server, traffic)
        finally:
            client.close()


def check_answers(client: Client, traffic: Traffic) -> None:
    """What was answered is there, byte for byte, and what was deleted is not."""
    listed = client.ask("GET", f"{COLLECTION}/versions", params={"order": "index", "limit": 1000})
    wanted = {n: "deleted" if n in traffic.deleted else "committed" for n in traffic.logged}
    assert {item["index"]: item["state"] for item in listed.json()["items"]} == wanted
    assert sorted(traffic.logged) == list(range(len(traffic.logged)))
    for number in traffic.logged:
        name = f"{COLLECTION}/versions/v{number}"
        for path, data in files_of(number).items() if number not in traffic.deleted else ():
            assert client.ask("GET", f"{name}/files/{path}").content == data
        if number in traffic.deleted:
            assert client.ask("GET", f"{name}/files/shared.bin").status_code == 410
    used = client.ask("GET", f"{PROJECT}/runs/r1/used").json()["items"]
    assert traffic.used <= {item["name"] for item in used}
    *told, last = client.ask("POST", "/fsck", params={"deep": "true"}).content.splitlines()
    assert [line for line in told if b"kind" in line] == []
    assert orjson.loads(last)["n_findings"] == 0


def check_folder(server: Server, traffic: Traffic) -> None:
    """What lies in the folder is what live versions contain, each once."""
    live = set(traffic.logged) - traffic.deleted
    wanted = {hashlib.sha256(d).hexdigest() for n in live for d in files_of(n).values()}
    found = [hashlib.sha256(path.read_bytes()).hexdigest() for path in server.objects()]
    assert sorted(found) == sorted(wanted)


def test_a_server_killed_under_traffic_loses_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    crash_under_traffic(tmp_path, random.Random(random.getrandbits(32)), n_kills=3)


@pytest.mark.soak
def test_a_server_killed_under_traffic_again_and_again(tmp_path: Path, soak_s: float) -> None:
    end, n_rounds = time.monotonic() + soak_s, 0
    while n_rounds == 0 or time.monotonic() < end:
        seed = random.getrandbits(32)
        print(f"seed {seed}")  # noqa: T201 - pytest shows it if this round fails
        crash_under_traffic(tmp_path / str(n_rounds), random.Random(seed), n_kills=12)
        n_rounds += 1
