"""OCI images made of those that a docker-registry 0.9.1 keeps in the same storage.

Nothing in v1 has the digest of a layer alone: `_checksum` is of JSON and layer together. So
each layer has to be read once, for its digest and that of the tar file in it.
Both are then noted beside it (`_oci`), and it is not read again, also for other
images that have it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from docker_registry.concurrency.workers import each
from docker_registry.core.exceptions import FileNotFoundError, UsageError
from docker_registry.core.types import Stat
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.manifest import load
from docker_registry.distribution.views.v1 import OldImage, OldReader

from .copying import Advance, Begin
from .inside import Inside
from .making import OCI, Made, put_image, put_layer
from .places import Pieces, Place, Repository

__all__ = ["OldRepository"]

_AT_ONCE = 4  # layers


class OldRepository(OldReader):
    """One repository, whose images can be made into OCI images."""

    def __init__(self, registry: Inside, name: str):
        super().__init__(registry.driver, name)
        self._registry = registry

    def make(self, target: Place, reference: str, tags: list[str], begin: Begin) -> Digest:
        """`reference` is a tag."""
        ids = self.ancestry(self.meaning(reference))[::-1]
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
            note = load(self.read(self._note_path(image)))
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


def _config(images: Sequence[OldImage], layers: Sequence[Made]) -> bytes:
    """The config of an OCI image; the topmost image is the last."""
    top = images[-1]
    fields = {
        "architecture": _text(top.document, "architecture") or "amd64",
        "os": _text(top.document, "os") or "linux",
        "created": top.created,
        "author": _text(top.document, "author"),
        "config": top.config,
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
