"""What `ls --v1` and `inspect --v1` show of a docker-registry 0.9.1: pure formatting of what `images.v1` reads."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from docker_registry.concurrency.workers import each
from docker_registry.core.exceptions import UsageError
from docker_registry.distribution.views.v1 import old_names
from docker_registry.images.inside import Inside
from docker_registry.images.v1 import OldRepository
from docker_registry.plurals import plural

from .naming import parse_image, parse_repository
from .rows import Fields

__all__ = ["described", "rows"]

_AT_ONCE = 8


def rows(registry: Inside, name: str | None) -> Iterator[tuple[Fields, str]]:
    """Repositories with their tags; or the tags of one, three requests for each."""
    if name:
        repository = OldRepository(registry, parse_repository(name))
        yield from each(partial(_tag, repository), repository.tags(), _AT_ONCE)
        return
    names = old_names(registry.driver)
    if not names:
        raise UsageError("there are no repositories of docker-registry 0.9.1; storage_path says where they are")
    for found, tags in zip(names, each(partial(_tags, registry), names, _AT_ONCE), strict=True):
        yield {"repository": found, "tags": tags}, f"{found}  {', '.join(tags)}"


def _tags(registry: Inside, name: str) -> list[str]:
    try:
        return OldRepository(registry, name).tags()
    except UsageError:  # of which every tag was deleted
        return []


def _tag(repository: OldRepository, tag: str) -> tuple[Fields, str]:
    fields: Fields = {"tag": tag, "id": None, "created": None, "layers": None}
    try:
        image = repository.meaning(tag)
        layers, created = len(repository.ancestry(image)), repository.images([image])[0].created or None
    except UsageError as error:
        return {**fields, "broken": str(error)}, f"{'?':20}  {'?':12}  {tag}  {error}"
    line = f"{created or '?':20}  {image[:12]:12}  {tag}  {plural(layers, 'layer')}"
    return {**fields, "id": image, "created": created, "layers": layers}, line


def described(registry: Inside, image: str) -> dict[str, Any]:
    """An image with its ancestry, the topmost first: two requests for each layer."""
    named = parse_image(image)
    repository = OldRepository(registry, named.name)
    ids = repository.ancestry(repository.meaning(named.reference))
    images, sizes = repository.images(ids), repository.sizes(ids)
    return {
        "name": repository.name,
        "tag": named.reference,
        "id": ids[0],
        "created": images[0].created or None,
        "architecture": images[0].document.get("architecture"),
        "os": images[0].document.get("os"),
        "config": images[0].document.get("config"),
        "ancestry": [
            {"id": each.id, "created": each.created or None, "command": each.command, "size": size}
            for each, size in zip(images, sizes, strict=True)
        ],
    }
