"""fsck's answer as it streams: findings, how far it is, and what it all came to."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from api.routes import admin
from lineage.engine import Checked, Finding
from lineage.model import Caller

TOLD = [
    Checked(n_pages=1),
    Finding("blob_damaged", "b"),
    Finding("blob_damaged", "b", is_continued=True),
    Checked(n_blobs=5, n_pages=1),
    Finding("page_unowned", "p", is_repaired=True),
    Checked(n_objects=2, n_blobs=7, n_pages=1, n_versions=3),
]
ALL = {"n_objects": 2, "n_blobs": 7, "n_pages": 1, "n_versions": 3}


def lines() -> list[Any]:
    def watch(*_: Any, **__: Any) -> Iterator[Any]:
        yield from TOLD

    engine: Any = SimpleNamespace(fsck=SimpleNamespace(watch=watch))
    told = admin._findings(engine, Caller("ann"), deep=False, repair=True)
    return [orjson.loads(line) for line in told]


def test_a_quick_check_tells_its_findings_and_the_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "_TELL_EVERY_S", 60.0)
    *findings, last = lines()
    assert [finding["kind"] for finding in findings] == [
        "blob_damaged", "blob_damaged", "page_unowned",
    ]  # fmt: skip
    assert last == ALL | {"n_findings": 2, "n_repaired": 1}


def test_a_slow_one_says_in_between_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "_TELL_EVERY_S", 0.0)
    between = [line for line in lines()[:-1] if "kind" not in line]
    assert [line["n_blobs"] for line in between] == [0, 5, 7]
    assert between[-1] == ALL
