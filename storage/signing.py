"""Links into a bucket, signed as AWS Signature Version 4 wants it in a query string.

Written out here because a grant of thousands needs thousands of links at once, because a link's
time is the caller's, and because its headers have to be signed, Content-Length included.

Source: AWS, "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)".
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from urllib.parse import quote, urlsplit

from lineage.model import Link

__all__ = ["LONGEST", "Credentials", "sign"]

LONGEST: Final = timedelta(days=7)
"""No store takes a link that is signed for longer."""

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who signs, and for which region."""

    key: str
    secret: str = field(repr=False)
    region: str
    token: str | None = field(default=None, repr=False)  # of credentials that expire


def sign(
    method: str,
    url: str,
    credentials: Credentials,
    *,
    now: datetime,
    until: datetime,
    headers: Mapping[str, str] | None = None,
) -> Link:
    """A link that holds from `now` until `until`, whole seconds, seven days at most.

    Args:
        url: of the object, without a query; its path is encoded already.
        headers: the request has to carry exactly these.
    """
    at, expires_s = _span(now, until)
    stamp = f"{at:%Y%m%dT%H%M%SZ}"
    scope = f"{stamp[:8]}/{credentials.region}/s3/aws4_request"
    parts = urlsplit(url)
    signed = {"host": parts.netloc} | {k.lower(): v for k, v in (headers or {}).items()}
    names = ";".join(sorted(signed))
    query = {
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{credentials.key}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(expires_s),
        "X-Amz-SignedHeaders": names,
    }
    if credentials.token is not None:
        query["X-Amz-Security-Token"] = credentials.token
    text = "&".join(f"{name}={quote(query[name], safe='')}" for name in sorted(query))
    lines = (f"{name}:{signed[name]}" for name in sorted(signed))
    request = "\n".join([method, parts.path, text, *lines, "", names, "UNSIGNED-PAYLOAD"])
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = _signing_key(credentials.secret, stamp[:8], credentials.region)
    signature = _hmac(key, "\n".join([_ALGORITHM, stamp, scope, digest])).hex()
    return Link(f"{url}?{text}&X-Amz-Signature={signature}", dict(headers or {}))


def _span(now: datetime, until: datetime) -> tuple[datetime, int]:
    """When the link begins, and for how many seconds it holds: never past `until`."""
    at, end = (time.astimezone(UTC).replace(microsecond=0) for time in (now, until))
    expires_s = min(end - at, LONGEST) // _SECOND
    # A second is the least there is: what ends at once has begun a second ago.
    return (at, expires_s) if expires_s > 0 else (end - _SECOND, 1)


@lru_cache(maxsize=64)
def _signing_key(secret: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
