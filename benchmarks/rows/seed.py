"""Many bytes from an OCI layout into Swift: `cp`, which needs no server, and skopeo's push through our registry."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from ..content import MANIFEST, digest_of
from ..measure import Goal, Row, metered
from ..plan import Plan, sized
from ..rig import OURS, SKOPEO, Rig

__all__ = ["seed"]

_CONTAINER = "seed"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_BLOCK = 4 * 1024 * 1024
_PATIENCE = 900.0  # seconds for one of the two


def seed(rig: Rig, plan: Plan) -> Iterator[Row]:
    count, size = plan.seed
    row = Row("seed", f"{count} x {sized(size)} from an OCI layout; skopeo: through our registry", peer=SKOPEO)
    row.gib = count * size / 2**30
    row.goals = [Goal(OURS, 1.0, SKOPEO)]
    folder = rig.folder / "layout"
    rig.make(_CONTAINER)
    config = str(rig.config(OURS, container=_CONTAINER))
    skopeo = shutil.which("skopeo")
    registry = rig.registry(OURS) if skopeo else None
    for turn in range(plan.few_rounds):
        source = f"oci:{_layout(folder, count, size)}:1"
        copy = [sys.executable, "-m", "docker_registry.cli", "cp", "--quiet", "--config", config, source, "seed:1"]
        with metered(rig, row.cell(OURS), None):
            row.cell(OURS).values.append(_seconds(copy))
        if skopeo and registry:
            target = f"docker://{registry.server.url.partition('//')[2]}/seed/{turn}:1"
            push = [skopeo, "copy", "--quiet", "--dest-tls-verify=false", source, target]
            with metered(rig, row.cell(SKOPEO), registry.process):
                row.cell(SKOPEO).values.append(_seconds(push))
        else:
            row.cell(SKOPEO).note = "apt install skopeo"
        rig.empty(_CONTAINER, OURS)
        shutil.rmtree(folder)
    yield row


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=_PATIENCE)
    return time.perf_counter() - began


def _layout(folder: Path, count: int, size: int) -> Path:
    """An image that nobody has seen before. Its layers begin as gzip does, so that nobody packs them again."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    layers = [
        _descriptor("application/vnd.oci.image.layer.v1.tar+gzip", _layer(blobs, size), size) for _ in range(count)
    ]
    described = _descriptor("application/vnd.oci.image.config.v1+json", _keep(blobs, config), len(config))
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": layers}
    manifest = json.dumps(document).encode()
    entry = _descriptor(MANIFEST, _keep(blobs, manifest), len(manifest))
    entry["annotations"] = {"org.opencontainers.image.ref.name": "1"}
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    return folder


def _descriptor(media_type: str, digest: str, size: int) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest, "size": size}


def _keep(blobs: Path, content: bytes) -> str:
    digest = digest_of(content)
    (blobs / digest.partition(":")[2]).write_bytes(content)
    return digest


def _layer(blobs: Path, size: int) -> str:
    """A file of random bytes, no two blocks of which are the same; its digest."""
    block = b"\x1f\x8b\x08\x00" + os.urandom(min(_BLOCK, size) - 4)
    hashed = hashlib.sha256()
    with (blobs / "new").open("wb") as file:
        for position in range(0, size, len(block)):
            piece = (block[:4] + position.to_bytes(8, "big") + block[12:])[: size - position]
            hashed.update(piece)
            file.write(piece)
    (blobs / "new").rename(blobs / hashed.hexdigest())
    return f"sha256:{hashed.hexdigest()}"
