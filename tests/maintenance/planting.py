"""A storage as registries leave it, written file by file, so that each file can be left out or spoiled."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from docker_registry.core.driver import Base
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.manifest import OCI_MANIFEST, parse_manifest
from docker_registry.maintenance.fsck.findings import Finding
from docker_registry.maintenance.fsck.fsck import Fsck, FsckOptions
from docker_registry.maintenance.progress import Quiet

__all__ = ["ANY_AGE", "UPLOAD", "Plant", "codes", "fsck", "images"]

ANY_AGE = -1.0  # a grace period that has passed for everything
UPLOAD = "3782672a-108e-43a6-8600-96243cfb4bc3"  # the id of an upload


class Plant:
    """Writes into `driver`; every method returns the digest of what it wrote."""

    def __init__(self, driver: Base):
        self.driver = driver

    def data(self, content: bytes, algorithm: str = "sha256") -> Digest:
        digest = Digest.of(content, algorithm)
        self.driver.put_content(layout.blob_data(digest), content)
        return digest

    def link(self, path: str, digest: Digest) -> None:
        self.driver.put_content(path, str(digest).encode())

    def blob(self, name: str, content: bytes, algorithm: str = "sha256") -> Digest:
        digest = self.data(content, algorithm)
        self.link(layout.layer_link(name, digest), digest)
        return digest

    def manifest(self, name: str, document: dict[str, Any], tag: str = "") -> Digest:
        digest = self.data(json.dumps(document).encode())
        self.link(layout.revision_link(name, digest), digest)
        if tag:
            self.link(layout.tag_index_link(name, tag, digest), digest)
            self.link(layout.tag_current(name, tag), digest)
        if "subject" in document:
            entry = parse_manifest(json.dumps(document).encode()).descriptor(digest)
            self.driver.put_json(layout.referrer(name, Digest.parse(document["subject"]["digest"]), digest), entry)
        return digest

    def image(self, name: str, tag: str, layers: Sequence[bytes], **more: Any) -> Digest:
        """An image whole: layers, config, manifest, links."""
        for content in (*layers, b"{}"):
            self.blob(name, content)
        return self.manifest(name, image(layers, **more), tag)


def image(layers: Sequence[bytes], **more: Any) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(b"{}"),
        "layers": [descriptor(layer) for layer in layers],
        **more,
    }


def descriptor(content: bytes, media_type: str = "application/octet-stream") -> dict[str, Any]:
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content)}


def fsck(driver: Base, **options: Any) -> list[Finding]:
    with Fsck(driver, FsckOptions(**options), Quiet()) as job:
        return list(job.run())


def images(driver: Base, **options: Any) -> dict[str, tuple[str, str]]:
    """What fsck says of each image that does not pull: why, and what to do."""
    with Fsck(driver, FsckOptions(**options), Quiet()) as job:
        list(job.run())
        found = {image.name: (image.why, image.advice) for image in job.images()}
        assert job.summary.unpullable == len(found)
        return found


def codes(findings: Sequence[Finding]) -> list[str]:
    return sorted(finding.kind.code for finding in findings)
