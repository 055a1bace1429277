"""An image for one platform as a file that `docker load`, `podman load` and skopeo read: what `docker save` writes.

Layers go into it as they are stored; all of these programs unpack them.
"""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any, NamedTuple

from docker_registry.core.exceptions import UsageError
from docker_registry.core.types import Readable
from docker_registry.distribution.model.digest import Digest, DigestError, new_hash
from docker_registry.distribution.model.manifest import Manifest, ManifestError, load, named_in

from .copying import DEPTH, Begin
from .files import whole
from .places import Source, Stored

__all__ = ["save"]

_USUAL = "linux/amd64"


class _Parts(NamedTuple):
    config: Digest
    layers: list[Digest]


def save(source: Source, reference: str, path: Path, name: str, platform: str, begin: Begin) -> Digest:
    """Write an image, which is called `name` (NAME:TAG) in the file, whose folder is there; its manifest's digest.

    Of an index, the image for `platform` ("" for Linux on x86). Raises UsageError.
    """
    if not path.parent.is_dir():
        raise UsageError(f"cannot write {path}: there is no folder {path.parent}")
    stored = _image(source, source.manifest(reference), platform or _USUAL, DEPTH)
    parts = _parts(stored)
    blobs = list(dict.fromkeys((*parts.layers, parts.config)))
    layers = [f"{layer.hex}.tar" for layer in parts.layers]
    entry = {"Config": f"{parts.config.hex}.json", "RepoTags": [name], "Layers": layers}
    with whole(path) as file, tarfile.open(fileobj=file, mode="w") as archive, begin(len(blobs)) as advance:
        for blob in blobs:
            with source.blob(blob) as (body, size):
                _add(archive, f"{blob.hex}{'.json' if blob == parts.config else '.tar'}", _Checked(body, blob), size)
            advance()
        text = json.dumps([entry]).encode()
        _add(archive, "manifest.json", io.BytesIO(text), len(text))
    return stored.digest


def _image(source: Source, stored: Stored, platform: str, depth: int) -> Stored:
    """What an index means by a platform; an image itself."""
    named = [each for each in _named(stored.manifest) if each.is_manifest]
    if not named:
        return stored
    for each in named:
        system, architecture, variant = each.platform
        if depth and platform in (f"{system}/{architecture}", f"{system}/{architecture}/{variant}"):
            return _image(source, source.manifest(str(each.digest)), platform, depth - 1)
    known = ", ".join("/".join(filter(None, each.platform)) for each in named)
    raise UsageError(f"the image is not there for {platform}; it is for {known}")


def _parts(stored: Stored) -> _Parts:
    try:
        named = _named(stored.manifest)
        (config,) = [each.digest for each in named if each.field == "config"]
        return _Parts(config, [each.digest for each in named if each.field == "layers"])
    except (ValueError, DigestError, KeyError, TypeError):
        raise UsageError(f"{stored.digest} is no image that can be saved") from None


def _named(manifest: Manifest) -> list[Any]:
    try:
        return list(named_in(load(manifest.body)))
    except ManifestError as error:
        raise UsageError(str(error)) from None


def _add(archive: tarfile.TarFile, name: str, body: Readable, size: int) -> None:
    info = tarfile.TarInfo(name)
    info.size = size
    archive.addfile(info, body)  # type: ignore[arg-type]
    if body.read(1):
        raise UsageError(f"{name} has more than {size} bytes")


class _Checked:
    """Bytes that must have a digest: who reads them to their end learns whether they do."""

    def __init__(self, body: Readable, digest: Digest):
        self._body = body
        self._digest = digest
        self._hash = new_hash(digest.algorithm)
        self._is_over = False

    def read(self, size: int, /) -> bytes:
        """Exactly `size`, but for the end: tarfile asks so."""
        data = b""
        while len(data) < size and (more := self._body.read(size - len(data))):
            data += more
        self._hash.update(data)
        if len(data) < size and not self._is_over:
            self._is_over = True
            if self._hash.hexdigest() != self._digest.hex:
                raise UsageError(f"{self._digest} was sent with other bytes")
        return data
