"""The counts of one process, and the sum of several processes'.

Counting is a dictionary's addition, without a lock: greenlets do not interrupt
each other there. What others count or hold by themselves is asked for when the
numbers are read.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Any

from .table import METRICS, OTHER, Kind

__all__ = ["Figures", "Key", "Source", "Totals"]

Key = tuple[str, ...]  # a metric of the table, and the values of its labels
Source = Callable[[], Iterable[tuple[Key, float]]]

_BOUNDS = {name: metric.bounds for name, metric in METRICS.items() if metric.kind == Kind.HISTOGRAM}


class Figures:
    """What this process counted."""

    def __init__(self) -> None:
        self._counts: dict[Key, float] = {}
        self._spreads: dict[Key, list[float]] = {}  # how many in each bucket, in none of them, and the sum
        self._sources: list[Source] = []

    def count(self, *key: str, by: float = 1) -> None:
        self._counts[key] = self._counts.get(key, 0) + by

    def observe(self, value: float, *key: str) -> None:
        spread = self._spreads.get(key)
        if spread is None:
            spread = self._spreads[key] = [0.0] * (len(_BOUNDS[key[0]]) + 2)
        spread[bisect_left(_BOUNDS[key[0]], value)] += 1
        spread[-1] += value

    def ask(self, source: Source) -> None:
        """From now on, ask for these too whenever the numbers are read."""
        self._sources.append(source)

    def snapshot(self) -> Totals:
        totals = Totals()
        totals.add_values(self._counts.items())
        totals.add_spreads(self._spreads.items())
        for source in self._sources:
            totals.add_values(source())
        return totals


class Totals:
    """Sums by key; they add up to those of several processes."""

    def __init__(self) -> None:
        self.values: dict[Key, float] = {}
        self.spreads: dict[Key, list[float]] = {}

    def add_values(self, values: Iterable[tuple[Key, float]]) -> None:
        for key, value in values:
            self.values[key] = self.values.get(key, 0) + value

    def add_spreads(self, spreads: Iterable[tuple[Key, list[float]]]) -> None:
        for key, spread in spreads:
            known = self.spreads.get(key)
            self.spreads[key] = spread if known is None else [a + b for a, b in zip(known, spread, strict=True)]

    def add(self, other: Totals) -> None:
        self.add_values(other.values.items())
        self.add_spreads(other.spreads.items())

    def add_ended(self, other: Totals) -> None:
        """The same for a process that has ended: what it held it holds no more."""
        for key, value in other.values.items():
            metric = METRICS[key[0]]
            if metric.kind == Kind.COUNTER:
                self.add_values([(self._bounded(key) if metric.most else key, value)])
        self.add_spreads(other.spreads.items())

    def _bounded(self, key: Key) -> Key:
        """`key`, or where those of its metric are too many, the one for the others: its series falls, once."""
        is_full = sum(known[0] == key[0] for known in self.values) >= METRICS[key[0]].most
        return (*key[:-1], OTHER) if is_full and key not in self.values else key

    def dump(self) -> Any:
        return [[[*key], value] for table in (self.values, self.spreads) for key, value in table.items()]

    @classmethod
    def load(cls, dumped: Any) -> Totals:
        totals = cls()
        for key, value in dumped:
            table: dict[Key, Any] = totals.spreads if isinstance(value, list) else totals.values
            table[tuple(key)] = value
        return totals


def dumps(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
