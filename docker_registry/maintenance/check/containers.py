"""Whether each of several containers has the repositories that the rules lead to it, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import UnspecifiedError
from docker_registry.distribution.homes import Homes
from docker_registry.distribution.model import layout
from docker_registry.settings import Settings

from .lines import Line, warning

__all__ = ["strangers"]

_NAMED = 5  # repositories


def strangers(settings: Settings, container: str, driver: Base) -> Iterator[Line]:
    """Generate a line where a container has repositories that clients are told of another one."""
    homes = Homes(settings.containers)
    try:
        names = driver.list_prefixes(layout.REPOSITORIES, "/_")
        hidden = ((name, homes.of(name)) for name in names if homes.of(name) != container)
        some = list(islice(hidden, _NAMED))
        more = sum(1 for _ in hidden)
    except UnspecifiedError:
        return  # told already, where the layout was looked at
    if some:
        named = ", ".join(f"{name} ({where})" for name, where in some)
        yield warning(
            "repositories",
            f"{len(some) + more} are not served, since the rules lead elsewhere: {named}{', ...' if more else ''}",
            "Copy them with a registry that has this container alone, then delete them here; or change the rules",
        )
