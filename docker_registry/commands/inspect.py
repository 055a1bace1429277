"""`inspect`: what an image consists of."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from docker_registry.config import load
from docker_registry.distribution.views.images import Config, Details, Layer
from docker_registry.distribution.views.looking import Found
from docker_registry.images.inside import Inside
from docker_registry.images.opened import find

from . import old
from .naming import Image, parse_image
from .options import config_options

__all__ = ["inspect"]


@click.command()
@config_options
@click.option("--raw", is_flag=True, help="The manifest as it was pushed, byte for byte.")
@click.option("--v1", is_flag=True, help="An image of docker-registry 0.9.1 in the same storage, with its ancestry.")
@click.argument("image")
def inspect(config: str | None, flavor: str | None, raw: bool, v1: bool, image: str) -> None:
    """Say as JSON what an image or artifact consists of.

    \b
    Examples:
      docker-registry-swift inspect team/app:1.0
      docker-registry-swift inspect --raw team/app@sha256:...
      docker-registry-swift inspect --v1 team/app:1.0
    """
    named = parse_image(image)
    if raw and v1:
        raise click.UsageError("--raw is for manifests, and v1 has none")
    with Inside(load(config, flavor).settings) as registry:
        if v1:
            click.echo(json.dumps(old.described(registry, image), indent=2))
            return
        found = find(registry, named.name, named.reference)
        if raw:
            sys.stdout.buffer.write(found.manifest.body)
            return
        click.echo(json.dumps(_described(registry, named, found), indent=2))


def _described(registry: Inside, image: Image, found: Found) -> dict[str, Any]:
    details = registry.looker.details(found)
    config = registry.looker.config(image.name, details)
    listing = registry.looker.listing(image.name)
    attached, more = registry.looker.referrers(image.name, listing, found.digest)
    described = {
        "name": image.name,
        "digest": str(found.digest),
        "mediaType": details.media_type,
        "kind": details.kind.word,
        "artifactType": details.artifact_type or None,
        "subject": str(details.subject) if details.subject else None,
        "platforms": _platforms(details),
        "configDigest": str(details.config) if details.config else None,
        "configSize": details.config_size,
        "layers": [_layer(layer) for layer in details.layers],
        "layersSize": details.layers_size,
        "annotations": dict(details.annotations),
        "attached": [{"digest": str(each.digest), "artifactType": each.artifact_type} for each in attached],
        "attachedMore": more,
        **(_config(config) if isinstance(config, Config) else {"configProblem": config or None}),
    }
    return {key: value for key, value in described.items() if value not in (None, [], {}, 0)}


def _layer(layer: Layer) -> dict[str, Any]:
    described = {"digest": layer.digest, "mediaType": layer.media_type, "size": layer.size}
    return {**described, "title": layer.title} if layer.title else described


def _platforms(details: Details) -> list[dict[str, Any]]:
    return [
        {"digest": str(child.digest), "platform": child.platform.full, "size": child.size}
        for child in details.children
        if not child.attests
    ]


def _config(config: Config) -> dict[str, Any]:
    return {
        "platform": config.platform.full,
        "created": config.created,
        "author": config.author or None,
        "config": dict(config.facts),
        "environment": dict(config.environment),
        "labels": dict(config.labels),
        "history": [step.command for step in config.steps],
    }
