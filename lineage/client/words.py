"""Sizes and counts in words."""

from __future__ import annotations

from typing import Final

__all__ = ["counted", "format_bytes", "runs_and_versions"]

_UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


def counted(n: int, noun: str) -> str:
    """`1 version`, `2 versions`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def runs_and_versions(n_runs: int, n_versions: int) -> str:
    """`1 run and 2 versions`."""
    return f"{counted(n_runs, 'run')} and {counted(n_versions, 'version')}"


def format_bytes(n_bytes: int) -> str:
    """`1.5 MiB`; whole bytes below 1 KiB."""
    if n_bytes < 1024:
        return counted(n_bytes, "byte")
    value, unit = float(n_bytes), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.1f} {_UNITS[unit]}"
