"""`ls`: which repositories there are, or the tags of one."""

from __future__ import annotations

import click

from docker_registry.config import load
from docker_registry.distribution.model import grammar
from docker_registry.images.inside import Inside

from . import old
from .naming import parse_pattern
from .options import config_options, json_option
from .rows import repository_rows, show, tag_rows

__all__ = ["ls"]


@click.command()
@config_options
@json_option
@click.option("--v1", is_flag=True, help="What a docker-registry 0.9.1 keeps in the same storage.")
@click.argument("name", required=False)
def ls(config: str | None, flavor: str | None, as_json: bool, v1: bool, name: str | None) -> None:
    """List repositories, or the tags of one. A pattern such as 'ci/**' lists the repositories that match.

    \b
    Examples:
      docker-registry-swift ls
      docker-registry-swift ls 'team/**'
      docker-registry-swift ls --json team/app
      docker-registry-swift ls --v1
    """
    with Inside(load(config, flavor).settings) as registry:
        if v1:
            rows = old.rows(registry, name)
        elif name and grammar.is_name(name):
            rows = tag_rows(registry, name)
        else:
            rows = repository_rows(registry, registry.matching(parse_pattern(name or "**", "NAME")))
        for fields, line in rows:
            show(fields, as_json, line)
