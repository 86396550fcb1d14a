"""What every store refuses, in the same words: a late upload, other bytes, a name that is taken."""

from __future__ import annotations

from datetime import datetime

from lineage.digest import Digest
from lineage.errors import AlreadyExists, Corrupt, Invalid
from lineage.model import Upload

__all__ = ["already_exists", "check_deadline", "check_range", "verify"]


def check_deadline(upload: Upload, now: datetime) -> None:
    """Invalid after the upload's deadline."""
    if now > upload.until:
        reason = f"its deadline passed at {upload.until.isoformat()}: ask for a new one"
        raise Invalid("upload", reason)


def check_range(start: int, size_bytes: int | None) -> None:
    """Invalid if either is negative."""
    if start < 0 or (size_bytes is not None and size_bytes < 0):
        field = "start" if start < 0 else "size_bytes"
        raise Invalid(field, "it is negative")


def verify(upload: Upload, n_bytes: int, raw_digest: bytes) -> None:
    """Invalid or Corrupt unless these are the size and SHA-256 that the upload promises."""
    if n_bytes != upload.size_bytes:
        amount = "more bytes came" if n_bytes > upload.size_bytes else f"only {n_bytes} bytes came"
        raise Invalid("size_bytes", f"{upload.size_bytes} were announced, and {amount}")
    found = Digest.from_raw(raw_digest)
    if found != upload.digest:
        message = f"the bytes have the digest {found}, not {upload.digest}: send them again"
        raise Corrupt(message, digest=str(upload.digest), found=str(found))


def already_exists(upload: Upload) -> AlreadyExists:
    return AlreadyExists(f"the object {upload.object} is stored already: ask for a new upload")
