"""Filters as users of other trackers write them, made into those of `lineage.filters`.

    {"state": "finished", "summary_metrics.acc": {"$gt": 0.9}, "$or": [{"tags": "a"}, …]}

As there, `$ne` and `$nin` also hold where nothing is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from lineage.errors import Invalid
from lineage.filters import And, Compare, Exists, Filter, Glob, In, Not, Op, Or, to_text

__all__ = ["filter_text", "order_text"]

_NAMES: Final = {
    "display_name": "name",
    "displayName": "name",
    "createdAt": "created_at",
    "heartbeatAt": "heartbeat_at",
    "jobType": "job_type",
    "aliases.alias": "aliases",
}
_COMPARE: Final = {"$eq": Op.EQ, "$gt": Op.GT, "$gte": Op.GE, "$lt": Op.LT, "$lte": Op.LE}


def filter_text(filters: str | Mapping[str, Any] | None) -> str | None:
    """The filter as text for the server; Invalid if it uses what there is no word for."""
    if filters is None or isinstance(filters, str):
        return filters or None
    return to_text(_all(filters)) if filters else None


def order_text(order: str | None) -> str | None:
    """`-summary_metrics.acc` as `-summary.acc`; a plus in front is left out."""
    if order is None:
        return None
    sign = "-" if order.startswith("-") else ""
    return sign + _field(order.lstrip("+-"))


def _all(conditions: Any) -> Filter:
    if not isinstance(conditions, Mapping) or not conditions:
        raise Invalid("filters", f"{conditions!r:.100} is not an object of conditions")
    parts = [part for name, value in conditions.items() for part in _conditions(name, value)]
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _conditions(name: str, value: Any) -> list[Filter]:
    if name in ("$and", "$or", "$nor"):
        if not isinstance(value, list | tuple) or not value:
            raise Invalid("filters", f"{name} takes a list of conditions")
        parts = tuple(map(_all, value))
        if name == "$and":
            return list(parts)
        return [Or(parts) if name == "$or" else Not(Or(parts))]
    if name == "$not":
        return [Not(_all(value))]
    if name.startswith("$"):
        raise Invalid("filters", f"there is no {name}; $and, $or, $nor, $not join conditions")
    field = _field(name)
    if not isinstance(value, Mapping):
        return [Compare(field, Op.EQ, value)]
    return [_condition(field, operator, operand) for operator, operand in value.items()]


def _condition(field: str, operator: str, operand: Any) -> Filter:
    if operator in _COMPARE:
        return Compare(field, _COMPARE[operator], operand)
    match operator:
        case "$ne":
            return Not(Compare(field, Op.EQ, operand))
        case "$in":
            return In(field, tuple(operand))
        case "$nin":
            return Not(In(field, tuple(operand)))
        case "$exists":
            return Exists(field) if operand else Not(Exists(field))
        case "$glob":
            return Glob(field, operand)
        case "$not":
            if isinstance(operand, Mapping) and operand:
                return Not(And(tuple(_condition(field, *item) for item in operand.items())))
    known = ", ".join([*_COMPARE, "$ne", "$in", "$nin", "$exists", "$glob", "$not"])
    raise Invalid("filters", f"there is no {operator} for {field}; there are {known}")


def _field(name: str) -> str:
    # `config.lr.value` is how the value of `lr` is written there.
    if name.startswith("config.") and name.endswith(".value"):
        name = name.removesuffix(".value")
    if name.startswith("summary_metrics."):
        name = "summary." + name.removeprefix("summary_metrics.")
    return _NAMES.get(name, name)
