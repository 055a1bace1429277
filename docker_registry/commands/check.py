"""`check`: how it stands with a Swift, before a registry relies on it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

import click

from docker_registry.config import Loaded, load
from docker_registry.config.secret import doubts, fingerprint, with_secret
from docker_registry.core.exceptions import ConfigError
from docker_registry.maintenance.check.check import look_at_storage
from docker_registry.maintenance.check.containers import strangers
from docker_registry.maintenance.check.leaving import look_at_departure
from docker_registry.maintenance.check.lines import Level, Line, error, ok, warning
from docker_registry.serving.probe import open_doors
from docker_registry.settings import open_driver

from .options import config_options, container_option, containers, json_option
from .rows import show

__all__ = ["check"]


@click.command()
@config_options
@container_option
@json_option
@click.option("--leaving", is_flag=True, help="List what Distribution 2.8 could not process, for the way back to it.")
def check(config: str | None, flavor: str | None, container: str | None, as_json: bool, leaving: bool) -> None:
    """Look at a Swift and say what a registry will find there.

    The exit status is 0, or 1 when there is an error.

    \b
    Examples:
      docker-registry-swift check --config config.yml
      docker-registry-swift check --leaving
    """
    loaded = load(config, flavor)
    for doubt in loaded.warnings:
        click.echo(f"warning: {doubt}", err=True)
    settings = loaded.settings
    chosen = [(name, each, open_driver(each)) for name, each in containers(settings, container)]
    failed = [_told(_doors(loaded), "", as_json)] if not leaving else []
    for name, each, driver in chosen:
        if name and not as_json:
            click.echo(f"container {name}:")
        lines = look_at_departure(driver) if leaving else look_at_storage(each, driver)
        failed.append(_told(lines, name, as_json))
        if name and not leaving:
            failed.append(_told(strangers(settings, name, driver), name, as_json))
    sys.exit(1 if any(failed) else 0)


def _told(lines: Iterable[Line], container: str, as_json: bool) -> bool:
    """Whether there was an error among them."""
    failed = False
    more = {"container": container} if container else {}
    for line in lines:
        show({**line._asdict(), "level": line.level.value, **more}, as_json, str(line))
        failed = failed or line.level is Level.ERROR
    return failed


def _doors(loaded: Loaded) -> Iterator[Line]:
    settings = with_secret(loaded.settings)
    try:
        open_doors(settings)
    except ConfigError as problem:
        yield error("logins, TLS", str(problem))
    else:
        if settings.auth.htpasswd:
            from docker_registry.distribution.auth.htpasswd import Htpasswd  # needs bcrypt

            if not Htpasswd(settings.auth.htpasswd).knows_anybody:
                yield error("logins", f"{settings.auth.htpasswd} has no bcrypt hash", "htpasswd -B makes one")
    keys = " and ".join(map(fingerprint, settings.secrets))
    derived = "" if loaded.settings.secret else ", derived from the credentials for Swift"
    yield ok("secrets", f"{keys}: the first signs, all verify" if settings.former_secrets else f"{keys} signs{derived}")
    for doubt in doubts(loaded.settings, loaded.unset):
        yield warning("secrets", doubt)
