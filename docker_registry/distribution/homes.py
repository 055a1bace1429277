"""Which container a repository is kept in, by the rules of the config file: the first that matches counts."""

from __future__ import annotations

from collections.abc import Iterable

from docker_registry.settings import DEFAULT, ContainerRule

from .auth.patterns import Pattern

__all__ = ["Homes"]


class Homes:
    """
    >>> from docker_registry.settings import DriverConfig
    >>> homes = Homes([ContainerRule("team-a", ("team-a/**",), "/", DriverConfig())])
    >>> homes.of("team-a/app"), homes.of("team-b/app")
    ('team-a', 'default')
    """

    def __init__(self, rules: Iterable[ContainerRule]):
        self._rules = [(rule.name, tuple(map(Pattern, rule.repositories))) for rule in rules]

    def of(self, repository: str) -> str:
        """The name of the repository's container."""
        for name, patterns in self._rules:
            if any(pattern.matches(repository) for pattern in patterns):
                return name
        return DEFAULT
