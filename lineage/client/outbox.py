"""What a run has reported and not yet sent: patches of config, summary and metrics, in order."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from typing import Any

__all__ = ["Outbox", "Patch", "bodies_of"]

Patch = dict[str, dict[str, Any]]
"""`config`, `summary`, `metrics`, and the `least` and `most` of metrics that were replaced."""


class Outbox:
    """Safe for many threads; whoever takes a patch and cannot send it puts it back."""

    def __init__(self) -> None:
        self._patches: list[Patch] = []
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._patches)

    def log(self, metrics: Mapping[str, Any]) -> None:
        """Add metrics: of each key the last value, the least and the greatest are kept."""
        with self._lock:
            patch = self._last()
            for key, value in metrics.items():
                patch["summary"].pop(key, None)
                _widen(patch, key, value)

    def set_summary(self, changes: Mapping[str, Any]) -> None:
        with self._lock:
            patch = self._last()
            if changes.keys() & patch["metrics"].keys():  # of a patch, metrics would win
                patch = self._new()
            patch["summary"].update(changes)

    def set_config(self, changes: Mapping[str, Any]) -> None:
        with self._lock:
            self._last()["config"].update(changes)

    def take(self) -> Patch | None:
        """The oldest patch; None if there is none."""
        with self._lock:
            return self._patches.pop(0) if self._patches else None

    def put_back(self, patch: Patch) -> None:
        """Make it the oldest again."""
        with self._lock:
            self._patches.insert(0, patch)

    def _last(self) -> Patch:
        return self._patches[-1] if self._patches else self._new()

    def _new(self) -> Patch:
        patch: Patch = {"config": {}, "summary": {}, "metrics": {}, "least": {}, "most": {}}
        self._patches.append(patch)
        return patch


def bodies_of(patch: Patch) -> list[dict[str, Any]]:
    """What to send for a patch: first the extremes that were replaced before they were sent."""
    bodies = []
    for extremes in ("least", "most"):
        passed = {k: v for k, v in patch[extremes].items() if v != patch["metrics"].get(k)}
        if passed:
            bodies.append({"metrics": passed})
    last = {k: patch[k] for k in ("config", "summary", "metrics") if patch[k]}
    return [*bodies, last] if last else bodies


def _widen(patch: Patch, key: str, value: Any) -> None:
    """Add one logged value; the least and greatest of those that are replaced are kept apart."""
    metrics = patch["metrics"]
    if key in metrics:
        for extremes, pick in (("least", min), ("most", max)):
            before = patch[extremes].get(key, metrics[key])
            patch[extremes][key] = _merge(before, value, pick)
    metrics[key] = value


def _merge(one: Any, other: Any, pick: Any) -> Any:
    """The least or greatest number, key by key inside objects; what is no number is not kept."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {
            key: _merge(one[key], other[key], pick) if key in one and key in other else value
            for key, value in (one | other).items()
        }
    numbers = [n for n in (one, other) if _is_number(n)]
    return pick(numbers) if numbers else other


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
