"""What two images have in common, and in what they differ. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .images import Config, Details, Layer

__all__ = ["Change", "Differences", "compare"]


class Change(NamedTuple):
    """One thing that is not the same; "" where it is not there at all."""

    what: str
    before: str
    after: str

    @property
    def word(self) -> str:
        return "changed" if self.before and self.after else "added" if self.after else "removed"


class Differences(NamedTuple):
    """From one image to another."""

    shared: tuple[Layer, ...]
    removed: tuple[Layer, ...]
    added: tuple[Layer, ...]
    facts: tuple[Change, ...]
    environment: tuple[Change, ...]
    labels: tuple[Change, ...]

    @property
    def download(self) -> int:
        """Bytes of what a machine that has the first image still needs of the other one."""
        return sum(layer.size for layer in self.added)

    @property
    def is_nothing(self) -> bool:
        return not (self.removed or self.added or self.facts or self.environment or self.labels)


def compare(before: tuple[Details, Config | None], after: tuple[Details, Config | None]) -> Differences:
    old, new = before[0].layers, after[0].layers
    had, has = {layer.digest for layer in old}, {layer.digest for layer in new}
    one, other = before[1], after[1]
    return Differences(
        tuple(layer for layer in new if layer.digest in had),
        tuple(layer for layer in old if layer.digest not in has),
        tuple(layer for layer in new if layer.digest not in had),
        _changes(one.facts if one else (), other.facts if other else ()),
        _changes(one.environment if one else (), other.environment if other else ()),
        _changes(one.labels if one else (), other.labels if other else ()),
    )


def _changes(before: Sequence[tuple[str, str]], after: Sequence[tuple[str, str]]) -> tuple[Change, ...]:
    """
    >>> [(change.what, change.word) for change in _changes([("a", "1"), ("b", "2")], [("b", "3"), ("c", "4")])]
    [('a', 'removed'), ('b', 'changed'), ('c', 'added')]
    """
    old, new = dict(before), dict(after)
    changes = [Change(key, old.get(key, ""), new.get(key, "")) for key in dict.fromkeys((*old, *new))]
    return tuple(change for change in changes if change.before != change.after)
