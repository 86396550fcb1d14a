"""The engine over each pair of stores, killed at every step of a story, and started afresh."""

from __future__ import annotations

import faulthandler
import math
import random
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lineage.engine import Freed
from tests.contracts.stores import PAIRS, blobs_at
from tests.services.crashing import Stores, tell
from tests.services.neo4j import Database
from tests.services.s3 import S3
from tests.services.story_contents import CONTENTS, DIGITS, PURGED
from tests.services.telling import a_folder, look, stores_in, tell_to_the_end, undisturbed

_GOLDEN = 0.6180339887498949


@dataclass(frozen=True)
class Ground:
    """Where the story is told: a SQLite file in a folder, or else a Neo4j; a folder, or else
    buckets, which keep versions."""

    database: Database | None
    s3: S3 | None

    @contextmanager
    def empty(self) -> Iterator[Stores]:
        """Empty stores, and the only ones there are."""
        with a_folder() as folder:
            stores = stores_in(folder)
            if self.database is not None:
                self.database.wipe()
                stores = replace(stores, graph_url=self.database.url)
            if self.s3 is None:
                yield stores
                return
            bucket = self.s3.new_bucket(versioned=True)
            try:
                yield replace(stores, blobs_url=blobs_at(self.s3, bucket))
            finally:
                self.s3.remove_bucket(bucket)

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
    def has_copies(self) -> bool:
        """Whether both stores are files, which can be copied, and looked at without a trace."""
        return self.database is None and self.s3 is None

    @property
    def sample(self) -> tuple[int, float]:
        """How many crashes at least, and then for how many seconds."""
        return (12, 14.0) if self.has_copies else (3, 6.0)


@pytest.fixture(params=PAIRS)
def ground(request: pytest.FixtureRequest) -> Ground:
    graph, blobs = request.param.split("-")
    return Ground(
        request.getfixturevalue("neo4j") if graph == "neo4j" else None,
        request.getfixturevalue("s3") if blobs == "s3" else None,
    )


@cache
def steps(ground: Ground) -> list[str]:
    with ground.empty() as stores:
        return tell(stores, {}, kill_at=None).steps


def spread(n_steps: int) -> Iterator[int]:
    """Each step once, in an order that is evenly spread wherever it stops."""
    stride = round(n_steps * _GOLDEN)
    while math.gcd(stride, n_steps) > 1:
        stride += 1
    start = random.randrange(n_steps)
    return ((start + n * stride) % n_steps + 1 for n in range(n_steps))


def look_after_crash(ground: Ground, stores: Stores, answers: dict[str, Any]) -> None:
    """Start afresh, and check that all that was answered is there, and nothing else."""
    if not ground.has_copies:
        # What is finished here, the story does not find undone.
        ground.wait_alone()
        look(stores, answers, is_copy=False)
        return
    with a_folder() as outer:
        folder = Path(stores.graph_url.removeprefix("sqlite://")).parent
        copy = outer / "copy"
        shutil.copytree(folder, copy)
        look(stores_in(copy), answers, is_copy=True)


def crash(ground: Ground, kills: list[int]) -> None:
    """Kill at these steps, each counted from the start before, look each time, then go on.

    Where there are no copies only the last crash is looked at: the others are found as they were
    left.
    """
    notes = []
    answers: dict[str, Any] = {}
    with ground.empty() as stores:
        try:
            for number, kill_at in enumerate(kills, 1):
                told = tell(stores, answers, kill_at=kill_at, is_restart=number > 1)
                notes.append(f"killed at step {kill_at} with {len(told.answers)} answers")
                answers = told.answers
                if not told.was_killed:
                    break
                if ground.has_copies or number == len(kills):
                    look_after_crash(ground, stores, answers)
            tell_to_the_end(stores, answers)
        except BaseException as exc:
            if kills:
                notes.append(f"the first step was `{steps(ground)[kills[0] - 1]}`")
            exc.add_note(f"crash({ground}, {kills}): {'; '.join(notes)}")
            raise


def test_the_story_without_a_crash_does_what_it_says() -> None:
    last = undisturbed().pictures[-1]
    live = {key for key, (state, *_) in last["versions"].items() if state == "committed"}
    assert live == {DIGITS.version(0), DIGITS.version(1), DIGITS.version(3)}
    assert set(CONTENTS) - set(last["versions"]) == set(PURGED)
    others = ("links", "models", "pool")
    assert last["next index"] == {DIGITS: 4} | {f"acme/vision/{name}": 1 for name in others}
    assert last["versions"][DIGITS.version(1)][2:] == (("prod",), ())
    assert last["versions"][DIGITS.version(3)][2:] == (("latest",), ())
    assert last["versions"][DIGITS.version(0)][2:] == ((), ("good",))
    refused = [name for name, answer in undisturbed().answers.items() if answer.get("refused")]
    assert refused == [
        "store wrong bytes", "declare a cycle", "delete what an alias blocks",
        "put wrong bytes by a link",
    ]  # fmt: skip
    plan = undisturbed().answers["plan to delete the model"]
    assert plan["freed"][1:] == [36, 36 * 50], "the large blob is held, the shared one contained"
    assert undisturbed().answers["log the model again"]["created"] is False


def test_each_receipt_says_what_the_store_lost() -> None:
    receipts = undisturbed().pictures[-1]["receipts"]
    freed: list[Freed] = [freed for *_, freed, is_finished in receipts if is_finished]
    assert [each.size_bytes for each in freed] == undisturbed().lost
    assert len(freed) == len(receipts) == 4
    assert freed[-1] == Freed(19, 37, 36 * 50 + 200_000), "the shared blob stays"


def test_steps_lie_in_every_part_of_storing_committing_and_deleting(ground: Ground) -> None:
    taken = set(steps(ground))
    assert {"before a transaction", "before the commit of a transaction"} <= taken
    assert ({"before a query", "after a query"} <= taken) == (ground.database is not None)
    for call in ("put", "put_many", "delete"):
        assert {f"before {call}", f"after {call}"} <= taken
    assert "after half of the chunks in put" in taken
    if ground.s3 is None:
        assert {"before link in put", "after link in put", "after fsync in put"} <= taken
        assert {"amid write in put_many", "before unlink in delete"} <= taken
    else:
        assert {"before a put by a link", "after a put by a link"} <= taken
        for request in ("PutObject in put", "PutObject in put_many", "DeleteObjects in delete"):
            assert {f"before {request}", f"after {request}"} <= taken


def test_whatever_step_it_is_killed_at_nothing_is_lost_and_nothing_is_left(ground: Ground) -> None:
    faulthandler.cancel_dump_traceback_later()  # it is not stuck
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
def test_killed_at_each_step_and_again_and_again(
    ground: Ground, soak_s: float, capsys: pytest.CaptureFixture[str]
) -> None:
    faulthandler.cancel_dump_traceback_later()  # it is not stuck
    end = time.monotonic() + soak_s
    n_steps, n_crashes = len(steps(ground)), 0
    for first in spread(n_steps):
        if not ground.has_copies and time.monotonic() > end:
            break  # each takes seconds
        crash(ground, [first])
        n_crashes += 1
    n_at_once = n_crashes
    while time.monotonic() < end:
        kills = [random.randint(1, n) for n in (n_steps, 12, 60, 200)]
        crash(ground, kills)
        n_crashes += len(kills)
    with capsys.disabled():
        print(f"crashes: {n_at_once} of {n_steps} steps, {n_crashes} in all, lost=0 leaked=0")  # noqa: T201
