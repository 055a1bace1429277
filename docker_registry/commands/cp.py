"""`cp`: copy images between repositories, and from and to OCI layouts, straight on Swift."""

from __future__ import annotations

import click

from docker_registry.config import load
from docker_registry.core.exceptions import UsageError
from docker_registry.images.copying import copy
from docker_registry.images.inside import Inside
from docker_registry.images.places import Repository
from docker_registry.maintenance.progress import Quiet, for_terminal

from .naming import parse_place
from .options import config_options

__all__ = ["cp"]


@click.command()
@config_options
@click.option("--all-tags", is_flag=True, help="All tags of SOURCE, under their names.")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
@click.argument("source")
@click.argument("target")
def cp(config: str | None, flavor: str | None, all_tags: bool, quiet: bool, source: str, target: str) -> None:
    """Copy an image, for all of its platforms, without a server.

    SOURCE and TARGET are repositories of the registry (team/app:1.0), or OCI
    image layouts (oci:FOLDER:1.0), which skopeo, podman and buildah read and
    write. Between two repositories no byte is moved. A copy that was
    interrupted goes on when it is repeated.

    \b
    Examples:
      docker-registry-swift cp team/app:1.0 archive/app:1.0
      docker-registry-swift cp oci:/srv/seed:1.0 team/app:1.0
      docker-registry-swift cp --all-tags team/app oci:/srv/backup/app
    """
    with Inside(load(config, flavor).settings) as registry:
        from_place, reference = parse_place(registry, source, default="" if all_tags else "latest")
        to_place, tag = parse_place(registry, target, default="")
        if all_tags and (reference or tag):
            raise click.UsageError("with --all-tags, name neither a tag of the source nor one of the target")
        if ":" in tag:
            raise click.UsageError(f"{target}: a copy is stored under its own digest; name a tag, or none")
        wanted = from_place.tags() if all_tags else [reference]
        if not wanted:
            raise UsageError(f"{source} has no tags")
        for each in wanted:
            new = each if all_tags else tag or ("" if ":" in each else each)
            if not new and not isinstance(to_place, Repository):
                raise click.UsageError(f"{target}: name the tag of the copy, as in {target}:1.0")
            with (Quiet() if quiet else for_terminal()).step(f"blobs of {each or source}") as advance:
                digest = copy(from_place, to_place, each, [new] if new else [], advance)
            click.echo(f"{digest} {new}".rstrip())
