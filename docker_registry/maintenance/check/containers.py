"""Whether several containers are what the config file says: different ones, each with its own repositories."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import ConfigError, ConnectionError, UnspecifiedError
from docker_registry.distribution.homes import Homes
from docker_registry.distribution.model import layout
from docker_registry.settings import Settings, of_each_container, open_driver

from .lines import Line, warning

__all__ = ["refuse_shared", "strangers"]

_NAMED = 5  # repositories


def refuse_shared(settings: Settings) -> None:
    """Raises ConfigError where two entries lead to one container: each would take the other's blobs for waste.

    The config file cannot tell where one project or server has two names. So each container is asked when it was made,
    which Swift tells to a hundred-thousandth of a second. One that does not answer is left out.
    """
    if not settings.containers or settings.storage != "swift":
        return
    from .account import Account

    seen: dict[tuple[str, str], str] = {}
    for name, each in of_each_container(settings):
        account = Account(each, open_driver(each))
        try:
            made = account.made()
        except ConnectionError:
            continue
        if made is None:  # it is not there, or does not tell
            continue
        first = seen.setdefault((account.container, made), name)
        if first != name:
            raise ConfigError(
                f"registry.containers: {first} and {name} lead to one container, {account.container}, and each would "
                "take the other's blobs for waste: give one of them another swift_container"
            )


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
