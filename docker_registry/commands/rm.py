"""`rm`: delete tags and manifests."""

from __future__ import annotations

import sys

import click

from docker_registry.config import load
from docker_registry.core.exceptions import UsageError
from docker_registry.images.inside import Inside
from docker_registry.maintenance.printable import printable

from .ending import say
from .naming import Image, parse_image
from .options import config_options, json_option
from .rows import show

__all__ = ["rm"]

_NAMED = 20  # tags


@click.command()
@config_options
@json_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.argument("images", nargs=-1, required=True)
def rm(config: str | None, flavor: str | None, as_json: bool, yes: bool, images: tuple[str, ...]) -> None:
    """Delete a tag, or by digest a manifest with all of its tags.

    By its digest an image is gone, and gc frees what nothing else needs. Of a
    tag only the name goes: the image stays as a manifest without a tag, and so
    do its bytes, until it is deleted by its digest, or gc takes such manifests
    (gc --untagged, or retention.untagged in the config file).

    What cannot be deleted is named on stderr, and the others are deleted all
    the same; the exit status is then 1.

    \b
    Examples:
      docker-registry-swift rm team/app:1.0
      docker-registry-swift rm --yes team/app@sha256:...
    """
    named = [parse_image(image, default="") for image in images]
    for image in named:
        if not image.reference:
            raise click.BadParameter(f"{image.name}: name a tag or a digest, as in {image.name}:1.0")
    failed = False
    with Inside(load(config, flavor).settings) as registry:
        for image in named:
            if not yes:
                click.confirm(f"Delete {image.text}{_tags_too(registry, image)}?", abort=True, err=as_json)
            try:
                registry.call("DELETE", f"/v2/{image.name}/manifests/{image.reference}", 202)
            except UsageError as error:
                failed = True
                say(printable(str(error)))
            else:
                show({"repository": image.name, "deleted": image.reference}, as_json, f"deleted {image.text}")
    if failed:
        sys.exit(1)


def _tags_too(registry: Inside, image: Image) -> str:
    """Which tags go along with a manifest, as far as a listing shows them."""
    tags = [tag.name for tag in registry.looker.listing(image.name).tags if str(tag.digest) == image.reference]
    more = f" and {len(tags) - _NAMED} more" if len(tags) > _NAMED else ""
    return f" and its tags {', '.join(tags[:_NAMED])}{more}" if tags else ""
