"""How the crash story comes out when nothing disturbs it, and whether it came out so elsewhere."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lineage.engine import Engine
from lineage.ports import BlobStore, GraphStore
from tests.contracts.stores import all_objects
from tests.services.crashing import Stores, go_on
from tests.services.picture import Picture, check_rules, expire, take_picture
from tests.services.story import STORY
from tests.services.teller import BEGAN_AT, StoryClock

__all__ = [
    "Undisturbed",
    "a_folder",
    "check_end",
    "look",
    "stores_in",
    "tell_to_the_end",
    "undisturbed",
]


def stores_in(folder: Path) -> Stores:
    return Stores(f"sqlite://{folder / 'graph.db'}", f"file://{folder / 'blobs'}")


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

    Told on SQLite and a folder, and the same elsewhere: all stores must come to it. Whoever
    starts finishes what is left, so pictures are of that.
    """

    answers: dict[str, Any]
    pictures: list[Picture]
    lost: list[int]  # bytes that the store had before each deletion was carried out, and not after


@cache
def undisturbed() -> Undisturbed:
    with a_folder() as folder:
        stores = stores_in(folder)
        graph, blobs = stores.open()
        clock = StoryClock()
        engine = Engine(graph, blobs, clock)
        answers: dict[str, Any] = {}
        pictures = [take_picture(graph)]
        lost: list[int] = []
        n_bytes, n_receipts = 0, 0
        for name, answer in go_on(engine, blobs, clock, {}, is_restart=False):
            answers[name] = answer
            engine.reclaim.finish()
            pictures.append(take_picture(graph))
            check_rules(stores.blobs_url, engine, graph, blobs)
            before, n_bytes = n_bytes, sum(map(len, all_objects(stores.blobs_url).values()))
            if len(pictures[-1]["receipts"]) > n_receipts:
                n_receipts += 1
                lost.append(before - n_bytes)
        graph.close()
    return Undisturbed(answers, pictures, lost)


def between(n_done: int) -> list[Picture]:
    """What may be there after so many answers: the next verb has been done, or it has not."""
    return [undisturbed().pictures[min(n, len(STORY))] for n in (n_done, n_done + 1)]


def differences(found: Picture, wanted: Picture) -> dict[str, Any]:
    return {part: (found[part], wanted[part]) for part in wanted if found[part] != wanted[part]}


def look(stores: Stores, answers: dict[str, Any], *, is_copy: bool) -> None:
    graph, blobs = stores.open()
    try:
        clock = StoryClock()
        engine = Engine(graph, blobs, clock)
        clock.at = BEGAN_AT + STORY[min(len(answers), len(STORY) - 1)].at
        engine.reclaim.finish()
        check_rules(stores.blobs_url, engine, graph, blobs)
        found = take_picture(graph)
        expected = between(len(answers))
        assert found in expected, [differences(found, wanted) for wanted in expected]
        if is_copy:  # the story goes on with its drafts
            expire(stores.blobs_url, engine, graph, clock)
            check_rules(stores.blobs_url, engine, graph, blobs)
    finally:
        graph.close()


def tell_to_the_end(stores: Stores, answers: dict[str, Any]) -> None:
    """Restart, ask again what had no answer, go on: it must come out as if nothing had happened."""
    graph, blobs = stores.open()
    try:
        clock = StoryClock()
        engine = Engine(graph, blobs, clock)
        answers = dict(answers)
        for name, answer in go_on(engine, blobs, clock, answers, is_restart=True):
            answers[name] = answer
        check_end(stores, graph, blobs, clock, answers)
    finally:
        graph.close()


def check_end(
    stores: Stores,
    graph: GraphStore,
    blobs: BlobStore,
    clock: StoryClock,
    answers: dict[str, Any],
) -> None:
    engine = Engine(graph, blobs, clock)
    assert without_names(answers) == without_names(undisturbed().answers)
    engine.reclaim.finish()
    check_rules(stores.blobs_url, engine, graph, blobs)
    assert differences(take_picture(graph), undisturbed().pictures[-1]) == {}
    expire(stores.blobs_url, engine, graph, clock)


def without_names(answers: dict[str, Any]) -> dict[str, Any]:
    """Without what is named at random."""
    return {
        verb: {k: value for k, value in answer.items() if k not in ("uploads", "receipt")}
        for verb, answer in answers.items()
    }
