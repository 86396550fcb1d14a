"""The gate that every request passes: who is asking."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from pydantic import SecretStr

from api.settings import is_loopback
from lineage.errors import Denied, Unauthenticated
from lineage.model import Caller

__all__ = ["CallerDep", "Gate", "admit", "require_caller"]


class Gate:
    """Knows the keys, by their hashes alone.

    Args:
        admin_key: the administrator's key; None lets every local program in, as
            LINEAGE_AUTH=off asks.
    """

    def __init__(self, admin_key: SecretStr | None) -> None:
        self._admin = None if admin_key is None else _hash(admin_key.get_secret_value())

    def admit(self, request: Request) -> Caller:
        """The caller of this request.

        Raises:
            Unauthenticated: no key, or one that nobody has.
            Denied: there are no keys, and the request comes from a web page of somewhere else.
        """
        if self._admin is None:
            _refuse_strangers(request)
            return Caller("local", is_admin=True)
        header = request.headers.get("authorization")
        if header is None:
            raise Unauthenticated(
                "no key was sent: set LINEAGE_API_KEY, or send `Authorization: Bearer <key>`"
            )
        if hmac.compare_digest(_hash(_key_of(header)), self._admin):
            return Caller("admin", is_admin=True)
        raise Unauthenticated("the key is wrong: compare LINEAGE_API_KEY with the server's")


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogateescape")).digest()


def _key_of(header: str) -> str:
    """The key in an Authorization header; empty, which nobody has, if it holds none."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            user, _, key = base64.b64decode(value.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return ""
        return key if user == "api" else ""
    return ""


def _refuse_strangers(request: Request) -> None:
    """Without keys, a page that the user's browser shows must not speak in the user's name."""
    origin = urlsplit(request.headers.get("origin", "http://localhost")).hostname or ""
    try:
        host = request.url.hostname or ""
    except ValueError:
        host = ""
    if not is_loopback(host) or not is_loopback(origin):
        raise Denied("with LINEAGE_AUTH=off, only programs on this machine may ask")


def admit(request: Request) -> Caller:
    """The caller of this request, as the application's gate knows it."""
    gate: Gate = request.app.state.gate
    return gate.admit(request)


async def require_caller(request: Request) -> Caller:
    """The one dependency that guards every route; what it finds is what the engine is told."""
    return admit(request)


CallerDep = Annotated[Caller, Depends(require_caller)]
