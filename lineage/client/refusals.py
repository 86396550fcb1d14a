"""What an answer that is none means: the server's refusals as errors that say what to do."""

from __future__ import annotations

import re
import time
from email.utils import parsedate_to_datetime
from typing import Final

import httpx2

from lineage.client.settings import UNNAMED_PROJECT
from lineage.errors import (
    LineageError,
    NotFound,
    TimedOut,
    Unauthenticated,
    Unavailable,
    from_code,
)
from lineage.values import loads

__all__ = [
    "BUSY",
    "find_unnamed_project",
    "name_login",
    "name_project",
    "read_refusal",
    "retry_after_s",
]

BUSY: Final = (429, 502, 503)
_MAX_RETRY_AFTER_S: Final = 30.0
_NOT_FACTS: Final = frozenset({"type", "title", "status", "detail", "code", "message", "instance"})


def read_refusal(response: httpx2.Response) -> LineageError:
    """The error that a problem document, or any other refusal, tells of."""
    status, method, url = response.status_code, response.request.method, response.url
    try:
        told = loads(response.content)
    except LineageError:
        told = None
    if not isinstance(told, dict) or not isinstance(told.get("code"), str):
        message = f"{method} {url} was answered with {status}: is this a lineage server?"
        if status == 504:
            return TimedOut(message)
        return (Unavailable if status in BUSY else LineageError)(message)
    facts = {str(name): value for name, value in told.items() if name not in _NOT_FACTS}
    return from_code(told["code"], str(told.get("detail") or told.get("title") or status), **facts)


def retry_after_s(response: httpx2.Response) -> float:
    """For how long the server asks to be left alone; 0 if it does not say."""
    told = response.headers.get("Retry-After", "")
    try:
        wait_s = float(told)
    except ValueError:
        try:
            wait_s = parsedate_to_datetime(told).timestamp() - time.time()
        except ValueError:
            return 0.0
    return min(max(wait_s, 0.0), _MAX_RETRY_AFTER_S)


def name_login(error: Unauthenticated, url: str, *, has_key: bool) -> Unauthenticated:
    """The same error with where a key comes from."""
    what = f"the key is wrong for {url}" if has_key else f"no key was sent to {url}"
    advice = "run `lineage login`, which keeps a key for each server URL, or set LINEAGE_API_KEY"
    return Unauthenticated(f"{what}: {advice}, which goes before it", **error.facts)


def find_unnamed_project(error: LineageError) -> str | None:
    """`entity/project` that something was not found in because no project was named."""
    if not isinstance(error, NotFound):
        return None
    found = re.search(rf"[\w.-]+/{UNNAMED_PROJECT}\b", error.message)
    return found[0] if found else None


def name_project(error: LineageError) -> NotFound:
    """The same error with how to name a project."""
    hint = "name a project with -p, project= or LINEAGE_PROJECT; `lineage projects ls` lists them"
    return NotFound(f"{error.message}: {hint}", **error.facts)
