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


def sql_local(folder: Path) -> tuple[GraphStore, BlobStore]:
    return SqlGraphStore(folder / "graph.db"), LocalBlobStore(folder / "blobs")


class MachineOnSqlAndLocal(EngineMachine):
    make_stores = staticmethod(sql_local)


SAMPLE = settings(max_examples=150, stateful_step_count=50, deadline=None)


def test_machine_sql_local() -> None:
    run_state_machine_as_test(MachineOnSqlAndLocal, settings=SAMPLE)


@pytest.mark.soak
def test_machine_sql_local_for_as_long_as_told(soak_s: float) -> None:
    faulthandler.cancel_dump_traceback_later()  # it is not stuck
    end = time.monotonic() + soak_s
    longer = settings(SAMPLE, max_examples=100, stateful_step_count=100)
    while time.monotonic() < end:
        run_state_machine_as_test(MachineOnSqlAndLocal, settings=longer)
