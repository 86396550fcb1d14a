"""Traces: what something was made from, and what was made from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Request, Response

from api.answers import TraceDocument
from api.auth import CallerDep
from api.documents import render_time
from api.intake import JsonRoute
from api.parameters import EngineDep
from api.streams import NDJSON, gather, stream
from lineage.engine import TraceAnswer
from lineage.engine.trace import parse_start
from lineage.model import Direction

__all__ = ["router"]

router = APIRouter(tags=["lineage"], route_class=JsonRoute)


@router.get(
    "/trace",
    response_model=TraceDocument,
    summary="Everything upstream or downstream, nearest first",
    responses={200: {"content": {NDJSON: {}}, "description": "Levels by hop; or a line a hop"}},
)
def trace(
    request: Request,
    engine: EngineDep,
    caller: CallerDep,
    start: Annotated[
        list[str],
        Query(
            description="`artifact:e/p/c:v3`, `e/p/c:alias` or `run:e/p/id`; several are allowed.",
            examples=[["artifact:acme/vision/digits:v0"]],
        ),
    ],
    direction: Literal["upstream", "downstream", "both"] = "upstream",
    max_hops: Annotated[int | None, Query(description="Edges to follow; none: to the end.")] = None,
    limit: Annotated[int | None, Query(description="Nodes in the answer; none: all.")] = None,
    edges: Annotated[bool, Query(description="Also the edges among them.")] = False,
    nodes: Annotated[bool, Query(description="Also state, type, name and drift of each.")] = False,
) -> Response:
    starts = [parse_start(text) for text in start]
    directions = list(Direction) if direction == "both" else [Direction(direction)]
    answers = [
        engine.traces.trace(
            caller,
            starts,
            way,
            max_hops=max_hops,
            limit=limit,
            with_edges=edges,
            with_nodes=nodes,
        )
        for way in directions
    ]
    if NDJSON in request.headers.get("accept", ""):
        return stream(gather(_lines(answers)), media_type=NDJSON)
    document: dict[str, Any] = {"direction": direction, "starts": answers[0].starts}
    for answer in answers:
        document[answer.direction.value] = _tree(answer)
    # Straight from the engine's tuples to bytes: no copy, no check, no model in between.
    return Response(orjson.dumps(document), media_type="application/json")


def _tree(answer: TraceAnswer) -> dict[str, Any]:
    return {
        "levels": answer.trace.levels,
        "edges": _edges(answer),
        "nodes": _nodes(answer),
        **_counts(answer),
    }


def _edges(answer: TraceAnswer) -> list[tuple[str, str, str]]:
    return [(edge.src, edge.dst, edge.kind.value) for edge in answer.trace.edges]


def _nodes(answer: TraceAnswer) -> dict[str, dict[str, str | bool]]:
    return {
        str(key): {  # orjson takes no subclass of str as a key
            "state": info.state,
            "type": info.type,
            "name": info.name,
            "created_at": render_time(info.created_at),
            "drifted": info.is_drifted,
            "below_drifted": key in answer.below_drifted,
        }
        for key, info in answer.nodes.items()
    }


def _counts(answer: TraceAnswer) -> dict[str, bool | int]:
    return {
        "complete": answer.trace.complete,
        "n_runs": answer.n_runs,
        "n_versions": answer.n_versions,
        "n_hidden": answer.n_hidden,
    }


def _lines(answers: list[TraceAnswer]) -> Iterator[bytes]:
    """A line a hop, then lines of edges and nodes, and the counts of each direction last."""
    for answer in answers:
        direction = answer.direction.value
        for hop, keys in enumerate(answer.trace.levels, 1):
            yield _line({"direction": direction, "hop": hop, "keys": keys})
        edges, nodes = _edges(answer), _nodes(answer)
        for at in range(0, len(edges), 1000):
            yield _line({"direction": direction, "edges": edges[at : at + 1000]})
        if nodes:
            yield _line({"direction": direction, "nodes": nodes})
        yield _line({"direction": direction, "starts": answer.starts, **_counts(answer)})


def _line(document: dict[str, Any]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
