"""What a docker-registry 0.9.1 keeps in the same storage: images of the v1 protocol, and OCI images made of them.

In v1 each layer is an image with an id of its own, a JSON that says how it was
made, and the list of its ancestors; a tag is the id of the topmost. Nothing there
has the digest of a layer alone: `_checksum` is of JSON and layer together. So
each layer has to be read once, for its digest and that of the tar file in it.
Both are then noted beside it (`_oci`), and it is not read again, also for other
images that have it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from docker_registry.concurrency.workers import each, gather
from docker_registry.core.driver import Base as Driver
from docker_registry.core.exceptions import FileNotFoundError, UsageError
from docker_registry.core.types import Stat
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.manifest import LAYERS_MAX, ManifestError, load

from .copying import Advance, Begin
from .inside import Inside
from .making import OCI, Made, put_image, put_layer
from .places import Pieces, Place, Repository

__all__ = ["OldImage", "OldRepository", "old_names"]

_JSON_MAX = 4 << 20  # bytes
_AT_ONCE = 4  # layers
_ID = re.compile("[0-9a-zA-Z]{1,128}")
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
    def command(self) -> str:
        """What made it."""
        command = _object(self.document.get("container_config")).get("Cmd")
        return " ".join(map(str, command)) if isinstance(command, list) else str(command or "")


def old_names(driver: Driver) -> list[str]:
    """The repositories, as `namespace/repository`, in lexical order."""
    spaces = _children(driver, driver.repositories)
    listed = gather([partial(_children, driver, f"{driver.repositories}/{space}") for space in spaces])
    pairs = [(space, name) for space, names in zip(spaces, listed, strict=True) for name in names]
    return sorted(f"{unquote_plus(space)}/{unquote_plus(name)}" for space, name in pairs)


class OldRepository:
    """One repository; without a namespace it is docker's `library`."""

    def __init__(self, registry: Inside, name: str):
        space, slash, repository = name.partition("/")
        self.name = name if slash else f"library/{name}"
        self._pair = (space, repository) if slash else ("library", name)
        self._registry = registry
        self._driver = registry.driver

    def tags(self) -> list[str]:
        names = _children(self._driver, self._driver.tag_path(*self._pair))
        tags = sorted(unquote_plus(name.removeprefix(_TAG)) for name in names if name.startswith(_TAG))
        if not tags:
            raise UsageError(f"there is no v1 repository {self.name}")
        return tags

    def meaning(self, tag: str) -> str:
        """The id of an image."""
        try:
            text = self._read(self._driver.tag_path(*self._pair, tag)).decode("ascii", "replace").strip().strip('"')
        except FileNotFoundError:
            raise UsageError(f"there is no v1 image {self.name}:{tag}") from None
        return _checked(text, f"the tag {self.name}:{tag}")

    def ancestry(self, image: str) -> list[str]:
        """The ids of an image and of those below it, down to the base."""
        try:
            ids = json.loads(self._read(self._driver.image_ancestry_path(image)))
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

    def make(self, target: Place, reference: str, tags: list[str], begin: Begin) -> Digest:
        """`reference` is a tag, or the id of an image."""
        top = reference if reference not in self.tags() and _ID.fullmatch(reference) else self.meaning(reference)
        ids = self.ancestry(top)[::-1]
        images = self.images(ids)
        with begin(len(ids)) as advance:
            layers = list(each(partial(self._put, target, advance), ids, _AT_ONCE))
        return put_image(target, OCI, _config(images, layers), layers, tags)

    def _put(self, target: Place, advance: Advance, image: str) -> Made:
        path = self._driver.image_layer_path(image)
        try:
            if self._driver.exists(self._driver.image_mark_path(image)):
                raise UsageError(f"{image} was never pushed to its end")
            stat = self._driver.stat(path, newest=True)
            made = self._noted(target, image, stat)
            if made is None:
                with self._driver.open(path) as reader:
                    made = put_layer(target, Pieces(iter(reader)), f"the layer of {image}")
                self._note(target, image, stat, made)
        except FileNotFoundError:
            raise UsageError(f"the layer of {image} is not there: {path}") from None
        advance()
        return made

    def _noted(self, target: Place, image: str, stat: Stat) -> Made | None:
        """What the layer was made into before, if the target has that, or can have it without its bytes."""
        try:
            note = load(self._read(self._note_path(image)))
            made = Made(Digest.parse(note["digest"]), int(note["size"]), Digest.parse(note["diffID"]))
            is_of_it = note["layer"] == [stat.size, stat.modified]
            source = str(note["repository"])
        except (FileNotFoundError, ValueError, LookupError, TypeError):  # such as DigestError and ManifestError
            return None
        if not is_of_it:
            return None
        if target.has_blob(made.digest):
            return made
        if source and isinstance(target, Repository) and target.registry is self._registry:
            return made if target.mount(made.digest, Repository(self._registry, source)) else None
        return None

    def _note(self, target: Place, image: str, stat: Stat, made: Made) -> None:
        note = {
            "digest": str(made.digest),
            "size": made.size,
            "diffID": str(made.diff_id),
            "layer": [stat.size, stat.modified],
            "repository": target.name if isinstance(target, Repository) else "",
        }
        self._driver.put_content(self._note_path(image), json.dumps(note).encode())

    def _note_path(self, image: str) -> str:
        return self._driver.image_layer_path(image).removesuffix("layer") + "_oci"

    def _image(self, image: str) -> OldImage:
        try:
            return OldImage(image, load(self._read(self._driver.image_json_path(image))))
        except (FileNotFoundError, ManifestError):
            raise UsageError(f"{image}: its JSON is not there, or damaged") from None

    def _size(self, image: str) -> int | None:
        try:
            return self._driver.stat(self._driver.image_layer_path(image)).size
        except FileNotFoundError:
            return None

    def _read(self, path: str) -> bytes:
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
    if not isinstance(text, str) or not _ID.fullmatch(text):
        raise UsageError(f"{where} does not hold the id of an image")
    return text


def _config(images: Sequence[OldImage], layers: Sequence[Made]) -> bytes:
    """The config of an OCI image; the topmost image is the last."""
    top = images[-1]
    fields = {
        "architecture": _text(top.document, "architecture") or "amd64",
        "os": _text(top.document, "os") or "linux",
        "created": top.created,
        "author": _text(top.document, "author"),
        "config": _object(top.document.get("config")),
        "rootfs": {"type": "layers", "diff_ids": [str(layer.diff_id) for layer in layers]},
        "history": [dict(_history(image)) for image in images],
    }
    return json.dumps({name: value for name, value in fields.items() if value}, separators=(",", ":")).encode()


def _history(image: OldImage) -> Iterator[tuple[str, str]]:
    fields = {
        "created": image.created,
        "created_by": image.command,
        "author": _text(image.document, "author"),
        "comment": _text(image.document, "comment"),
    }
    return ((name, value) for name, value in fields.items() if value)


def _text(document: dict[str, Any], field: str) -> str:
    value = document.get(field)
    return value if isinstance(value, str) else ""


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
