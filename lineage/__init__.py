"""Lineage for machine learning: runs and artifact versions in a graph, files stored once.

    import lineage

    with lineage.init(project="vision", config={"lr": 0.1}) as run:
        data = run.use_artifact("digits:latest").download()
        run.log({"acc": 0.98})
        run.log_artifact("model.pt", name="classifier", type="model")

`run`, `config` and `summary` are those of the process's active run. Names are loaded when they are
first used, so that importing a value such as `lineage.digest` brings no client.
"""

from __future__ import annotations

from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from lineage.client.active import finish as finish
    from lineage.client.active import init as init
    from lineage.client.active import log as log
    from lineage.client.active import log_artifact as log_artifact
    from lineage.client.active import login as login
    from lineage.client.active import use_artifact as use_artifact
    from lineage.client.api import Api as Api
    from lineage.client.artifact import Artifact as Artifact
    from lineage.client.documents import Document
    from lineage.client.run import Run as Run
    from lineage.client.sweep import agent as agent
    from lineage.client.sweep import sweep as sweep
    from lineage.errors import LineageError as LineageError

    run: Run | None
    config: Document
    summary: Document

__all__ = [
    "Api",
    "Artifact",
    "LineageError",
    "Run",
    "agent",
    "config",
    "finish",
    "init",
    "log",
    "log_artifact",
    "login",
    "run",
    "summary",
    "sweep",
    "use_artifact",
]

_HOMES: Final = {
    "Api": "lineage.client.api",
    "Artifact": "lineage.client.artifact",
    "LineageError": "lineage.errors",
    "Run": "lineage.client.run",
    "agent": "lineage.client.sweep",
    "finish": "lineage.client.active",
    "init": "lineage.client.active",
    "log": "lineage.client.active",
    "log_artifact": "lineage.client.active",
    "login": "lineage.client.active",
    "sweep": "lineage.client.sweep",
    "use_artifact": "lineage.client.active",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    if name in ("run", "config", "summary"):
        from lineage.client import active

        return active.current_run() if name == "run" else active.current_document(name)
    if name == "__version__":
        return metadata.version("lineage-engine")
    raise AttributeError(f"module 'lineage' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
