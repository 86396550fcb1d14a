"""What people log, made into JSON values: numbers of numpy and torch, paths, times, the rest."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from datetime import date
from enum import Enum
from pathlib import PurePath
from typing import Any

from lineage.errors import Invalid
from lineage.values import check_document

__all__ = ["Document", "to_document"]


def to_document(value: object, field: str) -> dict[str, Any]:
    """`value` as a JSON object; Invalid names what JSON cannot say.

    Args:
        value: a mapping, a dataclass or an argparse.Namespace.
    """
    return check_document(_plain(value), field)


def _plain(value: Any) -> Any:
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return _plain(value.value)
    for kind in (bool, int, float, str):  # numpy.float64 is a float, but not one for JSON
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, argparse.Namespace):
        return _plain(vars(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    # Arrays and tensors, whichever library they are of; one element is a number.
    if callable(getattr(value, "tolist", None)):
        items = value.tolist()
        while isinstance(items, list) and len(items) == 1:
            items = items[0]
        return _plain(items)
    return value


class Document(MutableMapping[str, Any]):
    """A config or summary: a mapping whose keys read as attributes, and `a.b` as a key inside `a`.

    Each change is told to `changed` as one JSON object of the keys that changed.
    """

    def __init__(
        self, values: Mapping[str, Any], changed: Callable[[dict[str, Any]], None], field: str
    ) -> None:
        self._values = dict(values)
        self._changed = changed
        self._field = field

    def __getitem__(self, key: str) -> Any:
        if key in self._values:
            return self._values[key]
        found: Any = self._values
        for part in key.split("."):
            if not isinstance(found, Mapping) or part not in found:
                raise KeyError(key)
            found = found[part]
        return found

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        raise Invalid(self._field, f"{key}: a key that was recorded cannot be taken back")

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"{self._field} has no {name}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            self[name] = value

    def __repr__(self) -> str:
        return repr(self._values)

    def update(self, *others: Any, **more: Any) -> None:
        """Set several keys at once."""
        given: dict[str, Any] = {}
        for other in others:
            given |= other if isinstance(other, Mapping) else _plain(other)
        changes = to_document(given | more, self._field)
        if changes:
            self._values |= changes
            self._changed(changes)

    def as_dict(self) -> dict[str, Any]:
        """A copy, as plain Python."""
        return dict(self._values)

    def merge(self, values: Mapping[str, Any]) -> None:
        """Take over what the server knows already; nothing is told."""
        self._values |= values
