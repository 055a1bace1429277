"""oras (the Python client): artifacts up and down, and one about another."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.live.clients import host
from tests.live.images import MIB
from tests.live.ours import Ours
from tests.live.wire import Client
from tests.peers import need_module

SBOM = "application/vnd.example.sbom"


@pytest.fixture
def oras(registry: Ours) -> Any:
    need_module("oras")
    import oras.client

    return oras.client.OrasClient(hostname=host(registry.url), insecure=True, tls_verify=False)


@pytest.mark.parametrize("chunked", [False, True])
def test_files_come_back(registry: Ours, oras: Any, tmp_path: Path, chunked: bool) -> None:
    sent = tmp_path / "file.bin"
    sent.write_bytes(bytes(range(251)) * 150_000)  # 36 MiB: three of its chunks, more than one segment
    target = f"{host(registry.url)}/oras/files:{chunked}"
    oras.push(target=target, files=[str(sent)], disable_path_validation=True, do_chunked=chunked)
    with Client(registry.url) as client:
        client.pull("oras/files", str(chunked))

    pulled = oras.pull(target=target, outdir=str(tmp_path / "out"))
    assert hashlib.sha256(Path(pulled[0]).read_bytes()).digest() == hashlib.sha256(sent.read_bytes()).digest()
    assert oras.get_tags(f"{host(registry.url)}/oras/files").count(str(chunked)) == 1


def test_an_artifact_about_another(registry: Ours, oras: Any, tmp_path: Path) -> None:
    image, sbom = tmp_path / "image.bin", tmp_path / "sbom.json"
    image.write_bytes(b"an image" * MIB)
    sbom.write_text("{}")
    repository = f"{host(registry.url)}/oras/subject"
    oras.push(target=f"{repository}:1.0", files=[str(image)], disable_path_validation=True)
    with Client(registry.url) as client:
        head = client.ask("HEAD", "/v2/oras/subject/manifests/1.0")
        digest, size = head.headers["Docker-Content-Digest"], int(head.headers["Content-Length"])
        subject = {"mediaType": head.headers["Content-Type"], "digest": digest, "size": size}
        _push_about(oras, repository, sbom, subject)

        found = client.ask("GET", f"/v2/oras/subject/referrers/{digest}").json()
        assert [row["artifactType"] for row in found["manifests"]] == [SBOM]
        referrer = found["manifests"][0]["digest"]
        assert json.loads(client.manifest("oras/subject", referrer))["subject"]["digest"] == digest


def _push_about(oras: Any, repository: str, file: Path, subject: dict[str, Any]) -> None:
    from oras.oci import Subject

    oras.push(
        target=f"{repository}:sbom",
        files=[str(file)],
        subject=Subject(subject["mediaType"], subject["digest"], subject["size"]),
        manifest_config=f"{file}:{SBOM}",  # this client's way to say the artifact's type
        disable_path_validation=True,
    )
