"""Object names: how a digest becomes the place of its bytes. Nothing else knows the pattern.

    sha256/ab/cdef…-0123…      first two hex digits of the digest / the other 62 - 32 random ones

docs/decisions/0003 says why. These make every name new, so that a late upload or a late
deletion never meets bytes that somebody else stored afterwards.
"""

from __future__ import annotations

import re
import secrets
from typing import Final

from lineage.digest import Digest
from lineage.errors import Invalid
from lineage.model import ObjectName

__all__ = ["FOLDERS", "check_object", "is_object", "new_object"]

FOLDERS: Final = tuple(f"sha256/{first:02x}" for first in range(256))
"""Every folder that an object can lie in, sorted."""

_NAME: Final = re.compile(r"sha256/[0-9a-f]{2}/[0-9a-f]{62}-[0-9a-f]{32}")


def new_object(digest: Digest) -> ObjectName:
    """A name that no object had before, for bytes of this digest; Invalid if no blob has it."""
    if not digest.is_blob:
        raise Invalid("digest", f"{digest} names a list of parts; only blobs are stored")
    return ObjectName(f"sha256/{digest.hex[:2]}/{digest.hex[2:]}-{secrets.token_hex(16)}")


def is_object(name: str) -> bool:
    """Whether `new_object` could have made this name."""
    return _NAME.fullmatch(name) is not None


def check_object(name: str) -> ObjectName:
    """`name`, if it names an object; Invalid otherwise, so that none leads out of the store."""
    if is_object(name):
        return ObjectName(name)
    raise Invalid("object", f"{name!r:.200} is not the name of an object")
