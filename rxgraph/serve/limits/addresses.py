"""From which address a client comes, behind as many proxies as are trusted."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from typing import Any

_V6_BITS = 64  # what one household has


def address_of(scope: Mapping[str, Any], trusted_proxies: int) -> str | None:
    """Return the client's address; None: it has none, such as over a Unix socket.

    Each proxy appends the peer it saw to ``X-Forwarded-For``, so of *trusted_proxies* the entry
    that many from the end was written by a trusted one; what is before it anybody can make up. An
    IPv6 client is its /64: it has that many addresses for itself.
    """
    client = scope.get("client")
    found = client[0] if client else None
    if trusted_proxies > 0:
        told = [
            part.strip()
            for name, value in scope.get("headers", ())
            if name.lower() == b"x-forwarded-for"
            for part in value.decode("latin-1").split(",")
        ]
        if told:
            found = told[-min(trusted_proxies, len(told))]
    return None if found is None else _normal(found)


def _normal(address: str) -> str:
    try:
        parsed = ip_address(address.strip("[]"))
    except ValueError:
        return address[:64]
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return f"{IPv6Address(int(parsed) >> _V6_BITS << _V6_BITS)}/{_V6_BITS}"
    return str(parsed)
