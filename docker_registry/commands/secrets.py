"""`secrets`: which keys sign and which only verify, told apart by fingerprints."""

from __future__ import annotations

import time

import click

from docker_registry.config import load
from docker_registry.config.secret import fingerprint, needs_own, with_secret
from docker_registry.core.exceptions import ConfigError
from docker_registry.distribution.storage import robot_book
from docker_registry.plurals import plural
from docker_registry.settings import open_driver

from .options import config_options, json_option
from .rows import show

__all__ = ["secrets"]


@click.command()
@config_options
@json_option
def secrets(config: str | None, flavor: str | None, as_json: bool) -> None:
    """List the keys of secret_key (http.secret) by their fingerprints, and what each signed.

    A key that only verifies can be taken out of the list when no password of a robot needs it any more, and
    upload_ttl (24h) after the new key came before it.

    \b
    Example:
      docker-registry-swift secrets
    """
    settings = load(config, flavor).settings
    if needs_own(settings):
        raise ConfigError("secret_key (http.secret): is not set, so each start of a registry makes a key of its own")
    derived = "" if settings.secret else ", derived from the credentials for Swift"
    now = time.time()
    made = [each for each in robot_book.made(open_driver(settings)) if each.expires > now and not each.revoked]
    for number, secret in enumerate(with_secret(settings).secrets):
        key = fingerprint(secret)
        ends = [each.expires for each in made if each.key == key]
        robots = f"{plural(len(ends), 'robot password')}, until {_date(max(ends))}" if ends else "no robot password"
        does = "verifies" if number else "signs"
        fields = {
            "key": key,
            "does": does,
            "derived": bool(derived),
            "robots": len(ends),
            "until": max(ends, default=None),
        }
        show(fields, as_json, f"{key}  {does}{derived}; signed {robots}")


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))
