"""Filters: what people type is read, checked against the fields, and written back the same."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.errors import Invalid
from lineage.filters import (
    RUN_DOCUMENTS,
    RUN_FIELDS,
    VERSION_DOCUMENTS,
    VERSION_FIELDS,
    And,
    Compare,
    Exists,
    FieldType,
    Filter,
    Glob,
    In,
    Not,
    Op,
    Or,
    check,
    check_order,
    parse,
    to_text,
)

odd = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="`"), min_size=1)
fields = st.sampled_from([*RUN_FIELDS, "config.lr", "summary.val/acc", "and", "NULL", "a b"]) | odd
texts = st.text(st.characters(exclude_categories=["Cs"]))
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
values = st.none() | st.booleans() | numbers | texts
leaves: st.SearchStrategy[Filter] = (
    st.builds(Compare, fields, st.sampled_from(Op), values)
    | st.builds(In, fields, st.lists(values, max_size=3).map(tuple))
    | st.builds(Glob, fields, texts)
    | st.builds(Exists, fields)
)


def joined(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.builds(And, several) | st.builds(Or, several) | st.builds(Not, inner)


filters = st.recursive(leaves, joined, max_leaves=8)


@given(filters)
def test_a_filter_parses_to_itself(where: Filter) -> None:
    again = parse(to_text(where))
    assert again == where
    assert repr(again) == repr(where)  # tells 1 from True and from 1.0


def test_or_binds_loosest_then_and_then_not() -> None:
    assert parse("not point = 1 and point = 2 or point = 3") == Or(
        (
            And((Not(Compare("point", Op.EQ, 1)), Compare("point", Op.EQ, 2))),
            Compare("point", Op.EQ, 3),
        )
    )
    assert parse("point = 1 and (point = 2 or point = 3)") == And(
        (
            Compare("point", Op.EQ, 1),
            Or((Compare("point", Op.EQ, 2), Compare("point", Op.EQ, 3))),
        )
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("summary.acc>=0.9", Compare("summary.acc", Op.GE, 0.9)),
        ("config.lr = -1e-3", Compare("config.lr", Op.EQ, -0.001)),
        ("point != 3", Compare("point", Op.NE, 3)),
        ("name = 'it''s'", None),
        (r"name = 'it\'s'", Compare("name", Op.EQ, "it's")),
        (r'name = "a\\b\n"', Compare("name", Op.EQ, "a\\bn")),
        ("config.use = TRUE", Compare("config.use", Op.EQ, True)),
        ("config.x = null", Compare("config.x", Op.EQ, None)),
        ("`config.a b` < 1", Compare("config.a b", Op.LT, 1)),
        ('tags in ("a", "b")', In("tags", ("a", "b"))),
        ("point in []", In("point", ())),
        ('name glob "base-*"', Glob("name", "base-*")),
        ("EXISTS summary.loss", Exists("summary.loss")),
        (" \n exists config.x \t ", Exists("config.x")),
    ],
)
def test_what_people_type_is_read(text: str, wanted: Filter | None) -> None:
    if wanted is None:
        with pytest.raises(Invalid):
            parse(text)
    else:
        assert parse(text) == wanted


@pytest.mark.parametrize(
    "text",
    ["", " ", "point", "point =", "= 1", "point = 1 and", "or point = 1", "not", "(point = 1",
     "point = 1)", "point = 1 point = 2", "point == 1", "point = 1.2.3", "point = 1x",
     "point = 'a", 'point = "a', "point = `a`", "point in 1", "point in [1", "point in [1 2]",
     "point in (1]", "name glob 3", "exists", "exists 3", "and = 1", "null = 1", "point <> 1",
     "point = $1", "point = 1; drop table run", "``= 1", "point = -", "point = +1", "\0 = 1"],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(text)
    assert caught.value.field == "filter"


def test_a_filter_as_deep_as_the_limit_is_read_and_no_deeper() -> None:
    assert isinstance(parse("not " * 49 + "point = 1"), Not)
    for text in ("not " * 50 + "point = 1", "(" * 50 + "point = 1" + ")" * 50, "(" * 9999):
        with pytest.raises(Invalid):
            parse(text)


@pytest.mark.parametrize("number", ["9223372036854775807", "-9223372036854775808", "-1.5e308"])
def test_a_number_that_fits_is_read(number: str) -> None:
    assert to_text(parse(f"point = {number}")).replace("+", "") == f"point = {number}"


@pytest.mark.parametrize(
    "number", ["9223372036854775808", "-9223372036854775809", "1e999", "-1e999", "9" * 5000]
)
def test_a_number_that_does_not_fit_is_refused(number: str) -> None:
    with pytest.raises(Invalid, match="64 bits"):
        parse(f"config.x = {number}")


def test_a_filter_without_end_is_refused() -> None:
    with pytest.raises(Invalid, match="longer"):
        parse("point = 1 or " * 5000 + "point = 2")


def checked(text: str) -> Filter:
    return check(parse(text), RUN_FIELDS, RUN_DOCUMENTS)


@pytest.mark.parametrize(
    "text",
    ["colour = 1", "config = 1", "config. = 1", "metadata.x = 1", "config.x = 1 and no = 1",
     "not (no = 1)", "exists no", 'no glob "x"', "no in [1]", "name = 1", "name = true",
     "point = 'x'", "point = true", "point in [1, 'x']", "point = null", "tags = 1",
     "tags < 'a'", "tags in ['a', 1]", 'point glob "1*"', 'created_at glob "2*"',
     "created_at > 'yesterday'", "created_at > 20240101", "created_at = null"],
)  # fmt: skip
def test_a_comparison_that_can_never_make_sense_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        checked(text)


@pytest.mark.parametrize(
    "text",
    ["name = 'x'", "point >= 1.5", "tags = 'a' and tags != 'b'", "tags in ['a']",
     'tags glob "a*"', "config.x = 1 or config.x = 'a' or config.x = null or config.x = true",
     'config.x glob "a*"', "exists config.a.b.c", "exists tags", "summary_min.x < 1"],
)  # fmt: skip
def test_a_comparison_that_makes_sense_is_left_as_it_is(text: str) -> None:
    assert checked(text) == parse(text)


def test_times_are_read_as_aware_times() -> None:
    assert checked("created_at > '2026-01-31'") == Compare(
        "created_at", Op.GT, datetime(2026, 1, 31, tzinfo=UTC)
    )
    assert checked("created_at in ['2026-01-31T01:00:00+01:00']") == In(
        "created_at", (datetime(2026, 1, 31, tzinfo=UTC),)
    )
    where = checked("finished_at <= '2026-01-31T12:30:00.000001Z'")
    assert check(parse(to_text(where)), RUN_FIELDS, RUN_DOCUMENTS) == where


@pytest.mark.parametrize("order", ["name", "-created_at", "summary.acc", "-config.a.b"])
def test_a_known_field_gives_an_order(order: str) -> None:
    assert check_order(order, RUN_FIELDS, RUN_DOCUMENTS) == order


@pytest.mark.parametrize("order", ["", "-", "colour", "--name", "tags", "-tags", "config", "name "])
def test_an_unknown_order_is_refused(order: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_order(order, RUN_FIELDS, RUN_DOCUMENTS)
    assert caught.value.field == "order"


@pytest.mark.parametrize("field", VERSION_FIELDS)
def test_every_field_of_a_version_can_be_asked_for(field: str) -> None:
    value = {
        FieldType.TEXT: "'x'",
        FieldType.NUMBER: "1",
        FieldType.TIME: "'2026-01-01'",
        FieldType.SET: "'x'",
    }[VERSION_FIELDS[field]]
    check(parse(f"{field} = {value} and exists {field}"), VERSION_FIELDS, VERSION_DOCUMENTS)


def test_a_number_that_does_not_fit_is_refused_however_long_it_is() -> None:
    with pytest.raises(Invalid, match="64 bits"):
        parse("point = " + "9" * 5000)


@pytest.mark.parametrize("sign", ["*a", "?"])
def test_a_pattern_has_a_bounded_number_of_wildcards(sign: str) -> None:
    check(Glob("name", sign * 1000), RUN_FIELDS, ())
    with pytest.raises(Invalid, match="more than 1000 wildcards"):
        check(Glob("name", sign * 1001), RUN_FIELDS, ())
