"""`retag`: give an image further tags."""

from __future__ import annotations

import click

from docker_registry.config import load
from docker_registry.distribution.errors import RegistryError
from docker_registry.distribution.model import grammar
from docker_registry.images.inside import Inside
from docker_registry.images.places import Repository

from .naming import parse_image
from .options import config_options, json_option
from .rows import show

__all__ = ["retag"]


@click.command()
@config_options
@json_option
@click.argument("image")
@click.argument("tags", nargs=-1, required=True)
def retag(config: str | None, flavor: str | None, as_json: bool, image: str, tags: tuple[str, ...]) -> None:
    """Let TAGS of the same repository mean IMAGE, as if it were pushed under them. Immutable tags stay.

    \b
    Examples:
      docker-registry-swift retag team/app:1.0 stable latest
      docker-registry-swift retag team/app@sha256:... 1.0
    """
    named = parse_image(image)
    try:
        wanted = [grammar.parse_tag(tag) for tag in tags]
    except RegistryError as error:
        raise click.BadParameter(f"{error}") from None
    with Inside(load(config, flavor).settings) as registry:
        repository = Repository(registry, named.name)
        stored = repository.manifest(named.reference)
        for tag in wanted:
            repository.put_manifest(stored, [tag])
            fields = {"repository": named.name, "tag": tag, "digest": str(stored.digest)}
            show(fields, as_json, f"{named.name}:{tag} is {stored.digest}")
