"""What a manifest names, whatever its type, as far as maintenance needs it: pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from docker_registry.distribution.model.digest import Digest, DigestError
from docker_registry.distribution.model.manifest import TYPES, ManifestError, Named, load, named_in

__all__ = ["Item", "Manifest", "read_manifest"]

# What Distribution 2.8 takes with schemaVersion 2; without a type it looks whether there are `manifests`.
_KNOWN_TO_2_8 = ("", *TYPES)


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
    """Raises ManifestError, also where something that is named lacks its digest or size."""
    document = load(content)
    try:
        return Manifest(
            media_type=str(document.get("mediaType") or ""),
            schema_version=document.get("schemaVersion"),
            items=tuple(map(_item, named_in(document))),
            subject=Named("subject", document["subject"], True).digest if document.get("subject") else None,
            ambiguous="manifests" in document and ("layers" in document or "config" in document),
        )
    except DigestError as error:
        raise ManifestError(str(error)) from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ManifestError(f"a descriptor without its fields: {error!r}") from None


def _item(named: Named) -> Item:
    # Docker's schema 1 gives no sizes.
    size = None if named.field == "fsLayers" else int(named.descriptor["size"])
    platform = "/".join(filter(None, named.platform))
    return Item(named.digest, size, named.is_manifest, bool(named.descriptor.get("urls")), platform)
