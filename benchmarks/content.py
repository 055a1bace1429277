"""What is pushed: bytes that no registry has seen before, and images made of them."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MANIFEST", "Blob", "Image", "Source", "digest_of", "image"]

_BLOCK = 4 * 1024 * 1024
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Source:
    """A file of `size` bytes for curl to send; each `fresh` makes its content new."""

    def __init__(self, path: Path, size: int):
        self.path = path
        self.size = size
        self.digest = ""
        block = os.urandom(min(_BLOCK, size))
        with path.open("wb") as file:
            for position in range(0, size, len(block)):
                # Every block differs from the next, or a clever store would keep one only.
                file.write((position.to_bytes(8, "big") + block[8:])[: size - position])

    def fresh(self) -> Source:
        with self.path.open("r+b") as file:
            file.write(os.urandom(16))
            file.seek(0)
            sha256 = hashlib.sha256()
            while data := file.read(_BLOCK):
                sha256.update(data)
        self.digest = f"sha256:{sha256.hexdigest()}"
        return self


@dataclass(frozen=True)
class Blob:
    content: bytes
    digest: str

    @classmethod
    def of(cls, content: bytes) -> Blob:
        return cls(content, digest_of(content))


@dataclass(frozen=True)
class Image:
    """An OCI image: its blobs (layers first, then the config) and its manifest."""

    blobs: tuple[Blob, ...]
    manifest: Blob


def image(layers: int, size: int) -> Image:
    """An image of `layers` random layers of `size` bytes, never seen before."""
    blobs = [Blob.of(os.urandom(size)) for _ in range(layers)]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [blob.digest for blob in blobs]},
    }
    blobs.append(Blob.of(json.dumps(config).encode()))
    return Image(tuple(blobs), Blob.of(json.dumps(_manifest(blobs)).encode()))


def _manifest(blobs: list[Blob]) -> dict[str, object]:
    def descriptor(blob: Blob, kind: str) -> dict[str, object]:
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": blob.digest, "size": len(blob.content)}

    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(blobs[-1], "config.v1+json"),
        "layers": [descriptor(blob, "layer.v1.tar") for blob in blobs[:-1]],
    }
