"""Where references must not lead if the operator forbids it: private and loopback addresses.

A manifest is other people's data. Whoever downloads or checks what it refers to asks for it from
here, behind the firewall, and may be made to ask a machine that outsiders cannot reach.
"""

from __future__ import annotations

import ipaddress
import socket

from lineage.errors import Denied, Unavailable

__all__ = ["public_address"]


def public_address(host: str, port: int, uri: str) -> str:
    """An address of the host, to connect to: all that its name has are public.

    Raises:
        Denied: one of them is private, loopback, link-local or otherwise not of the internet.
        Unavailable: the name has none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise Unavailable(f"{uri!r:.300}: {host!r:.100} has no address: {exc}") from exc
    addresses = [str(place[0]) for *_, place in found]
    for address in addresses:
        if not _is_public(address):
            reason = "not of the internet, and LINEAGE_REFERENCES_FORBID_PRIVATE forbids those"
            raise Denied(f"{uri!r:.300} leads to {host!r:.100} at {address}: {reason}")
    return addresses[0]


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        # An IPv4 address in the clothes of the other kind leads to the same machine.
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(str(inner))
    return address.is_global and not address.is_multicast


_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052
