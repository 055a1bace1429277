"""Images that become OCI images on the way: of layers that are tar files, compressed or not, in whatever they lie.

A manifest names the digest of each layer as it is stored, and its config the
digest of the tar file in it. Both are known when all of a layer was read, which
happens once: into a temporary file, from where it is sent, unless it is there.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zlib
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import IO, Any, NamedTuple, Protocol, runtime_checkable

from backports import zstd

from docker_registry.core.exceptions import UsageError
from docker_registry.core.types import Readable
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.manifest import DOCKER_MANIFEST, OCI_MANIFEST
from docker_registry.distribution.model.packing import GZIP, ZSTD

from .copying import Begin
from .files import in_tmpdir, temporary
from .places import Pieces, Place, parse_stored

__all__ = ["DAMAGED", "DOCKER", "OCI", "Made", "Types", "Unmade", "blocks", "put_image", "put_layer", "unpacker"]

_BLOCK = 1 << 20  # bytes
_LEVEL = 6  # of gzip, as skopeo and docker have it
# What is raised by what cannot be read or unpacked.
DAMAGED = (EOFError, OSError, zlib.error, lzma.LZMAError, zstd.ZstdError)

Unpack = Callable[[Any], Readable]
_UNPACKERS: dict[tuple[bytes, ...], Unpack] = {
    GZIP: lambda file: gzip.GzipFile(fileobj=file),
    (b"\xfd7zXZ\x00",): lzma.LZMAFile,
    (b"BZh",): bz2.BZ2File,
    ZSTD: zstd.ZstdFile,
}


class Types(NamedTuple):
    """Media types of an image."""

    manifest: str
    config: str
    layer: str


OCI = Types(OCI_MANIFEST, "application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip")
DOCKER = Types(
    DOCKER_MANIFEST,
    "application/vnd.docker.container.image.v1+json",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
)


@runtime_checkable
class Unmade(Protocol):
    """Images whose digests nobody knows before they are made."""

    def tags(self) -> list[str]:
        """In lexical order."""

    def make(self, target: Place, reference: str, tags: list[str], begin: Begin) -> Digest:
        """Put the image under a tag ("" for the only one) into `target`, under `tags`. Raises UsageError."""


class Made(NamedTuple):
    """A layer as it is stored; `diff_id` is the digest of its tar file."""

    digest: Digest
    size: int  # bytes
    diff_id: Digest


def put_layer(target: Place, layer: Readable, name: str) -> Made:
    """Store a layer with gzip: as it is where it has that, else with what it is packed with exchanged for it.

    `name` is for messages. Raises UsageError for a layer that cannot be unpacked.
    """
    with temporary() as file:
        made = _pack(layer, file, name)
        if not target.has_blob(made.digest):
            file.seek(0)
            target.put_blob(made.digest, file, made.size)
    return made


def put_image(target: Place, types: Types, config: bytes, layers: Sequence[Made], tags: list[str]) -> Digest:
    """Store config and manifest of an image whose layers are there; the manifest's digest."""
    config_digest = Digest.of(config)
    if not target.has_blob(config_digest):
        target.put_blob(config_digest, Pieces(iter([config])), len(config))
    manifest = {
        "schemaVersion": 2,
        "mediaType": types.manifest,
        "config": _descriptor(types.config, config_digest, len(config)),
        "layers": [_descriptor(types.layer, layer.digest, layer.size) for layer in layers],
    }
    body = json.dumps(manifest, separators=(",", ":")).encode()
    digest = Digest.of(body)
    target.put_manifest(parse_stored(body, digest, "the image"), tags)
    return digest


def _descriptor(media_type: str, digest: Digest, size: int) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": str(digest), "size": size}


def unpacker(head: bytes) -> Unpack | None:
    """What unpacks something that begins so; None for what is not packed."""
    return next((unpack for magics, unpack in _UNPACKERS.items() if head.startswith(magics)), None)


def _pack(layer: Readable, file: IO[bytes], name: str) -> Made:
    source = _Begun(layer)
    unpack = unpacker(source.head)
    kept = _Kept(file)
    diff = sha256()
    try:
        if source.head.startswith(GZIP):
            for block in blocks(gzip.GzipFile(fileobj=_Copied(source, kept))):
                diff.update(block)
        else:
            packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, 31)  # with the header of gzip, and no time in it
            for block in blocks(unpack(source) if unpack else source):
                diff.update(block)
                kept.write(packer.compress(block))
            kept.write(packer.flush())
    except DAMAGED as error:
        raise UsageError(f"{name} cannot be unpacked: {error or type(error).__name__}") from None
    with in_tmpdir():
        file.flush()
    return Made(Digest.of_hash("sha256", kept.hash), kept.size, Digest.of_hash("sha256", diff))


def blocks(source: Readable) -> Iterator[bytes]:
    """All bytes of a source."""
    return iter(lambda: source.read(_BLOCK), b"")


class _Begun(io.RawIOBase):
    """A source whose first bytes were looked at."""

    def __init__(self, source: Readable):
        self._source = source
        self.head = b""
        while len(self.head) < 6 and (data := source.read(6 - len(self.head))):
            self.head += data
        self._rest = self.head

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if not self._rest:
            return self._source.read(size if size >= 0 else _BLOCK)
        cut = size if size >= 0 else len(self._rest)
        data, self._rest = self._rest[:cut], self._rest[cut:]
        return data


class _Kept:
    """Writes bytes into a file, hashes and counts them."""

    def __init__(self, file: IO[bytes]):
        self._file = file
        self.hash = sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        self.hash.update(data)
        self.size += len(data)
        with in_tmpdir():
            self._file.write(data)


class _Copied(io.RawIOBase):
    """A source of which all that is read is kept."""

    def __init__(self, source: _Begun, kept: _Kept):
        self._source = source
        self._kept = kept

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(size)
        self._kept.write(data)
        return data
