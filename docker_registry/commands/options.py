"""The options that several subcommands share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import click

from docker_registry.config.values import MOST_DAYS
from docker_registry.core.exceptions import ConfigError
from docker_registry.maintenance.check.containers import refuse_shared
from docker_registry.settings import Settings, of_each_container

__all__ = [
    "DAYS",
    "config_options",
    "container_option",
    "containers",
    "json_option",
    "platform_option",
    "quiet_option",
    "workers_option",
]


class _Days(click.ParamType[float]):
    """A number of days, from none to a hundred years: from which a date can be worked out."""

    name = "DAYS"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            days = float(value)
        except ValueError:
            days = math.nan
        if not 0 <= days <= MOST_DAYS:  # nor is NaN
            self.fail(f"{value} is not a number of days from 0 to {MOST_DAYS:,}", param, ctx)
        return days


DAYS = _Days()


def config_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--config` and `--flavor`, the arguments of `docker_registry.config.load`."""
    command = click.option(
        "--flavor", metavar="NAME", help="Flavor of docker-registry's config.yml. [$SETTINGS_FLAVOR]"
    )(command)
    return click.option(
        "--config",
        metavar="FILE",
        help="docker-registry's config.yml, or Distribution's. [$DOCKER_REGISTRY_CONFIG, config.yml]",
    )(command)


json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
quiet_option = click.option("--quiet", is_flag=True, help="No progress on stderr.")
platform_option = click.option("--platform", metavar="OS/ARCH", help="Of an image for several. [linux/amd64]")
workers_option = click.option(
    "--workers", type=click.IntRange(1, 48), default=16, metavar="N", help="Requests at a time. [16]"
)
container_option = click.option("--container", metavar="NAME", help="Only this one of registry.containers, or default.")


def containers(settings: Settings, wanted: str | None) -> list[tuple[str, Settings]]:
    """Those to look at, by their names: "" where the config file has only one.

    Raises ConfigError for one it lacks, and for two that are the same.
    """
    found = dict(of_each_container(settings))
    refuse_shared(settings)
    if wanted is None:
        return list(found.items()) if settings.containers else [("", settings)]
    if wanted not in found:
        raise ConfigError(f"--container {wanted}: the config file has {', '.join(found)}")
    return [(wanted, found[wanted])]
