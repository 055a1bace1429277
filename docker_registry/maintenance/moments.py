"""How jobs write when something is."""

from __future__ import annotations

from datetime import datetime

__all__ = ["written"]


def written(moment: float) -> str:
    """To the minute, in the zone of the host; `moment` is in seconds since the epoch."""
    return f"{datetime.fromtimestamp(moment).astimezone():%Y-%m-%d %H:%M %Z}"
