"""What the server is told by its environment: names that begin with LINEAGE_."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Mapping
from typing import Any, Final, Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["CLIENT_NAMES", "Settings", "SettingsError", "is_loopback", "read_settings"]

_PREFIX: Final = "LINEAGE_"
_KEY: Final = re.compile(r"[0-9a-fA-F]{40,}")
_MAX_TTL_S: Final = 10 * 365 * 86_400  # what is added to now must stay a date

CLIENT_NAMES: Final = frozenset(
    f"{_PREFIX}{name}"
    for name in (
        "URL",
        "API_KEY",
        "ENTITY",
        "PROJECT",
        "CACHE_DIR",
        "CACHE_SIZE_BYTES",
        "RETRY_S",
        "REFERENCES_FORBID_PRIVATE",
    )
)
"""What the client reads: the server leaves these alone, and does not call them unknown."""


class SettingsError(Exception):
    """A setting is wrong; the message is one line, names it and holds no secret."""


class Settings(BaseSettings):
    """Every setting of the server; `.env.example` explains each."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, hide_input_in_errors=True)

    # Secret, as a database's URL carries its password.
    graph_url: SecretStr = SecretStr("sqlite:///var/lib/lineage/graph.db")
    blobs_url: str = "file:///var/lib/lineage/blobs"
    s3_endpoint_url: str | None = None
    s3_public_endpoint_url: str | None = None  # where clients reach it, if not there
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)  # 0: any free one; the log says which
    auth: Literal["on", "off"] = "on"
    admin_key: SecretStr | None = None
    draft_ttl_s: int = Field(default=86_400, ge=1, le=_MAX_TTL_S)
    query_timeout_s: int = Field(default=60, ge=1, le=3600)  # of one transaction on Neo4j
    upload_ttl_s: int = Field(default=3_600, ge=1, le=_MAX_TTL_S)

    @model_validator(mode="after")
    def _who_may_come_in(self) -> Self:
        if self.auth == "off":
            if not is_loopback(self.host):
                raise ValueError(
                    f"LINEAGE_AUTH=off lets anyone in, so it needs a loopback LINEAGE_HOST such"
                    f" as 127.0.0.1, not {self.host}"
                )
            return self
        if self.admin_key is None or not self.admin_key.get_secret_value():
            raise ValueError(
                "LINEAGE_ADMIN_KEY is not set: set it to 40 hexadecimal digits or more"
                " (openssl rand -hex 20 makes one), or LINEAGE_AUTH=off on a loopback host"
            )
        if _KEY.fullmatch(self.admin_key.get_secret_value()) is None:
            raise ValueError("LINEAGE_ADMIN_KEY is not 40 hexadecimal digits or more")
        return self


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens on `host`."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings of this process.

    Args:
        environment: its environment, to find names that nobody reads: a misspelt one would
            otherwise be ignored in silence.
    Raises:
        SettingsError: one is unknown, malformed or missing.
    """
    known = {f"{_PREFIX}{name.upper()}" for name in Settings.model_fields} | CLIENT_NAMES
    for name in sorted(environment):
        if name.upper().startswith(_PREFIX) and name.upper() not in known:
            close = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.8)
            advice = f": did you mean {close[0]}?" if close else "; .env.example lists them all"
            raise SettingsError(f"{name} is not a setting{advice}")
    try:
        return Settings()
    except ValidationError as exc:
        raise SettingsError("; ".join(map(_said, exc.errors(include_input=False)))) from None


def _said(error: Any) -> str:
    name = "".join(f"{_PREFIX}{str(part).upper()}: " for part in error["loc"])
    return name + str(error["msg"]).removeprefix("Value error, ")
