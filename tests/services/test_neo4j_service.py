"""What the tests rely on when they start a Neo4j, stop it, crash it, and wipe it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from neo4j import GraphDatabase
from neo4j.exceptions import DriverError

from cypher.store import Neo4jGraphStore
from tests.services.neo4j import Neo4j, Neo4jSetupError, claim, wipe

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neo4j]:
    """A server of this module alone: others must not see it go."""
    with Neo4j(tmp_path_factory.mktemp("neo4j")) as running:
        yield running


def ask(server: Neo4j, text: str, **parameters: Any) -> list[Any]:
    with server.connect() as driver, driver.session(database="neo4j") as session:
        return [record.values() for record in session.run(text, parameters)]


def test_a_restart_keeps_data_ports_and_password(own: Neo4j) -> None:
    wipe(own.url)
    ask(own, "CREATE (:Kept {key: 'a'})")
    url, browser_url, pid = own.url, own.browser_url, own.pid
    own.restart()
    assert (own.url, own.browser_url) == (url, browser_url)
    assert own.pid != pid
    assert ask(own, "MATCH (n) RETURN n.key") == [["a"]]


def test_what_was_acknowledged_survives_a_kill(own: Neo4j) -> None:
    wipe(own.url)
    for key in range(50):
        ask(own, "CREATE (:Kept {key: $key})", key=key)
    own.kill9()
    assert not own.is_running()
    own.start()
    assert ask(own, "MATCH (n) RETURN count(n)") == [[50]]


def test_a_paused_server_answers_after_it_is_resumed(own: Neo4j) -> None:
    wipe(own.url)
    own.pause()
    auth = ("neo4j", own.password)
    with (
        GraphDatabase.driver(own.bolt_url, auth=auth, connection_acquisition_timeout=0.5) as driver,
        pytest.raises(DriverError),
    ):
        driver.verify_connectivity()
    own.resume()
    assert ask(own, "MATCH (n) RETURN count(n)") == [[0]]


def test_a_wipe_leaves_the_schema(own: Neo4j) -> None:
    ask(own, "CREATE CONSTRAINT kept IF NOT EXISTS FOR (n:Hub) REQUIRE n.key IS UNIQUE")
    ask(own, "CREATE (h:Hub {key: 1}) WITH h UNWIND range(1, 25000) AS i CREATE (h)-[:TO]->(:Leaf)")
    wipe(own.url)
    assert ask(own, "MATCH (n) RETURN count(n)") == [[0]]
    assert ["kept"] in ask(own, "SHOW CONSTRAINTS YIELD name")
    ask(own, "DROP CONSTRAINT kept")


def test_data_of_somebody_else_is_refused_and_left(
    own: Neo4j, monkeypatch: pytest.MonkeyPatch
) -> None:
    wipe(own.url)
    monkeypatch.setattr("tests.services.neo4j._started", set())  # as if another had started it
    ask(own, "CREATE (:Foreign)")
    with pytest.raises(Neo4jSetupError, match="not of our tests"):
        claim(own.url)
    with pytest.raises(Neo4jSetupError, match="not marked"):
        wipe(own.url)
    assert ask(own, "MATCH (n) RETURN labels(n)") == [[["Foreign"]]]

    ask(own, "MATCH (n:Foreign) DELETE n")
    claim(own.url)
    claim(own.url)
    Neo4jGraphStore.at(own.url).close()  # a database of the tests is one that the product takes
    wipe(own.url)
    Neo4jGraphStore.at(own.url).close()
    claim(own.url)
    wipe(own.url)
    assert ask(own, "MATCH (n) RETURN count(n)") == [[0]]


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(Neo4jSetupError, match=r"no\.such\.setting"):
        Neo4j(tmp_path, settings={"no.such.setting": "1"}).start()


def test_the_command_leaves_one_server_running_until_it_is_stopped(tmp_path: Path) -> None:
    def command(verb: str, *more: str, exit_code: int = 0) -> str:
        line = [sys.executable, "-m", "tests.services.neo4j", verb, "--folder", str(tmp_path)]
        done = subprocess.run(
            [*line, *more], cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == exit_code, done.stderr
        return done.stdout

    command("status", exit_code=1)
    try:
        said = command("start")
        server = Neo4j(tmp_path)
        assert all(part in said for part in (server.url, server.browser_url, str(server.pid)))
        assert command("start") == said
        assert command("status", "--url") == f"{server.url}\n"
        assert ask(server, "RETURN 1") == [[1]]
        page = httpx2.get(server.browser_url, follow_redirects=True)
        assert "<title>Neo4j Browser</title>" in page.text
    finally:
        command("stop")
    assert not server.is_running()

    # Its number may go to another process, such as this one; that one is left alone.
    state = json.loads((tmp_path / "server.json").read_text())
    (tmp_path / "server.json").write_text(json.dumps(state | {"pid": os.getpid()}))
    command("stop")
