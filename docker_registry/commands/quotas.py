"""`quotas`: count what the repositories of each quota hold, and say it."""

from __future__ import annotations

import json

import click

from docker_registry.config import load
from docker_registry.core.exceptions import ConfigError
from docker_registry.maintenance.quotas import count

from .options import config_options, json_option

__all__ = ["quotas"]


@click.command()
@config_options
@json_option
def quotas(config: str | None, flavor: str | None, as_json: bool) -> None:
    """Count what the repositories of each rule in registry.quotas hold, now. Registries heed it within 30 s.

    `serve` does the same by itself, as often as registry.quotas.every says.

    \b
    Examples:
      docker-registry-swift quotas
      docker-registry-swift quotas --json
    """
    settings = load(config, flavor).settings
    if not settings.quotas.rules:
        raise ConfigError("the config file has no quotas: add registry.quotas.rules (docs/quotas.md)")
    found = count(settings)
    for rule in settings.quotas.rules:
        used = found.used[rule.name]
        if as_json:
            limits = {"bytes": rule.bytes, "tags": rule.tags}
            click.echo(json.dumps({"repositories": rule.repositories, "used": used._asdict(), "limits": limits}))
        else:
            click.echo(
                f"{rule.name}: {used.bytes} of {_limit(rule.bytes)} bytes, {used.tags} of {_limit(rule.tags)} tags"
            )


def _limit(number: int | None) -> str:
    return "any number of" if number is None else str(number)
