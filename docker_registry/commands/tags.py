"""`tags`: the tags of a repository, what they meant before, what lost its last one, and a way back."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import click

from docker_registry.config import load
from docker_registry.core.exceptions import UsageError
from docker_registry.distribution.auth.policy import Policy
from docker_registry.distribution.errors import RegistryError
from docker_registry.distribution.expiry import Expiry
from docker_registry.distribution.model import grammar
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.storage.history import meanings
from docker_registry.distribution.storage.parsing import Parsing
from docker_registry.distribution.storage.restoring import restore
from docker_registry.images.inside import Inside
from docker_registry.settings import Settings

from .naming import parse_repository
from .options import config_options, json_option
from .rows import Fields, history_rows, show, tag_rows, untagged_rows

__all__ = ["tags"]

_SHORTEST = 4  # digits that a digest may be cut to


class _Target(click.ParamType[tuple[grammar.Tag, str]]):
    """TAG@DIGEST; of the digest its first digits are enough."""

    name = "TAG@DIGEST"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[grammar.Tag, str]:
        tag, _, digest = value.partition("@")
        digits = digest.rpartition(":")[2]
        try:
            if len(digits) < _SHORTEST or set(digits) - set("0123456789abcdef"):
                raise ValueError(f"a digest, or its first {_SHORTEST} digits or more, follow the @")
            return grammar.parse_tag(tag), digest
        except (RegistryError, ValueError) as error:
            self.fail(f"{error}; write TAG@DIGEST, such as latest@sha256:...", param, ctx)


@click.command()
@config_options
@json_option
@click.option("--history", is_flag=True, help="Also what tags meant before they were moved or deleted.")
@click.option("--untagged", is_flag=True, help="Instead, the manifests that no tag means, and what needs them.")
@click.option(
    "--restore",
    "target",
    type=_Target(),
    help="Point a tag at a manifest again, deleted or not; 4 digits or more of its digest.",
)
@click.argument("repository")
def tags(
    config: str | None,
    flavor: str | None,
    as_json: bool,
    history: bool,
    untagged: bool,
    target: tuple[grammar.Tag, str] | None,
    repository: str,
) -> None:
    """List the tags of a repository, as ls does; with --history also what they meant before.

    With --restore a tag means a manifest again that it meant before, or any
    other one, as if that were pushed: what it needs must still be there. It is
    until gc takes it, three days or more after it was deleted. The first digits
    of the digest are enough, 4 or more, where one manifest only begins with them.

    \b
    Examples:
      docker-registry-swift tags team/app
      docker-registry-swift tags --history team/app
      docker-registry-swift tags --restore latest@0a1b2c3d4e5f team/app
      docker-registry-swift tags --untagged team/app
    """
    if history + untagged + (target is not None) > 1:
        raise click.UsageError("give one of --history, --untagged and --restore")
    name = parse_repository(repository)
    settings = load(config, flavor).settings
    with Inside(settings) as registry:
        if target:
            tag, digits = target
            digest = _whole(registry, name, digits)
            _restore(registry, settings, name, tag, digest)
            show({"tag": tag, "digest": str(digest)}, as_json, f"{name}:{tag} is {digest} again")
            return
        for fields, line in untagged_rows(registry, name) if untagged else _rows(registry, name, history):
            show(fields, as_json, line)


def _rows(registry: Inside, name: str, history: bool) -> Iterator[tuple[Fields, str]]:
    past = list(history_rows(registry, name)) if history else []
    if not past or not registry.looker.listing(name).is_empty:
        for fields, line in tag_rows(registry, name):
            yield {**fields, "how": "current"} if history else fields, line
    yield from past


def _whole(registry: Inside, name: str, digits: str) -> Digest:
    """The digest that these are the first digits of. Raises UsageError where that is none, or one of several."""
    try:
        return grammar.parse_digest(digits)
    except RegistryError:
        pass
    known = {each.digest for each in meanings(registry.store(name), name)} | {*registry.looker.listing(name).revisions}
    found = sorted(
        str(each) for each in known if each and (str(each).startswith(digits) or each.hex.startswith(digits))
    )
    if len(found) != 1:
        several = ": it may be " + " or ".join(found) if found else ""
        raise UsageError(f"{name} has {len(found) or 'no'} manifests whose digest begins with {digits}{several}")
    return Digest.parse(found[0])


def _restore(registry: Inside, settings: Settings, name: str, tag: grammar.Tag, digest: Digest) -> None:
    registry.check_writable(name)
    store = registry.store(name)
    policy = Policy(settings.auth.policy, settings.auth.immutable)
    if policy.is_immutable(name, tag) and store.tag(name, tag) not in (None, digest):
        raise UsageError(f"{name}:{tag} is immutable: it is neither moved nor deleted")
    expiry = Expiry(settings.expire, policy, Parsing())
    try:
        restore(store, name, tag, digest, partial(expiry.ends, store, name, [tag]))
    except RegistryError as error:
        raise UsageError("; ".join(entry["message"] for entry in error.entries)) from None
