"""Documents: what people log is kept whole, checked, and flattened for questions."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lineage.errors import Invalid, TooLarge
from lineage.values import MAX_DEPTH, Value, check_document, dumps, flatten, loads

text = st.text(st.characters(exclude_categories=["Cs"]))
keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9).filter(
    lambda key: key != "$float"
)
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | text
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=12
)
documents = st.dictionaries(keys, json_values)


def same(left: Any, right: Any) -> bool:
    """Equal in value and in type; NaN is NaN, and 0.0 is not -0.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        both_nan = math.isnan(left) and math.isnan(right)
        return both_nan or struct.pack(">d", left) == struct.pack(">d", right)
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


@given(documents)
def test_what_is_loaded_is_what_was_dumped(document: dict[str, Any]) -> None:
    assert same(loads(dumps(document)), document)


@given(documents)
def test_a_document_that_json_can_say_is_kept_as_it_is(document: dict[str, Any]) -> None:
    assert same(check_document(document, "config"), document)


@given(documents)
def test_what_travels_is_json_that_anyone_can_read(document: dict[str, Any]) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    json.loads(dumps(document), parse_constant=refuse)


def test_nan_and_infinities_travel_under_their_names() -> None:
    assert dumps([math.nan, math.inf, -math.inf]) == (
        b'[{"$float":"NaN"},{"$float":"Infinity"},{"$float":"-Infinity"}]'
    )


def test_tuples_become_lists() -> None:
    assert check_document({"sizes": (1, (2, 3))}, "config") == {"sizes": [1, [2, 3]]}


def test_a_float_of_somebodys_own_type_becomes_plain() -> None:
    checked = check_document({"acc": np.float64(0.5)}, "summary")
    assert type(checked["acc"]) is float
    assert loads(dumps(checked)) == {"acc": 0.5}


def nested(depth: int, *, in_lists: bool) -> dict[str, Any]:
    value: Any = 1
    for _ in range(depth - 1):
        value = [value] if in_lists else {"a": value}
    return {"a": value}


@pytest.mark.parametrize("in_lists", [False, True])
def test_a_document_may_be_as_deep_as_the_limit_and_no_deeper(in_lists: bool) -> None:
    check_document(nested(MAX_DEPTH, in_lists=in_lists), "config")
    with pytest.raises(Invalid, match="deep") as caught:
        check_document(nested(MAX_DEPTH + 1, in_lists=in_lists), "config")
    assert caught.value.field == "config"


def test_a_document_that_contains_itself_is_too_deep() -> None:
    document: dict[str, Any] = {}
    document["self"] = document
    with pytest.raises(Invalid, match="deep"):
        check_document(document, "config")
    with pytest.raises(Invalid):
        dumps(document)


def test_a_document_over_the_limit_is_too_large() -> None:
    with pytest.raises(TooLarge):
        check_document({"a": "x" * (8 * 1024 * 1024)}, "summary")


@pytest.mark.parametrize(
    "document",
    [None, 3, "x", [1], {1: 2}, {"": 1}, {"x" * 513: 1}, {"a": {"$float": "NaN"}}, {"a": 2**63},
     {"a": -(2**63) - 1}, {"a": b"x"}, {"a": object()}, {"a": {1, 2}}, {"a": "\ud800"},
     {"\ud800": 1}, {"a": 1j}],
    ids=repr,
)  # fmt: skip
def test_what_json_cannot_say_is_refused(document: object) -> None:
    with pytest.raises(Invalid) as caught:
        check_document(document, "metadata")
    assert caught.value.field == "metadata"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"nan", b"NaN", b"[Infinity]", b"\xff", b'"\\ud800"', b"[1,]", b"{'a':1}",
     b'{"$float":"Nan"}', b'{"$float":1}', b'{"$float":[]}', b"[" * 100_000, b'{"a":' * 100_000],
    ids=lambda body: repr(body[:20]),
)  # fmt: skip
def test_a_body_that_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        loads(body)


@pytest.mark.parametrize("depth", [100, 300, 900, 1020])
def test_a_deep_body_is_read_or_refused_and_never_breaks_the_reader(depth: int) -> None:
    try:
        value = loads(b"[" * depth + b"]" * depth)
    except Invalid:
        return
    with pytest.raises(Invalid):
        check_document({"a": value}, "config")


@given(documents)
@example({"a": {"b": [True, None, {"c": "x"}]}, "d": 1})
def test_every_leaf_is_found_under_its_path(document: dict[str, Any]) -> None:
    def leaves(path: str, value: Any) -> list[tuple[str, Any]]:
        if isinstance(value, dict):
            return [leaf for k, v in value.items() for leaf in leaves(f"{path}.{k}", v)]
        if isinstance(value, list):
            return [leaf for n, v in enumerate(value) for leaf in leaves(f"{path}.{n}", v)]
        return [(path, value)]

    wanted = [leaf for key, value in document.items() for leaf in leaves(key, value)]
    found = [(value.path, value.value) for value in flatten(document)]
    assert [path for path, _ in found] == [path for path, _ in wanted]
    assert all(same(a, b) for (_, a), (_, b) in zip(found, wanted, strict=True))


def test_true_is_not_a_number() -> None:
    assert list(flatten({"a": True, "b": 1, "c": 1.5, "d": "1", "e": None})) == [
        Value("a", "bool", True),
        Value("b", "number", 1),
        Value("c", "number", 1.5),
        Value("d", "text", "1"),
        Value("e", "null", None),
    ]
