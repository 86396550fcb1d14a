"""Where the server is, who is asking, and where downloads are kept.

An environment variable goes before the file that `login` writes, and that before the default.
"""

from __future__ import annotations

import json
import math
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import platformdirs

from lineage.errors import Invalid
from lineage.names import check_name

__all__ = [
    "DEFAULT_RETRY_S",
    "UNNAMED_PROJECT",
    "Settings",
    "config_path",
    "forbids_private",
    "read_settings",
    "save_login",
]

DEFAULT_RETRY_S: Final = 60.0
UNNAMED_PROJECT: Final = "uncategorized"

_DEFAULT_URL: Final = "http://127.0.0.1:8000"
_DEFAULT_CACHE_BYTES: Final = 20 * 1024**3


@dataclass(frozen=True, slots=True)
class Settings:
    """`cache_size_bytes` bounds the files that downloads leave in `cache_dir`; `retry_s` the time
    for which a server that has answered before is tried again."""

    url: str
    api_key: str | None = field(repr=False)
    entity: str
    project: str
    cache_dir: Path
    cache_size_bytes: int
    retry_s: float = DEFAULT_RETRY_S


def config_path() -> Path:
    """The file that `login` writes: readable by its owner alone."""
    return platformdirs.user_config_path("lineage") / "config.json"


def read_settings(
    *,
    url: str | None = None,
    api_key: str | None = None,
    entity: str | None = None,
    project: str | None = None,
) -> Settings:
    """The settings, with what is given here before everything else.

    Raises:
        Invalid: a value is malformed; names the variable or file it comes from.
    """
    saved = _read_config()
    url = url or os.environ.get("LINEAGE_URL") or saved.get("url") or _DEFAULT_URL
    url = _check_url(url)
    keys = {_server_of(saved_url): key for saved_url, key in saved.get("keys", {}).items()}
    size = os.environ.get("LINEAGE_CACHE_SIZE_BYTES") or str(_DEFAULT_CACHE_BYTES)
    if not size.isdecimal():
        raise Invalid("LINEAGE_CACHE_SIZE_BYTES", f"{size!r:.40} is not a whole number of bytes")
    cache_dir = os.environ.get("LINEAGE_CACHE_DIR")
    return Settings(
        url=url,
        # A key is kept beside the server it is for, and never shown to another.
        api_key=api_key or os.environ.get("LINEAGE_API_KEY") or keys.get(_server_of(url)),
        entity=check_name(
            entity or os.environ.get("LINEAGE_ENTITY") or saved.get("entity") or "local", "entity"
        ),
        project=check_name(
            project or os.environ.get("LINEAGE_PROJECT") or saved.get("project") or UNNAMED_PROJECT,
            "project",
        ),
        cache_dir=Path(cache_dir).absolute()
        if cache_dir
        else platformdirs.user_cache_path("lineage"),
        cache_size_bytes=int(size),
        retry_s=_seconds("LINEAGE_RETRY_S", DEFAULT_RETRY_S),
    )


def _seconds(name: str, default: float) -> float:
    text = os.environ.get(name) or str(default)
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < math.inf:
        raise Invalid(name, f"{text!r:.40} is not a number of seconds")
    return seconds


def forbids_private() -> bool:
    """Whether references must not lead to private addresses: LINEAGE_REFERENCES_FORBID_PRIVATE."""
    name = "LINEAGE_REFERENCES_FORBID_PRIVATE"
    text = os.environ.get(name, "").strip().lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("", "0", "false", "no", "off"):
        return False
    raise Invalid(name, f"{text!r:.40} is neither 1 nor 0")


def save_login(
    url: str, api_key: str, *, entity: str | None = None, project: str | None = None
) -> Path:
    """Keep the key for this server, and make it the one that is asked from now on.

    Returns: the file, mode 600.
    """
    path, url = config_path(), _check_url(url)
    saved = _read_config()
    saved["url"] = url
    others = saved.get("keys", {}).items()
    kept = {other: key for other, key in others if _server_of(other) != _server_of(url)}
    saved["keys"] = {**kept, url: api_key}
    saved |= {name: value for name, value in (("entity", entity), ("project", project)) if value}
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}-{uuid4().hex}")
    descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(saved, file, indent=2)
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    return path


def _check_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Invalid("LINEAGE_URL", f"{url!r:.200} is not a URL such as {_DEFAULT_URL}")
    return url.rstrip("/")


def _server_of(url: str) -> str:
    """The same text for the names of this machine: a key for one is a key for all."""
    return re.sub(r"^(https?://)(localhost|\[::1\])(?=[:/]|$)", r"\g<1>127.0.0.1", url)


def _read_config() -> dict[str, Any]:
    path = config_path()
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as exc:
        advice = "mend or delete it, then run `lineage login`"
        raise Invalid("config", f"{path} cannot be read ({exc}): {advice}") from exc
    if not isinstance(saved, dict) or not isinstance(saved.get("keys", {}), dict):
        raise Invalid("config", f"{path} is not what `lineage login` writes: delete it")
    return saved
