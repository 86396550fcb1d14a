"""The drawing of a trace: every node once, in the order of the data, however wide or deep."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.cli.tree import TraceTree, caption


def version(n: int | str) -> str:
    return f"artifact:acme/vision/{n}:v0"


def run(n: int | str) -> str:
    return f"run:acme/vision/{n}"


def info(key: str, **more: str) -> dict[str, str]:
    is_run = key.startswith("run:")
    state = "finished" if is_run else "committed"
    return {"state": state, "type": "", "name": "", "created_at": "2026-01-31T09:00:00Z"} | more


def answer(edges: list[tuple[str, str]]) -> dict[str, Any]:
    nodes = {key: info(key) for edge in edges for key in edge}
    return {"edges": [(src, dst, "any") for src, dst in edges], "nodes": nodes}


def drawn(edges: list[tuple[str, str]], start: str, *, upstream: bool = False) -> list[str]:
    tree = TraceTree.of([start], answer(edges), upstream=upstream)
    return ["".join(text for text, _ in parts) for parts in tree.lines()]


def test_a_tree_shows_a_repeated_node_once_and_then_points_above() -> None:
    edges = [(version("a"), run("r")), (version("a"), run("s")), (run("r"), version("m"))]
    edges.append((run("s"), version("m")))
    assert drawn(edges, version("a")) == [
        "◆ a:v0",
        "├ ● r",
        "│ └ ◆ m:v0",
        "└ ● s",
        "  └ ◆ m:v0 (see above)",
    ]


def test_upstream_follows_the_edges_backwards() -> None:
    edges = [(version("a"), run("r")), (run("r"), version("m"))]
    assert drawn(edges, version("m"), upstream=True) == ["◆ m:v0", "└ ● r", "  └ ◆ a:v0"]


def test_many_repeated_children_share_one_line() -> None:
    runs = [run(n) for n in range(5)]
    edges = [(version("a"), r) for r in runs] + [(version("b"), r) for r in runs]
    edges += [(run("first"), version("a")), (run("first"), version("b"))]
    lines = drawn(edges, run("first"))
    assert len(lines) == 1 + 2 + 5 + 1
    assert lines[-1] == "  └ 5 runs (see above)"


def test_the_segments_of_a_run_that_is_the_start_are_one_root() -> None:
    first, second = run("r"), run("r") + "#2"
    edges = [(first, second), (first, version("a")), (second, version("b"))]
    tree = TraceTree.of([first, second], answer(edges), upstream=False)
    lines = ["".join(text for text, _ in parts) for parts in tree.lines()]
    assert lines == ["● r", "├ ◆ a:v0", "└ ◆ b:v0"]


def test_several_starts_are_a_root_each_and_share_what_is_below() -> None:
    edges = [(version("a"), run("r")), (version("b"), run("r")), (version("b"), version("a"))]
    edges.append((run("r"), version("m")))
    starts = [version("a"), version("b")]
    tree = TraceTree.of(starts, answer(edges), upstream=False, lost=[run("r"), version("m")])
    lines = ["".join(text for text, _ in parts) for parts in tree.lines()]
    assert lines == [
        "◆ a:v0",
        "└ ● r ✗ could not be made again",
        "  └ ◆ m:v0 ✗ could not be made again",
        "◆ b:v0",
        "└ ● r ✗ could not be made again (see above)",
    ]


@pytest.mark.parametrize(
    ("key", "told", "said"),
    [
        (version("m"), info(version("m"), type="model"), "◆ m:v0 model"),
        (version("m"), info(version("m"), state="deleted"), "◆ m:v0 [deleted]"),
        (run("r"), info(run("r"), name="train", type="job"), "● train (r) job"),
        (run("r") + "#2", info(run("r"), state="crashed"), "● r #2 [crashed]"),
        ("artifact:other/p/m:v3", info(version("m")), "◆ other/p/m:v3"),
        ("hidden:run:1", None, "● a run you may not see"),
        ("hidden:artifact:2", None, "◆ a version you may not see"),
    ],
)
def test_a_caption_tells_what_a_node_is(key: str, told: dict[str, str] | None, said: str) -> None:
    assert "".join(text for text, _ in caption(key, told, project="acme/vision")) == said


def test_runs_and_versions_differ_in_symbol_and_colour() -> None:
    symbols = [caption(key, info(key))[0] for key in (run("r"), version("v"))]
    assert len({symbol for symbol, _ in symbols}) == 2
    assert len({style for _, style in symbols}) == 2


def test_a_chain_of_20000_hops_is_drawn_in_short_lines() -> None:
    keys = [run(n) if n % 2 else version(n) for n in range(20_000)]
    lines = drawn(list(pairwise(keys)), keys[0])
    assert len(lines) == 20_000
    assert max(map(len, lines)) < 80
    assert lines[-1].startswith("19999 … ")


@given(st.sets(st.tuples(st.integers(0, 12), st.integers(0, 12))))
def test_every_reachable_node_is_drawn_exactly_once(pairs: set[tuple[int, int]]) -> None:
    graph = nx.DiGraph((version(a), version(b)) for a, b in pairs if a < b)
    graph.add_edge(version(0), version(99))
    below = nx.descendants(graph, version(0))
    lines = drawn([edge for edge in graph.edges if edge[1] in below], version(0))[1:]
    told = [line.lstrip("│├└ ") for line in lines if not line.endswith("(see above)")]
    assert sorted(told) == sorted(f"◆ {key.rpartition('/')[2]}" for key in below)
