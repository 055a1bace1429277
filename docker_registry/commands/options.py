"""The options that several subcommands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from docker_registry.config import Loaded, load
from docker_registry.core.exceptions import ConfigError
from docker_registry.maintenance.check.containers import refuse_shared
from docker_registry.settings import Settings, of_each_container

__all__ = ["config_options", "container_option", "containers", "load_and_warn"]


def config_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--config` and `--flavor`, the arguments of `load_and_warn`."""
    command = click.option(
        "--flavor", metavar="NAME", help="Flavor of docker-registry's config.yml. [$SETTINGS_FLAVOR]"
    )(command)
    return click.option(
        "--config",
        metavar="FILE",
        help="docker-registry's config.yml, or Distribution's. [$DOCKER_REGISTRY_CONFIG, config.yml]",
    )(command)


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


def load_and_warn(config: str | None, flavor: str | None) -> Loaded:
    """Read the config file and print its warnings to stderr. Raises ConfigError."""
    loaded = load(config, flavor)
    for warning in loaded.warnings:
        click.echo(f"warning: {warning}", err=True)
    return loaded
