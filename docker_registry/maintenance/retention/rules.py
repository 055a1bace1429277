"""What the rules say of the tags of one repository: pure.

A tag belongs to the first rule that fits it, and stays if that rule has any
reason to keep it; where no rule fits, it stays. So a rule can be understood
from itself and those before it, and from no other tags than its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from docker_registry.distribution.auth.patterns import Patterns
from docker_registry.distribution.storage.tags import ListedTag
from docker_registry.settings import KeepTags, Retention

__all__ = ["Decision", "Doomed", "Rules"]

_DAY = 24 * 3600.0


class Doomed(NamedTuple):
    """A tag that goes, and why."""

    tag: ListedTag
    why: str


class Decision(NamedTuple):
    """`counted` are the tags that stay as the last ones, in whose place others go: they must be there."""

    doomed: list[Doomed]
    counted: list[ListedTag]


class _Rule(NamedTuple):
    number: int  # in the config file, from 1 on
    keep: KeepTags
    repositories: Patterns
    tags: Patterns


class Rules:
    def __init__(self, retention: Retention):
        self._tags = [
            _Rule(number, keep, Patterns(keep.repositories), Patterns(keep.tags))
            for number, keep in enumerate(retention.tags, 1)
        ]
        self._untagged = [(keep, Patterns(keep.repositories)) for keep in retention.untagged]

    def untagged(self, repository: str) -> float | None:
        """How many seconds manifests of a repository stay without a tag; None for ever. gc removes them."""
        return next((keep.after for keep, patterns in self._untagged if patterns.matches(repository)), None)

    def covers(self, repository: str) -> bool:
        """Whether any rule for tags is for a repository."""
        return any(rule.repositories.matches(repository) for rule in self._tags)

    def decide(self, repository: str, tags: Iterable[ListedTag], now: float) -> Decision:
        """What goes of all tags of a repository; `now` is in seconds since the epoch, by the clock of `pushed`."""
        rules = [rule for rule in self._tags if rule.repositories.matches(repository)]
        groups: dict[int, list[ListedTag]] = {}
        for tag in tags if rules else ():
            number = next((rule.number for rule in rules if rule.tags.matches(tag.name)), 0)
            groups.setdefault(number, []).append(tag)
        decision = Decision([], [])
        for rule in rules:
            doomed, counted = _of_rule(rule, groups.get(rule.number, []), now)
            decision.doomed.extend(doomed)
            decision.counted.extend(counted if doomed else ())
        return decision


def _of_rule(rule: _Rule, tags: Sequence[ListedTag], now: float) -> Decision:
    """What goes of the tags that belong to one rule, the oldest last."""
    keep = rule.keep
    newest_first = [] if keep.all else sorted((tag for tag in tags if tag.pushed is not None), key=_newest_first)
    counted, others = newest_first[: keep.last or 0], newest_first[keep.last or 0 :]
    ages = ((tag, now - (tag.pushed or 0.0)) for tag in others)
    doomed = [(tag, age) for tag, age in ages if keep.younger is None or age >= keep.younger]
    return Decision([Doomed(tag, f"rule {rule.number}: {_why(keep, age)}") for tag, age in doomed], counted)


def _newest_first(tag: ListedTag) -> tuple[float, str]:
    return -(tag.pushed or 0.0), tag.name


def _why(keep: KeepTags, age: float) -> str:
    reasons = [] if keep.last is None else [f"not one of the last {keep.last}" if keep.last else "none is kept"]
    if keep.younger is not None:
        reasons.append(f"pushed {_days(age)} ago, not less than {_days(keep.younger)}")
    return ", ".join(reasons)


def _days(seconds: float) -> str:
    return f"{seconds / _DAY:.1f} days"
