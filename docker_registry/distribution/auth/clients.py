"""By what a client is told from others, where something is counted for each."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Network, ip_address

from .caller import Caller, Kind

__all__ = ["client_of", "network_of"]


_ADDRESSES = 4096  # whose networks are remembered: to parse an address takes longer than to check a password


@lru_cache(maxsize=_ADDRESSES)
def network_of(address: str) -> str:
    """An address, or of IPv6 the /64 around it: whoever has one address of that has all.

    >>> network_of("192.0.2.1"), network_of("2001:db8::1:2"), network_of("::ffff:192.0.2.1"), network_of("")
    ('192.0.2.1', '2001:db8::/64', '192.0.2.1', '')
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or IPv6Network((parsed, 64), strict=False))


def client_of(caller: Caller, address: str) -> str:
    """Who logged in, by name; of others where they come from."""
    return network_of(address) if caller.kind is Kind.ANONYMOUS or not caller.name else str(caller)
