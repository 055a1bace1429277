"""A first small image for `demo`, made in code and pushed through the registry's own API."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import json
import tarfile
import time
from typing import Any
from urllib.parse import quote

__all__ = ["NAME", "TAG", "push", "wait_until_ready"]

NAME, TAG = "demo/hello", "1.0"
TIMEOUT = 30.0  # s

_TEXT = b"Hello from docker-registry-swift: this file came out of OpenStack Swift.\n"
_IMAGE = "application/vnd.oci.image"


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
    """Push the image, unless its tag is there; says whether it did. Raises OSError when the registry refuses."""
    client = _Client(host, port)
    if client.call("HEAD", f"/v2/{NAME}/manifests/{TAG}")[0] == 200:
        return False
    blobs, manifest = _image()
    for blob in blobs:
        status, location = client.call("POST", f"/v2/{NAME}/blobs/uploads/")
        client.expect(202, status, "an upload")
        separator = "&" if "?" in location else "?"
        target = f"{location}{separator}digest={quote(_digest(blob))}"
        client.expect(201, client.call("PUT", target, blob, "application/octet-stream")[0], "a layer")
    status, _ = client.call("PUT", f"/v2/{NAME}/manifests/{TAG}", manifest, f"{_IMAGE}.manifest.v1+json")
    client.expect(201, status, "a manifest")
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


def _image() -> tuple[list[bytes], bytes]:
    """The blobs and the manifest of an image with one text file in it."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        info = tarfile.TarInfo("hello.txt")
        info.size = len(_TEXT)
        archive.addfile(info, io.BytesIO(_TEXT))
    layer = gzip.compress(tar.getvalue(), mtime=0)
    config = _json(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [_digest(tar.getvalue())]},
        }
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_IMAGE}.manifest.v1+json",
        "config": _descriptor(config, "config.v1+json"),
        "layers": [_descriptor(layer, "layer.v1.tar+gzip")],
    }
    return [layer, config], _json(manifest)


def _descriptor(blob: bytes, kind: str) -> dict[str, Any]:
    return {"mediaType": f"{_IMAGE}.{kind}", "digest": _digest(blob), "size": len(blob)}


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
