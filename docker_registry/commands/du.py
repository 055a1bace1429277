"""`du`: what holds the bytes, and what deleting it would really free."""

from __future__ import annotations

import click

from docker_registry.config import load
from docker_registry.distribution.model import grammar
from docker_registry.distribution.views.usage import ROWS, Usage
from docker_registry.images.inside import Inside
from docker_registry.images.weighing import weigh
from docker_registry.plurals import plural
from docker_registry.web.words import size

from .naming import parse_pattern
from .options import config_options, json_option
from .rows import Fields, show

__all__ = ["du"]

_REST = "(attached, without a tag, or not collected yet)"


@click.command()
@config_options
@json_option
@click.argument("name", required=False)
def du(config: str | None, flavor: str | None, as_json: bool, name: str | None) -> None:
    """Say what repositories hold, or the images of one, and what deleting each would free.

    The first column is all that it consists of, the second what only it needs:
    so much is free when it was deleted and garbage collected. Of the images of a
    repository that is so once gc takes manifests without a tag too (gc
    --untagged, or retention.untagged). Bytes that several need are free only
    when the last of them goes. The last row of a repository is what it has
    beside its tagged images: signatures and SBOMs that are attached to them,
    manifests without a tag (tags --untagged), and what gc has not taken yet.

    \b
    Examples:
      docker-registry-swift du
      docker-registry-swift du 'team/**'
      docker-registry-swift du --json team/app
    """
    with Inside(load(config, flavor).settings) as registry:
        usage: Usage = registry.looker.usage().value
        if name and grammar.is_name(name):
            images, rest = weigh(registry, name, usage)
            for weight in images:
                fields = {
                    "tags": weight.tags,
                    "digest": str(weight.digest),
                    "size": weight.size,
                    "frees": weight.frees,
                }
                show(fields, as_json, f"{size(weight.size):>8}  {size(weight.frees):>8}  {', '.join(weight.tags)}")
            if rest and usage.is_whole:
                beside: Fields = {"tags": [], "digest": None, "size": rest, "frees": None}
                show(beside, as_json, f"{size(rest):>8}  {'':>8}  {_REST}")
        else:
            chosen = set(registry.matching(parse_pattern(name or "**", "NAME")))
            for used in usage.repositories:
                if used.name in chosen:
                    row = {"repository": used.name, "size": used.size, "frees": used.alone, "blobs": used.blobs}
                    show(row, as_json, f"{size(used.size):>8}  {size(used.alone):>8}  {used.name}")
            _sum(usage, as_json)
    if not usage.is_whole:
        click.echo(f"warning: only {ROWS:,} blobs and links of each container were looked at", err=True)


def _sum(usage: Usage, as_json: bool) -> None:
    fields = {
        "stored": usage.stored,
        "blobs": usage.blobs,
        "shared": usage.shared,
        "unused": usage.unused,
        "unsized": usage.unsized,
        "isWhole": usage.is_whole,
    }
    line = (
        f"in all {size(usage.stored)} in {plural(usage.blobs, 'blob')}: {size(usage.shared)} in several repositories, "
        f"{size(usage.unused)} in none, which gc takes"
    )
    more = "; large blobs of Distribution's, whose size no listing has, count as nothing: " + str(usage.unsized)
    show({"summary": fields}, as_json, line + (more if usage.unsized else ""))
