"""`check`: how it stands with a Swift, before a registry relies on it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from docker_registry.config.secret import fingerprint, with_secret
from docker_registry.core.driver import Base
from docker_registry.core.exceptions import ConfigError
from docker_registry.maintenance.check.check import look_at_storage
from docker_registry.maintenance.check.leaving import look_at_departure
from docker_registry.maintenance.check.lines import Level, Line, error, ok
from docker_registry.serving.probe import open_doors
from docker_registry.settings import Settings, open_driver

from .options import config_options, load_and_warn

__all__ = ["check"]


@click.command()
@config_options
@click.option("--leaving", is_flag=True, help="List what Distribution 2.8 could not process, for the way back to it.")
def check(config: str | None, flavor: str | None, leaving: bool) -> None:
    """Look at a Swift and say what a registry will find there.

    The exit status is 0, or 1 when there is an error.
    """
    settings = load_and_warn(config, flavor).settings
    driver = open_driver(settings)
    settings = with_secret(settings)
    failed = False
    for line in look_at_departure(driver) if leaving else _look(settings, driver):
        click.echo(str(line))
        failed = failed or line.level is Level.ERROR
    sys.exit(1 if failed else 0)


def _look(settings: Settings, driver: Base) -> Iterator[Line]:
    try:
        open_doors(settings)
    except ConfigError as problem:
        yield error("logins, TLS", str(problem))
    keys = " and ".join(map(fingerprint, settings.secrets))
    yield ok("secrets", f"{keys}: the first signs, all verify" if settings.former_secrets else f"{keys} signs")
    yield from look_at_storage(settings, driver)
