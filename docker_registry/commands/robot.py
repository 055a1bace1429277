"""`robot`: passwords for machines. What one allows is in it, signed with the registry's secret."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import click

from docker_registry.config.secret import ROBOTS_UNSIGNED, with_secret
from docker_registry.config.values import seconds
from docker_registry.core.exceptions import ConfigError
from docker_registry.distribution.auth.caller import Caller, Kind
from docker_registry.distribution.auth.policy import Policy
from docker_registry.distribution.auth.robots import Grant, Robots, parse_grant

from .options import config_options, load_and_warn

__all__ = ["robot"]

_NAME_CHARACTERS = "a name has letters, digits and . _ -"


class _Parsed(click.ParamType[Any]):
    """What a function makes of the text; its ValueError says what is wrong with it."""

    def __init__(self, name: str, parse: Callable[[str], Any]):
        self.name = name
        self._parse = parse

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.group()
def robot() -> None:
    """Passwords for machines, which need no database."""


@robot.command()
@config_options
@click.option("--name", required=True, help="What the machine logs in as.")
@click.option(
    "--allow",
    "grants",
    type=_Parsed("PATTERN:ACTIONS", parse_grant),
    multiple=True,
    required=True,
    help="Such as 'ci/**:pull,push'; may be repeated.",
)
@click.option("--expires", type=_Parsed("TIME", seconds), default="90d", help="After which time it ends. [90d]")
def create(config: str | None, flavor: str | None, name: str, grants: tuple[Grant, ...], expires: float) -> None:
    """Print a password for `docker login`.

    Example: docker-registry-swift robot create --config config.yml --name deploy --allow 'ci/**:pull,push'
    """
    loaded = load_and_warn(config, flavor)
    if not name.replace(".", "").replace("_", "").replace("-", "").isalnum() or not name.isascii():
        raise click.BadParameter(_NAME_CHARACTERS, param_hint="--name")
    if expires <= 0:
        raise click.BadParameter("must be in the future", param_hint="--expires")
    if not loaded.settings.auth.robots:
        raise ConfigError(f"{loaded.where}: registry.auth.robots: is not true, so no such password would be accepted")
    identity, password = Robots([with_secret(loaded.settings).secret]).create(name, grants, expires)
    if not loaded.settings.secret:
        click.echo(f"warning: {ROBOTS_UNSIGNED}", err=True)
    caller = Caller(Kind.ROBOT, name)
    if loaded.settings.auth.policy and not Policy(loaded.settings.auth.policy).knows(caller):
        click.echo(f"warning: no rule of registry.auth.policy is for robot:{name}, so it may do nothing", err=True)
    ends = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(time.time() + expires))
    click.echo(f"id {identity}, ends {ends}; to revoke it, add the id to registry.auth.revoked, and reload", err=True)
    click.echo(password)
