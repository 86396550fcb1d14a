from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.calls import Rest
from tests.services.server import Server


@pytest.fixture(params=["sqlite", "neo4j"])
def rest(request: pytest.FixtureRequest) -> Iterator[Rest]:
    """A project of this test alone, on the server that all tests share: over each
    graph store, and each blob store."""
    name = "shared_server" if request.param == "sqlite" else "shared_server_on_neo4j"
    shared: Server = request.getfixturevalue(name)
    calls = Rest(shared)
    yield calls
    calls.close()
