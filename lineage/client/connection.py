"""What everything in the client shares: the server, and what is kept on this machine."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from lineage.client.cache import BlobCache
from lineage.client.http import Http
from lineage.client.settings import Settings, read_settings
from lineage.client.stat_cache import StatCache

__all__ = ["Connection", "close_connections", "connect"]


@dataclass(frozen=True, slots=True)
class Connection:
    http: Http
    stat_cache: StatCache
    cache: BlobCache


_lock = threading.Lock()
_open: dict[tuple[object, ...], Connection] = {}


def connect(settings: Settings | None = None) -> Connection:
    """The process's connection for these settings; nothing is sent yet."""
    settings = settings or read_settings()
    key = (
        settings.url,
        settings.api_key,
        settings.cache_dir,
        settings.cache_size_bytes,
        settings.retry_s,
    )
    with _lock:
        if key not in _open:
            _open[key] = Connection(
                Http(settings.url, settings.api_key, retry_s=settings.retry_s),
                StatCache(settings.cache_dir / "stat.sqlite3"),
                BlobCache(settings.cache_dir / "blobs", max_bytes=settings.cache_size_bytes),
            )
        return _open[key]


def close_connections() -> None:
    """Close what this process has open to servers; what is still in use opens it again."""
    with _lock:
        for connection in _open.values():
            connection.http.close()
        _open.clear()
