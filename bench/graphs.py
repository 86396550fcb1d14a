"""The five graphs that closures are measured on, and the answer each must give.

A graph of n_versions versions and n_runs runs numbers its nodes from 0: versions first, then runs.
A graph is made from its name alone: seed and sizes are fixed here, so two machines compare like
with like.

    G1   layered       20,000 runs    62,000 versions   119,984 edges   30 layers
    G2   chain         20,000 runs    20,001 versions    40,000 edges   40,000 hops end to end
    G3   hub           50,000 runs   100,001 versions   150,000 edges   one version feeds all runs
    G4   layered      166,000 runs   503,000 versions   995,962 edges   50 layers
    D60  diamonds         180 runs       181 versions       420 edges   2**60 paths end to end
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Nodes = NDArray[np.int64]
Hops = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Runs, versions, and the two kinds of edge between them.

    `used` is (n, 2), rows (run, version it read); `logged` is (n, 2), rows (run, version it made).
    """

    n_runs: int
    n_versions: int
    used: Nodes
    logged: Nodes

    @property
    def n_nodes(self) -> int:
        return self.n_versions + self.n_runs

    def flow(self) -> Nodes:
        """(n, 2) edges as data flows: rows (version, run) of `used`, then (run, version)."""
        return np.vstack((np.fliplr(self.used), self.logged))


def hops_from(graph: Graph, start: int, *, upstream: bool = False) -> Hops:
    """How many edges away each node is from `start`; -1 for those it does not lead to.

    The reference that answers are checked against and that speeds are compared with: breadth-first
    search, a whole level at a time, over an index (compressed rows) built anew in every call.

    Returns:
        (n_nodes,) hops; `start` itself is at 0.
    Cost: O(n + m log m).
    """
    edges = graph.flow()
    tails, heads = (edges[:, 1], edges[:, 0]) if upstream else (edges[:, 0], edges[:, 1])
    heads = heads[np.argsort(tails, kind="stable")]
    row_ends = np.cumsum(np.bincount(tails, minlength=graph.n_nodes))
    row_starts = np.concatenate(([0], row_ends[:-1]))

    hops = np.full(graph.n_nodes, -1, dtype=np.int32)
    hops[start] = 0
    level = np.array([start])
    distance = 0
    while level.size:
        distance += 1
        neighbours = heads[_ranges(row_starts[level], row_ends[level])]
        level = np.unique(neighbours[hops[neighbours] == -1])
        hops[level] = distance
    return hops


def busiest_version(graph: Graph) -> int:
    """The version that most runs read (the lowest number among equals): a start that leads far."""
    return int(np.bincount(graph.used[:, 1], minlength=graph.n_versions).argmax())


def _ranges(firsts: Nodes, ends: Nodes) -> Nodes:
    """All of firsts[0]..ends[0]-1, then all of firsts[1]..ends[1]-1, and so on, in one array."""
    lengths = ends - firsts
    total = np.cumsum(lengths)
    positions: Nodes = np.arange(total[-1]) + np.repeat(firsts - (total - lengths), lengths)
    return positions


def _layered(n_runs: int, n_layers: int, *, n_sources: int, seed: int) -> Graph:
    """Each run reads 3 versions of the layer above its own and makes 3.

    One read in ten skips layers: it is drawn from all versions made before. A run that draws the
    same version twice reads it once.
    """
    per_run, skipping = 3, 0.1
    # The order of the draws below is the graph: change it and all measurements change.
    random = np.random.default_rng(seed)
    smaller, n_larger = divmod(n_runs, n_layers)
    used, made = [], []
    run, oldest, newest = 0, 0, n_sources  # the layer above is the versions oldest..newest-1
    for layer in range(n_layers):
        n = smaller + (layer < n_larger)
        reads = random.integers(oldest, newest, size=(n, per_run))
        if layer > 1:  # until then, "all before" is the layer above, and the sources
            skips = random.random((n, per_run)) < skipping
            reads[skips] = random.integers(0, newest, size=np.count_nonzero(skips))
        runs = np.repeat(np.arange(run, run + n), per_run)
        versions = np.arange(newest, newest + runs.size)
        used.append(np.unique(np.column_stack((runs, reads.reshape(-1))), axis=0))
        made.append(np.column_stack((runs, versions)))
        run, oldest, newest = run + n, newest, newest + runs.size
    return _graph(n_runs, newest, np.vstack(used), np.vstack(made))


def _chain(n_runs: int) -> Graph:
    """Run i reads version i and makes version i + 1."""
    link = np.arange(n_runs)
    return _graph(
        n_runs, n_runs + 1, np.column_stack((link, link)), np.column_stack((link, link + 1))
    )


def _hub(n_runs: int) -> Graph:
    """Every run reads version 0 and makes two."""
    reads = np.column_stack((np.arange(n_runs), np.zeros(n_runs, dtype=np.int64)))
    outputs = np.column_stack((np.repeat(np.arange(n_runs), 2), np.arange(1, 2 * n_runs + 1)))
    return _graph(n_runs, 2 * n_runs + 1, reads, outputs)


def _diamonds(n: int) -> Graph:
    """n times: two runs read one version and make one each; a third run reads both, makes the next.

    Whoever enumerates paths doubles them with every diamond and never ends.
    """
    used = np.array([(0, 0), (1, 0), (2, 1), (2, 2)])
    made = np.array([(0, 1), (1, 2), (2, 3)])
    steps = 3 * np.arange(n).reshape(n, 1, 1)
    return _graph(3 * n, 3 * n + 1, (used + steps).reshape(-1, 2), (made + steps).reshape(-1, 2))


def _graph(n_runs: int, n_versions: int, used: Nodes, logged: Nodes) -> Graph:
    """Takes edges whose runs count from 0 and gives runs their numbers after the versions."""
    after_versions = np.array((n_versions, 0))
    return Graph(n_runs, n_versions, used + after_versions, logged + after_versions)


GRAPHS: Mapping[str, Callable[[], Graph]] = MappingProxyType(
    {
        "G1": lambda: _layered(20_000, 30, n_sources=2_000, seed=1),
        "G2": lambda: _chain(20_000),
        "G3": lambda: _hub(50_000),
        "G4": lambda: _layered(166_000, 50, n_sources=5_000, seed=4),
        "D60": lambda: _diamonds(60),
    }
)
