"""What `ls --v1` and `inspect --v1` show of a docker-registry 0.9.1: pure formatting of what `images.v1` reads."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from docker_registry.concurrency.workers import each
from docker_registry.core.exceptions import UsageError
from docker_registry.images.inside import Inside
from docker_registry.images.v1 import OldRepository, old_names

from .naming import parse_image

__all__ = ["described", "line", "rows"]

_AT_ONCE = 8


def rows(registry: Inside, name: str | None) -> Iterator[dict[str, Any]]:
    """Repositories with their tags; or the tags of one, three requests for each."""
    if name:
        repository = OldRepository(registry, parse_image(name, default="").name)
        yield from each(partial(_tag, repository), repository.tags(), _AT_ONCE)
        return
    names = old_names(registry.driver)
    if not names:
        raise UsageError("there are no repositories of docker-registry 0.9.1; storage_path says where they are")
    for found, tags in zip(names, each(partial(_tags, registry), names, _AT_ONCE), strict=True):
        yield {"repository": found, "tags": tags}


def _tags(registry: Inside, name: str) -> list[str]:
    try:
        return OldRepository(registry, name).tags()
    except UsageError:  # of which every tag was deleted
        return []


def _tag(repository: OldRepository, tag: str) -> dict[str, Any]:
    try:
        image = repository.meaning(tag)
        layers = len(repository.ancestry(image))
        return {"tag": tag, "id": image, "created": repository.images([image])[0].created or None, "layers": layers}
    except UsageError as error:
        return {"tag": tag, "id": None, "created": None, "layers": None, "broken": str(error)}


def line(row: dict[str, Any]) -> str:
    if "repository" in row:
        return f"{row['repository']}  {', '.join(row['tags'])}"
    if "broken" in row:
        return f"{'?':20}  {'?':12}  {row['tag']}  {row['broken']}"
    return f"{row['created'] or '?':20}  {row['id'][:12]:12}  {row['tag']}  {row['layers']} layers"


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
