"""`history`: how an image was built."""

from __future__ import annotations

import click

from docker_registry.config import load
from docker_registry.core.exceptions import UsageError
from docker_registry.images.inside import Inside
from docker_registry.images.opened import open_image
from docker_registry.web.words import size

from .naming import parse_image
from .options import config_options, json_option, platform_option
from .rows import show

__all__ = ["history"]


@click.command()
@config_options
@json_option
@platform_option
@click.argument("image")
def history(config: str | None, flavor: str | None, as_json: bool, platform: str | None, image: str) -> None:
    """Say how an image was built: each step, and the layer that it made, with its compressed size.

    \b
    Examples:
      docker-registry-swift history team/app:1.0
      docker-registry-swift history --platform linux/arm64 --json team/app:1.0
    """
    named = parse_image(image)
    with Inside(load(config, flavor).settings) as registry:
        opened = open_image(registry, named.name, named.reference, platform)
        if opened.config is None:
            raise UsageError(f"{named.text} has no config that tells how it was built")
        for step in opened.config.steps:
            layer = step.layer
            fields = {
                "command": step.command,
                "layer": layer.digest if layer else None,
                "size": layer.size if layer else None,
            }
            short = layer.digest.rpartition(":")[2][:12] if layer else ""
            show(fields, as_json, f"{size(layer.size) if layer else '':>8}  {short:12}  {step.command or '(unknown)'}")
