"""How many connections each address holds: none can take all of a worker's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Network, IPv6Network, ip_address

from docker_registry.concurrency.at_once import AtOnce
from docker_registry.distribution.auth.clients import network_of

__all__ = ["Shares"]


class Shares:
    """`limit` is for each address, of IPv6 for each /64; 0 for any number. `exempt` are those of trusted proxies."""

    def __init__(self, limit: int, exempt: Sequence[IPv4Network | IPv6Network]):
        self._places = AtOnce(limit)
        self._exempt = exempt

    @contextmanager
    def place(self, address: str) -> Iterator[bool]:
        """Whether there is room for one more from an address; "" is no network's."""
        client = network_of(address)
        if not address or self._is_exempt(address):
            yield True
        elif self._places.take(client):
            try:
                yield True
            finally:
                self._places.give(client)
        else:
            yield False

    def _is_exempt(self, address: str) -> bool:
        return any(ip_address(address) in network for network in self._exempt) if self._exempt else False
