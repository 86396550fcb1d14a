"""The application: routes, the gate before them, and what lives as long as the process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
import anyio.to_thread
from fastapi import Depends, FastAPI
from pydantic import SecretStr

from api import problems
from api.answers import ProblemDocument
from api.auth import Gate, require_caller
from api.background import Background
from api.metrics import Metrics
from api.middleware import Observed
from api.routes import (
    admin,
    artifacts,
    browser,
    deletions,
    docs,
    drafts,
    files,
    health,
    impact,
    projects,
    runs,
    sweeps,
    trace,
)
from api.wiring import Janitor, Stores

__all__ = ["PREFIX", "create_app"]

PREFIX: Final = "/api/v1"
_THREADS: Final = 40  # sync routes at once; a question is short, and SQLite writes one by one
_UPLOADS: Final = 32  # beside them, so that slow senders keep nobody else waiting
_BUNDLES: Final = 8  # each holds up to 32 MiB
_GUARDED: Final = (
    admin, artifacts, deletions, drafts, files, impact, projects, runs, sweeps, trace,
)  # fmt: skip
_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {
        "model": ProblemDocument,
        "content": {problems.MEDIA_TYPE: {}},
        "description": "What is wrong with the request, as a problem document",
    },
    "5XX": {
        "model": ProblemDocument,
        "content": {problems.MEDIA_TYPE: {}},
        "description": "What is wrong with the server, as a problem document",
    },
}


def create_app(stores: Stores, *, admin_key: SecretStr | None, draft_ttl_s: float) -> FastAPI:
    """The application over these stores, which it closes when it ends.

    Args:
        admin_key: None lets everyone in: for a loopback address only.
    """
    metrics = Metrics(stores.engine.stats)
    background = Background(stores.engine)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
        janitor = Janitor(stores.engine, draft_ttl_s=draft_ttl_s)
        janitor.start()
        try:
            yield
        finally:
            await anyio.to_thread.run_sync(background.stop)
            await anyio.to_thread.run_sync(janitor.stop)
            stores.close()

    app = FastAPI(
        title="lineage",
        version="1",
        lifespan=lifespan,
        openapi_url=None,  # routes/docs.py serves both
        redirect_slashes=False,
        responses=_PROBLEMS,
    )
    app.state.stores = stores
    app.state.gate = Gate(admin_key)
    app.state.metrics = metrics
    app.state.background = background
    app.state.readiness = health.Readiness(stores.engine)
    app.state.uploads = anyio.CapacityLimiter(_UPLOADS)
    app.state.bundles = anyio.CapacityLimiter(_BUNDLES)
    app.include_router(health.router)
    app.include_router(docs.router)
    app.include_router(browser.router)
    for module in _GUARDED:
        app.include_router(module.router, prefix=PREFIX, dependencies=[Depends(require_caller)])
    problems.add_handlers(app)
    app.add_middleware(Observed, metrics=metrics)
    return app
