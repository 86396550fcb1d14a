"""The measured graphs in a real store, loaded through the port's own verbs."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from bench.graphs import Graph
from lineage.digest import Digest
from lineage.model import (
    Access,
    Collection,
    DraftId,
    Project,
    Run,
    RunState,
    Version,
    VersionState,
)
from lineage.names import CollectionKey, ProjectKey, RunKey, VersionKey
from lineage.ports import GraphStore, Transaction

PROJECT = ProjectKey("bench/graph")
_COLLECTION = CollectionKey(f"{PROJECT}/data")
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_AT_ONCE = 10_000


def run_key(number: int) -> RunKey:
    return RunKey(f"run:{PROJECT}/r{number}")


def version_key(number: int) -> VersionKey:
    return _COLLECTION.version(number)


def key_of(graph: Graph, node: int) -> str:
    """The key under which a node of the graph is stored."""
    n = graph.n_versions
    return version_key(node) if node < n else run_key(node - n)


def load(store: GraphStore, graph: Graph) -> None:
    """Write the whole graph, 10,000 nodes or edges a transaction."""

    def begin(tx: Transaction) -> None:
        tx.projects.add(Project(PROJECT, Access.PRIVATE, _BEGAN))
        tx.collections.add(Collection(_COLLECTION, "dataset", _BEGAN, graph.n_versions))

    store.write(begin)
    for numbers in _pieces(range(graph.n_versions)):
        store.write(lambda tx, numbers=numbers: _add_versions(tx, numbers))  # type: ignore[misc]
    for numbers in _pieces(range(graph.n_runs)):
        store.write(lambda tx, numbers=numbers: _add_runs(tx, numbers))  # type: ignore[misc]
    for edges in _pieces((graph.used - [graph.n_versions, 0]).tolist()):
        store.write(lambda tx, edges=edges: _add_uses(tx, edges))  # type: ignore[misc]
    for edges in _pieces((graph.logged - [graph.n_versions, 0]).tolist()):
        store.write(lambda tx, edges=edges: _add_logged(tx, edges))  # type: ignore[misc]


def _pieces(items: Sequence) -> Iterator[Sequence]:  # type: ignore[type-arg]
    for at in range(0, len(items), _AT_ONCE):
        yield items[at : at + _AT_ONCE]


def _add_versions(tx: Transaction, numbers: Sequence[int]) -> None:
    for number in numbers:
        version = Version(
            key=version_key(number),
            type="dataset",
            state=VersionState.COMMITTED,
            manifest=Digest.of(str(number).encode()),
            size_bytes=0,
            n_files=0,
            created_at=_BEGAN + timedelta(seconds=number),
            created_by="bench",
        )
        tx.versions.add(version, DraftId("0" * 32), [])


def _add_runs(tx: Transaction, numbers: Sequence[int]) -> None:
    for number in numbers:
        at = _BEGAN + timedelta(seconds=number)
        tx.runs.add(Run(run_key(number), RunState.FINISHED, created_at=at, heartbeat_at=at))


def _add_uses(tx: Transaction, edges: Sequence[tuple[int, int]]) -> None:
    for run, version in edges:
        tx.flow.add_use(run_key(run).segment(1), version_key(version))


def _add_logged(tx: Transaction, edges: Sequence[tuple[int, int]]) -> None:
    for run, version in edges:
        tx.flow.add_logged(run_key(run).segment(1), version_key(version))
