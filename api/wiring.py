"""The composition root: the only place that knows every adapter."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from api.settings import Settings, SettingsError
from cypher.store import SCHEMES, Neo4jGraphStore
from lineage.engine import Engine, Limits
from lineage.errors import Unavailable
from lineage.ports import BlobStore, GraphStore
from sql.store import SqlGraphStore
from storage.local import LocalBlobStore
from storage.probe import check_promises
from storage.s3 import S3BlobStore

__all__ = ["Janitor", "Stores", "SystemClock", "open_bucket", "open_stores"]

_log = logging.getLogger(__name__)

# What is younger belongs to a request that is still at work on it.
_MIN_AGE: Final = timedelta(minutes=5)
_SQLITE: Final = "sqlite:///var/lib/lineage/graph.db"  # for example
_FOLDER: Final = "file:///var/lib/lineage/blobs"
_LONGEST_PAUSE_S: Final = 300.0


class SystemClock:
    """`lineage.ports.Clock` of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Stores:
    """The engine, and the graph store, which has to be closed."""

    engine: Engine
    graph: GraphStore

    def close(self) -> None:
        self.graph.close()


def open_stores(settings: Settings) -> Stores:
    """Open both stores, making their folders, and finish what a crash left undone.

    A database that another machine serves may be down now: then the server starts, is not ready,
    and takes the work up when the database answers.

    Raises:
        SettingsError: a URL names a store that there is not.
        Unavailable: a store cannot be opened; says what to do.
    """
    url = settings.graph_url.get_secret_value()
    is_neo4j = url.partition(":")[0] in SCHEMES
    path = None if is_neo4j else _path("LINEAGE_GRAPH_URL", url, "sqlite", _SQLITE)
    open_blobs = _blobs(settings)
    graph: GraphStore
    if path is None:
        graph = _neo4j(url, settings, lambda identity: _claim(blobs, identity))
    else:
        graph = _sqlite(path)
    limits = Limits(
        draft_ttl=timedelta(seconds=settings.draft_ttl_s),
        upload_ttl=timedelta(seconds=settings.upload_ttl_s),
    )
    try:
        blobs = open_blobs()
        engine = Engine(graph, blobs, SystemClock(), limits=limits)
        _take_up(engine, graph, blobs)
    except BaseException:
        graph.close()
        raise
    return Stores(engine, graph)


def _neo4j(url: str, settings: Settings, claim: Callable[[str], None]) -> Neo4jGraphStore:
    """`claim` comes before anything else: objects mean nothing without their graph."""
    try:
        return Neo4jGraphStore.at(url, timeout_s=settings.query_timeout_s, on_open=claim)
    except ValueError as exc:
        raise SettingsError(
            f"LINEAGE_GRAPH_URL {exc}, such as bolt://neo4j:password@localhost:7687"
        ) from None


def _sqlite(path: Path) -> SqlGraphStore:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        advice = "give this process the folder, or set another LINEAGE_GRAPH_URL"
        raise Unavailable(
            f"the graph's folder {path.parent} cannot be made ({exc.strerror}): {advice}"
        ) from exc
    return SqlGraphStore(path)


def _take_up(engine: Engine, graph: GraphStore, blobs: BlobStore) -> None:
    """Finish what a crash left undone; not now if the graph is served elsewhere, and away."""
    try:
        engine.check()
        _claim(blobs, graph.identity)
        engine.reclaim.finish()
    except Unavailable as exc:
        if isinstance(graph, SqlGraphStore) or exc.facts.get("reason") == "settings":
            raise
        _log.warning("started_without_graph reason=%r", exc.message)


def _claim(blobs: BlobStore, identity: str) -> None:
    """Before anything is stored: a bucket that breaks its promises, or another graph's, is refused.

    Raises:
        Unavailable, Conflict: says what to do.
    """
    if isinstance(blobs, S3BlobStore):
        check_promises(blobs)
    blobs.claim(identity)


def _blobs(settings: Settings) -> Callable[[], BlobStore]:
    """What opens the store of bytes; settings that name none are refused now."""
    url = settings.blobs_url
    if url.startswith("s3:"):
        bucket = open_bucket(settings)
        return lambda: bucket
    path = _path("LINEAGE_BLOBS_URL", url, "file", _FOLDER)
    return lambda: LocalBlobStore(path)


def open_bucket(settings: Settings) -> S3BlobStore:
    """The bucket that the settings name.

    Raises:
        SettingsError: they name none.
    """
    try:
        return S3BlobStore.at(
            settings.blobs_url,
            endpoint_url=settings.s3_endpoint_url,
            public_endpoint_url=settings.s3_public_endpoint_url,
        )
    except ValueError as exc:
        raise SettingsError(f"LINEAGE_BLOBS_URL {exc}") from None


def _path(name: str, url: str, scheme: str, example: str) -> Path:
    # The URL itself is not repeated: it may carry a password.
    refusal = f"{name} is not {scheme}:// and an absolute path, such as {example}"
    try:
        parts = urlsplit(url)
    except ValueError:  # such as an open bracket
        raise SettingsError(refusal) from None
    path = unquote(parts.path)
    is_plain = not (parts.netloc or parts.query or parts.fragment)
    if parts.scheme != scheme or not is_plain or path.strip("/") == "" or "\0" in path:
        raise SettingsError(refusal)
    return Path(path)


class Janitor:
    """A thread that takes up unfinished work ever again: expired drafts, late deletions."""

    def __init__(self, engine: Engine, *, draft_ttl_s: float) -> None:
        self._engine = engine
        # At least every quarter of a draft's life, at most once a second.
        self._pause_s = max(1.0, min(draft_ttl_s / 4, _LONGEST_PAUSE_S))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="janitor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, *, timeout_s: float = 10) -> None:
        """Stop after the pass that runs now, if one does; what it leaves, the next start takes."""
        self._stop.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stop.wait(self._pause_s):
            try:
                freed = self._engine.reclaim.finish(min_age=_MIN_AGE)
            except Unavailable as exc:
                _log.warning("reclaim_failed reason=%r", exc.message)
            except Exception:  # noqa: BLE001 - the next pass may fare better
                _log.exception("reclaim_failed")
            else:
                if freed.size_bytes or freed.n_blobs or freed.n_pages:
                    _log.info(
                        "reclaimed n_blobs=%d n_pages=%d size_bytes=%d",
                        freed.n_blobs,
                        freed.n_pages,
                        freed.size_bytes,
                    )
