"""Numbers into the places of small pictures: SVG takes them as attributes, where a policy forbids styles. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Bar", "bars", "weeks"]


class Bar(NamedTuple):
    x: float
    y: float
    width: float
    height: float
    is_none: bool = False


def weeks(counts: Sequence[int], height: float = 16.0, step: float = 5.0) -> list[Bar]:
    """A sparkline: one bar a week, the highest of full height."""
    most = max(counts, default=0)
    drawn = []
    for place, count in enumerate(counts):
        tall = max(round(height * count / most, 1), 3.0) if count else 1.0
        drawn.append(Bar(place * step, height - tall, step - 1, tall, not count))
    return drawn


def bars(sizes: Sequence[int], width: float = 1000.0, least: float = 3.0) -> list[Bar]:
    """Sizes side by side over `width`, in proportion, but for those too small to be seen.

    >>> [(bar.x, bar.width) for bar in bars([300, 100], 400)]
    [(0.0, 300.0), (300.0, 100.0)]
    """
    total = sum(sizes)
    if not total:
        return []
    widths = [max(width * size / total, least) for size in sizes]
    scale = width / sum(widths)
    drawn, x = [], 0.0
    for each in widths:
        drawn.append(Bar(round(x, 2), 0, round(each * scale, 2), 1))
        x += each * scale
    return drawn
