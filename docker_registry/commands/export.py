"""`export`: everything into OCI layouts, the way out."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import click

from docker_registry.config import load
from docker_registry.core.exceptions import UsageError
from docker_registry.images.copying import Attached, copy
from docker_registry.images.inside import Inside
from docker_registry.images.layouts import Layout
from docker_registry.images.places import Repository
from docker_registry.maintenance.printable import printable
from docker_registry.maintenance.progress import Quiet, for_terminal
from docker_registry.plurals import plural

from .naming import parse_pattern
from .options import config_options, json_option, quiet_option
from .rows import show

__all__ = ["export"]


@click.command()
@config_options
@click.option("--only", "pattern", default="**", metavar="PATTERN", help="Repositories that match, such as 'team/**'.")
@json_option
@quiet_option
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def export(config: str | None, flavor: str | None, pattern: str, as_json: bool, quiet: bool, folder: Path) -> None:
    """Write every tagged image into OCI image layouts, one for each repository: FOLDER/team/app/image.

    What is there already is not written again, so an export can be repeated;
    tags that were deleted meanwhile stay in FOLDER.
    What is attached to images is written too. Each image is printed when it is
    there. Images that cannot be pulled are named on stderr; the exit status is
    then 1.

    \b
    Example:
      docker-registry-swift export --only 'team/**' /srv/backup
    """
    with Inside(load(config, flavor).settings) as registry:
        failed = 0
        for name in registry.matching(parse_pattern(pattern, "--only")):
            source, target = Repository(registry, name), Layout(folder / name / "image")
            attached = Attached(source)
            with (Quiet() if quiet else for_terminal()).step(name) as advance:
                for tag in source.tags():
                    try:
                        digest = copy(source, target, tag, [tag], lambda _: nullcontext(advance), attached)
                        fields = {"repository": name, "tag": tag, "digest": str(digest), "folder": str(target.folder)}
                        show(fields, as_json, f"{name}:{tag} {digest}")
                    except UsageError as error:
                        failed += 1
                        click.echo(printable(f"{name}:{tag}: {error}"), err=True)
        if failed:
            raise UsageError(f"{plural(failed, 'image')} could not be exported, named above")
