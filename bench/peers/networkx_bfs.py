"""networkx: downstream with hops on a DiGraph already in memory; only the question is timed."""

import networkx as nx

from bench.graphs import GRAPHS, hops_from
from bench.peers import script


def closure(name: str, start: int) -> None:
    graph = GRAPHS[name]()
    digraph = nx.DiGraph()
    digraph.add_nodes_from(range(graph.n_nodes))
    digraph.add_edges_from(graph.flow().tolist())
    seconds, hops = script.fastest(lambda: nx.single_source_shortest_path_length(digraph, start))
    expected = hops_from(graph, start)
    if hops != {node: hop for node, hop in enumerate(expected.tolist()) if hop >= 0}:
        raise SystemExit("networkx_bfs: not the reference answer")
    script.print_result(
        "networkx_bfs", name, seconds=seconds, version=nx.__version__, reached=len(hops)
    )


if __name__ == "__main__":
    closure(*script.graph_and_start("networkx_bfs"))
