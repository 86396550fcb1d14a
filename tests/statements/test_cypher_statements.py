"""Every Cypher statement loads, is used, says what it takes, and is planned as it says."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from neo4j import Driver, GraphDatabase

from cypher import statements
from cypher.compile_filter import RUNS, VERSIONS, Selection, compose
from cypher.statements import _collected, _subquery, with_hops
from cypher.transaction import CypherTransaction
from lineage.filters import parse
from tests.contracts.stores import open_neo4j
from tests.services.neo4j import Database

FOLDER = Path(statements.__file__).with_name("statements")
FILES = sorted(FOLDER.glob("*.cypher"))
TEXTS = statements.load()
CODE = "".join(path.read_text() for path in sorted(FOLDER.parent.glob("*.py")))
SQL = {path.stem for path in (FOLDER.parents[1] / "sql/statements").glob("*.sql")}

WAITING = sorted(name for name, text in TEXTS.items() if "$rows" in text)
READS = sorted(set(TEXTS) - set(WAITING) - {"note_schema"})  # which writes, and answers
AHEAD = sorted(set(re.findall(r'"(find_\w+)"', inspect.getsource(CypherTransaction.ahead))))
TRACES = sorted(name for name in TEXTS if name.startswith("trace_"))
# What they scan is what they are about.
READ_WHOLE = {
    "count_all": ["NodeByLabelScan"] * 3,
    "find_draftless_uploads": ["NodeByLabelScan"],
    "find_drifted": ["NodeIndexScan"],  # of `Drifted`, which few have
    "find_impossible_drafts": ["NodeByLabelScan"],
    "find_short_collections": ["NodeByLabelScan"],  # every collection
    "find_misplaced_edges": ["DirectedRelationshipTypeScan"] * 5,
    "find_owned_deleted": ["NodeByLabelScan"],  # of `Deleting`, which few have
    "find_pending_tombstones": ["NodeByLabelScan"],  # of `Pending`, which few have
    "find_readable_pages": ["NodeByLabelScan"],  # of `Lost`, which few have
    "find_schema": ["AllNodesScan"],  # whether there is any node: it stops at the first
    "find_shared_objects": ["NodeByLabelScan"] * 2,
    "find_unfinished_receipts": ["NodeByLabelScan"],  # of `Running`, which few have
}
# The planner counts before it plans: a graph in which each kind has about its usual share.
GRAPH = (
    "UNWIND range(0, 9) AS e CREATE (n:Entity {name: 'e' + e}) WITH n, e UNWIND range(0, 1) AS p"
    " CREATE (:Project {key: n.name + '/p' + p, entity: n.name, access: 'private'})"
    "-[:OWNED_BY]->(n)",
    "MATCH (p:Project) UNWIND range(0, 4) AS i CREATE (c:Collection {key: p.key + '/c' + i,"
    " project: p.key, name: 'c' + i, type: 'dataset'})-[:IN]->(p)",
    "MATCH (p:Project) UNWIND range(0, 1) AS i CREATE (:Sweep {key: p.key + '/s' + i})-[:IN]->(p)",
    "MATCH (p:Project) UNWIND range(0, 99) AS i CREATE (:Node:Run {key: 'run:' + p.key + '/r' + i,"
    " project: p.key, run: 'r' + i, segment: 1, state: 'finished', created_at: i})-[:IN]->(p)",
    "MATCH (s:Sweep)-[:IN]->(p)<-[:IN]-(r:Run) WHERE r.created_at % 4 = 0"
    " CREATE (r)-[:IN_SWEEP]->(s)",
    "MATCH (c:Collection) UNWIND range(0, 19) AS i CREATE (:Node:Artifact {key: 'artifact:' + c.key"
    " + ':v' + i, project: c.project, collection: c.name, index: i, state: 'committed',"
    " digest: c.key + i, created_at: i})-[:VERSION_OF]->(c)",
    "MATCH (v:Artifact {index: 19}) CREATE (:Alias {key: v.key, name: 'latest'})-[:POINTS_TO]->(v)",
    "UNWIND range(0, 3999) AS i CREATE (:Blob {digest: 'b' + i, object: 'o' + i, size_bytes: i})",
    "UNWIND range(0, 1999) AS i CREATE (p:Page {digest: 'p' + i, first_path: 'a' + i,"
    " last_path: 'a' + i, body: ''}) WITH p, i UNWIND range(0, 4) AS j"
    " MATCH (b:Blob {digest: 'b' + (i * 2 + j) % 4000}) CREATE (p)-[:CONTAINS]->(b)",
    "UNWIND range(0, 99) AS i MATCH (p:Page {digest: 'p' + i})"
    " CREATE (p)-[:LISTS]->(:File {digest: 'f' + i})",
    "MATCH (v:Artifact) UNWIND range(0, 1) AS j MATCH (p:Page {digest: 'p' + (v.index * 97 + j)})"
    " CREATE (v)-[:HAS_PAGE {position: j}]->(p)",
    "MATCH (r:Run) MATCH (v:Node:Artifact {key: 'artifact:' + r.project + '/c1:v'"
    " + (r.created_at % 20)}) CREATE (r)-[:USED]->(v), (v)-[:FEEDS]->(r)",
    "MATCH (v:Artifact) MATCH (r:Node:Run {key: 'run:' + v.project + '/r' + (v.index * 3)})"
    " CREATE (r)-[:LOGGED]->(v)",
    "UNWIND range(0, 99) AS i CREATE (d:Draft {id: 'd' + i, expires_at: i, actor: 'a' + i % 9})"
    " WITH d, i MATCH (b:Blob {digest: 'b' + i}) MATCH (p:Page {digest: 'p' + i})"
    " CREATE (d)-[:HOLDS]->(b), (d)-[:HAS_PAGE]->(p)",
    "UNWIND range(0, 499) AS i CREATE (:Upload {object: 'u' + i, draft: 'd' + i % 100})"
    " CREATE (:Tombstone {object: 't' + i, until: i}) CREATE (:Plan {digest: 'x' + i,"
    " expires_at: i}) CREATE (:Event {id: i, subject: 's' + i % 50})"
    " CREATE (:Receipt {id: 'i' + i, plan: 'x' + i, actor: 'a' + i % 9, deleted_at: i})",
)
PUT_IN = {"stale_before"}  # told in the head, and named only by what compile_filter puts in

# Where the two stores go different ways. SQLite numbers its rows and splits values, pages and
# edges over tables, so it looks up ids and writes each table; Neo4j locks, and has no such step.
ONLY_CYPHER = {
    "lock_": "SQLite has one writer at a time",
    "note_schema find_schema": "sql.database keeps the schema's number itself",
    "add_logged add_use add_run_to_sweep": "add_flow, and columns",
    "drop_draft_page drop_version_page release_blob": "one row each, not a list",
    "remove_blob remove_page remove_tombstone remove_upload": "one row each, not a list",
    "retire_node": "remove_run, remove_version and retire_key",
    "find_bytes find_dying_pages find_fate": "find_dying_blobs, find_contained and others",
    "find_live_versions": "find_live_version_ids",
    "find_objects_of_": "find_known_objects",
    "find_pages_with_blob find_pages_with_file": "find_pages_with_digest",
    "find_path": "SQLite searches level by level with find_next_…",
    "trace_edges_": "SQLite reads the edges of a closure from its temporary table",
}


def parameters(text: str) -> set[str]:
    return set(re.findall(r"\$([a-z_][a-z_0-9]*)", text))


def head_of(name: str) -> str:
    lines = (FOLDER / f"{name}.cypher").read_text().splitlines()
    return "\n".join(line for line in lines if line.startswith("//"))


def told(name: str, what: str) -> str:
    """What the head says behind a word such as `Index:`; nothing if it does not have it."""
    found = re.search(rf"^// {what}: (.+(?:\n//   .+)*)", head_of(name), re.MULTILINE)
    return found[1] if found else ""


def example(name: str) -> Any:
    """A value of the type that this parameter has: the planner looks at types."""
    lists = {"digests", "entities", "keys", "objects", "pairs", "projects", "rows"}
    numbers = {"at", "before", "limit", "now", "number", "stale_before"}
    name = re.sub(r"^[as]\d_", "", name)  # of a part of a composed query
    if name in lists:
        return []
    return False if name == "sees_all" else 1 if name in numbers else "x"


def examples(name: str, prefix: str = "") -> dict[str, Any]:
    """Parameters of a statement that name what GRAPH holds."""
    keys = {
        "node_key": ["run:e1/p0/r1", "artifact:e1/p0/c1:v3"],
        "project_key": ["e1/p0"],
        "collection_key": ["e1/p0/c1"],
        "sweep_key": ["e1/p0/s1"],
        "alias_key": ["artifact:e1/p0/c1:v19"],
        "page_digest": ["p1"],
        "blob_digest": ["b1"],
        "draft_id": ["d1"],
    }
    known = keys.get(told(name, "Index").partition(",")[0], ["x"])
    values = {key: example(key) for key in parameters(TEXTS[name])}
    values = {key: known if value == [] else value for key, value in values.items()}
    return {prefix + key: known[-1] if v == "x" else v for key, v in values.items()}


class Planner:
    """Plans statements on a real server, and takes what it warns of as an error."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def plan(self, text: str, mode: str = "EXPLAIN", **values: Any) -> list[dict[str, Any]]:
        """The operators of the plan, from the top."""
        values = {name: example(name) for name in parameters(text)} | values
        with self._driver.session(database="neo4j") as session:
            summary = session.run(f"{mode} {text}", values).consume()
        root = summary.plan if mode == "EXPLAIN" else summary.profile
        return list(_operators(root))

    def rows(self, text: str, **values: Any) -> list[Any]:
        with self._driver.session(database="neo4j") as session:
            return session.run(text, values).values()


def _operators(node: Any) -> Iterator[dict[str, Any]]:
    yield {"type": node["operatorType"].partition("@")[0], "of": node} | node.get("args", {})
    for child in node.get("children", ()):
        yield from _operators(child)


def scans(plan: list[dict[str, Any]]) -> list[str]:
    """What reads all of something: every node, a whole label, a whole index."""
    return [step["type"] for step in plan if step["type"].endswith("Scan")]


def has_large_product(plan: list[dict[str, Any]]) -> bool:
    """Whether rows are joined with every other row where a side may have more than one."""
    sides = [step["of"]["children"] for step in plan if step["type"] == "CartesianProduct"]
    return not all(map(_is_one_row, chain.from_iterable(sides)))


def _is_one_row(node: Any) -> bool:
    kind = node["operatorType"].partition("@")[0].removesuffix("(Locking)")
    if kind in ("EagerAggregation", "NodeUniqueIndexSeek", "Argument"):
        return True
    return kind in ("CartesianProduct", "Filter") and all(map(_is_one_row, node["children"]))


@pytest.fixture(scope="module")
def planner(neo4j: Database) -> Iterator[Planner]:
    store = open_neo4j(neo4j)
    assert store.identity
    store.close()
    parts = urlsplit(neo4j.url)
    driver = GraphDatabase.driver(
        f"bolt://{parts.netloc.rpartition('@')[2]}",
        auth=(unquote(parts.username or ""), unquote(parts.password or "")),
        telemetry_disabled=True,
        notifications_min_severity="INFORMATION",
        notifications_disabled_classifications=["UNRECOGNIZED"],
        warn_notification_severity="INFORMATION",  # a Python warning, and those are errors
    )
    with driver:
        planner = Planner(driver)
        for text in (*GRAPH, "CALL db.prepareForReplanning(60)"):
            planner.rows(text)
        yield planner


@pytest.fixture(scope="module")
def indexes(planner: Planner) -> dict[tuple[str, str], str]:
    """The names of our indexes, by label and properties."""
    text = "SHOW INDEXES YIELD name, labelsOrTypes, properties WHERE labelsOrTypes IS NOT NULL"
    rows = planner.rows(f"{text} RETURN name, labelsOrTypes[0], properties")
    return {(label, ", ".join(properties)): name for name, label, properties in rows}


def test_there_are_statements_and_all_of_them_load() -> None:
    assert {path.stem for path in FILES} == set(TEXTS)
    assert all(text.endswith(";") and "//" not in text for text in TEXTS.values())
    assert all(text.count(";") == 1 for text in TEXTS.values())


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_a_verb_runs_it(name: str) -> None:
    stem, _, last = name.rpartition("_")
    is_named = f'"{name}"' in CODE or f'f"{stem}_{{' in CODE
    assert is_named or (last in ("downstream", "upstream") and f'"{stem}"' in CODE)


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_its_head_says_what_it_answers_and_takes(name: str) -> None:
    head, text = head_of(name), TEXTS[name]
    assert re.match(r"// [A-Z].", head), "says first what it answers or does"
    assert (FOLDER / f"{name}.cypher").read_text() == f"{head}\n{text}\n"
    takes = told(name, "Parameters")
    assert takes == "none" or parameters(takes)
    assert parameters(text) <= parameters(takes) <= parameters(text) | PUT_IN
    is_answering = name not in WAITING
    assert bool(told(name, "Columns")) == bool(told(name, "Order")) == is_answering
    assert bool(told(name, "Index")) == bool(re.search(r"\b(MATCH|MERGE)\b", text))
    expected = ["Parameters", *["Columns", "Order"] * is_answering, "Index"]
    found = re.findall(r"^// (Parameters|Columns|Order|Index): ", head, re.MULTILINE)
    assert found == expected[: len(found)]


@pytest.mark.parametrize("name", WAITING)
def test_a_statement_that_waits_takes_rows_alone_and_says_how_many_it_found(name: str) -> None:
    text = TEXTS[name]
    assert parameters(text) == {"rows"}
    ending = text.splitlines()[-1]
    assert ending in ("RETURN count(*) AS n;", "RETURN n;") or "RETURN" not in ending


@pytest.mark.parametrize("name", READS)
def test_a_statement_that_answers_changes_nothing(name: str) -> None:
    words = re.sub(r"'[^']*'", "", TEXTS[name])
    assert not re.search(r"\b(CREATE|MERGE|SET|DELETE|DETACH|REMOVE|FOREACH)\b", words)
    returned = words.rpartition("RETURN")[2]
    has_many = "ORDER BY" in returned or told(name, "Order") in ("one row", "at most one row")
    is_ordered_before = re.search(r"ORDER BY position\b", words)
    assert has_many or is_ordered_before or told(name, "Order").startswith("one row;")


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_the_database_plans_it_as_it_says(
    planner: Planner, indexes: dict[tuple[str, str], str], name: str
) -> None:
    plan = planner.plan(TEXTS[name])
    assert scans(plan) == READ_WHOLE.get(name, [])
    assert not has_large_product(plan)
    details = "\n".join(str(step.get("Details", "")) for step in plan)
    found = re.findall(r"(?:UNIQUE|RANGE INDEX) \w+:(\w+)\(([^)]*)\)", details)
    used = {indexes[place] for place in found}
    said = told(name, "Index")
    if said.startswith(("none", "the label")) or not said:
        assert not used
    else:
        assert set(said.split(", ")) <= set(indexes.values())
        # It may need fewer: often one end of an edge leads to the other.
        assert used
        assert used <= set(said.split(", "))


@pytest.fixture(scope="module")
def ladder(planner: Planner) -> None:
    """Two ways at every step: 2 ** 60 paths. Only a walk that prunes comes to the end of them."""
    planner.rows(
        "UNWIND range(0, 59) AS i"
        " MERGE (a:Node {key: 'ladder' + i}) MERGE (b:Node {key: 'ladder' + (i + 1)})"
        " MERGE (l:Node {key: 'left' + i}) MERGE (r:Node {key: 'right' + i})"
        " MERGE (a)-[:FEEDS]->(l) MERGE (a)-[:LOGGED]->(r)"
        " MERGE (l)-[:LOGGED]->(b) MERGE (r)-[:CONTINUES]->(b)"
    )


@pytest.mark.parametrize(("max_hops", "n_nodes"), [(None, 180), (1, 2), (2, 3), (7, 11)])
@pytest.mark.parametrize("name", TRACES)
def test_a_trace_walks_each_node_once(
    planner: Planner, ladder: None, name: str, max_hops: int | None, n_nodes: int
) -> None:
    start = "ladder0" if name.endswith("downstream") else "ladder60"
    plan = planner.plan(with_hops(TEXTS[name], max_hops), "PROFILE", start=start)
    [walk] = [step for step in plan if step["type"].startswith("VarLengthExpand")]
    if max_hops != 1:  # one hop has nothing to prune
        assert walk["type"] == "VarLengthExpand(Pruning,BFS,All)"
    assert walk["Rows"] == n_nodes


@pytest.mark.parametrize(
    "name", ["find_logged_by_run", "find_reproduced_by_run", "find_used_by_run"]
)
def test_a_run_of_many_segments_is_walked_once(planner: Planner, name: str) -> None:
    walks = [step["type"] for step in planner.plan(TEXTS[name]) if "VarLength" in step["type"]]
    assert walks == ["VarLengthExpand(Pruning,BFS,All)"]


@pytest.mark.parametrize("read", READS)
def test_a_read_is_accepted_behind_waiting_statements(planner: Planner, read: str) -> None:
    before = _subquery("lock_nodes", 0) + _subquery("save_run", 1)
    assert scans(planner.plan(before + TEXTS[read])) == READ_WHOLE.get(read, [])


@pytest.mark.parametrize("start", range(0, len(WAITING), 5))
def test_five_waiting_statements_are_accepted_in_front_of_a_read(
    planner: Planner, start: int
) -> None:
    names = WAITING[start : start + 5]
    before = "".join(map(_subquery, names, range(5)))
    assert scans(planner.plan(before + TEXTS["find_runs"])) == []


def test_waiting_statements_are_accepted_alone(planner: Planner) -> None:
    assert (
        scans(planner.plan(_subquery("add_page", 0) + _subquery("retire_node", 1) + "FINISH")) == []
    )


@pytest.mark.parametrize("name", AHEAD)
def test_a_question_asked_ahead_has_its_columns(planner: Planner, name: str) -> None:
    [row] = planner.rows(_collected((name, "find_schema")), **examples(name, "a0_"))
    assert row == [planner.rows(TEXTS[name], **examples(name)), planner.rows(TEXTS["find_schema"])]
    assert scans(planner.plan(_collected((name, name)))) == READ_WHOLE.get(name, []) * 2


RUN_FILTERS = [
    'state = "finished" and summary.acc >= 0.9 and not tags = "old"',
    'config.model.layers in [2, 3, true, null, "x"] or name glob "base*line-?"',
    'exists summary.val_loss and created_at > "2026-01-31T00:00:00Z" and exists tags',
    'not (sweep = "s" or point in [1, 2]) and tags glob "a*" and `config.x y` != 1',
    "config.a = true or config.b < 1 or config.c = null or summary_min.d != 0.5",
    " or ".join(f"config.k{number} = {number}" for number in range(20)),
]
VERSION_FILTERS = [
    'collection = "digits" and index >= 3 and aliases = "latest"',
    '`metadata.a.b c` = "x" or aliases in ["prod", "best"] or not exists metadata.z',
    'type glob "data*" and aliases glob "p*" and n_files > 3 and tags != "old"',
]
ORDERS = ["-created_at", "created_at", "-config.x", "summary.loss", "point", "-sweep", "state"]


def check_composed(
    planner: Planner, name: str, selection: Selection, filters: list[str], orders: list[str]
) -> None:
    cursors: list[Any] = [None, ["missing", "k"], ["bool", True, "k"], ["text", "t", "k"]]
    cursors.append(["number", 0.5, "k"])
    for number, where in enumerate([None, *map(parse, filters)]):
        for position, order in enumerate(orders if number < 2 else orders[:1]):
            after = cursors[(number + position) % len(cursors)]
            text, values = compose(TEXTS[name], selection, where=where, order=order, after=after)
            assert text != TEXTS[name]
            assert "/*" not in text
            plan = planner.plan(text, **values)
            assert scans(plan) == []
            assert not has_large_product(plan)


def test_runs_are_selected_by_any_filter_in_any_order(planner: Planner) -> None:
    check_composed(planner, "select_runs", RUNS, RUN_FILTERS, ORDERS)


def test_versions_are_selected_by_any_filter_in_any_order(planner: Planner) -> None:
    orders = ["index", "-index", "created_at", "-metadata.acc", "collection"]
    check_composed(planner, "select_versions", VERSIONS, VERSION_FILTERS, orders)


def test_the_two_stores_name_their_statements_alike() -> None:
    prefixes = [word for words in ONLY_CYPHER for word in words.split() if word.endswith("_")]
    named = {word for words in ONLY_CYPHER for word in words.split()} - set(prefixes)
    alone = {name for name in TEXTS if name in named or name.startswith(tuple(prefixes))}
    assert set(TEXTS) - alone <= SQL
    assert alone.isdisjoint(SQL)
    assert named <= set(TEXTS), "is not there any more"
