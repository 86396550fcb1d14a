"""The engine over the embedded stores, killed at every step of a story, and started afresh."""

from __future__ import annotations

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
from tests.services.crashing import go_on, open_stores, tell
from tests.services.picture import Picture, check_rules, expire, take_picture
from tests.services.story import BEGAN_AT, STORY, StoryClock
from tests.services.story_contents import CONTENTS, DIGITS, POOL_V0

SAMPLE_S = 22.0
AT_LEAST = 25
_GOLDEN = 0.6180339887498949


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
    """The story told without a crash: a picture before the first verb and after each."""

    answers: dict[str, Any]
    pictures: list[Picture]


@cache
def undisturbed() -> Undisturbed:
    with a_folder() as folder:
        graph, blobs = open_stores(folder)
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
def steps() -> list[str]:
    with a_folder() as folder:
        return tell(folder, {}, kill_at=None).steps


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


def look_after_crash(crashed: Path, answers: dict[str, Any]) -> None:
    """Start afresh on a copy, and check that all that was answered is there, and nothing else."""
    with a_folder() as outer:
        folder = outer / "copy"
        shutil.copytree(crashed, folder)
        graph, blobs = open_stores(folder)
        try:
            clock = StoryClock()
            engine = Engine(graph, blobs, clock)
            clock.at = BEGAN_AT + STORY[min(len(answers), len(STORY) - 1)].at
            engine.reclaim.finish()
            check_rules(folder, engine, graph, blobs)
            found = take_picture(graph)
            expected = between(len(answers))
            assert found in expected, [differences(found, wanted) for wanted in expected]
            expire(folder, engine, graph, clock)
            check_rules(folder, engine, graph, blobs)
        finally:
            graph.close()


def tell_to_the_end(folder: Path, answers: dict[str, Any]) -> None:
    """Restart, ask again what had no answer, go on: it must come out as if nothing had happened."""
    graph, blobs = open_stores(folder)
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


def crash(kills: list[int]) -> None:
    """Kill at these steps, each counted from the start before, look each time, then go on."""
    notes = []
    answers: dict[str, Any] = {}
    with a_folder() as folder:
        try:
            for kill_at in kills:
                told = tell(folder, answers, kill_at=kill_at)
                notes.append(f"killed at step {kill_at} with {len(told.answers)} answers")
                answers = told.answers
                if not told.was_killed:
                    break
                look_after_crash(folder, answers)
            tell_to_the_end(folder, answers)
        except BaseException as exc:
            if kills:
                notes.append(f"the first step was `{steps()[kills[0] - 1]}`")
            exc.add_note(f"crash({kills}): {'; '.join(notes)}")
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


def test_steps_lie_in_every_part_of_storing_committing_and_deleting() -> None:
    taken = set(steps())
    assert {"before a transaction", "before the commit of a transaction"} <= taken
    for call in ("put", "put_many", "delete"):
        assert {f"before {call}", f"after {call}"} <= taken
    amid = {"after half of the chunks in put", "amid write in put_many", "before unlink in delete"}
    assert amid <= taken
    assert {"before link in put", "after link in put", "after fsync in put"} <= taken


def test_whatever_step_it_is_killed_at_nothing_is_lost_and_nothing_is_left() -> None:
    n_steps, start, end = len(steps()), random.random(), time.monotonic() + SAMPLE_S
    n_done = 0
    while n_done < AT_LEAST or (n_done < n_steps and time.monotonic() < end):
        # Evenly spread wherever it stops.
        first = int((start + n_done * _GOLDEN) % 1 * n_steps) + 1
        # Every third time, again: while it finishes what was left, or soon after.
        more = [random.randint(1, 12)] if n_done % 3 == 0 else []
        crash([first, *more])
        n_done += 1


@pytest.mark.soak
def test_killed_at_each_step_and_again_and_again(soak_s: float) -> None:
    end = time.monotonic() + soak_s
    for first in range(1, len(steps()) + 1):
        crash([first])
    while time.monotonic() < end:
        crash([random.randint(1, n) for n in (len(steps()), 12, 60, 200)])
