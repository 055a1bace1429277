"""`tags`: the tags of a repository, what they meant before, and a way back."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime, timezone
from functools import partial
from typing import NoReturn

import click

from docker_registry.core.exceptions import ConnectionError, UnspecifiedError
from docker_registry.distribution.auth.policy import Policy
from docker_registry.distribution.errors import RegistryError
from docker_registry.distribution.expiry import Expiry
from docker_registry.distribution.model import grammar
from docker_registry.distribution.model.digest import Digest, DigestError
from docker_registry.distribution.storage.history import How, Meaning, meanings
from docker_registry.distribution.storage.parsing import Parsing
from docker_registry.distribution.storage.restoring import restore
from docker_registry.distribution.storage.store import Store
from docker_registry.maintenance.opening import open_containers
from docker_registry.maintenance.printable import printable
from docker_registry.settings import Settings

from .options import config_options, load_and_warn

__all__ = ["tags"]

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"))


class _Target(click.ParamType[tuple[grammar.Tag, Digest]]):
    """TAG@DIGEST."""

    name = "TAG@DIGEST"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[grammar.Tag, Digest]:
        tag, _, digest = value.partition("@")
        try:
            return grammar.parse_tag(tag), Digest.parse(digest)
        except (RegistryError, DigestError) as error:
            self.fail(f"{error}; write TAG@DIGEST, such as latest@sha256:...", param, ctx)


@click.command()
@config_options
@click.argument("repository")
@click.option("--history", is_flag=True, help="Also what tags meant before they were moved or deleted.")
@click.option("--restore", "target", type=_Target(), help="Point a tag at a manifest again, deleted or not.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def tags(
    config: str | None,
    flavor: str | None,
    repository: str,
    history: bool,
    target: tuple[grammar.Tag, Digest] | None,
    as_json: bool,
) -> None:
    """List the tags of a repository: what each means, when it was pushed, and when it ends.

    With --restore a tag means a manifest again that it meant before, or any
    other one, as if that were pushed: what it needs must still be there. It is
    until gc takes it, three days or more after it was deleted.

    The exit status is 0, or 2 when it could not.
    """
    try:
        settings = load_and_warn(config, flavor).settings
        name = grammar.check_name(repository)
        store = open_containers(settings).of(name).store
        if target:
            _restore(settings, store, name, *target)
        else:
            _list(store, name, history, as_json)
    except RegistryError as error:
        _end("; ".join(entry["message"] for entry in error.entries))
    except ConnectionError as error:
        _end(f"gave up: {error or error.message}")
    except UnspecifiedError as error:
        _end(str(error))


def _restore(settings: Settings, store: Store, name: str, tag: grammar.Tag, digest: Digest) -> None:
    policy = Policy(settings.auth.policy, settings.auth.immutable)
    if policy.is_immutable(name, tag) and store.tag(name, tag) not in (None, digest):
        _end(f"{name}:{tag} is immutable: it is neither moved nor deleted")
    expiry = Expiry(settings.expire, policy, Parsing())
    restore(store, name, tag, digest, partial(expiry.ends, store, name, [tag]))
    click.echo(f"{name}:{tag} is {digest} again")


def _list(store: Store, name: str, history: bool, as_json: bool) -> None:
    for meaning in meanings(store, name):
        if history or meaning.how is How.CURRENT:
            click.echo(_as_json(meaning) if as_json else _as_text(meaning))


def _as_json(meaning: Meaning) -> str:
    fields = {**meaning._asdict(), "digest": str(meaning.digest or ""), "how": meaning.how.value}
    return json.dumps(fields)


def _as_text(meaning: Meaning) -> str:
    when = "at an unknown time" if meaning.when is None else _date(meaning.when)
    deed = {How.CURRENT: "pushed", How.MOVED: "was until it was moved or ended, pushed", How.DELETED: "was, deleted"}
    ends = f", ends in {_left(meaning.expires - time.time())}" if meaning.expires else ""
    return printable(f"{meaning.tag} {meaning.digest or '(damaged)'} {deed[meaning.how]} {when}{ends}")


def _date(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


def _left(seconds: float) -> str:
    for size, unit in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds // size:.0f}{unit}"
    return f"{max(seconds, 0):.0f}s"


def _end(why: str) -> NoReturn:
    click.echo(f"docker-registry-swift: {why}", err=True)
    sys.exit(2)
