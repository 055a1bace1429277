"""Numbers into the places of small pictures: SVG takes them as attributes, where a policy forbids styles. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Bar", "Tile", "bars", "tiles", "weeks"]


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


class Tile(NamedTuple):
    x: float
    y: float
    width: float
    height: float


def tiles(sizes: Sequence[int], width: float, height: float) -> list[Tile]:
    """A rectangle for each size (the largest first, none 0), in proportion, as square as may be: a squarified treemap.

    Rows are filled along the shorter side for as long as that makes their worst rectangle squarer.

    >>> [tuple(tile) for tile in tiles([2, 1, 1], 4, 2)]
    [(0.0, 0.0, 2.0, 2.0), (2.0, 0.0, 2.0, 1.0), (2.0, 1.0, 2.0, 1.0)]
    """
    total = sum(sizes)
    areas = [size * width * height / total for size in sizes]
    drawn: list[Tile] = []
    x = y = 0.0
    while areas:
        side = min(width, height)
        count = _row(areas, side)
        row, areas = areas[:count], areas[count:]
        thick = sum(row) / side
        along = 0.0
        for area in row:
            length = area / thick
            flat = (x, y + along, thick, length) if width >= height else (x + along, y, length, thick)
            drawn.append(Tile(*(round(value, 2) for value in flat)))
            along += length
        if width >= height:
            x, width = x + thick, width - thick
        else:
            y, height = y + thick, height - thick
    return drawn


def _row(areas: Sequence[float], side: float) -> int:
    """How many of the next areas make the best row along a side."""
    best, count, total = float("inf"), 0, 0.0
    for area in areas:
        total += area
        thick = total / side
        worst = max(max(thick * thick / each, each / (thick * thick)) for each in (areas[0], area))
        if worst > best:
            break
        best, count = worst, count + 1
    return count
