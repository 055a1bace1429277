"""How long jobs end: a line on stderr, and an exit status that says whether to call somebody."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import ConnectionError
from docker_registry.maintenance.check.check import why_nothing_is_here
from docker_registry.settings import Settings

__all__ = ["NOT_RUN", "WRONG_PLACE", "end", "nothing_here", "say", "worst"]

NOT_RUN, WRONG_PLACE = 2, 3  # click's own, for an option that it does not know, is 2 too


def say(why: str) -> None:
    click.echo(f"docker-registry-swift: {why}", err=True)


def end(status: int, why: str) -> NoReturn:
    say(why)
    sys.exit(status)


def nothing_here(settings: Settings, driver: Base) -> int:
    """Say why no registry's files were found; returns the exit status."""
    try:
        say(why_nothing_is_here(settings, driver))
    except ConnectionError as error:
        say(f"could not look at all: {error or error.message}")
        return NOT_RUN
    return WRONG_PLACE


def worst(statuses: Sequence[int]) -> int:
    """Of several containers: one may be empty where others are not.

    >>> worst([0, WRONG_PLACE]), worst([WRONG_PLACE]), worst([1, 0])
    (0, 3, 1)
    """
    return max((status for status in statuses if status != WRONG_PLACE), default=WRONG_PLACE)
