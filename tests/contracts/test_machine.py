"""The engine over each pair of stores against the oracle."""

from __future__ import annotations

import faulthandler
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from lineage.ports import BlobStore, GraphStore
from tests.contracts.machine import EngineMachine
from tests.contracts.stores import PAIRS, blobs_at, empty_graph, open_blobs, open_graph
from tests.services.s3 import S3

SAMPLE = settings(max_examples=150, stateful_step_count=50, deadline=None)
# Neo4j plans each combination of writes once: the longer it runs, the faster it gets.
N_EXAMPLES = {"sqlite-folder": 150, "sqlite-s3": 30, "neo4j-folder": 5, "neo4j-s3": 2}


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def machine(pair: str, request: pytest.FixtureRequest) -> Iterator[type[EngineMachine]]:
    graph_kind, blobs_kind = pair.split("-")
    server: S3 | None = request.getfixturevalue("s3") if blobs_kind == "s3" else None
    bucket = ""

    def tidy() -> None:
        if server is not None and bucket:
            server.remove_bucket(bucket)

    def stores(folder: Path) -> tuple[GraphStore, BlobStore]:
        nonlocal bucket
        graph = open_graph(empty_graph(graph_kind, folder, request))
        if server is None:
            return graph, open_blobs(f"file://{folder / 'blobs'}")
        tidy()
        bucket = server.new_bucket(versioned=random.random() < 0.5)
        return graph, open_blobs(blobs_at(server, bucket))

    class Machine(EngineMachine):
        make_stores = staticmethod(stores)
        steps_per_look = 1 if pair == "sqlite-folder" else 5

    yield Machine
    tidy()


def test_the_engine_answers_as_the_oracle(machine: type[EngineMachine], pair: str) -> None:
    faulthandler.cancel_dump_traceback_later()  # it is not stuck
    sample = settings(SAMPLE, max_examples=N_EXAMPLES[pair])
    run_state_machine_as_test(machine, settings=sample)


@pytest.mark.soak
def test_the_engine_answers_as_the_oracle_for_as_long_as_told(
    machine: type[EngineMachine], pair: str, soak_s: float
) -> None:
    faulthandler.cancel_dump_traceback_later()  # it is not stuck
    end = time.monotonic() + soak_s
    n_at_once = {"sqlite-folder": 100, "sqlite-s3": 20}.get(pair, 5)
    longer = settings(SAMPLE, max_examples=n_at_once, stateful_step_count=100)
    while time.monotonic() < end:
        run_state_machine_as_test(machine, settings=longer)
