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
from docker_registry.distribution.views.images import Platform, config_of

from .copying import DEPTH, Begin
from .files import whole
from .places import MANIFEST_MAX, Source, Stored

__all__ = ["save"]

_USUAL = "linux/amd64"


class _Parts(NamedTuple):
    config: Digest
    layers: list[Digest]


def save(source: Source, reference: str, path: Path, name: str, platform: str, begin: Begin) -> Digest:
    """Write an image, which is called `name` (NAME:TAG) in the file, whose folder is there; its manifest's digest.

    Of an index, the image for `platform` ("" for Linux on x86); any other image must be for it, if it is given.
    Raises UsageError.
    """
    if not path.parent.is_dir():
        raise UsageError(f"cannot write {path}: there is no folder {path.parent}")
    top = source.manifest(reference)
    stored = _image(source, top, platform or _USUAL, DEPTH)
    parts = _parts(stored)
    if platform and stored is top:  # no index said what it is for
        _check_platform(source, parts.config, platform)
    blobs = list(dict.fromkeys((*parts.layers, parts.config)))
    layers = [f"{layer.hex}.tar" for layer in parts.layers]
    entry = {"Config": f"{parts.config.hex}.json", "RepoTags": [name], "Layers": layers}
    with whole(path) as file, tarfile.open(fileobj=file, mode="w") as archive, begin(len(blobs)) as advance:
        for blob in blobs:
            with source.blob(blob) as (body, size):
                suffix = ".json" if blob == parts.config else ".tar"
                _add(archive, blob.hex + suffix, _Checked(body, blob, source.where), size)
            advance()
        text = json.dumps([entry]).encode()
        _add(archive, "manifest.json", io.BytesIO(text), len(text))
    return stored.digest


def _image(source: Source, stored: Stored, platform: str, depth: int) -> Stored:
    """What an index means by a platform; an image itself."""
    named = [each for each in _named(stored.manifest) if each.is_manifest]
    if not named:
        return stored
    platforms = [Platform(*each.platform) for each in named]
    for each, found in zip(named, platforms, strict=True):
        if depth and found.is_called(platform):
            return _image(source, source.manifest(str(each.digest)), platform, depth - 1)
    raise _other_platform(platform, platforms)


def _check_platform(source: Source, config: Digest, platform: str) -> None:
    """Raises UsageError where an image's config says that it is for another."""
    with source.blob(config) as (body, _):
        data = _Checked(body, config, source.where).read(MANIFEST_MAX)
    try:
        found = config_of(data, ()).platform
    except ManifestError as error:
        raise UsageError(f"the image's config {config} does not say for which platform it is: {error}") from None
    if not found.is_called(platform):
        raise _other_platform(platform, [found])


def _other_platform(wanted: str, platforms: list[Platform]) -> UsageError:
    known = ", ".join(filter(None, (each.full for each in platforms))) or "none"
    return UsageError(f"the image is not there for {wanted}; it is for {known}")


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
    """Bytes that must have a digest: who reads them to their end learns whether they do. `where` they come from."""

    def __init__(self, body: Readable, digest: Digest, where: str):
        self._body = body
        self._where = where
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
                raise UsageError(f"{self._where}: {self._digest} was sent with other bytes")
        return data
