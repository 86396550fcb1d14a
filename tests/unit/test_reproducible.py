"""What can be made again: the quick fixpoint against the definition, read out loud."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lineage.engine.reproducible import Region, reproducible
from lineage.model import Edge, EdgeKind
from lineage.names import CollectionKey, NodeKey, ProjectKey, RunKey, SegmentKey, VersionKey

PROJECT = ProjectKey.parse("acme/vision")
VERSIONS = [CollectionKey.of(PROJECT, "c").version(n) for n in range(6)]
SEGMENTS = [RunKey.of(PROJECT, f"r{run}").segment(n) for run in range(3) for n in (1, 2)]

edges = st.one_of(
    st.builds(
        lambda v, s: Edge(v, s, EdgeKind.FEEDS),
        st.sampled_from(VERSIONS),
        st.sampled_from(SEGMENTS),
    ),
    st.builds(
        lambda s, v: Edge(s, v, EdgeKind.LOGGED),
        st.sampled_from(SEGMENTS),
        st.sampled_from(VERSIONS),
    ),
)
reproductions = st.tuples(st.sampled_from(SEGMENTS), st.sampled_from(VERSIONS))


def region(some: list[Edge], reproduced: list[tuple[SegmentKey, VersionKey]]) -> Region:
    made = Region()
    made.add([*VERSIONS, *SEGMENTS])
    continues = [
        Edge(first, second, EdgeKind.CONTINUES)
        for first, second in zip(SEGMENTS[::2], SEGMENTS[1::2], strict=True)
    ]
    made.connect([*some, *continues], reproduced)
    return made


def by_definition(
    some: list[Edge],
    reproduced: list[tuple[SegmentKey, VersionKey]],
    gone: set[VersionKey],
    lost: set[SegmentKey],
) -> set[NodeKey]:
    found: set[NodeKey] = set()
    makers = {(e.src, e.dst) for e in some if e.kind is EdgeKind.LOGGED} | set(reproduced)
    while True:
        new: set[NodeKey] = set()
        for segment in SEGMENTS:
            before = [s for s in SEGMENTS if s.run == segment.run and s.number < segment.number]
            inputs = [e.src for e in some if e.kind is EdgeKind.FEEDS and e.dst == segment]
            is_possible = all(s in found for s in before) and all(
                v not in gone or v in found for v in inputs
            )
            if segment not in lost and is_possible:
                new.add(segment)
        new |= {v for v in VERSIONS if any(s in found for s, made in makers if made == v)}
        if new <= found:
            return found
        found |= new


@given(
    some=st.lists(edges, max_size=14),
    reproduced=st.lists(reproductions, max_size=4),
    gone=st.sets(st.sampled_from(VERSIONS)),
    lost=st.sets(st.sampled_from(SEGMENTS), max_size=2),
)
def test_the_fixpoint_is_the_definition(
    some: list[Edge],
    reproduced: list[tuple[SegmentKey, VersionKey]],
    gone: set[VersionKey],
    lost: set[SegmentKey],
) -> None:
    found = reproducible(region(some, reproduced), gone=gone, lost=lost)
    assert found == by_definition(some, reproduced, gone, lost)


def test_two_that_could_only_be_made_from_each_other_cannot() -> None:
    a, b = VERSIONS[:2]
    first, second = SEGMENTS[0], SEGMENTS[2]
    some = [
        Edge(a, first, EdgeKind.FEEDS),
        Edge(first, b, EdgeKind.LOGGED),
        Edge(b, second, EdgeKind.FEEDS),
    ]
    circle = region(some, [(second, a)])
    assert not reproducible(circle, gone={a, b}, lost=()) & {a, b}
    assert {a, b} <= reproducible(circle, gone={b}, lost=())
