"""The rules for tags that the settings have, as a person says them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from docker_registry.distribution.auth.patterns import Patterns
from docker_registry.settings import Expire, KeepTags, Settings

from .words import lasting

__all__ = ["Spoken", "spoken", "untagged_rule"]


class Spoken(NamedTuple):
    repositories: str
    tags: str
    what: str


def spoken(settings: Settings) -> list[Spoken]:
    """Every rule, in the order in which they count."""
    return list(_spoken(settings))


def untagged_rule(settings: Settings, repository: str) -> str:
    """What becomes of manifests of a repository that no tag needs, as a sentence."""
    for rule in settings.retention.untagged:
        if Patterns(rule.repositories).matches(repository):
            return f"What nothing needs is taken by garbage collection {lasting(rule.after)} after its push."
    return "No rule takes what nothing needs: it stays until somebody deletes it, or runs gc with --untagged."


def _spoken(settings: Settings) -> Iterator[Spoken]:
    for fixed in settings.auth.immutable:
        yield Spoken(_joined(fixed.repositories), _joined(fixed.tags), "are neither moved nor deleted")
    for expire in settings.expire:
        yield Spoken(_joined(expire.repositories), _joined(expire.tags), _vanishing(expire))
    for keep in settings.retention.tags:
        yield Spoken(_joined(keep.repositories), _joined(keep.tags), _keeping(keep))
    for untagged in settings.retention.untagged:
        yield Spoken(_joined(untagged.repositories), "", f"images without a tag go after {lasting(untagged.after)}")


def _vanishing(rule: Expire) -> str:
    """
    >>> _vanishing(Expire((), (), 7 * 86400.0)), _vanishing(Expire((), (), None, True))
    ('vanish 7 days after their push', 'vanish when their push asked for it')
    """
    after = f"vanish {lasting(rule.after)} after their push" if rule.after else ""
    asked = "sooner where that asked for it" if after else "vanish when their push asked for it"
    return ", ".join(filter(None, (after, asked if rule.on_request else "")))


def _keeping(rule: KeepTags) -> str:
    """
    >>> _keeping(KeepTags((), (), last=20, younger=86400.0 * 30)), _keeping(KeepTags((), (), all=True))
    ('the last 20 stay, and those pushed within 30 days; others go', 'stay')
    """
    if rule.all:
        return "stay"
    last = f"the last {rule.last} stay" if rule.last else ""
    younger = f"those pushed within {lasting(rule.younger)}" if rule.younger else ""
    kept = f"{last}, and {younger}" if last and younger else last or (f"{younger} stay" if younger else "")
    return f"{kept}; others go" if kept else "go"


def _joined(patterns: Sequence[str]) -> str:
    return ", ".join(patterns)
