"""What Prometheus reads: requests by route and status, how long they took, and what is stored."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from lineage.errors import Unavailable
from lineage.model import Stats

__all__ = ["Metrics"]

_log = logging.getLogger(__name__)
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)


class Metrics:
    """The counters of one process, and totals asked from the store when they are read."""

    def __init__(self, stats: Callable[[], Stats]) -> None:
        # A series more for each route, which nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "lineage_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "lineage_request_seconds",
            "From the request's head to the answer's end.",
            ["method", "route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._registry.register(_Totals(stats))
        ProcessCollector(registry=self._registry)

    def observe(self, method: str, route: str, *, status: int, seconds: float) -> None:
        """Count one answered request; `route` is the pattern, never a path with names in it."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def render(self) -> bytes:
        """In the text format of Prometheus 0.0.4."""
        return generate_latest(self._registry)


class _Totals(Collector):
    def __init__(self, stats: Callable[[], Stats]) -> None:
        self._stats = stats

    def describe(self) -> list[GaugeMetricFamily]:
        return []  # asked for at registration: not worth a question to the store

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            stats = self._stats()
        except Unavailable as exc:
            _log.warning("totals_failed reason=%r", exc.message)
            yield GaugeMetricFamily("lineage_store_up", "Whether the graph answers.", 0)
            return
        yield GaugeMetricFamily("lineage_store_up", "Whether the graph answers.", 1)
        yield GaugeMetricFamily("lineage_runs", "Runs, deleted ones included.", stats.n_runs)
        yield GaugeMetricFamily("lineage_versions", "Artifact versions.", stats.n_versions)
        yield GaugeMetricFamily("lineage_objects", "Stored objects: blobs.", stats.n_blobs)
        yield GaugeMetricFamily("lineage_stored_bytes", "Bytes of all blobs.", stats.stored_bytes)
