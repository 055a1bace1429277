"""A small client of the distribution API, for tests that look at every byte."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urljoin

import requests

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
ACCEPTED = ", ".join((MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_LIST))
_TIMEOUT = 120.0  # seconds for one answer


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def descriptor(data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data), **more}


def image(layers: Sequence[bytes], config: bytes = b"{}", **more: Any) -> bytes:
    """An OCI image manifest; `more` is added to it, such as `subject`."""
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(config, CONFIG),
            "layers": [descriptor(layer, LAYER) for layer in layers],
            **more,
        }
    ).encode()


def index(manifests: Sequence[bytes], **more: Any) -> bytes:
    """An OCI image index over image manifests."""
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [
                descriptor(body, MANIFEST, platform={"os": "linux", "architecture": f"arch{number}"})
                for number, body in enumerate(manifests)
            ],
            **more,
        }
    ).encode()


class Client:
    """One registry. Every method raises requests.HTTPError for an answer that is not a success."""

    def __init__(self, url: str):
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._session.close()

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """Any request below the registry; the answer may be an error."""
        return self._session.request(method, urljoin(self.url, path), timeout=_TIMEOUT, **options)

    def _do(self, method: str, path: str, **options: Any) -> requests.Response:
        answer = self.ask(method, path, **options)
        answer.raise_for_status()
        return answer

    def push_blob(self, name: str, data: bytes, patches: int = 1, algorithm: str = "sha256") -> str:
        """Upload in so many PATCHes (0: all in the closing PUT); returns the digest."""
        digest = digest_of(data, algorithm)
        location = self.start_upload(name)
        step = -(-len(data) // patches) if patches else 0
        for number in range(patches):
            location = self.patch(location, data[number * step : (number + 1) * step])
        self._do("PUT", _with_digest(location, digest), data=b"" if patches else data)
        return digest

    def start_upload(self, name: str) -> str:
        """The URL of a new upload session."""
        return urljoin(self.url, self._do("POST", f"/v2/{name}/blobs/uploads/").headers["Location"])

    def patch(self, location: str, data: bytes) -> str:
        """Send bytes to a session; returns where to go on."""
        headers = {"Content-Type": "application/octet-stream"}
        answer = self._do("PATCH", location, data=data, headers=headers)
        return urljoin(self.url, answer.headers["Location"])

    def push_manifest(self, name: str, reference: str, body: bytes) -> str:
        media_type = json.loads(body)["mediaType"]
        self._do("PUT", f"/v2/{name}/manifests/{reference}", data=body, headers={"Content-Type": media_type})
        return digest_of(body)

    def push_image(self, name: str, tag: str, layers: Sequence[bytes], config: bytes = b"{}") -> bytes:
        """Push layers, config and manifest; returns the manifest."""
        for data in (*layers, config):
            self.push_blob(name, data)
        body = image(layers, config)
        self.push_manifest(name, tag, body)
        return body

    def manifest(self, name: str, reference: str) -> bytes:
        return self._do("GET", f"/v2/{name}/manifests/{reference}", headers={"Accept": ACCEPTED}).content

    def blob(self, name: str, digest: str) -> bytes:
        return self._do("GET", f"/v2/{name}/blobs/{digest}").content

    def pull(self, name: str, reference: str) -> set[str]:
        """Read a manifest and all it refers to; returns the digests, each checked against its bytes."""
        body = self.manifest(name, reference)
        content = json.loads(body)
        seen = {digest_of(body)}
        if ":" in reference:
            assert seen == {reference}
        for child in content.get("manifests", []):
            seen |= self.pull(name, child["digest"])
        for blob in [*content.get("layers", []), *filter(None, [content.get("config")])]:
            data = self.blob(name, blob["digest"])
            assert digest_of(data, blob["digest"].partition(":")[0]) == blob["digest"]
            seen.add(blob["digest"])
        return seen

    def tags(self, name: str) -> list[str]:
        """All tags, sorted; none for a repository that is not there."""
        answer = self.ask("GET", f"/v2/{name}/tags/list")
        if answer.status_code == 404:
            return []
        answer.raise_for_status()
        return sorted(answer.json()["tags"] or [])

    def repositories(self) -> list[str]:
        return sorted(self._do("GET", "/v2/_catalog?n=1000").json()["repositories"] or [])

    def delete_manifest(self, name: str, digest: str) -> None:
        self._do("DELETE", f"/v2/{name}/manifests/{digest}")

    def delete_blob(self, name: str, digest: str) -> None:
        self._do("DELETE", f"/v2/{name}/blobs/{digest}")


def _with_digest(location: str, digest: str) -> str:
    return f"{location}{'&' if '?' in location else '?'}digest={digest}"
