"""Sizes, counts, keys and blockers in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["clearing", "counted", "format_bytes", "runs_and_versions", "short_key", "what_there_is"]

_UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


def counted(n: int, noun: str) -> str:
    """`1 version`, `2 versions`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def runs_and_versions(n_runs: int, n_versions: int) -> str:
    """`1 run and 2 versions`."""
    return f"{counted(n_runs, 'run')} and {counted(n_versions, 'version')}"


def what_there_is(*, n_versions: int, n_runs: int) -> str:
    """`2 versions and 1 run`, without what there is none of; `nothing` if there is neither."""
    parts = [(n_versions, "version"), (n_runs, "run")]
    return " and ".join(counted(n, what) for n, what in parts if n) or "nothing"


def short_key(key: str) -> str:
    """`acme/vision/digits:v3`, `run acme/vision/3f2a9c`."""
    return key.removeprefix("artifact:").replace("run:", "run ", 1)


def clearing(blocker: Mapping[str, str]) -> str:
    """How to clear a blocker; one that runs may have crashed."""
    if blocker["kind"] == "running":
        finish = f"lineage runs finish {blocker['name'].removeprefix('run:')}"
        return f"`{finish}`, or wait: a run that is silent for 5 minutes counts as crashed"
    return blocker["how_to_clear"]


def format_bytes(n_bytes: int) -> str:
    """`1.5 MiB`; whole bytes below 1 KiB."""
    if n_bytes < 1024:
        return counted(n_bytes, "byte")
    value, unit = float(n_bytes), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.1f} {_UNITS[unit]}"
