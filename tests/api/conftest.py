from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.calls import Rest
from tests.services.server import Server, server, shared_server

__all__ = ["server", "shared_server"]


@pytest.fixture
def rest(shared_server: Server) -> Iterator[Rest]:
    """A project of this test alone, on the server that all tests share."""
    calls = Rest(shared_server)
    yield calls
    calls.close()
