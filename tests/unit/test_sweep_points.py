"""The points of a sweep: a grid visits each combination once, a random one repeats itself."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.engine.sweeps import n_points, point
from lineage.model import Goal, Sweep
from lineage.names import SweepKey

KEY = SweepKey.parse("acme/vision/lr-search")


def sweep(method: str, parameters: Mapping[str, Any], key: SweepKey = KEY) -> Sweep:
    return Sweep(key, method, parameters, "acc", Goal.MAXIMIZE, datetime(2024, 1, 1, tzinfo=UTC))


values = st.lists(st.integers() | st.text(max_size=3) | st.booleans(), min_size=1, max_size=4)
grid_parameters = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=3),
    st.builds(lambda value: {"value": value}, st.integers())
    | st.builds(lambda several: {"values": several}, values)
    | st.builds(lambda low, n: {"min": low, "max": low + n}, st.integers(-5, 5), st.integers(0, 3)),
    min_size=1,
    max_size=4,
)


def choices(parameter: Mapping[str, Any]) -> list[Any]:
    if "value" in parameter:
        return [parameter["value"]]
    return parameter.get("values") or list(range(parameter["min"], parameter["max"] + 1))


@given(grid_parameters)
def test_a_grid_counts_through_every_combination_the_last_parameter_fastest(
    parameters: Mapping[str, Any],
) -> None:
    grid = sweep("grid", parameters)
    combinations = itertools.product(*map(choices, parameters.values()))
    wanted = [dict(zip(parameters, chosen, strict=True)) for chosen in combinations]
    assert n_points(grid) == len(wanted)
    found = [point(grid, number) for number in range(len(wanted))]
    assert found == wanted
    assert [list(config) for config in found] == [list(parameters)] * len(wanted)


def test_a_random_sweep_never_ends_by_itself() -> None:
    assert n_points(sweep("random", {"lr": {"values": [1, 2]}})) is None


@given(st.integers(0, 10_000))
def test_a_random_point_is_the_same_whenever_it_is_asked_for(number: int) -> None:
    search = sweep("random", {"lr": {"min": 0.0, "max": 1.0}, "layers": {"min": 1, "max": 9}})
    assert point(search, number) == point(search, number)


def test_random_points_differ_from_each_other_and_from_another_sweeps() -> None:
    parameters = {"lr": {"min": 0.0, "max": 1.0}}
    other = SweepKey.parse("acme/vision/other")
    drawn = [point(sweep("random", parameters), number)["lr"] for number in range(100)]
    drawn += [point(sweep("random", parameters, other), number)["lr"] for number in range(100)]
    assert len(set(drawn)) == 200


@pytest.mark.parametrize(
    ("parameter", "kind", "low", "high"),
    [
        ({"min": 1, "max": 3}, int, 1, 3),
        ({"min": 1, "max": 3, "distribution": "int_uniform"}, int, 1, 3),
        ({"min": 1, "max": 3, "distribution": "uniform"}, float, 1, 3),
        ({"min": 0.5, "max": 0.75}, float, 0.5, 0.75),
        ({"min": 1e-5, "max": 1e-1, "distribution": "log_uniform_values"}, float, 1e-5, 1e-1),
    ],
)
def test_a_range_is_drawn_from_between_its_ends(
    parameter: Mapping[str, Any], kind: type, low: float, high: float
) -> None:
    search = sweep("random", {"x": parameter})
    drawn = [point(search, number)["x"] for number in range(300)]
    assert all(type(value) is kind and low <= value <= high for value in drawn)
    if kind is int:
        assert set(drawn) == {1, 2, 3}


def test_a_log_uniform_range_gives_every_decade_its_share() -> None:
    lr = {"min": 1e-4, "max": 1.0, "distribution": "log_uniform_values"}
    drawn = [point(sweep("random", {"lr": lr}), number)["lr"] for number in range(400)]
    for low in (1e-4, 1e-3, 1e-2, 1e-1):
        assert 60 <= sum(low <= value < low * 10 for value in drawn) <= 140


def test_values_and_a_single_value_are_taken_as_they_are() -> None:
    search = sweep("random", {"a": {"values": ["x", None, [1]]}, "b": {"value": {"c": 1}}})
    drawn = [point(search, number) for number in range(100)]
    assert {repr(config["a"]) for config in drawn} == {"'x'", "None", "[1]"}
    assert all(config["b"] == {"c": 1} for config in drawn)
