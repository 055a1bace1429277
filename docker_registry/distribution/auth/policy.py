"""What each caller may do: a table of rules, everything denied that no rule allows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from docker_registry.settings import Immutable, Rule

from .access import CATALOG, Access
from .caller import Caller, Kind
from .patterns import Pattern

__all__ = ["Policy"]

_CALLERS = 1024  # whose rules are remembered


class _Rule(NamedTuple):
    everybody: bool  # who logged in
    anonymous: bool
    who: tuple[Pattern, ...]
    repositories: tuple[Pattern, ...]
    actions: frozenset[str]

    def is_for(self, caller: Caller) -> bool:
        if caller.kind is Kind.ANONYMOUS:
            return self.anonymous
        names = [f"{caller.kind.value}:{caller.name}"]
        names += [f"role:{role}" for role in caller.roles] + [f"group:{group}" for group in caller.groups]
        return self.everybody or any(pattern.matches(name) for pattern in self.who for name in names)

    def covers(self, repository: str) -> bool:
        return any(pattern.matches(repository) for pattern in self.repositories)


class Policy:
    """Without a rule, whoever logged in may do everything, as in Distribution."""

    def __init__(
        self,
        rules: Sequence[Rule],
        immutable: Sequence[Immutable] = (),
        groups: Sequence[tuple[str, Sequence[str]]] = (),
        read_only: Sequence[str] = (),
    ):
        members = {f"group:{name}": who for name, who in groups}
        self._rules = [
            _Rule(
                "*" in rule.who,
                Kind.ANONYMOUS.value in rule.who,
                _patterns([name for each in rule.who if ":" in each for name in (each, *members.get(each, ()))]),
                _patterns(rule.repositories),
                frozenset(rule.may),
            )
            for rule in rules
        ]
        # Asked of each request, and the same for all of one caller.
        self._rules_of = lru_cache(maxsize=_CALLERS)(self._find_rules)
        self._immutable = [(_patterns(rule.repositories), _patterns(rule.tags)) for rule in immutable]

        self._read_only = _patterns(read_only)

    def _find_rules(
        self, kind: Kind, name: str, roles: frozenset[str], groups: frozenset[str] = frozenset()
    ) -> list[_Rule]:
        return [rule for rule in self._rules if rule.is_for(Caller(kind, name, roles=roles, groups=groups))]

    def knows(self, caller: Caller) -> bool:
        """Whether any rule is for a caller."""
        return bool(self._rules_of(caller.kind, caller.name, caller.roles, caller.groups))

    def allows(self, caller: Caller, access: Access) -> bool:
        """Whether both the caller's credential and the table allow it."""
        if not caller.grants(access):
            return False
        if caller.kind is Kind.TOKEN:
            return True  # the token server decided
        if not self._rules:
            return caller.kind is not Kind.ANONYMOUS
        if access == CATALOG:
            return True  # it shows only what the caller may pull
        rules = self._rules_of(caller.kind, caller.name, caller.roles, caller.groups)
        return any(access.action in rule.actions and rule.covers(access.name) for rule in rules)

    def is_read_only(self, repository: str) -> bool:
        """Whether nobody may push to a repository, or delete from it."""
        return any(pattern.matches(repository) for pattern in self._read_only)

    def has_immutable_tags(self, repository: str) -> bool:
        return any(pattern.matches(repository) for repositories, _ in self._immutable for pattern in repositories)

    def is_immutable(self, repository: str, tag: str) -> bool:
        """Whether a tag, once set, may not be moved or deleted."""
        return any(
            any(pattern.matches(repository) for pattern in repositories)
            and any(pattern.matches(tag) for pattern in tags)
            for repositories, tags in self._immutable
        )


def _patterns(texts: Sequence[str]) -> tuple[Pattern, ...]:
    return tuple(map(Pattern, texts))
