"""Looking at what a docker-registry 0.9.1 left in the same storage: bounded, and remembered for seconds."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from docker_registry.concurrency.workers import gather
from docker_registry.core.driver import Base as Driver
from docker_registry.core.exceptions import FileNotFoundError, UsageError

from ..storage.cache import FOREVER, Memory
from .images import Config, config_of
from .text import visible
from .v1 import OldImage, OldReader, old_names

__all__ = ["OldLayer", "OldLooker", "OldShown", "OldTag"]

T = TypeVar("T")

_NAMES_TTL, _THERE_TTL, _TAGS_TTL = 60.0, 600.0, 15.0  # s
_LAYERS = 64  # of one image, two requests each
_COMMAND = 2000  # characters


class OldTag(NamedTuple):
    """`trouble` says why the rest is "" where a tag leads to nothing."""

    name: str
    id: str
    created: str
    trouble: str = ""


class OldLayer(NamedTuple):
    id: str
    command: str
    size: int | None  # bytes, None where it is not there


class OldShown(NamedTuple):
    id: str
    config: Config
    layers: tuple[OldLayer, ...]  # the topmost first
    more: int


class OldLooker:
    """What the requests of one process share. What is not there, or damaged, is a UsageError."""

    def __init__(self, driver: Driver, cache: Memory):
        self._driver = driver
        self._cache = cache

    def is_there(self) -> bool:
        """Whether there is anything of v1: one request, seldom."""
        return self._remember(("v1",), lambda: (self._has_any(),), _THERE_TTL)[0]

    def _has_any(self) -> bool:
        try:
            return any(True for _ in self._driver.list_directory(self._driver.repositories))
        except FileNotFoundError:
            return False

    def names(self) -> tuple[str, ...]:
        """All repositories: one request, and one for each namespace."""
        return self._remember(("v1", "names"), lambda: tuple(old_names(self._driver)), _NAMES_TTL)

    def tags(self, name: str) -> tuple[str, ...]:
        """One request."""
        return self._remember(("v1", "tags", name), lambda: tuple(OldReader(self._driver, name).tags()), _TAGS_TTL)

    def meanings(self, name: str, tags: Sequence[str]) -> list[OldTag]:
        """Two requests for each tag, one where its image was seen before."""
        return gather([partial(self._meaning, OldReader(self._driver, name), tag) for tag in tags])

    def _meaning(self, reader: OldReader, tag: str) -> OldTag:
        try:
            image = reader.meaning(tag)
            created = self._remember(("v1", "created", image), lambda: (reader.images([image])[0].created,), FOREVER)
            return OldTag(tag, image, created[0])
        except UsageError as error:
            return OldTag(tag, "", "", visible(str(error), 300))

    def image(self, name: str, tag: str) -> OldShown:
        """Two requests, and two for each of at most 64 layers; one where it was seen before."""
        reader = OldReader(self._driver, name)
        top = reader.meaning(tag)
        return self._remember(("v1", "image", top), lambda: _shown(reader, top), FOREVER)

    def _remember(self, key: tuple[str, ...], ask: Callable[[], T], max_age: float) -> T:
        return self._cache.fetch(key, ask, max_age)


def _shown(reader: OldReader, top: str) -> OldShown:
    ids = reader.ancestry(top)
    images, sizes = reader.images(ids[:_LAYERS]), reader.sizes(ids[:_LAYERS])
    layers = (_layer(image, size) for image, size in zip(images, sizes, strict=True))
    # A v1 image's JSON has the fields of an OCI image's config that are shown.
    config = config_of(json.dumps(images[0].document).encode(), ())
    return OldShown(top, config, tuple(layers), max(len(ids) - _LAYERS, 0))


def _layer(image: OldImage, size: int | None) -> OldLayer:
    return OldLayer(image.id, visible(image.command, _COMMAND, lines=True), size)
