"""What a docker-registry 0.9.1 keeps in the same storage: images of the v1 protocol. Only reading.

In v1 each layer is an image with an id of its own, a JSON that says how it was
made, and the list of its ancestors; a tag is the id of the topmost.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from docker_registry.concurrency.workers import gather
from docker_registry.core.driver import Base as Driver
from docker_registry.core.exceptions import FileNotFoundError, UsageError

from ..model.manifest import LAYERS_MAX, ManifestError, load
from .images import object_of

__all__ = ["IMAGE_ID", "OldImage", "OldReader", "old_names"]

_JSON_MAX = 4 << 20  # bytes
IMAGE_ID = re.compile("[0-9a-zA-Z]{1,128}")
_TAG = "tag_"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


class OldImage(NamedTuple):
    """One layer of v1's; `document` is what its client said of it, whatever that is."""

    id: str
    document: dict[str, Any]

    @property
    def created(self) -> str:
        """RFC 3339, or ""."""
        text = self.document.get("created")
        return text if isinstance(text, str) and _MOMENT.fullmatch(text) else ""

    @property
    def config(self) -> dict[str, Any]:
        """How a container of it is run."""
        return object_of(self.document.get("config"))

    @property
    def command(self) -> str:
        """What made it."""
        command = object_of(self.document.get("container_config")).get("Cmd")
        return " ".join(map(str, command)) if isinstance(command, list) else str(command or "")


def old_names(driver: Driver) -> list[str]:
    """The repositories, as `namespace/repository`, in lexical order."""
    spaces = _children(driver, driver.repositories)
    listed = gather([partial(_children, driver, f"{driver.repositories}/{space}") for space in spaces])
    pairs = [(space, name) for space, names in zip(spaces, listed, strict=True) for name in names]
    return sorted(f"{unquote_plus(space)}/{unquote_plus(name)}" for space, name in pairs)


class OldReader:
    """One repository; without a namespace it is docker's `library`. What is not there is a UsageError."""

    def __init__(self, driver: Driver, name: str):
        space, slash, repository = name.partition("/")
        self.name = name if slash else f"library/{name}"
        self._pair = (space, repository) if slash else ("library", name)
        self._driver = driver

    def tags(self) -> list[str]:
        names = _children(self._driver, self._driver.tag_path(*self._pair))
        tags = sorted(unquote_plus(name.removeprefix(_TAG)) for name in names if name.startswith(_TAG))
        if not tags:
            raise UsageError(f"there is no v1 repository {self.name}")
        return tags

    def meaning(self, tag: str) -> str:
        """The id of an image."""
        try:
            text = self.read(self._driver.tag_path(*self._pair, tag)).decode("ascii", "replace").strip().strip('"')
        except FileNotFoundError:
            raise UsageError(f"there is no v1 image {self.name}:{tag}") from None
        return _checked(text, f"the tag {self.name}:{tag}")

    def ancestry(self, image: str) -> list[str]:
        """The ids of an image and of those below it, down to the base."""
        try:
            ids = json.loads(self.read(self._driver.image_ancestry_path(image)))
        except (ValueError, FileNotFoundError, RecursionError):
            ids = None
        if not isinstance(ids, list) or not ids or len(ids) > LAYERS_MAX or ids[0] != image:
            raise UsageError(f"{image}: its list of ancestors is not there, or damaged")
        return [_checked(each, f"the ancestry of {image}") for each in ids]

    def images(self, ids: Sequence[str]) -> list[OldImage]:
        """A request for each, side by side."""
        return gather([partial(self._image, image) for image in ids])

    def sizes(self, ids: Sequence[str]) -> list[int | None]:
        """Bytes of their layers, as they are stored; None for one that is not there. A request for each."""
        return gather([partial(self._size, image) for image in ids])

    def _image(self, image: str) -> OldImage:
        try:
            return OldImage(image, load(self.read(self._driver.image_json_path(image))))
        except (FileNotFoundError, ManifestError):
            raise UsageError(f"{image}: its JSON is not there, or damaged") from None

    def _size(self, image: str) -> int | None:
        try:
            return self._driver.stat(self._driver.image_layer_path(image)).size
        except FileNotFoundError:
            return None

    def read(self, path: str) -> bytes:
        with self._driver.open(path) as reader:
            if reader.size > _JSON_MAX:
                raise UsageError(f"{path} has {reader.size} bytes, too many for what it is")
            return b"".join(reader)


def _children(driver: Driver, folder: str) -> list[str]:
    """The names of what is in a folder, one level deep, as they are stored."""
    try:
        return [path.rstrip("/").rpartition("/")[2] for path in driver.list_directory(folder)]
    except FileNotFoundError:
        return []


def _checked(text: object, where: str) -> str:
    if not isinstance(text, str) or not IMAGE_ID.fullmatch(text):
        raise UsageError(f"{where} does not hold the id of an image")
    return text
