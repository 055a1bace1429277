"""What each caller may do: a table of rules, everything denied that no rule allows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from docker_registry.settings import Immutable, Rule

from .access import CATALOG, UPKEEP, Access
from .caller import Caller, Kind
from .patterns import Pattern

__all__ = ["Policy", "Verdict"]

_CALLERS = 1024  # whose rules are remembered
_ADMIN = ("admin", "pull", "push", "delete")  # what `admin` includes


class Verdict(NamedTuple):
    """Whether something is allowed, and the rule that says so, for the audit."""

    allowed: bool
    rule: str


class _Rule(NamedTuple):
    verdict: Verdict  # where it is the one that allows something
    everybody: bool  # who logged in
    anonymous: bool
    who: tuple[Pattern, ...]
    repositories: tuple[Pattern, ...]
    actions: frozenset[str]

    def is_for(self, caller: Caller) -> bool:
        if caller.kind is Kind.ANONYMOUS:
            return self.anonymous
        # A token server's subject is a user too.
        kind = Kind.USER if caller.kind is Kind.TOKEN else caller.kind
        names = [f"{kind.value}:{caller.name}"]
        names += [f"role:{role}" for role in caller.roles] + [f"group:{group}" for group in caller.groups]
        return self.everybody or any(pattern.matches(name) for pattern in self.who for name in names)

    def covers(self, repository: str) -> bool:
        return any(pattern.matches(repository) for pattern in self.repositories)

    @property
    def covers_all(self) -> bool:
        return any(pattern.matches_all for pattern in self.repositories)


class Policy:
    """Without a rule, whoever logged in may do everything, as in Distribution.

    `rules_tokens`: what a token server allows has to be allowed by the table too.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        immutable: Sequence[Immutable] = (),
        groups: Sequence[tuple[str, Sequence[str]]] = (),
        read_only: Sequence[str] = (),
        *,
        rules_tokens: bool = False,
    ):
        members = {f"group:{name}": who for name, who in groups}
        self._rules = [
            _Rule(
                Verdict(True, f"policy {number}"),
                "*" in rule.who,
                Kind.ANONYMOUS.value in rule.who,
                _patterns([name for each in rule.who if ":" in each for name in (each, *members.get(each, ()))]),
                _patterns(rule.repositories),
                frozenset(_ADMIN if "admin" in rule.may else rule.may),
            )
            for number, rule in enumerate(rules, 1)
        ]
        self._names_admins = any("admin" in rule.actions for rule in self._rules)
        self._rules_tokens = rules_tokens
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

    def decide(self, caller: Caller, access: Access) -> Verdict:
        """Whether both the caller's credential and the table allow it."""
        if not caller.grants(access):
            return Verdict(False, caller.limit)
        return self.decide_by_table(caller, access)

    def decide_by_table(self, caller: Caller, access: Access) -> Verdict:
        """Whether the table allows it, whatever the credential does."""
        if caller.kind is Kind.TOKEN and not self._rules_tokens:
            return Verdict(True, caller.limit)  # the token server decided
        if not self._rules:
            return _NOBODY if caller.kind is Kind.ANONYMOUS else Verdict(True, caller.limit)
        rules = self._rules_of(caller.kind, caller.name, caller.roles, caller.groups)
        if access == CATALOG:
            # Who has no login and may pull nothing is asked for one, as everywhere; an empty list would hide that.
            may_pull = any("pull" in rule.actions for rule in rules)
            return _CATALOGUE if may_pull or caller.kind is not Kind.ANONYMOUS else _NOBODY
        if access == UPKEEP and not self._names_admins:
            return Verdict(True, caller.limit)
        for rule in rules:
            covered = rule.covers_all if access == UPKEEP else rule.covers(access.name)
            if covered and access.action in rule.actions:
                return rule.verdict
        return _UNRULED

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


_NOBODY = Verdict(False, "a login is asked for")
_CATALOGUE = Verdict(True, "the catalogue shows what may be pulled")
_UNRULED = Verdict(False, "no rule of the policy allows it")


def _patterns(texts: Sequence[str]) -> tuple[Pattern, ...]:
    return tuple(map(Pattern, texts))
