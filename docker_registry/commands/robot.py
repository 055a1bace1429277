"""`robot`: passwords for machines. What one allows is in it, signed with the registry's secret."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable
from typing import Any

import click

from docker_registry.config import load
from docker_registry.config.lists import repository_patterns
from docker_registry.config.secret import ROBOTS_UNSIGNED, fingerprint, with_secret
from docker_registry.config.values import lasting
from docker_registry.core.exceptions import ConfigError, UnspecifiedError
from docker_registry.distribution.auth.caller import Caller, Kind
from docker_registry.distribution.auth.policy import Policy
from docker_registry.distribution.auth.robots import ROBOT_ID, Grant, Robots, parse_grant
from docker_registry.distribution.storage import robot_book
from docker_registry.distribution.storage.robot_book import Made
from docker_registry.settings import open_driver

from .options import config_options, json_option
from .rows import show

__all__ = ["robot"]

_NAME_CHARACTERS = "a name has letters, digits and . _ -"
_LONGEST = 3650 * 86400  # s that a password may count
# With these names Keystone's users send tokens and secrets of theirs: it would be sent the robot's password.
_KEYSTONES = re.compile("token|applicationcredential-.*")


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


def _grant(text: str) -> Grant:
    grant = parse_grant(text)
    repository_patterns(grant.pattern)
    return grant


def _expiry(text: str) -> float:
    seconds = lasting(text)
    if seconds > _LONGEST:
        raise ValueError(f"must be at most {_LONGEST // 86400}d")
    return seconds


def _identity(text: str) -> str:
    if not re.fullmatch(ROBOT_ID, text):
        raise ValueError(f"{text!r} is not the id of a robot's password, such as r0123456789a")
    return text


@click.group()
def robot() -> None:
    """Passwords for machines, which need no database.

    \b
    Examples:
      docker-registry-swift robot create --name deploy --allow 'ci/**:pull,push' --expires 30d
      docker-registry-swift robot list
      docker-registry-swift robot revoke r0123456789a
    """


@robot.command()
@config_options
@click.option("--name", required=True, help="What the machine logs in as.")
@click.option(
    "--allow",
    "grants",
    type=_Parsed("PATTERN:ACTIONS", _grant),
    multiple=True,
    required=True,
    help="Such as 'ci/**:pull,push'; may be repeated.",
)
@click.option(
    "--expires", type=_Parsed("TIME", _expiry), default="90d", help="After which time it ends, at most 3650d. [90d]"
)
def create(config: str | None, flavor: str | None, name: str, grants: tuple[Grant, ...], expires: float) -> None:
    """Print a password for `docker login`.

    Example: docker-registry-swift robot create --config config.yml --name deploy --allow 'ci/**:pull,push'
    """
    loaded = load(config, flavor)
    if not name.replace(".", "").replace("_", "").replace("-", "").isalnum() or not name.isascii():
        raise click.BadParameter(_NAME_CHARACTERS, param_hint="--name")
    if _KEYSTONES.fullmatch(name):
        raise click.BadParameter(f"{name} is what users of Keystone log in as, choose another", param_hint="--name")
    if not loaded.settings.auth.robots:
        raise ConfigError(f"{loaded.where}: registry.auth.robots: is not true, so no such password would be accepted")
    secret, ends = with_secret(loaded.settings).secret, int(time.time() + expires)
    identity, password = Robots([secret]).create(name, grants, ends)
    if not loaded.settings.secret:
        click.echo(f"warning: {ROBOTS_UNSIGNED}", err=True)
    caller = Caller(Kind.ROBOT, name)
    if loaded.settings.auth.policy and not Policy(loaded.settings.auth.policy).knows(caller):
        click.echo(f"warning: no rule of registry.auth.policy is for robot:{name}, so it may do nothing", err=True)
    shown = tuple(f"{grant.pattern}:{','.join(grant.actions)}" for grant in grants)
    try:
        driver = open_driver(loaded.settings)
        robot_book.record(driver, Made(identity, name, ends, shown, fingerprint(secret)))
        robot_book.forget_ended(driver, time.time())
    except UnspecifiedError as error:
        click.echo(f"warning: `robot list` will not show it, since it could not be written down: {error}", err=True)
    same = [("--config", config), ("--flavor", flavor)]
    options = [word for option, value in same if value is not None for word in (option, value)]
    revoke = shlex.join(["docker-registry-swift", "robot", "revoke", *options, identity])
    click.echo(f"id {identity}, ends {_date(ends)}; to revoke it: {revoke}", err=True)
    click.echo(password)


@robot.command("list")
@config_options
@json_option
def list_made(config: str | None, flavor: str | None, as_json: bool) -> None:
    """List the passwords that were made, without the passwords: id, name, end, and what each allows."""
    driver = open_driver(load(config, flavor).settings)
    for made in robot_book.made(driver):
        ended = made.expires <= time.time()
        state = "revoked" if made.revoked else f"{'ended' if ended else 'ends'} {_date(made.expires)}"
        fields = {**made._asdict(), "ended": ended}
        show(fields, as_json, f"{made.id}  {made.name}  {state}  {' '.join(made.grants)}")


@robot.command()
@config_options
@click.argument("id", type=_Parsed("ID", _identity))
def revoke(config: str | None, flavor: str | None, id: str) -> None:
    """Let a password count no more, by the id that `create` and `list` show.

    Example: docker-registry-swift robot revoke --config config.yml r0123456789a
    """
    driver = open_driver(load(config, flavor).settings)
    is_known = any(made.id == id for made in robot_book.made(driver))
    robot_book.revoke(driver, id)
    if not is_known:
        click.echo(f"warning: no password with the id {id} was written down here; it is revoked all the same", err=True)
    click.echo(f"revoked {id}: every registry on this storage refuses it in {robot_book.BELIEVED:.0f} s at the latest")


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))
