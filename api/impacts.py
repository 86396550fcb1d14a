"""The documents of an impact: JSON, and CSV for a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, Final

from pydantic import with_config
from typing_extensions import TypedDict

from api.documents import example, render_time
from lineage.engine import Impact
from lineage.model import NodeInfo
from lineage.names import NodeKey

__all__ = ["CSV", "ImpactDocument", "csv_lines", "render_impact"]

CSV: Final = "text/csv"
_COLUMNS: Final = (
    "hop", "kind", "key", "project", "state", "type", "name", "created_at", "turns_irreproducible",
)  # fmt: skip


class NodesDocument(TypedDict):
    levels: list[list[str]]
    edges: list[tuple[str, str, str]]
    nodes: dict[str, dict[str, str]]
    n_runs: int
    n_versions: int
    n_hidden: int


class ShareDocument(TypedDict):
    name: str
    n_runs: int
    n_versions: int


class IrreproducibleDocument(TypedDict):
    runs: list[str]
    versions: list[str]


_IMPACT: Final[dict[str, Any]] = {
    "versions": ["artifact:acme/vision/digits:v1"],
    "runs": [],
    "downstream": {
        "levels": [["run:acme/vision/9c1d04"], ["artifact:acme/vision/models:v0"]],
        "edges": [],
        "nodes": {
            "artifact:acme/vision/digits:v1": {
                "state": "committed",
                "type": "dataset",
                "name": "digits:v1",
                "created_at": "2026-01-31T09:00:07.000008Z",
            },
            "artifact:acme/vision/models:v0": {
                "state": "committed",
                "type": "model",
                "name": "models:v0",
                "created_at": "2026-01-31T09:00:09.000010Z",
            },
            "run:acme/vision/9c1d04": {
                "state": "running",
                "type": "train",
                "name": "larger",
                "created_at": "2026-01-31T09:00:08.000009Z",
            },
        },
        "n_runs": 1,
        "n_versions": 1,
        "n_hidden": 0,
    },
    "collections": [{"name": "acme/vision/models", "n_runs": 0, "n_versions": 1}],
    "owners": [{"name": "acme", "n_runs": 1, "n_versions": 1}],
    "irreproducible": {
        "runs": ["run:acme/vision/9c1d04"],
        "versions": ["artifact:acme/vision/models:v0"],
    },
    "lost": ["artifact:acme/vision/digits:v1"],
}


@with_config(example(_IMPACT))
class ImpactDocument(TypedDict):
    versions: list[str]
    runs: list[str]
    downstream: NodesDocument
    collections: list[ShareDocument]
    owners: list[ShareDocument]
    irreproducible: IrreproducibleDocument
    lost: list[str]


def render_impact(impact: Impact) -> ImpactDocument:
    irreproducible = list(map(str, impact.irreproducible))
    return {
        "versions": list(impact.versions),
        "runs": list(impact.runs),
        "downstream": {
            "levels": [list(level) for level in impact.downstream.levels],
            "edges": [(e.src, e.dst, e.kind.value) for e in impact.downstream.edges],
            "nodes": {str(key): _node(info) for key, info in impact.nodes.items()},
            "n_runs": impact.n_runs,
            "n_versions": impact.n_versions,
            "n_hidden": impact.n_hidden,
        },
        "collections": [_share(share) for share in impact.collections],
        "owners": [_share(share) for share in impact.owners],
        "irreproducible": {
            "runs": [key for key in irreproducible if not _is_version(key)],
            "versions": [key for key in irreproducible if _is_version(key)],
        },
        "lost": list(impact.lost),
    }


def _share(share: Any) -> ShareDocument:
    return {"name": share.name, "n_runs": share.n_runs, "n_versions": share.n_versions}


def _node(info: NodeInfo) -> dict[str, str]:
    return {
        "state": info.state,
        "type": info.type,
        "name": info.name,
        "created_at": render_time(info.created_at),
    }


def _is_version(key: str) -> bool:
    """What the caller may not see is `hidden:run:1` and so on."""
    return key.removeprefix("hidden:").startswith("artifact:")


def csv_lines(impact: Impact) -> Iterator[bytes]:
    """A line for each node downstream, nearest first; of a hidden one its hop and kind."""
    yield _line(_COLUMNS)
    irreproducible = {str(key).partition("#")[0] for key in impact.irreproducible}
    for hop, level in enumerate(impact.downstream.levels, 1):
        for key in level:
            info = impact.nodes.get(key)
            kind = "version" if _is_version(key) else "run"
            is_lost = "yes" if key.partition("#")[0] in irreproducible else "no"
            if info is None:
                yield _line((hop, kind, key, "", "", "", "", "", is_lost))
                continue
            at = render_time(info.created_at)
            told = (info.state, info.type, info.name, at, is_lost)
            yield _line((hop, kind, key, _project(key), *told))


def _project(key: NodeKey) -> str:
    return key.partition(":")[2].rpartition("/")[0]


def _line(cells: tuple[Any, ...]) -> bytes:
    """A text that a spreadsheet would take for a formula is quoted by an apostrophe."""
    buffer = io.StringIO()
    csv.writer(buffer).writerow(
        [f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+-@\t\r" and cell else cell
         for cell in cells]
    )  # fmt: skip
    return buffer.getvalue().encode()
