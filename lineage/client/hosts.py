"""What an address says about where it leads."""

from __future__ import annotations

import ipaddress

import httpx2

__all__ = ["is_loopback"]


def is_loopback(url: str) -> bool:
    """Whether this leads to this machine, so that no proxy leads there."""
    host = httpx2.URL(url).host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
