"""ml-metadata: downstream in a SQLite store in memory, filled beforehand; only the question timed.

Asked in three ways, each within LIMIT_S, all reported:
- `subgraph`: one `get_lineage_subgraph` with all fields: nodes and events, no hops. It never goes
  further than 100 hops (it lowers a larger `max_num_hops` to that, with a line in its log), so on
  deep graphs its answer is short.
- `subgraph_events`: the same with only the events asked for: ids, no names, no hops.
- `walk`: level by level over `get_events_by_artifact_ids` and `get_events_by_execution_ids`: ids
  and hops, no names.
`seconds` is that of `subgraph` where it reached everything, else that of `walk`; `how` says which.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing.connection import Connection
from typing import TypeVar

from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as proto

from bench.graphs import GRAPHS, Graph, hops_from
from bench.peers import script

T = TypeVar("T")
LIMIT_S = 120.0
_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class Store:
    """A filled store; the ids of versions and of runs, in the order of their numbers."""

    client: metadata_store.MetadataStore
    artifacts: list[int]
    executions: list[int]


def fill(graph: Graph) -> Store:
    config = proto.ConnectionConfig()
    config.fake_database.SetInParent()  # SQLite in memory
    client = metadata_store.MetadataStore(config)
    version_type = client.put_artifact_type(proto.ArtifactType(name="version"))
    run_type = client.put_execution_type(proto.ExecutionType(name="run"))
    artifacts: list[int] = []
    for numbers in _batches(range(graph.n_versions)):
        artifacts += client.put_artifacts(
            [proto.Artifact(type_id=version_type, name=f"v{n}") for n in numbers]
        )
    executions: list[int] = []
    for numbers in _batches(range(graph.n_runs)):
        executions += client.put_executions(
            [proto.Execution(type_id=run_type, name=f"r{n}") for n in numbers]
        )
    kinds = ((graph.used, proto.Event.INPUT), (graph.logged, proto.Event.OUTPUT))
    for edges, kind in kinds:
        for batch in _batches(edges.tolist()):
            client.put_events(
                [
                    proto.Event(
                        type=kind,
                        artifact_id=artifacts[made_or_read],
                        execution_id=executions[run - graph.n_versions],
                    )
                    for run, made_or_read in batch
                ]
            )
    return Store(client, artifacts, executions)


def subgraph(store: Store, start: int, *, fields: Sequence[str]) -> proto.LineageGraph:
    options = proto.LineageSubgraphQueryOptions(
        direction=proto.LineageSubgraphQueryOptions.DOWNSTREAM, max_num_hops=2**31
    )
    options.starting_artifacts.filter_query = f"id = {store.artifacts[start]}"
    return store.client.get_lineage_subgraph(options, fields)


def walk(store: Store, start: int) -> tuple[dict[int, int], dict[int, int]]:
    """Hops by artifact id and hops by execution id."""
    client = store.client
    artifact_hops = {store.artifacts[start]: 0}
    execution_hops: dict[int, int] = {}
    level, hop = list(artifact_hops), 0
    while level:
        found = {
            event.execution_id
            for ids in _batches(level)
            for event in client.get_events_by_artifact_ids(ids)
            if event.type == proto.Event.INPUT
        }
        runs = [id_ for id_ in found if id_ not in execution_hops]
        execution_hops |= dict.fromkeys(runs, hop + 1)
        found = {
            event.artifact_id
            for ids in _batches(runs)
            for event in client.get_events_by_execution_ids(ids)
            if event.type == proto.Event.OUTPUT
        }
        level = [id_ for id_ in found if id_ not in artifact_hops]
        hop += 2
        artifact_hops |= dict.fromkeys(level, hop)
    return artifact_hops, execution_hops


def _ids(answer: proto.LineageGraph) -> tuple[int, int]:
    """How many versions and runs the events of an answer name."""
    return len({e.artifact_id for e in answer.events}), len({e.execution_id for e in answer.events})


def _within_limit(work: Callable[[], T]) -> T | None:
    """What `work` returns; None if it is not done in LIMIT_S.

    It runs in a forked process, since nothing else ends a call that is deep in the library.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(sender, work))
    process.start()
    sender.close()
    try:
        return receiver.recv() if receiver.poll(LIMIT_S) else None
    except EOFError:
        raise SystemExit("mlmd_lineage: a question ended without an answer") from None
    finally:
        process.kill()
        process.join()


def _send(sender: Connection, work: Callable[[], object]) -> None:
    sender.send(work())


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for at in range(0, len(items), _BATCH):
        yield items[at : at + _BATCH]


def closure(name: str, start: int) -> None:
    graph = GRAPHS[name]()
    filling, store = script.fastest(lambda: fill(graph), times=1)

    def ask_subgraph(*fields: str) -> tuple[float, int]:
        seconds, answer = script.fastest(lambda: subgraph(store, start, fields=fields))
        return seconds, sum(_ids(answer))

    def ask_walk() -> tuple[float, dict[int, int]]:
        seconds, (artifact_hops, execution_hops) = script.fastest(lambda: walk(store, start))
        numbers = {id_: n for n, id_ in enumerate(store.artifacts)}
        hops = {numbers[id_]: hop for id_, hop in artifact_hops.items()}
        numbers = {id_: graph.n_versions + n for n, id_ in enumerate(store.executions)}
        return seconds, hops | {numbers[id_]: hop for id_, hop in execution_hops.items()}

    reference = hops_from(graph, start)
    expected = {node: hop for node, hop in enumerate(reference.tolist()) if hop >= 0}
    whole = _within_limit(ask_subgraph)
    events = _within_limit(lambda: ask_subgraph("events"))
    walked = _within_limit(ask_walk)
    if walked is not None and walked[1] != expected:
        raise SystemExit("mlmd_lineage: not the reference answer")
    complete = whole is not None and whole[1] == len(expected)
    answer = whole if complete else walked
    script.print_result(
        "mlmd_lineage",
        name,
        seconds=answer and answer[0],
        version=version("ml-metadata"),
        how="subgraph" if complete else "walk",
        reached=len(expected),
        fill_seconds=filling,
        subgraph_seconds=whole and whole[0],
        subgraph_reached=whole and whole[1],
        subgraph_events_seconds=events and events[0],
        walk_seconds=walked and walked[0],
        **({} if answer else {"unfinished_after_s": LIMIT_S}),
    )


if __name__ == "__main__":
    closure(*script.graph_and_start("mlmd_lineage"))
