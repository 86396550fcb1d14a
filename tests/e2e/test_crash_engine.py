"""The engine over each graph store, killed at every step of a story, and started afresh."""

from __future__ import annotations

import math
import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lineage.engine import Engine
from lineage.model import VersionState
from tests.contracts.stores import GRAPHS
from tests.services.crashing import go_on, open_stores, tell
from tests.services.neo4j import Database
from tests.services.picture import Picture, check_rules, expire, take_picture
from tests.services.story import BEGAN_AT, STORY, StoryClock
from tests.services.story_contents import CONTENTS, DIGITS, POOL_V0

_GOLDEN = 0.6180339887498949


@dataclass(frozen=True)
class Ground:
    """Where the story is told: a SQLite file in the folder, or else a Neo4j."""

    database: Database | None

    def empty(self, folder: Path) -> str:
        """The URL of a graph that is empty, and the only one there is."""
        if self.database is None:
            return sqlite_in(folder)
        self.database.wipe()
        return self.database.url

    def wait_alone(self) -> None:
        """Return when Neo4j has noticed that a killed process is gone, and rolled back."""
        if self.database is None:
            return
        end = time.monotonic() + 10
        text = "SHOW TRANSACTIONS YIELD transactionId RETURN count(*) AS n"
        while self.database.driver.execute_query(text).records[0]["n"] > 1:
            assert time.monotonic() < end, "the transaction of a killed process is still there"
            time.sleep(0.01)

    @property
    def sample(self) -> tuple[int, float]:
        """How many crashes at least, and then for how many seconds."""
        return (25, 22.0) if self.database is None else (4, 12.0)


def sqlite_in(folder: Path) -> str:
    return f"sqlite://{folder / 'graph.db'}"


@pytest.fixture(params=GRAPHS)
def ground(request: pytest.FixtureRequest) -> Ground:
    return Ground(None if request.param == "sqlite" else request.getfixturevalue("neo4j"))


@contextmanager
def a_folder() -> Iterator[Path]:
    """In memory if possible: a killed process loses nothing that it has written, on any disk."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder itself is private
    is_there = os.access(memory, os.W_OK | os.X_OK)
    folder = Path(tempfile.mkdtemp(prefix="lineage-crash-", dir=memory if is_there else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@dataclass(frozen=True)
class Undisturbed:
    """The story told without a crash: a picture before the first verb and after each.

    Told on SQLite, and the same on Neo4j: both stores must come to it.
    """

    answers: dict[str, Any]
    pictures: list[Picture]


@cache
def undisturbed() -> Undisturbed:
    with a_folder() as folder:
        graph, blobs = open_stores(folder, sqlite_in(folder))
        clock = StoryClock()
        engine = Engine(graph, blobs, clock)
        answers: dict[str, Any] = {}
        pictures = [take_picture(graph)]
        for name, answer in go_on(engine, clock, {}, is_restart=False):
            answers[name] = answer
            pictures.append(take_picture(graph))
            engine.reclaim.finish()
            check_rules(folder, engine, graph, blobs)
        graph.close()
    return Undisturbed(answers, pictures)


@cache
def steps(ground: Ground) -> list[str]:
    with a_folder() as folder:
        return tell(folder, ground.empty(folder), {}, kill_at=None).steps


def spread(n_steps: int) -> Iterator[int]:
    """Each step once, in an order that is evenly spread wherever it stops."""
    stride = round(n_steps * _GOLDEN)
    while math.gcd(stride, n_steps) > 1:
        stride += 1
    start = random.randrange(n_steps)
    return ((start + n * stride) % n_steps + 1 for n in range(n_steps))


def between(n_done: int) -> list[Picture]:
    """What may be there after so many answers: the next verb has been done, or it has not."""
    before, after = (undisturbed().pictures[min(n, len(STORY))] for n in (n_done, n_done + 1))
    name = STORY[n_done].name if n_done < len(STORY) else ""
    if name == "purge the copy":
        # Deleted, but still there: asking again purges it.
        _, *rest = before["versions"][POOL_V0]
        deleted = (VersionState.DELETED, rest[0], (), ())
        kept = {part: before[part] for part in ("segments", "edges", "used", "logged")} | {
            "versions": before["versions"] | {POOL_V0: deleted},
            "pages of versions": before["pages of versions"] | {POOL_V0: []},
            "events": after["events"][:-1],
        }
        return [before, after, after | kept]
    return [before, after]


def differences(found: Picture, wanted: Picture) -> dict[str, Any]:
    return {part: (found[part], wanted[part]) for part in wanted if found[part] != wanted[part]}


def look_after_crash(ground: Ground, folder: Path, url: str, answers: dict[str, Any]) -> None:
    """Start afresh, and check that all that was answered is there, and nothing else."""
    if ground.database is not None:
        # There is no copy of a Neo4j: what is finished here, the story does not find undone.
        ground.wait_alone()
        look(folder, url, answers, is_copy=False)
        return
    with a_folder() as outer:
        copy = outer / "copy"
        shutil.copytree(folder, copy)
        look(copy, sqlite_in(copy), answers, is_copy=True)


def look(folder: Path, url: str, answers: dict[str, Any], *, is_copy: bool) -> None:
    graph, blobs = open_stores(folder, url)
    try:
        clock = StoryClock()
        engine = Engine(graph, blobs, clock)
        clock.at = BEGAN_AT + STORY[min(len(answers), len(STORY) - 1)].at
        engine.reclaim.finish()
        check_rules(folder, engine, graph, blobs)
        found = take_picture(graph)
        expected = between(len(answers))
        assert found in expected, [differences(found, wanted) for wanted in expected]
        if is_copy:  # the story goes on with its drafts
            expire(folder, engine, graph, clock)
            check_rules(folder, engine, graph, blobs)
    finally:
        graph.close()


def tell_to_the_end(folder: Path, url: str, answers: dict[str, Any]) -> None:
    """Restart, ask again what had no answer, go on: it must come out as if nothing had happened."""
    graph, blobs = open_stores(folder, url)
    try:
        clock = StoryClock()
        engine = Engine(graph, blobs, clock)
        answers = dict(answers)
        for name, answer in go_on(engine, clock, answers, is_restart=True):
            answers[name] = answer
        assert without_uploads(answers) == without_uploads(undisturbed().answers)
        engine.reclaim.finish()
        check_rules(folder, engine, graph, blobs)
        assert differences(take_picture(graph), undisturbed().pictures[-1]) == {}
        expire(folder, engine, graph, clock)
    finally:
        graph.close()


def without_uploads(answers: dict[str, Any]) -> dict[str, Any]:
    return {
        verb: {name: value for name, value in answer.items() if name != "uploads"}
        for verb, answer in answers.items()
    }


def crash(ground: Ground, kills: list[int]) -> None:
    """Kill at these steps, each counted from the start before, look each time, then go on.

    On Neo4j only the last crash is looked at: the others are found as they were left.
    """
    notes = []
    answers: dict[str, Any] = {}
    with a_folder() as folder:
        url = ground.empty(folder)
        try:
            for number, kill_at in enumerate(kills, 1):
                told = tell(folder, url, answers, kill_at=kill_at)
                notes.append(f"killed at step {kill_at} with {len(told.answers)} answers")
                answers = told.answers
                if not told.was_killed:
                    break
                if ground.database is None or number == len(kills):
                    look_after_crash(ground, folder, url, answers)
            tell_to_the_end(folder, url, answers)
        except BaseException as exc:
            if kills:
                notes.append(f"the first step was `{steps(ground)[kills[0] - 1]}`")
            exc.add_note(f"crash({ground}, {kills}): {'; '.join(notes)}")
            raise


def test_the_story_without_a_crash_does_what_it_says() -> None:
    last = undisturbed().pictures[-1]
    live = {key for key, (state, *_) in last["versions"].items() if state == "committed"}
    assert live == {DIGITS.version(0), DIGITS.version(1), DIGITS.version(3)}
    assert set(CONTENTS) - set(last["versions"]) == {POOL_V0}
    assert last["next index"] == {DIGITS: 4, "acme/vision/models": 1, "acme/vision/pool": 1}
    assert last["versions"][DIGITS.version(1)][2:] == (("prod",), ())
    assert last["versions"][DIGITS.version(3)][2:] == (("latest",), ())
    assert last["versions"][DIGITS.version(0)][2:] == ((), ("good",))
    refused = [name for name, answer in undisturbed().answers.items() if answer.get("refused")]
    assert refused == ["store wrong bytes", "declare a cycle", "delete what an alias blocks"]
    plan = undisturbed().answers["plan to delete the model"]
    assert plan["freed"][1:] == [36, 36 * 50], "the large blob is held, the shared one contained"
    assert undisturbed().answers["log the model again"]["created"] is False


def test_steps_lie_in_every_part_of_storing_committing_and_deleting(ground: Ground) -> None:
    taken = set(steps(ground))
    assert {"before a transaction", "before the commit of a transaction"} <= taken
    assert ({"before a query", "after a query"} <= taken) == (ground.database is not None)
    for call in ("put", "put_many", "delete"):
        assert {f"before {call}", f"after {call}"} <= taken
    amid = {"after half of the chunks in put", "amid write in put_many", "before unlink in delete"}
    assert amid <= taken
    assert {"before link in put", "after link in put", "after fsync in put"} <= taken


def test_whatever_step_it_is_killed_at_nothing_is_lost_and_nothing_is_left(ground: Ground) -> None:
    order = spread(len(steps(ground)))
    at_least, seconds = ground.sample
    end = time.monotonic() + seconds
    for n_done, first in enumerate(order):
        if n_done >= at_least and time.monotonic() > end:
            break
        # Every third time, again: while it finishes what was left, or soon after.
        more = [random.randint(1, 12)] if n_done % 3 == 0 else []
        crash(ground, [first, *more])


@pytest.mark.soak
def test_killed_at_each_step_and_again_and_again(ground: Ground, soak_s: float) -> None:
    end = time.monotonic() + soak_s
    n_steps = len(steps(ground))
    for first in spread(n_steps):
        if ground.database is not None and time.monotonic() > end:
            return  # each takes seconds
        crash(ground, [first])
    while time.monotonic() < end:
        crash(ground, [random.randint(1, n) for n in (n_steps, 12, 60, 200)])
