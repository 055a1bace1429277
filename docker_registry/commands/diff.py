"""`diff`: in what two images differ."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from docker_registry.config import load
from docker_registry.core.exceptions import UsageError
from docker_registry.distribution.views.comparing import NotComparedError
from docker_registry.distribution.views.differences import Change, Differences, compare
from docker_registry.distribution.views.files import FileChanges
from docker_registry.distribution.views.images import Layer
from docker_registry.images.inside import Inside
from docker_registry.images.opened import Opened, open_image
from docker_registry.maintenance.printable import printable
from docker_registry.plurals import plural
from docker_registry.web.words import size

from .naming import parse_image
from .options import config_options, json_option, platform_option

__all__ = ["diff"]

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


@click.command()
@config_options
@json_option
@platform_option
@click.option("--files", is_flag=True, help="Also read the layers that differ, and say in which files.")
@click.argument("before")
@click.argument("after")
def diff(
    config: str | None, flavor: str | None, as_json: bool, platform: str | None, files: bool, before: str, after: str
) -> None:
    """Say in which layers, settings, variables and labels two images differ.

    AFTER may be `:TAG` or `@DIGEST` of the same repository. What is there only
    before has a -, what is there only after a +, what has changed a ~.

    \b
    The exit status is 0, whether or not they differ.

    \b
    Examples:
      docker-registry-swift diff team/app:1.0 :1.1
      docker-registry-swift diff --files team/app:1.0 archive/app:1.0
    """
    one = parse_image(before)
    other = parse_image(one.name + after if after.startswith((":", "@")) else after)
    with Inside(load(config, flavor).settings) as registry:
        old = open_image(registry, one.name, one.reference, platform)
        new = open_image(registry, other.name, other.reference, platform or old.platform or None)
        difference = compare((old.details, old.config), (new.details, new.config))
        changes = _files(registry, old, new) if files else None
    if as_json:
        click.echo(json.dumps(_fields(old, new, difference, changes), indent=2))
        return
    for line in _lines(difference, changes):
        click.echo(printable(line))


def _files(registry: Inside, old: Opened, new: Opened) -> FileChanges:
    try:
        return registry.looker.files.compare((old.name, old.details), (new.name, new.details))
    except NotComparedError as error:
        raise UsageError(f"files cannot be compared: {error}") from None


def _lines(difference: Differences, files: FileChanges | None) -> Iterator[str]:
    if difference.is_nothing:
        yield "no difference in layers, settings, variables and labels"
    for sign, layers in (("-", difference.removed), ("+", difference.added)):
        for layer in layers:
            yield f"{sign} layer {layer.digest} {size(layer.size)}"
    if difference.removed or difference.added:
        same = plural(len(difference.shared), "layer is", "layers are")
        yield f"  {same} the same; {size(difference.download)} to pull"
    for word, changes in _changes(difference).items():
        yield from (f"{_SIGNS[change.word]} {word} {change.what}: {_sides(change)}" for change in changes)
    if files is None:
        return
    for each in files.changes:
        yield f"{_SIGNS[each.word]} {each.path}{f' ({each.what})' if each.what else ''}"
    exact = "" if files.is_exact else ", by the layers that differ alone"
    yield f"  files: {files.added} added, {files.removed} removed, {files.changed} changed{exact}"
    if files.more:
        yield f"  {files.more} of them are not shown"


def _sides(change: Change) -> str:
    return " -> ".join(filter(None, (change.before, change.after)))


def _changes(difference: Differences) -> dict[str, tuple[Change, ...]]:
    return {"setting": difference.facts, "variable": difference.environment, "label": difference.labels}


def _fields(old: Opened, new: Opened, difference: Differences, files: FileChanges | None) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "before": str(old.details.digest),
        "after": str(new.details.digest),
        "platform": new.platform or None,
        "layers": {
            "shared": [_layer(each) for each in difference.shared],
            "removed": [_layer(each) for each in difference.removed],
            "added": [_layer(each) for each in difference.added],
        },
        "download": difference.download,
    }
    fields |= {f"{word}s": [each._asdict() for each in changes] for word, changes in _changes(difference).items()}
    if files is not None:
        fields["files"] = {
            "changes": [{"path": each.path, "change": each.word, "what": each.what} for each in files.changes],
            "more": files.more,
            "isExact": files.is_exact,
        }
    return fields


def _layer(layer: Layer) -> dict[str, Any]:
    return {"digest": layer.digest, "size": layer.size}
