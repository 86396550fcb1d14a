"""The contract on Neo4j, and what is peculiar to a server that several processes write to."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from cypher.statements import Statements, load, with_hops
from cypher.store import Neo4jGraphStore
from lineage.errors import Conflict, LineageError, NotFound, Unavailable
from lineage.filters import parse
from lineage.model import Collection, Direction, TraceQuery
from lineage.names import CollectionKey
from lineage.ports import GraphStore, Transaction
from lineage.times import to_us
from tests.contracts.graph_store import GraphStoreContract
from tests.contracts.graph_values import (
    DIGITS,
    NOW,
    PROJECT,
    blob,
    draft,
    in_threads,
    page,
    run,
    run_key,
    seed,
    segment,
    sweep,
    version,
)
from tests.contracts.stores import open_graph, open_neo4j
from tests.services.neo4j import Database

ROOT = Path(__file__).parents[2]
RUN, V0, V1 = run_key("a"), DIGITS.version(0), DIGITS.version(1)


@pytest.fixture
def make_store(neo4j: Database) -> Iterator[Callable[[], Neo4jGraphStore]]:
    """A new graph at each call: there is one database, so the one before is gone then."""
    made: list[Neo4jGraphStore] = []

    def make() -> Neo4jGraphStore:
        made.append(open_neo4j(neo4j))
        seed(made[-1])
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture
def store(make_store: Callable[[], Neo4jGraphStore]) -> Neo4jGraphStore:
    return make_store()


class TestNeo4jGraphStore(GraphStoreContract):
    # Each kind of query is planned once, which takes longer than to run it.
    n_examples = 12
    width = 6_000  # more rows than travel at once


def rows(database: Database, text: str, **parameters: Any) -> list[Any]:
    """What the database itself answers, past the store."""
    with database.driver.session(database="neo4j") as session:
        return [record.values() for record in session.run(text, parameters)]


# Lock, then read: in one query


@dataclass(frozen=True)
class Race:
    """Somebody changes something under locks; somebody else waits for them, then looks."""

    locks: dict[str, Any]
    change: Callable[[Transaction], object]
    look: Callable[[Transaction], object]
    before: Callable[[Transaction], object]
    sees: object


PAGE, BLOB = page({"x": b"a", "y": b"bb"}), blob(b"a")
DRAFT = draft("d0", [PAGE])


def two_versions(tx: Transaction) -> None:
    tx.runs.add(run("a", config={"x": 1}, summary={"loss": 1.0}))
    tx.versions.add(version(0), DRAFT.id, [])
    tx.versions.add(version(1), DRAFT.id, [])
    tx.versions.set_alias(DIGITS, "prod", V0)


def a_held_blob(tx: Transaction) -> None:
    tx.drafts.add(DRAFT)
    tx.contents.add_blobs([BLOB])


def selected(tx: Transaction) -> object:
    found, _ = tx.runs.select(
        [PROJECT], where=parse("config.x = 2"), order="-config.x", after=None, limit=9,
        stale_before=NOW,
    )  # fmt: skip
    return [made.key for made in found]


def next_index(tx: Transaction) -> int:
    return tx.collections.find([DIGITS])[DIGITS].next_index


def count_up(tx: Transaction) -> None:
    collection = tx.collections.find([DIGITS])[DIGITS]
    tx.collections.save(replace(collection, next_index=collection.next_index + 1))


RACES = {
    "a node deleted": Race(
        {"drafts": [DRAFT.id]},
        lambda tx: tx.drafts.remove(DRAFT.id),
        lambda tx: tx.drafts.find(DRAFT.id),
        lambda tx: tx.drafts.add(DRAFT),
        None,
    ),
    "a node deleted, and another looked at": Race(
        {"drafts": [DRAFT.id], "collections": [DIGITS]},
        lambda tx: tx.drafts.remove(DRAFT.id),
        next_index,
        lambda tx: tx.drafts.add(DRAFT),
        0,
    ),
    "a node added": Race(
        {"collections": [DIGITS]},
        lambda tx: tx.versions.add(version(2), DRAFT.id, []),
        lambda tx: (tx.versions.find_newest(DIGITS), tx.versions.find_by_manifest(
            DIGITS, version(2).manifest)),
        two_versions,
        (DIGITS.version(2), DIGITS.version(2)),
    ),
    "an edge added": Race(
        {"nodes": [segment("a"), V0]},
        lambda tx: tx.flow.add_use(segment("a"), V0),
        lambda tx: tx.flow.used_by_run(RUN),
        two_versions,
        [V0],
    ),
    "an edge added, and a path looked for": Race(
        {"nodes": [segment("a")], "graph": True},
        lambda tx: tx.flow.add_use(segment("a"), V0),
        lambda tx: tx.flow.find_path(V0, segment("a")),
        two_versions,
        [V0, segment("a")],
    ),
    "an edge added, and traced": Race(
        {"nodes": [segment("a")]},
        lambda tx: tx.flow.add_logged(segment("a"), V1),
        lambda tx: tx.questions.trace(TraceQuery((segment("a"),), Direction.DOWNSTREAM)).levels,
        two_versions,
        ((V1,),),
    ),
    "what is asked ahead": Race(
        {"collections": [DIGITS]},
        lambda tx: (count_up(tx), tx.versions.set_alias(DIGITS, "prod", V1)),
        lambda tx: (
            tx.ahead(collections=[DIGITS], aliases=(DIGITS, ["prod"]), versions=[V0]),
            next_index(tx),
            tx.versions.find_aliases(DIGITS, ["prod"]),
            tx.versions.find([V0])[V0].aliases,
        ),
        two_versions,
        (None, 1, {"prod": V1}, ()),
    ),
    "a property changed": Race(
        {"collections": [DIGITS]}, count_up, next_index, lambda tx: None, 1
    ),
    "a property changed, and filtered by": Race(
        {"nodes": [segment("a")]},
        lambda tx: tx.runs.save(run("a", config={"x": 2})),
        selected,
        two_versions,
        [RUN],
    ),
    "a segment sealed": Race(
        {"nodes": [RUN]},
        lambda tx: tx.runs.seal(segment("a")),
        lambda tx: [part.is_sealed for part in tx.runs.segments(RUN)],
        two_versions,
        [True],
    ),
    "an alias moved": Race(
        {"collections": [DIGITS], "nodes": [V0, V1]},
        lambda tx: tx.versions.set_alias(DIGITS, "prod", V1),
        lambda tx: tx.versions.find_aliases(DIGITS, ["prod", "latest"]),
        two_versions,
        {"prod": V1},
    ),
    "an alias dropped": Race(
        {"collections": [DIGITS]},
        lambda tx: tx.versions.drop_alias(DIGITS, "prod"),
        lambda tx: tx.versions.find([V0])[V0].aliases,
        two_versions,
        (),
    ),
    "a page removed": Race(
        {"pages": [PAGE.digest]},
        lambda tx: tx.contents.remove_pages([PAGE.digest]),
        lambda tx: set(tx.contents.find_pages([PAGE.digest])),
        lambda tx: (
            tx.contents.add_blobs([blob(b"a"), blob(b"bb")]), tx.contents.add_pages([PAGE])
        ),
        set(),
    ),
    "a page given an owner": Race(
        {"drafts": [DRAFT.id], "pages": [PAGE.digest]},
        lambda tx: tx.drafts.attach(DRAFT.id, [PAGE.digest]),
        lambda tx: tx.contents.ownerless([PAGE.digest]),
        lambda tx: (
            tx.drafts.add(DRAFT),
            tx.contents.add_blobs([blob(b"a"), blob(b"bb")]),
            tx.contents.add_pages([PAGE]),
        ),
        [],
    ),
    "a blob held": Race(
        {"blobs": [BLOB.digest]},
        lambda tx: tx.drafts.hold(DRAFT.id, [BLOB.digest]),
        lambda tx: tx.contents.unneeded([BLOB.digest]),
        a_held_blob,
        [],
    ),
    "a blob removed": Race(
        {"blobs": [BLOB.digest]},
        lambda tx: tx.contents.remove_blobs([BLOB.digest]),
        lambda tx: tx.contents.find_blobs([BLOB.digest]),
        a_held_blob,
        {},
    ),
    "versions marked as deleted": Race(
        {"collections": [DIGITS], "nodes": [V1]},
        lambda tx: tx.versions.mark_deleted([V1], NOW, "ada"),
        lambda tx: (tx.versions.find_newest(DIGITS), tx.questions.stats().n_versions),
        two_versions,
        (V0, 1),
    ),
}  # fmt: skip


def wait_until_one_is_blocked(database: Database) -> None:
    text = "SHOW TRANSACTIONS YIELD status WHERE status STARTS WITH 'Blocked' RETURN count(*)"
    end = time.monotonic() + 30
    while rows(database, text) == [[0]]:
        assert time.monotonic() < end, "nobody waits for a lock"
        time.sleep(0.005)


@pytest.mark.parametrize("name", RACES)
def test_a_read_that_waited_behind_a_lock_sees_what_its_holder_did(
    store: Neo4jGraphStore, neo4j: Database, name: str
) -> None:
    race = RACES[name]
    store.write(race.before)
    is_held = threading.Event()
    n_looks: list[int] = []
    seen: list[object] = []

    def change(tx: Transaction) -> None:
        tx.lock(**race.locks)
        tx.projects.find(PROJECT)  # anything: what is read sends the locks
        is_held.set()
        wait_until_one_is_blocked(neo4j)
        race.change(tx)

    def look(tx: Transaction) -> object:
        n_looks.append(1)
        tx.lock(**race.locks)
        return race.look(tx)

    def wait_and_look() -> None:
        assert is_held.wait(timeout=30)
        seen.append(store.write(look))

    steps = [lambda: store.write(change), wait_and_look]
    in_threads(lambda number: steps[number](), n=2, pass_number=True)
    assert seen == [race.sees]
    assert len(n_looks) == 1 + store.n_retries


def test_a_lock_waits_for_its_holder_with_what_it_writes(
    store: Neo4jGraphStore, neo4j: Database
) -> None:
    """A check made under a lock holds until the commit: nobody loses an update."""
    is_held = threading.Event()

    def slowly(tx: Transaction) -> None:
        tx.lock(collections=[DIGITS])
        count_up(tx)
        is_held.set()
        wait_until_one_is_blocked(neo4j)

    def too(tx: Transaction) -> None:
        tx.lock(collections=[DIGITS])
        count_up(tx)

    def wait_and_count() -> None:
        assert is_held.wait(timeout=30)
        store.write(too)

    steps = [lambda: store.write(slowly), wait_and_count]
    in_threads(lambda number: steps[number](), n=2, pass_number=True)
    assert store.read(next_index) == 2


# Conflicts between writers


def test_of_two_writers_that_add_the_same_key_one_adds_it_and_the_other_sees_it(
    store: Neo4jGraphStore,
) -> None:
    both_looked = threading.Barrier(2, timeout=30)
    n_calls = [0, 0]
    answers: list[str] = []

    def work(number: int) -> None:
        def fn(tx: Transaction) -> str:
            n_calls[number] += 1
            if tx.runs.find([RUN]):
                return "saw it"
            if n_calls[number] == 1:
                both_looked.wait()
            tx.runs.add(run("a", notes=str(number)))
            return "added it"

        answers.append(store.write(fn))

    in_threads(work, n=2, pass_number=True)
    assert sorted(answers) == ["added it", "saw it"]
    assert sorted(n_calls) == [1, 2]


def test_a_deadlock_is_run_again_and_both_succeed(store: Neo4jGraphStore) -> None:
    both_hold = threading.Barrier(2, timeout=30)
    n_calls = [0, 0]
    text = "MATCH (c:Collection {key: $key}) SET c._lock = 0 RETURN 1"
    other = CollectionKey.of(PROJECT, "models")
    store.write(lambda tx: tx.collections.add(Collection(other, "model", NOW)))

    def work(number: int) -> None:
        keys = [DIGITS, other] if number else [other, DIGITS]

        def fn(tx: Any) -> None:
            n_calls[number] += 1
            for key in keys:
                assert tx._cypher.composed(text, {"key": key}) == [[1]]
                if key == keys[0] and n_calls[number] == 1:
                    both_hold.wait()
            tx.runs.add(run(f"r{number}"))

        store.write(fn)

    in_threads(work, n=2, pass_number=True)
    assert sum(n_calls) == 2 + store.n_retries
    assert store.n_retries >= 1
    assert len(store.read(lambda tx: tx.runs.find([run_key("r0"), run_key("r1")]))) == 2


# What is missing


MISSING: dict[str, tuple[Callable[[Transaction], object], type[LineageError], str]] = {
    "a run to save": (lambda tx: tx.runs.save(run("b")), NotFound, "run:acme/vision/b"),
    "a sweep": (lambda tx: tx.runs.add(run("b", sweep=sweep("s").key)), NotFound, "sweep"),
    "a version to save": (lambda tx: tx.versions.save(version(7)), NotFound, "v7"),
    "a version to remove": (lambda tx: tx.versions.remove(V1), Conflict, "v1"),
    "a draft to remove": (lambda tx: tx.drafts.remove(DRAFT.id), Conflict, "d0"),
    "a version to use": (lambda tx: tx.flow.add_use(segment("a"), V1), Conflict, "not there"),
    "a blob to hold": (lambda tx: tx.drafts.hold(DRAFT.id, [BLOB.digest]), Conflict, "not there"),
}


@pytest.mark.parametrize("name", MISSING)
@pytest.mark.parametrize("reads_after", [False, True])
def test_what_is_missing_is_named_by_the_verbs_error_and_nothing_is_left(
    store: Neo4jGraphStore,
    name: str,
    reads_after: bool,
) -> None:
    verb, error, match = MISSING[name]

    def fn(tx: Transaction) -> None:
        tx.runs.add(run("a"))
        tx.lock(nodes=[V1])
        verb(tx)
        tx.runs.beat(RUN, NOW)
        if reads_after:
            tx.runs.find([RUN])

    with pytest.raises(error, match=match):
        store.write(fn)
    assert store.read(lambda tx: tx.runs.find([RUN])) == {}
    assert store.read(lambda tx: tx.questions.stats()).n_runs == 0


def test_an_error_that_fn_catches_is_raised_all_the_same(store: Neo4jGraphStore) -> None:
    def fn(tx: Transaction) -> str:
        tx.runs.add(run("b"))
        tx.runs.save(run("none"))
        with suppress(Exception):
            tx.runs.find([RUN])
        return "done"

    with pytest.raises(LineageError):
        store.write(fn)
    assert store.read(lambda tx: tx.runs.find([run_key("b")])) == {}


# Statements wait for each other


@dataclass
class Recorder:
    """Stands for the driver's transaction: writes down what it is to run."""

    queries: list[tuple[list[str], dict[str, Any]]] = field(default_factory=list)

    def run(self, query: str, parameters: dict[str, Any]) -> Recorder:
        # Each statement by what it begins with: its first MATCH.
        parts = query.count("CALL () {\nUNWIND")
        self.queries.append((query.split("CALL () {\n")[1:], parameters))
        assert parts <= 5
        return self

    def consume(self) -> None:
        pass

    def values(self) -> list[Any]:
        return []

    def waited(self) -> list[list[Any]]:
        """The rows of every statement that waited, in the order of the queries."""
        return [
            value
            for _, parameters in self.queries
            for name, value in parameters.items()
            if re.fullmatch(r"s\d+_rows", name)
        ]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def statements(recorder: Recorder) -> Statements:
    return Statements(recorder, is_writer=True)


def beat(key: str) -> dict[str, Any]:
    return {"key": key, "at": to_us(NOW)}


def test_rows_of_one_statement_join(statements: Statements, recorder: Recorder) -> None:
    for key in "abc":
        statements.later("seal_segment", key)
        statements.later("beat", beat(key))
    assert recorder.queries == []
    statements.flush()
    assert len(recorder.queries) == 1
    assert recorder.waited() == [["a", "b", "c"], [beat("a"), beat("b"), beat("c")]]


def test_a_row_does_not_pass_what_touches_the_same_thing(
    statements: Statements, recorder: Recorder
) -> None:
    statements.later("beat", beat("a"))
    statements.later("seal_segment", "a")
    statements.later("beat", beat("b"))
    statements.later("beat", beat("a"))
    statements.later("seal_segment", "c")
    statements.flush()
    assert recorder.waited() == [[beat("a"), beat("b")], ["a", "c"], [beat("a")]]


def test_what_waits_travels_in_front_of_the_next_read(
    statements: Statements, recorder: Recorder
) -> None:
    statements.later("lock_nodes", "a")
    statements.later("lock_graph", "lineage")
    assert statements.all("find_node", key="a") == []
    statements.all("find_node", key="a")
    statements.flush()
    assert recorder.waited() == [["a"], ["lineage"]]
    assert [len(parts) for parts, _ in recorder.queries] == [2, 0]
    assert recorder.queries[0][0][-1].endswith(load()["find_node"])


def test_no_query_carries_more_than_five_statements(
    statements: Statements, recorder: Recorder
) -> None:
    for number in range(12):
        statements.later(["beat", "seal_segment"][number % 2], [beat("a"), "a"][number % 2])
    statements.flush()
    assert [len(parts) for parts, _ in recorder.queries] == [5, 5, 2]


def test_many_rows_do_not_wait(statements: Statements, recorder: Recorder) -> None:
    for number in range(12_000):
        statements.later("seal_segment", str(number))
    assert [len(found) for found in recorder.waited()] == [5000, 5000]


def test_the_newest_row_that_replaces_others_is_the_only_one(
    statements: Statements, recorder: Recorder
) -> None:
    for at in range(3):
        statements.later("beat", {"key": "a", "at": at}, replaces="key")
        statements.later("beat", {"key": "b", "at": at}, replaces="key")
    statements.flush()
    assert recorder.waited() == [[{"key": "a", "at": 2}, {"key": "b", "at": 2}]]


def test_a_reader_may_not_write(recorder: Recorder) -> None:
    with pytest.raises(RuntimeError):
        Statements(recorder, is_writer=False).later("seal_segment", "a")
    assert recorder.queries == []


@pytest.mark.parametrize("hops", [0, -1, True, False, 1.0, "3", "1] DETACH DELETE n //", 2**31])
def test_a_hop_bound_that_is_no_whole_number_in_range_is_refused(hops: Any) -> None:
    with pytest.raises(ValueError, match="hops"):
        with_hops(load()["trace_downstream"], hops)


@pytest.mark.parametrize("name", ["downstream", "upstream", "edges_downstream", "edges_upstream"])
def test_a_hop_bound_is_put_into_every_trace(name: str) -> None:
    text = load()[f"trace_{name}"]
    assert with_hops(text, None) == text
    for hops in (1, 2**31 - 1):
        assert with_hops(text, hops).count(f"*1..{hops}]") == text.count("*1..]") > 0


# Opening


def test_a_graph_has_one_identity_that_no_other_has(neo4j: Database) -> None:
    first = open_neo4j(neo4j)
    again = open_graph(neo4j.url)
    identity = first.identity
    assert re.fullmatch("[0-9a-f]{32}", identity)
    assert again.identity == identity
    second = open_neo4j(neo4j)
    assert second.identity != identity
    for store in (first, again, second):
        store.close()


def test_the_identity_is_told_before_anything_is_written(neo4j: Database) -> None:
    neo4j.wipe()
    told: list[str] = []

    def refuse(identity: str) -> None:
        told.append(identity)
        raise Conflict("the blob store belongs to another graph")

    store = Neo4jGraphStore.at(neo4j.url, on_open=refuse)
    for _ in range(2):
        with pytest.raises(Conflict, match="another graph"):
            seed(store)
    store.close()
    assert len(set(told)) == 1
    assert rows(neo4j, "MATCH (p:Project) RETURN count(p)") == [[0]]


def test_another_programs_database_is_left_alone(neo4j: Database) -> None:
    neo4j.wipe()
    rows(neo4j, "CREATE (:Theirs {x: 1})")
    store = open_graph(neo4j.url)
    with pytest.raises(Unavailable, match="another program"):
        store.check()
    with pytest.raises(Unavailable, match="another program"):
        seed(store)
    store.close()
    assert rows(neo4j, "MATCH (n) RETURN labels(n), properties(n)") == [[["Theirs"], {"x": 1}]]
    neo4j.wipe()


def test_a_newer_schema_asks_for_an_upgrade(store: GraphStore, neo4j: Database) -> None:
    rows(neo4j, "MATCH (g:Graph) SET g.schema = 9999")
    newer = open_graph(neo4j.url)
    with pytest.raises(Unavailable, match="upgrade"):
        newer.check()
    newer.close()
    neo4j.wipe()  # others rely on a graph that can be opened


# Several processes

HEAD = """
import sys
from cypher.store import Neo4jGraphStore
from tests.contracts.graph_values import *
from tests.contracts.stores import open_graph
store = open_graph(sys.argv[1])
"""


def start(code: str, database: Database) -> subprocess.Popen[str]:
    """Another process, with `store` open on the database."""
    command = [sys.executable, "-W", "error", "-c", HEAD + code, database.url]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_several_processes_may_open_an_empty_database_at_once(neo4j: Database) -> None:
    neo4j.wipe()
    neo4j.drop_schema()
    processes = [start("print(store.identity); store.close()", neo4j) for _ in range(3)]
    told = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(set(told)) == 1
    assert rows(neo4j, "MATCH (g:Graph) RETURN count(g)") == [[1]]


RUNS = """
number = 0
while True:
    store.write(lambda tx: tx.runs.add(run(f"r{number}")))
    print(number, flush=True)
    number += 1
"""


def test_an_acknowledged_write_survives_kill_minus_nine_of_its_process(
    store: GraphStore, neo4j: Database
) -> None:
    with start(RUNS, neo4j) as process:
        assert process.stdout is not None
        acknowledged = [int(process.stdout.readline()) for _ in range(20)]
        os.kill(process.pid, signal.SIGKILL)
        acknowledged += map(int, process.stdout.read().split())
    keys = [run_key(f"r{number}") for number in acknowledged]
    assert len(store.read(lambda tx: tx.runs.find(keys))) == len(acknowledged) >= 20
    after = run_key(f"r{len(acknowledged) + 1}")
    assert store.read(lambda tx: tx.runs.find([after])) == {}


HOLD = """
def fn(tx):
    tx.lock(collections=[DIGITS])
    tx.runs.add(run("a"))
    tx.runs.find([run_key("a")])
    print("locked", flush=True)
    sys.stdin.read()
store.write(fn)
"""


def test_a_killed_process_leaves_neither_its_locks_nor_what_it_had_not_committed(
    store: GraphStore, neo4j: Database
) -> None:
    def count_and_look(tx: Transaction) -> int:
        tx.lock(collections=[DIGITS])
        return len(tx.runs.find([RUN]))

    command = [sys.executable, "-c", HEAD + HOLD, neo4j.url]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        os.kill(process.pid, signal.SIGKILL)
    assert store.write(count_and_look) == 0
