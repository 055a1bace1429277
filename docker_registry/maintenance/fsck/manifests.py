"""What a manifest names, whatever its type, as far as maintenance needs it: pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from docker_registry.distribution.model.digest import Digest, DigestError
from docker_registry.distribution.model.manifest import TYPES

__all__ = ["Item", "Manifest", "ManifestError", "read_manifest"]

# What Distribution 2.8 takes with schemaVersion 2; without a type it looks whether there are `manifests`.
_KNOWN_TO_2_8 = ("", *TYPES)

# Docker's schema 1 names its layers so, and gives no sizes; each may be named many times.
_SCHEMA1_LAYERS = "fsLayers"


class ManifestError(ValueError):
    """Bytes that are no manifest; the text says why."""


class Item(NamedTuple):
    digest: Digest
    size: int | None  # bytes; None where the manifest does not say
    is_manifest: bool
    optional: bool  # a foreign layer, which a registry need not hold
    platform: str = ""  # "linux/arm64", where an index says for which one the image is


@dataclass(frozen=True)
class Manifest:
    media_type: str  # what it says itself; "" where it says nothing
    schema_version: Any
    items: tuple[Item, ...]
    subject: Digest | None
    ambiguous: bool  # has both an image's and an index's fields

    @property
    def foreign_to_2_8(self) -> str:
        """Why Distribution 2.8 does not understand this manifest (`Get` in its manifeststore.go); "" where it does."""
        if self.schema_version == 1:
            return ""
        if self.schema_version != 2:
            return f"schemaVersion is {self.schema_version!r}"
        if self.media_type not in _KNOWN_TO_2_8:
            return f"of type {self.media_type}"
        return "both an image's and an index's fields" if self.ambiguous else ""


def read_manifest(content: bytes) -> Manifest:
    """Raises ManifestError."""
    try:
        document = json.loads(content)
    except ValueError as error:
        raise ManifestError(f"not JSON: {error}") from None
    if not isinstance(document, dict):
        raise ManifestError("not a JSON object")
    try:
        return Manifest(
            media_type=str(document.get("mediaType") or ""),
            schema_version=document.get("schemaVersion"),
            items=tuple(_items(document)),
            subject=Digest.parse(document["subject"]["digest"]) if document.get("subject") else None,
            ambiguous="manifests" in document and ("layers" in document or "config" in document),
        )
    except DigestError as error:
        raise ManifestError(str(error)) from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ManifestError(f"a descriptor without its fields: {error!r}") from None


def _items(document: dict[str, Any]) -> list[Item]:
    blobs = [document["config"]] if document.get("config") else []
    blobs += document.get("layers") or []
    blobs += document.get("blobs") or []  # the retired artifact manifest
    items = [_item(descriptor, False) for descriptor in blobs]
    items += [_item(descriptor, True) for descriptor in document.get("manifests") or []]
    items += [Item(Digest.parse(layer["blobSum"]), None, False, False) for layer in document.get(_SCHEMA1_LAYERS) or []]
    return items


def _item(descriptor: dict[str, Any], is_manifest: bool) -> Item:
    foreign = bool(descriptor.get("urls"))
    digest, size = Digest.parse(descriptor["digest"]), int(descriptor["size"])
    return Item(digest, size, is_manifest, foreign, _platform(descriptor))


def _platform(descriptor: dict[str, Any]) -> str:
    platform = descriptor.get("platform")
    fields = platform if isinstance(platform, dict) else {}
    return "/".join(str(fields[name]) for name in ("os", "architecture", "variant") if fields.get(name))
