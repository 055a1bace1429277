"""The options that several subcommands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from docker_registry.config import Loaded, load

__all__ = ["config_options", "load_and_warn"]


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


def load_and_warn(config: str | None, flavor: str | None) -> Loaded:
    """Read the config file and print its warnings to stderr. Raises ConfigError."""
    loaded = load(config, flavor)
    for warning in loaded.warnings:
        click.echo(f"warning: {warning}", err=True)
    return loaded
