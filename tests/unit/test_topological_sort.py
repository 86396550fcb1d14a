"""The proof that fsck gives of acyclicity, against networkx."""

from __future__ import annotations

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from lineage.engine.fsck import unsorted_nodes
from lineage.model import Edge, EdgeKind
from lineage.names import NodeKey

nodes = st.sampled_from([NodeKey(letter) for letter in "abcdefgh"])
edges = st.lists(st.builds(Edge, nodes, nodes, st.sampled_from(EdgeKind)), max_size=20)


@given(edges)
def test_what_cannot_be_sorted_is_what_lies_on_a_cycle_or_behind_one(edges: list[Edge]) -> None:
    graph = nx.DiGraph([(edge.src, edge.dst) for edge in edges])
    on_cycles = [c for c in nx.strongly_connected_components(graph) if len(c) > 1]
    on_cycles += [{node} for node in graph if graph.has_edge(node, node)]
    stuck = {node for c in on_cycles for node in c}
    stuck |= {reached for node in stuck for reached in nx.descendants(graph, node)}
    # An edge stated twice is one edge to networkx; the sort counts it twice, in and out.
    assert unsorted_nodes(edges) == sorted(stuck)
    assert bool(unsorted_nodes(edges)) == (not nx.is_directed_acyclic_graph(graph))
