"""Favorites, guide and style hold against the schema, on a graph that the engine recorded."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import pytest
from neo4j import GraphDatabase, Session

import cypher
from cypher import browser
from tests.contracts.lab import SWEEP
from tests.services.neo4j import Database

FAVORITES: Final = {favorite.name: favorite.text for favorite in browser.favorites()}
SLIDES: Final = re.findall(r"<slide.*?</slide>", browser.guide(), re.DOTALL)
CLICKED: Final = [
    html.unescape(q) for q in re.findall(r"<pre.*?>(.*?)</pre>", browser.guide(), re.S)
]
OWN: Final = {q.partition("\n")[0]: q for q in CLICKED if f"{q}\n" not in FAVORITES.values()}
QUERIES: Final = FAVORITES | OWN
STARTED: Final = ("upstream", "downstream", "impact", "best_run", "shared_files")  # by a key
STATEMENTS: Final = "".join(
    path.read_text() for path in sorted(Path(cypher.__file__).parent.glob("s*/*.cypher"))
)
# Of one row, or one for each label.
AS_LONG_AS_THEY_ARE: Final = (
    "impact",
    "// What lies here: every label, how often, and what it means",
)
MODEL: Final = "artifact:acme/vision/models:v0"


@pytest.fixture(scope="module")
def session(recorded: Database) -> Iterator[Session]:
    """What the database warns of is an error; so is a name that it has not seen."""
    parts = urlsplit(recorded.url)
    driver = GraphDatabase.driver(
        f"bolt://{parts.hostname}:{parts.port}",
        auth=(unquote(parts.username or ""), unquote(parts.password or "")),
        warn_notification_severity="WARNING",
        telemetry_disabled=True,
    )
    with driver, driver.session(database="neo4j") as session:
        yield session


def ask(session: Session, query: str, *, of: str = "") -> list[dict[str, Any]]:
    """Its rows; `of` is put where a person puts a key."""
    assert not of or "WITH '' AS wanted" in query
    text = query.replace("WITH '' AS wanted", f"WITH '{of}' AS wanted")
    return [dict(record) for record in session.run(text)]


def named(nodes: Any) -> set[str]:
    return {node["key"].partition("/vision/")[2] for node in nodes}


def operators(plan: Any) -> Iterator[str]:
    yield plan["operatorType"].partition("@")[0]
    for child in plan.get("children", ()):
        yield from operators(child)


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_only_reads_is_bounded_and_names_what_is_there(session: Session, name: str) -> None:
    query = QUERIES[name]
    summary = session.run(f"EXPLAIN {query}").consume()
    assert summary.query_type == "r"
    plan = list(operators(summary.plan))
    assert "AllNodesScan" not in plan
    if "*1.." in query:
        assert "VarLengthExpand(Pruning,BFS,All)" in plan
    assert "*]" not in query
    assert "..]" not in query
    assert name in AS_LONG_AS_THEY_ARE or re.search(r"^LIMIT \d", query, re.MULTILINE)
    assert ask(session, query)


@pytest.mark.parametrize("name", FAVORITES)
def test_a_favorite_begins_with_its_title_and_ends_as_one_statement(name: str) -> None:
    text = FAVORITES[name]
    assert re.match(r"// [A-Z][^\n]{10,70}[^.\n]\n", text)
    assert text.count(";") == 1
    assert text.endswith(";\n")


@pytest.mark.parametrize("name", STARTED)
def test_a_key_that_is_not_there_finds_nothing(session: Session, name: str) -> None:
    assert ask(session, FAVORITES[name], of="nobody") == []


def test_upstream_is_what_it_was_made_from_and_the_edges_among_it(session: Session) -> None:
    [row] = ask(session, FAVORITES["upstream"], of="artifact:acme/vision/report:v0")
    assert named(row["nodes"]) == {
        "report:v0", "evaluate", "models:v0", "train-0", "digits:v0", "import",
    }  # fmt: skip
    kinds = sorted(edge.type for edge in row["edges"])
    assert kinds == ["FEEDS"] * 2 + ["LOGGED"] * 3 + ["USED"] * 2


def test_downstream_is_what_was_made_from_it_through_all_segments(session: Session) -> None:
    [row] = ask(session, FAVORITES["downstream"], of=MODEL)
    assert named(row["nodes"]) == {"models:v0", "evaluate", "report:v0", "distill#2", "student:v1"}
    [row] = ask(session, FAVORITES["downstream"])
    assert row["nodes"][0]["key"] == "artifact:acme/vision/digits:v0"


def test_impact_says_what_a_deletion_would_free(session: Session) -> None:
    [row] = ask(session, FAVORITES["impact"], of=MODEL)
    # The run that made the other model shared its architecture, but that one is deleted.
    assert row == {
        "version": "models:v0",
        "freed_bytes": len(b"two layers" + b"w0"),
        "shared_bytes": 0,
        "aliases": ["latest"],
        "used_by": 2,
        "runs_downstream": 1,
        "versions_downstream": 2,
        "of_these_live": 2,
    }


def test_the_best_run_comes_first_with_what_it_logged(session: Session) -> None:
    rows = ask(session, FAVORITES["best_run"], of=SWEEP)
    told = [(row["run"], row["value"], row["logged"]) for row in rows]
    assert told == [
        ("train-0", 0.9, ["models:v0"]),
        ("train-1", 0.75, ["models:v1 (deleted)"]),
    ]
    assert rows[0]["started_at"].year == 2024


def test_shared_files_are_found_with_all_who_share(session: Session) -> None:
    rows = ask(session, FAVORITES["shared_files"])
    others = {row["path"].end_node["key"] for row in rows}
    assert {row["n"]["key"] for row in rows} == {"artifact:acme/vision/report:v0"}
    assert others == {"artifact:acme/vision/digits:v0"}
    assert {row["b"]["size_bytes"] for row in rows} == {len(b"labels")}


def test_orphans_are_what_no_run_used_and_no_alias_names(session: Session) -> None:
    rows = ask(session, FAVORITES["orphans"])
    assert [row["version"] for row in rows] == ["student:v1", "student:v0"]


def test_the_guide_is_eight_slides_each_with_a_query() -> None:
    assert len(SLIDES) == 8
    assert all("<pre" in slide and "runnable" in slide for slide in SLIDES)
    assert "<query>" not in browser.guide()
    assert "<favorite>" not in browser.guide()
    assert all(f"{q}\n" in FAVORITES.values() for q in CLICKED if "AS wanted" in q)


def test_the_style_names_only_what_the_schema_has(session: Session) -> None:
    style = json.loads(browser.style())
    labels = {rule.partition(".")[2] for rule in style if rule.startswith("node.")}
    types = {rule.partition(".")[2] for rule in style if rule.startswith("relationship.")}
    assert labels == {label for label in labels if re.search(rf":{label}\b", STATEMENTS)}
    assert types == {type for type in types if re.search(rf"[:|]{type}\b", STATEMENTS)}
    keys = set(session.run("CALL db.propertyKeys()").value())
    captions = "".join(rule.get("caption", "") for rule in style.values())
    assert set(re.findall(r"\{(\w+)\}", captions)) <= keys
    # A later rule wins where several fit: what a node is comes after what all of them are.
    order = list(style)
    assert order.index("node.Node") < order.index("node.Run") < order.index("node.Retired")
    assert order.index("node.Artifact") < order.index("node.Deleted")
