"""What the server below the registry knows of who asks, beside what the request says: it stands in WSGI's environ."""

from __future__ import annotations

import math
from typing import NamedTuple

__all__ = ["BY_CERTIFICATE", "BY_PROXY", "Told"]

BY_CERTIFICATE = "docker_registry.certificate"  # a client's certificate, which its authority vouches for
BY_PROXY = "docker_registry.proxy"  # a header of a trusted proxy


class Told(NamedTuple):
    """A name, the groups it belongs to, and until when that counts."""

    name: str
    groups: tuple[str, ...] = ()
    ends: float = math.inf  # seconds since the epoch
