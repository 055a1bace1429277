"""Cutting members of a cluster off from each other, without root: their own connections find no way.

A cut is an empty file in the folder `cuts`, named `FROM-TO` after two addresses. A connection that is being made then
gets no answer, as if its packets were lost; one that exists goes on (Swift makes one for each request to a server).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import eventlet
import eventlet.greenio

__all__ = ["cut", "heal", "obey"]

FOR_EVER = 3600.0  # s; whoever connects gives up sooner


def cut(cuts: Path, one: str, other: str) -> None:
    """Between two addresses, both ways."""
    for name in (f"{one}-{other}", f"{other}-{one}"):
        (cuts / name).touch()


def heal(cuts: Path) -> None:
    for file in cuts.iterdir():
        file.unlink()


def obey(cuts: Path, mine: str) -> None:
    """Make the connections of this process heed what is cut from the address `mine`."""
    connect = eventlet.greenio.GreenSocket.connect

    def heedful(self: Any, address: Any) -> Any:
        if isinstance(address, tuple) and (cuts / f"{mine}-{address[0]}").exists():
            patience = self.gettimeout()
            eventlet.sleep(FOR_EVER if patience is None else patience)
            raise TimeoutError("timed out")
        return connect(self, address)

    eventlet.greenio.GreenSocket.connect = heedful
