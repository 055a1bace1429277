"""Images made for tests: OCI layouts on disk that every client takes as a source.

Layers are real gzipped tar files with the right diff ids, so that podman and
buildah unpack them; the same arguments always give the same bytes.

    layout = Layout(tmp_path / "image")
    layout.add_image("1.0", [file_layer("a", 5 << 20), file_layer("b", 1 << 20)])
    run("skopeo", "copy", layout.reference("1.0"), "docker://...")
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import shutil
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY = "application/vnd.oci.empty.v1+json"
MIB = 1 << 20


class Layer(NamedTuple):
    """A layer as it is pushed, and the digest of its tar file."""

    data: bytes
    diff_id: str


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def file_layer(name: str, size: int) -> Layer:
    """A layer that holds one file of `size` random bytes; `name` is also the seed."""
    return tar_layer([(_entry(name, size), random.Random(name).randbytes(size))])


def busybox_layer() -> Layer:
    """A root file system of one static busybox, as Debian's busybox-static brings it."""
    program = Path(shutil.which("busybox") or "busybox").read_bytes()
    links = []
    for applet in ("sh", "ls", "cat", "echo"):
        link = _entry(f"bin/{applet}", 0, 0o777)
        link.type, link.linkname = tarfile.SYMTYPE, "busybox"
        links.append((link, b""))
    return tar_layer([(_entry("bin/busybox", len(program), 0o755), program), *links])


def tar_layer(members: Iterable[tuple[tarfile.TarInfo, bytes]]) -> Layer:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    tar = buffer.getvalue()
    return Layer(gzip.compress(tar, compresslevel=0, mtime=0), digest_of(tar))


def _entry(name: str, size: int, mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, mode
    return info


class Layout:
    """An OCI image layout in a folder of its own; made when it is first written to."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._tagged: dict[str, dict[str, Any]] = {}

    def reference(self, tag: str) -> str:
        """The name by which skopeo, podman and buildah find an image here."""
        return f"oci:{self.folder}:{tag}"

    def add_blob(self, data: bytes, media_type: str, algorithm: str = "sha256") -> dict[str, Any]:
        """Store a blob; returns its descriptor."""
        digest = digest_of(data, algorithm)
        path = self._path(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def add_json(self, document: dict[str, Any], media_type: str) -> dict[str, Any]:
        return self.add_blob(json.dumps(document, separators=(",", ":")).encode(), media_type)

    def add_image(self, tag: str | None, layers: Sequence[Layer], architecture: str = "amd64") -> dict[str, Any]:
        """Store an image of these layers; returns the descriptor of its manifest."""
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": ["/bin/sh"]},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.add_json(config, CONFIG),
            "layers": [self.add_blob(layer.data, LAYER) for layer in layers],
        }
        return self._tag(tag, self.add_json(manifest, MANIFEST))

    def add_index(self, tag: str | None, images: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """Store an index of images by architecture; returns its descriptor."""
        manifests = [
            {**image, "platform": {"os": "linux", "architecture": architecture}}
            for architecture, image in images.items()
        ]
        return self._tag(tag, self.add_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}, INDEX))

    def add_artifact(
        self, tag: str | None, artifact_type: str, content: bytes, subject: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Store an artifact (an image manifest with an empty config), perhaps about a subject."""
        manifest: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": artifact_type,
            "config": self.add_blob(b"{}", EMPTY),
            "layers": [self.add_blob(content, "application/octet-stream")],
        }
        if subject is not None:
            manifest["subject"] = {key: subject[key] for key in ("mediaType", "digest", "size")}
        return self._tag(tag, self.add_json(manifest, MANIFEST))

    def read(self, digest: str) -> bytes:
        return self._path(digest).read_bytes()

    def digests(self) -> set[str]:
        """Every blob and manifest stored here."""
        return {f"{path.parent.name}:{path.name}" for path in self.folder.glob("blobs/*/*") if path.is_file()}

    def blobs(self, tag: str) -> list[str]:
        """The digests of a tagged image's layers and config."""
        manifest = json.loads(self.read(self.tagged(tag)["digest"]))
        return [row["digest"] for row in (*manifest["layers"], manifest["config"])]

    def tagged(self, tag: str) -> dict[str, Any]:
        """The descriptor that a tag stands for, as the layout's index.json says."""
        for descriptor in json.loads((self.folder / "index.json").read_bytes())["manifests"]:
            if descriptor.get("annotations", {}).get("org.opencontainers.image.ref.name") == tag:
                return dict(descriptor)
        raise KeyError(tag)

    def _tag(self, tag: str | None, descriptor: dict[str, Any]) -> dict[str, Any]:
        if tag is not None:
            self._tagged[tag] = descriptor
            rows = [
                {**row, "annotations": {"org.opencontainers.image.ref.name": name}}
                for name, row in self._tagged.items()
            ]
            (self.folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
            (self.folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": rows}))
        return descriptor

    def _path(self, digest: str) -> Path:
        algorithm, _, value = digest.partition(":")
        return self.folder / "blobs" / algorithm / value
