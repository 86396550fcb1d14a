"""Text stays data: no name, value, path or pattern ever becomes a part of a statement.

Each statement gets each hostile text in the place of each text it takes, in a database that holds
something to lose. And what people may write freely comes back from both stores as it went in.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from neo4j import Driver, Transaction
from neo4j.exceptions import Neo4jError

from cypher.columns import SEPARATOR, leaf_of
from cypher.compile_filter import RUNS, compose
from cypher.errors import fault_of
from cypher.statements import Statements, find_missing, load
from lineage import ports
from lineage.digest import Digest
from lineage.errors import Invalid, LineageError
from lineage.filters import Compare, Exists, Filter, Glob, In, Op, parse, to_text
from lineage.manifest import Entry, Page, cut, parse_page
from lineage.model import (
    Access,
    Collection,
    Event,
    Goal,
    ObjectName,
    Plan,
    Project,
    Receipt,
    ReceiptId,
    Tombstone,
    Upload,
)
from lineage.names import CollectionKey, ProjectKey, RunKey, SweepKey, check_alias, check_name
from lineage.ports import GraphStore
from sql.store import SqlGraphStore
from tests.contracts.graph_values import (
    ALL,
    DIGITS,
    NOW,
    PROJECT,
    RIVAL,
    blob,
    commit,
    draft,
    page,
    run,
    seed,
    sweep,
    version,
)
from tests.contracts.stores import open_neo4j
from tests.services.neo4j import Database

STATEMENTS: Final = load()
HOSTILE: Final = (
    "' OR 1=1 //",
    '"}) DETACH DELETE n //',
    "'}) WITH 1 AS x MATCH (n) DETACH DELETE n //",
    "`",
    "`) MATCH (n) DETACH DELETE (`n",
    "$s0_rows",
    "{leaf} $rows} $key",
    "\\u0027 OR 1=1 //",  # Cypher reads this escape anywhere in the text of a statement
    "\\' OR 1=1 //",
    "*/ MATCH (n) DETACH DELETE n /*",
    "/*where*/ true",
    "x\nMATCH (n) DETACH DELETE n",
    "'); DROP TABLE node; --",
    "missing s0 of 7",  # what a check that fails says
    "\x1e\x1f\x1b\x1eu",  # what parts the leaves of a document
    "a\0b",
    "(?s).*\\E|\\Q[a]{3}^$",
    "\U0001f9ec \u0301\u202e\ufeff\u2028",
    "",
)
LONG: Final = "' OR 1=1 //" * 8_000  # more than an index takes
TARGET, CANARY = ProjectKey.of("acme", "target"), ProjectKey.of("acme", "canary")


# --- Each statement, each place, each text -----------------------------------------------------


def fill(tx: ports.Transaction, project: ProjectKey, name: str) -> None:
    """One of everything."""
    of, of_sweep = CollectionKey.of(project, "digits"), SweepKey.of(project, "s")
    tx.projects.add(Project(project, Access.PRIVATE, NOW))
    tx.collections.add(Collection(of, "dataset", NOW))
    tx.sweeps.add(replace(sweep("s"), key=of_sweep))
    made_by = RunKey.of(project, "r")
    tx.runs.add(replace(run("r", sweep=of_sweep, point=0, summary={"loss": 1.0}), key=made_by))
    made = commit(tx, 0, [page({f"{name}.txt": name.encode()})], of=of)
    tx.versions.set_alias(of, "prod", made.key)
    tx.flow.add_logged(made_by.segment(1), made.key)
    held = blob(f"held by {name}".encode())
    tx.contents.add_blobs([held])
    kept = draft(f"d-{name}", collection=of, actor=name)
    tx.drafts.add(kept)
    tx.drafts.hold(kept.id, [held.digest])
    late = NOW + timedelta(days=1)
    name_of = ObjectName(f"u-{name}")
    tx.contents.add_uploads([Upload(name_of, Digest.of(b"u"), 1, kept.id, late)])
    tx.contents.add_tombstones([Tombstone(ObjectName(f"t-{name}"), 1, late)])
    tx.events.append([Event(NOW, name, "log", made.key)])
    tx.plans.add(Plan(Digest.of(name.encode()), name, late, (made.key,), (), False, False, {}))
    plan = Digest.of(name.encode())
    tx.receipts.add(Receipt(ReceiptId(f"c-{name}"), (made.key,), (), NOW, name, plan))


SERIES: Final = CollectionKey.of(TARGET, "digits")
VERSION: Final = SERIES.version(0)
KEYS: Final[dict[str, Any]] = {
    "node_key": RunKey.of(TARGET, "r"),
    "project_key": TARGET,
    "collection_key": SERIES,
    "sweep_key": SweepKey.of(TARGET, "s"),
    "alias_key": f"{SERIES}:prod",
    "page_digest": page({"target.txt": b"target"}).digest,
    "blob_digest": Digest.of(b"held by target"),
    "blob_object": blob(b"held by target").object,
    "plan_digest": Digest.of(b"target"),
    "receipt_id": "c-target",
    "draft_id": "d-target",
    "upload_object": "u-target",
    "upload_draft": "d-target",
    "tombstone_object": "t-target",
    "graph_name": "lineage",
}
TEXTS: Final[dict[str, Any]] = {
    "segment": KEYS["node_key"],
    "run": KEYS["node_key"],
    "version": VERSION,
    "sweep": KEYS["sweep_key"],
    "draft": "d-target",
    "page": KEYS["page_digest"],
    "blob": KEYS["blob_digest"],
    "project": TARGET,
    "collection": SERIES,
    "entity": "acme",
    "access": "private",
    "name": "prod",
    "path": "target.txt",
    "spelled": '"path":"target.txt"',
    "prefix": f"{TARGET}/",
    "first": "digits",
    "last": "digits",
    "subject": VERSION,
    "caller": "target",
    "type": "dataset",
    "leaf": leaf_of("loss"),
    "start": KEYS["node_key"],
    "end": VERSION,
    "manifest": Digest.of(b"none"),
    "plan": Digest.of(b"target"),
    "actor": "target",
}
NUMBERS: Final = {
    "at", "created_at", "expires_at", "finished_at", "freed_bytes", "limit", "n_blobs", "n_done",
    "n_pages", "next_index", "next_point", "now", "number", "position", "size_bytes",
    "stale_before", "touched_at", "until",
}  # fmt: skip
# What any statement looks at, and what it only passes on.
PROPERTIES: Final = {
    "key": "fresh", "digest": "fresh", "id": "fresh", "name": "fresh", "tags": ["fresh"],
}  # fmt: skip


def head(name: str) -> dict[str, str]:
    """What the head of a statement says, by word."""
    path = Path(__file__).parents[2] / f"cypher/statements/{name}.cypher"
    lines = [line[3:] for line in path.read_text().splitlines() if line.startswith("//")]
    text = "\n".join(lines).replace("\n  ", " ")
    return dict(re.findall(r"^(Parameters|Index): (.+)$", text, re.MULTILINE))


def sample(name: str, word: str) -> Any:
    """A value for what the head calls so, which names something of the target where it can."""
    index = head(name).get("Index", "").partition(",")[0]
    own = VERSION if f":Artifact {{{word.rstrip('s')}" in STATEMENTS[name] else KEYS.get(index)
    if word in ("keys", "digests", "objects"):
        return [sample(name, word[:-1])]
    if word in ("key", "digest", "object", "id"):
        return own or "fresh"
    if word in NUMBERS or (word == "before" and name.endswith(("tombstones", "receipts"))):
        return 1
    if word == "after" and "events" in name:
        return 0
    if word == "before" and name == "add_segment":
        return KEYS["node_key"]
    if word == "end" and name.startswith(("rank", "count")):
        return SEPARATOR
    if word == "collection" and "its name" in head(name)["Parameters"]:
        return "digits"
    if word in ("sees_all", "is_stopped", "created", "is_lost", "is_drifted"):
        return False
    if word == "properties":
        return dict(PROPERTIES)
    if word == "pairs":
        return [{"key": KEYS["node_key"], "run": KEYS["node_key"]}]
    if word in ("projects", "entities"):
        return [TARGET if word == "projects" else "acme"]
    return TEXTS.get(word, "fresh")


def row_of(name: str) -> Any:
    """A row as the head describes it: `[key]`, `[{draft, page}]`, `[properties]`."""
    described = re.search(r"\$rows \[(.+?)\](?!\w)(?=$|;|,|\.|\}\])", head(name)["Parameters"])
    inner = re.sub(r": \[[^\]]*\]?", "", described[1]).strip("{}") if described else ""
    assert inner, "the head does not say what a row is"
    if "{" not in head(name)["Parameters"]:
        return sample(name, inner)
    words = [word.strip() for word in inner.split(",")]
    row = {word: sample(name, word) for word in words}
    return row | {word: ["fresh"] for word in ("blobs", "files") if word in row}


def parameters_of(name: str) -> dict[str, Any]:
    words = re.findall(r"\$([a-z_]+)", STATEMENTS[name])
    return {word: row_of(name) if word == "rows" else sample(name, word) for word in words}


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to every text in a value."""
    if isinstance(value, str):
        yield way
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*way, key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from places(item, (*way, position))


def put(value: Any, way: tuple[Any, ...], text: str) -> Any:
    """A copy with a text in one place."""
    if not way:
        return text
    copied = value.copy()
    copied[way[0]] = put(value[way[0]], way[1:], text)
    return copied


class Recorder:
    """Runs queries in a transaction, and keeps their texts."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self.texts: list[str] = []

    def run(self, text: str, parameters: dict[str, Any], /) -> Any:
        self.texts.append(text)
        return self._tx.run(text, parameters)


class Range:
    """A database with a target, which statements name, and a canary, which none does."""

    def __init__(self, driver: Driver, canary: list[str]) -> None:
        self._driver = driver
        self._canary = canary
        self._before = self._look(None)

    def _look(self, tx: Transaction | None) -> Any:
        text = (
            "MATCH (n) WHERE elementId(n) IN $ids WITH n ORDER BY elementId(n) RETURN collect(["
            "labels(n), properties(n), COUNT { (n)-[]-() }, [(n)-[r]-(m) | type(r)]]) AS found"
        )
        if tx is not None:
            return tx.run(text, ids=self._canary).single(strict=True)["found"]
        with self._driver.session(database="neo4j") as session:
            return session.run(text, ids=self._canary).single(strict=True)["found"]

    def texts(self, name: str, *tried: dict[str, Any]) -> set[str]:
        """Run a statement as a verb does, and undo it; the texts of the queries that were sent.

        The canary is looked at before the undoing, and an error has to be one that callers know.
        """
        with (
            self._driver.session(database="neo4j") as session,
            session.begin_transaction(timeout=20) as tx,
        ):
            recorder = Recorder(tx)
            statements = Statements(recorder, is_writer=True)
            try:
                for parameters in tried:
                    if "rows" in parameters:
                        statements.later(name, parameters["rows"])
                        statements.flush()
                    else:
                        statements.all(name, **parameters)
                assert self._look(tx) == self._before, "the canary has changed"
            except Neo4jError as exc:
                is_missing = find_missing(str(exc)) is not None
                if not is_missing and not isinstance(fault_of(exc, "").error, LineageError):
                    raise
            finally:
                tx.rollback()
        return set(recorder.texts)

    def plan(self, name: str, parameters: dict[str, Any]) -> Any:
        """The plan that the database makes for the text with these parameters."""
        values = {k: [v] if k == "rows" else v for k, v in parameters.items()}
        with self._driver.session(database="neo4j") as session:
            text = f"CYPHER replan=force EXPLAIN {STATEMENTS[name]}"
            root = session.run(text, values).consume().plan
        return _shape(root)


def _shape(node: Any) -> Any:
    return node["operatorType"], *map(_shape, node.get("children", ()))


@pytest.fixture(scope="module")
def graph(neo4j: Database) -> Iterator[GraphStore]:
    """The one Neo4j graph of this module, whose tests run in any order: each has its projects."""
    store = open_neo4j(neo4j)
    seed(store)
    yield store
    store.close()


@pytest.fixture(scope="module")
def field(neo4j: Database, graph: GraphStore) -> Range:
    graph.write(lambda tx: fill(tx, TARGET, "target"))
    with neo4j.driver.session(database="neo4j") as session:
        ids = "MATCH (n) RETURN collect(elementId(n)) AS ids"
        before = session.run(ids).single(strict=True)["ids"]
        graph.write(lambda tx: fill(tx, CANARY, "canary"))
        after = session.run(ids).single(strict=True)["ids"]
    return Range(neo4j.driver, sorted(set(after) - set(before)))


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_a_statement_takes_every_text_as_data(field: Range, name: str) -> None:
    parameters = parameters_of(name)
    [text] = field.texts(name, parameters)
    plan = field.plan(name, parameters)
    for way in places(parameters):
        tried = [put(parameters, way, hostile) for hostile in (*HOSTILE, LONG)]
        if "rows" in parameters:  # which may fail, or change what the next one is to find
            assert all(field.texts(name, each) == {text} for each in tried)
        else:
            assert field.texts(name, *tried) == {text}
    everywhere = parameters
    for way in places(parameters):
        everywhere = put(everywhere, way, HOSTILE[0])
    assert field.plan(name, everywhere) == plan


def test_the_canary_shows_what_an_injection_does(field: Range) -> None:
    with field._driver.session(database="neo4j") as session, session.begin_transaction() as tx:
        text = STATEMENTS["find_node"].replace("$key", "'%s'")
        assert field._look(tx) == field._before
        spliced = "'}) WITH 1 AS x MATCH (m) DETACH DELETE m WITH x MATCH (n:Nothing) //"
        tx.run(text % f"{VERSION}{spliced}").consume()
        assert field._look(tx) != field._before
        tx.rollback()
    assert field._look(None) == field._before


# --- What people write freely, through the port, on both stores ----------------------------------


@pytest.fixture(scope="module", params=["sqlite", "neo4j"])
def written(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GraphStore]:
    """Run, version and event `i` say HOSTILE[i] wherever people may say something."""
    if request.param == "neo4j":
        write_hostile(request.getfixturevalue("graph"))
        yield request.getfixturevalue("graph")
        return
    store = SqlGraphStore(tmp_path_factory.mktemp("graph") / "graph.db")
    seed(store)
    write_hostile(store)
    yield store
    store.close()


def write_hostile(store: GraphStore) -> None:
    def fn(tx: ports.Transaction) -> None:
        tx.sweeps.add(sweep("s", name=HOSTILE[0], program=HOSTILE[1]))
        for i in range(len(HOSTILE)):
            tx.runs.add(hostile_run(i))
            pages = [page({f"f{i}": b"%d" % i})]
            made = commit(tx, i, pages)
            tx.versions.save(hostile_version(i, made.manifest))
        tx.events.append([hostile_event(i) for i in range(len(HOSTILE))])

    store.write(fn)


def document(i: int) -> dict[str, Any]:
    text = HOSTILE[i]
    return {f"k{text}": text, "nested": {f"k{text}": [text, i]}, "i": i}


def hostile_run(i: int) -> Any:
    text = HOSTILE[i]
    return run(
        f"r{i}",
        name=text,
        job_type=text,
        group=text,
        notes=text,
        error=text,
        tags=(text,),
        config=document(i),
        summary={f"k{text}": float(i), "text": text},
        sweep=SweepKey.of(PROJECT, "s"),
        point=i,
    )


def hostile_version(i: int, manifest: Digest) -> Any:
    text = HOSTILE[i]
    return version(
        i, manifest=manifest, metadata=document(i), tags=(text,), description=text, revision=2
    )


def hostile_event(i: int) -> Event:
    text = HOSTILE[i]
    return Event(NOW, text, text, f"s{text}", before={text: text}, after=[text])


def runs_with(
    store: GraphStore, where: Filter, *, order: str = "created_at", project: ProjectKey = PROJECT
) -> list[int]:
    """The numbers of the runs that a filter finds."""

    def fn(tx: ports.Transaction) -> list[int]:
        found, _ = tx.runs.select(
            [project], where=where, order=order, after=None, limit=1000, stale_before=NOW
        )
        return [int(one.key.name[1:]) for one in found]

    return store.read(fn)


def versions_with(store: GraphStore, where: Filter) -> list[int]:
    def fn(tx: ports.Transaction) -> list[int]:
        found, _ = tx.versions.select(
            [PROJECT], collection=None, where=where, order="index", after=None, limit=1000
        )
        return [one.key.number for one in found]

    return store.read(fn)


every_text = pytest.mark.parametrize("i", range(len(HOSTILE)), ids=map(repr, HOSTILE))


@every_text
def test_what_people_say_comes_back_as_it_went_in(written: GraphStore, i: int) -> None:
    key, number = hostile_run(i).key, DIGITS.version(i)
    assert written.read(lambda tx: tx.runs.find([key]))[key] == hostile_run(i)
    found = written.read(lambda tx: tx.versions.find([number]))[number]
    assert found == hostile_version(i, found.manifest)
    subject = hostile_event(i).subject
    events = written.read(lambda tx: tx.events.select(subject=subject, after=None, limit=10))
    assert [replace(event, id=None) for event in events] == [hostile_event(i)]


@every_text
def test_a_filter_finds_exactly_the_text_it_names(written: GraphStore, i: int) -> None:
    text = HOSTILE[i]
    for name in ("name", "notes", "group", "job_type", "tags", "summary.text"):
        assert runs_with(written, Compare(name, Op.EQ, text)) == [i]
        assert runs_with(written, In(name, (text, "no such text"))) == [i]
    field, nested = f"config.k{text}", f"config.nested.k{text}.0"
    for name in (field, nested):
        assert runs_with(written, Compare(name, Op.EQ, text)) == [i]
        assert runs_with(written, Exists(name)) == [i]
    assert runs_with(written, Compare(f"config.nested.k{text}.1", Op.GE, i)) == [i]
    assert versions_with(written, Compare(f"metadata.k{text}", Op.EQ, text)) == [i]
    assert versions_with(written, Compare("description", Op.EQ, text)) == [i]
    assert versions_with(written, In("tags", (text,))) == [i]


@every_text
def test_a_filter_in_writing_finds_it_too(written: GraphStore, i: int) -> None:
    text = HOSTILE[i]
    where: Filter = Compare("notes", Op.EQ, text)
    assert parse(to_text(where)) == where
    assert runs_with(written, parse(to_text(where))) == [i]
    if "`" not in text:  # which ends the name of a field
        where = Compare(f"config.k{text}", Op.EQ, text)
        assert parse(to_text(where)) == where
        assert runs_with(written, parse(to_text(where))) == [i]


@every_text
def test_a_pattern_means_itself_but_for_star_and_question_mark(written: GraphStore, i: int) -> None:
    text = HOSTILE[i]
    meant = re.escape(text).replace(r"\*", ".*").replace(r"\?", ".")
    alike = [j for j, other in enumerate(HOSTILE) if re.fullmatch(meant, other, re.DOTALL)]
    assert i in alike
    for name in ("notes", "tags", "summary.text", f"config.k{text}"):
        expected = [i] if name.startswith("config") else alike
        assert sorted(runs_with(written, Glob(name, text))) == expected
    inside = [j for j, other in enumerate(HOSTILE) if re.search(meant, other, re.DOTALL)]
    assert sorted(runs_with(written, Glob("notes", f"*{text}*"))) == inside


@every_text
def test_an_order_by_a_hostile_field_sorts_by_it(written: GraphStore, i: int) -> None:
    everything = In("config.i", tuple(range(len(HOSTILE))))
    found = runs_with(written, everything, order=f"-config.k{HOSTILE[i]}")
    assert len(found) == len(HOSTILE)
    assert found[0] == i


@every_text
def test_a_metric_of_any_name_is_ranked(written: GraphStore, i: int) -> None:
    key = SweepKey.of(PROJECT, "s")
    for goal in Goal:
        ranking = written.read(
            lambda tx, goal=goal: tx.questions.rank(
                key, metric=f"k{HOSTILE[i]}", goal=goal, limit=10
            )
        )
        assert [(one.run.name, one.value) for one in ranking.runs] == [(f"r{i}", float(i))]
        assert ranking.n_without == len(HOSTILE) - 1


def hostile_pages() -> dict[str, Page]:
    """A page for each text that a path may be, or have in it."""
    found = {}
    for text in (*HOSTILE, *(f"folder/{text}.txt" for text in HOSTILE)):
        try:
            [body] = cut([Entry(text, len(text), Digest.of(text.encode()))])
            found[text] = parse_page(body)
        except Invalid:
            continue
    return found


def test_paths_come_back_and_are_found_by_themselves(written: GraphStore) -> None:
    pages = hostile_pages()
    assert len(pages) > len(HOSTILE)
    of = CollectionKey.of(RIVAL, "paths")

    def fn(tx: ports.Transaction) -> None:
        tx.collections.add(Collection(of, "dataset", NOW))
        for number, one in enumerate(pages.values()):
            commit(tx, number, [one], of=of)

    written.write(fn)
    for number, (path, one) in enumerate(pages.items()):
        key = of.version(number)
        found = written.read(
            lambda tx, path=path: tx.questions.containing(ALL, digest=None, path=path, limit=10)
        )
        assert found == [key]
        assert written.read(lambda tx, k=key, p=path: tx.contents.body_at(k, p)) == one.body


@every_text
def test_no_name_may_be_hostile(i: int) -> None:
    for check in (check_name, check_alias):
        with pytest.raises(Invalid):
            check(HOSTILE[i])
    with pytest.raises(Invalid):
        RunKey.of(PROJECT, HOSTILE[i])
    with pytest.raises(Invalid):
        ProjectKey.of("acme", HOSTILE[i])


@every_text
def test_a_composed_statement_has_no_text_of_its_filter_in_it(i: int) -> None:
    text = f"§{HOSTILE[i]}"
    statement = STATEMENTS["select_runs"]
    parts = [Compare(f"config.{text}", Op.NE, text), Glob("notes", text), In("name", (text,))]

    def composed(name: str, value: str) -> str:
        where = parts[0] if not value else Glob(f"summary.{name}", value)
        return compose(statement, RUNS, where=where, order=f"-config.{name}", after=None)[0]

    assert composed(text, text) == composed("plain", "plain")
    for part in parts:
        made, values = compose(statement, RUNS, where=part, order="created_at", after=None)
        assert text not in made
        assert values


def test_no_pattern_runs_away(written: GraphStore) -> None:
    texts = {"r1": "a" * 200_000, "r2": "ab" * 100_000}
    made = [
        replace(run("r", notes=text), key=RunKey.of(RIVAL, name)) for name, text in texts.items()
    ]
    written.write(lambda tx: [tx.runs.add(one) for one in made])
    patterns = [
        *("*a" * n + "*b?" for n in (5, 30, 300)),
        *("?*" * n + "b?" for n in (5, 30, 300)),
        "*" * 1_000 + "c",
        "*a*" * 300 + "c",
        "*ab" * 300 + "*c",
        "*" + "a" * 1_000 + "b*" + "a" * 1_000,
        "(a+)+$*c",
    ]
    for pattern in patterns:
        begun = time.perf_counter()
        assert runs_with(written, Glob("notes", pattern), project=RIVAL) == []
        assert time.perf_counter() - begun < 5, pattern[:50]
    assert runs_with(written, Glob("notes", "*a" * 300 + "*"), project=RIVAL) == [1, 2]
    assert runs_with(written, Glob("notes", "*ba" * 300 + "*b"), project=RIVAL) == [2]
