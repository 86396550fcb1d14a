"""The engine over each pair of stores against the oracle."""

from __future__ import annotations

import faulthandler
import time
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from lineage.ports import BlobStore, GraphStore
from sql.store import SqlGraphStore
from storage.local import LocalBlobStore
from tests.contracts.machine import EngineMachine
from tests.contracts.stores import open_neo4j
from tests.services.neo4j import Database


def sql_local(folder: Path) -> tuple[GraphStore, BlobStore]:
    return SqlGraphStore(folder / "graph.db"), LocalBlobStore(folder / "blobs")


class MachineOnSqlAndLocal(EngineMachine):
    make_stores = staticmethod(sql_local)


def machine_on_cypher_and_local(database: Database) -> type[EngineMachine]:
    def cypher_local(folder: Path) -> tuple[GraphStore, BlobStore]:
        return open_neo4j(database), LocalBlobStore(folder / "blobs")

    class MachineOnCypherAndLocal(EngineMachine):
        make_stores = staticmethod(cypher_local)
        steps_per_look = 5

    return MachineOnCypherAndLocal


SAMPLE = settings(max_examples=150, stateful_step_count=50, deadline=None)
# The database plans each combination of writes once: the longer it runs, the faster it gets.
CYPHER_SAMPLE = settings(SAMPLE, max_examples=8)


def test_machine_sql_local() -> None:
    run_state_machine_as_test(MachineOnSqlAndLocal, settings=SAMPLE)


def test_machine_cypher_local(neo4j: Database) -> None:
    faulthandler.cancel_dump_traceback_later()  # it is not stuck
    run_state_machine_as_test(machine_on_cypher_and_local(neo4j), settings=CYPHER_SAMPLE)


def run_for(soak_s: float, machine: type[EngineMachine], *, n_at_once: int) -> None:
    faulthandler.cancel_dump_traceback_later()  # it is not stuck
    end = time.monotonic() + soak_s
    longer = settings(SAMPLE, max_examples=n_at_once, stateful_step_count=100)
    while time.monotonic() < end:
        run_state_machine_as_test(machine, settings=longer)


@pytest.mark.soak
def test_machine_sql_local_for_as_long_as_told(soak_s: float) -> None:
    run_for(soak_s, MachineOnSqlAndLocal, n_at_once=100)


@pytest.mark.soak
def test_machine_cypher_local_for_as_long_as_told(neo4j: Database, soak_s: float) -> None:
    run_for(soak_s, machine_on_cypher_and_local(neo4j), n_at_once=10)
