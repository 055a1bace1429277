"""What `demo` puts into an empty registry, made in code and pushed through the registry's own API.

An image for two platforms with a signature and an SBOM, the version before
it, and a Helm chart: so that there is something to pull, to look at and to
compare.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import json
import tarfile
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

__all__ = ["CHART", "NAME", "OLD_TAG", "TAG", "push", "wait_until_ready"]

NAME, TAG, OLD_TAG = "demo/hello", "1.0", "0.9"
CHART = "demo/charts/hello"
TIMEOUT = 30.0  # s

_TEXT = b"Hello from docker-registry-swift: this file came out of OpenStack Swift.\n"
_OLD_TEXT = b"Hello.\n"
_IMAGE = "application/vnd.oci.image"
_MANIFEST, _INDEX = f"{_IMAGE}.manifest.v1+json", f"{_IMAGE}.index.v1+json"
_EMPTY = "application/vnd.oci.empty.v1+json"
_HELM = "application/vnd.cncf.helm"
_CREATED = "2026-01-15T10:00:00Z"
_PLATFORMS = (("amd64", ""), ("arm64", "v8"))

Descriptor = dict[str, Any]


def wait_until_ready(host: str, port: int, deadline: float) -> None:
    """Wait for the registry to answer. Raises OSError when it does not before `deadline` (time.monotonic)."""
    while True:
        try:
            if _Client(host, port).call("GET", "/v2/")[0] == 200:
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def push(host: str, port: int) -> bool:
    """Push it all, unless the image's tag is there; says whether it did. Raises OSError when the registry refuses."""
    client = _Client(host, port)
    if client.call("HEAD", f"/v2/{NAME}/manifests/{TAG}")[0] == 200:
        return False
    chart = _Repository(client, CHART)
    chart.push("0.1.0", _chart(chart))
    image = _Repository(client, NAME)
    image.push(OLD_TAG, _index(image, OLD_TAG, _OLD_TEXT))
    index = image.push("", _index(image, TAG, _TEXT))
    for manifest in (_signature(image, index), _sbom(image, index)):
        image.push("", manifest)
    image.push(TAG, _index(image, TAG, _TEXT))  # last: it says that all is there
    return True


class _Client:
    def __init__(self, host: str, port: int):
        self._connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
        self._root = f"http://{host}:{port}"

    def call(self, method: str, target: str, body: bytes | None = None, kind: str = "") -> tuple[int, str]:
        """The status of the answer, and its Location."""
        headers = {"Content-Type": kind} if kind else {}
        self._connection.request(method, target.removeprefix(self._root), body, headers)
        response = self._connection.getresponse()
        response.read()
        return response.status, response.getheader("Location", "")

    def expect(self, wanted: int, status: int, what: str) -> None:
        if status != wanted:
            raise OSError(f"the registry answered {status} to {what} of the first image")


class _Repository:
    """Where one thing is pushed to; each method gives the descriptor of what is there then."""

    def __init__(self, client: _Client, name: str):
        self._client = client
        self._name = name

    def blob(self, data: bytes, media_type: str, **more: Any) -> Descriptor:
        status, location = self._client.call("POST", f"/v2/{self._name}/blobs/uploads/")
        self._client.expect(202, status, "an upload")
        separator = "&" if "?" in location else "?"
        target = f"{location}{separator}digest={quote(_digest(data))}"
        self._client.expect(201, self._client.call("PUT", target, data, "application/octet-stream")[0], "a layer")
        return {"mediaType": media_type, "digest": _digest(data), "size": len(data), **more}

    def push(self, tag: str, manifest: Mapping[str, Any]) -> Descriptor:
        """A manifest, under its digest where there is no tag."""
        body = _json(manifest)
        target = f"/v2/{self._name}/manifests/{tag or _digest(body)}"
        self._client.expect(201, self._client.call("PUT", target, body, manifest["mediaType"])[0], "a manifest")
        return {"mediaType": manifest["mediaType"], "digest": _digest(body), "size": len(body)}


def _index(image: _Repository, version: str, text: bytes) -> dict[str, Any]:
    """One image for each platform."""
    manifests = []
    for architecture, variant in _PLATFORMS:
        platform = {"os": "linux", "architecture": architecture, **({"variant": variant} if variant else {})}
        manifests.append({**image.push("", _image(image, platform, version, text)), "platform": platform})
    annotations = {"org.opencontainers.image.description": "A first image, to see that everything works"}
    return {"schemaVersion": 2, "mediaType": _INDEX, "manifests": manifests, "annotations": annotations}


def _image(image: _Repository, platform: dict[str, str], version: str, text: bytes) -> dict[str, Any]:
    """The manifest of an image with two text files in it, the second of which differs by platform."""
    files = {"hello.txt": text, "platform.txt": f"{platform['architecture']}\n".encode()}
    tars = {name: _tar({name: content}) for name, content in files.items()}
    history: list[dict[str, Any]] = [{"created": _CREATED, "created_by": f"COPY {name} / # buildkit"} for name in files]
    history.append({"created": _CREATED, "created_by": 'CMD ["cat" "/hello.txt"]', "empty_layer": True})
    config = {
        "created": _CREATED,
        **platform,
        "config": {
            "Cmd": ["cat", "/hello.txt"],
            "Labels": {"org.opencontainers.image.title": "hello", "org.opencontainers.image.version": version},
        },
        "rootfs": {"type": "layers", "diff_ids": [_digest(tar) for tar in tars.values()]},
        "history": history,
    }
    layer_type = f"{_IMAGE}.layer.v1.tar+gzip"
    return {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": image.blob(_json(config), f"{_IMAGE}.config.v1+json"),
        "layers": [image.blob(gzip.compress(tar, mtime=0), layer_type) for tar in tars.values()],
    }


def _signature(image: _Repository, subject: Descriptor) -> dict[str, Any]:
    """In cosign's form. Nobody made a key for it, so it verifies nothing: it shows where a signature is."""
    identity = {"docker-reference": NAME}
    payload = {"critical": {"identity": identity, "image": {"docker-manifest-digest": subject["digest"]}}}
    layer = image.blob(_json(payload), "application/vnd.dev.cosign.simplesigning.v1+json")
    return _about(image, subject, "application/vnd.dev.cosign.artifact.sig.v1+json", layer)


def _sbom(image: _Repository, subject: Descriptor) -> dict[str, Any]:
    document = {"spdxVersion": "SPDX-2.3", "name": f"{NAME}:{TAG}", "packages": []}
    return _about(image, subject, "application/spdx+json", image.blob(_json(document), "application/spdx+json"))


def _about(image: _Repository, subject: Descriptor, artifact_type: str, layer: Descriptor) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "artifactType": artifact_type,
        "config": image.blob(b"{}", _EMPTY),
        "layers": [layer],
        "subject": subject,
    }


def _chart(chart: _Repository) -> dict[str, Any]:
    about = {"name": "hello", "version": "0.1.0", "description": "A chart for the first image"}
    config = {"apiVersion": "v2", "appVersion": TAG, "type": "application", **about}
    lines = "".join(f"{key}: {value}\n" for key, value in config.items() if key != "appVersion")
    pod = f"containers: [{{name: hello, image: {NAME}:{TAG}}}]"
    files = {
        "hello/Chart.yaml": f'{lines}appVersion: "{TAG}"\n'.encode(),
        "hello/templates/pod.yaml": f"apiVersion: v1\nkind: Pod\nmetadata: {{name: hello}}\nspec: {{{pod}}}\n".encode(),
    }
    return {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": chart.blob(_json(config), f"{_HELM}.config.v1+json"),
        "layers": [chart.blob(gzip.compress(_tar(files), mtime=0), f"{_HELM}.chart.content.v1.tar+gzip")],
        "annotations": {f"org.opencontainers.image.{'title' if key == 'name' else key}": about[key] for key in about},
    }


def _tar(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
