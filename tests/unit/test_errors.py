"""The error tree: one code a class, facts as attributes, the same error on both sides of HTTP."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator

import pytest

from lineage import errors
from lineage.errors import Invalid, LineageError, from_code


def tree(root: type[LineageError]) -> Iterator[type[LineageError]]:
    yield root
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from tree(child)


CLASSES = list(tree(LineageError))


def make(cls: type[LineageError]) -> LineageError:
    if issubclass(cls, Invalid):
        return cls("path", "is absolute", limit=3)
    return cls("it failed: do this", path=["a", "b"], limit=3)


def test_every_class_has_a_code_of_its_own() -> None:
    codes = [cls.code for cls in CLASSES]
    assert len(set(codes)) == len(codes)
    assert {cls.__name__ for cls in CLASSES} | {"from_code"} == set(errors.__all__)


def test_only_an_unreachable_store_is_worth_a_blind_retry() -> None:
    assert [cls.__name__ for cls in CLASSES if cls.retryable] == ["Unavailable"]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_an_error_survives_the_way_over_http(cls: type[LineageError]) -> None:
    error = make(cls)
    rebuilt = from_code(error.code, error.message, **error.facts)
    assert type(rebuilt) is cls
    assert (rebuilt.message, str(rebuilt), rebuilt.facts) == (
        error.message,
        str(error),
        error.facts,
    )


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_an_error_can_be_copied_and_sent_between_processes(cls: type[LineageError]) -> None:
    error = make(cls)
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - our own
        assert type(other) is cls
        assert (other.message, other.facts) == (error.message, error.facts)


def test_facts_read_as_attributes_and_others_are_absent() -> None:
    error = errors.CycleError("no", path=["a", "b"])
    assert error.path == ["a", "b"]
    assert not hasattr(error, "blockers")


def test_invalid_says_the_field_and_the_reason() -> None:
    error = Invalid("alias", "is reserved")
    assert str(error) == "alias: is reserved"
    assert (error.field, error.reason) == ("alias", "is reserved")


def test_an_unknown_code_is_a_plain_error() -> None:
    error = from_code("made_up_tomorrow", "something", limit=1)
    assert type(error) is LineageError
    assert (error.message, error.limit) == ("something", 1)


def test_an_invalid_without_facts_is_rebuilt_all_the_same() -> None:
    error = from_code("invalid", "path: is absolute")
    assert type(error) is Invalid
    assert (error.message, error.field) == ("path: is absolute", "request")
