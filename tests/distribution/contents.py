"""What tests push: small blobs, manifests and indexes, through the registry's own API."""

from __future__ import annotations

import json
from typing import Any

from werkzeug.test import Client, TestResponse

from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.manifest import OCI_INDEX, OCI_MANIFEST

__all__ = [
    "CONFIG_TYPE",
    "descriptor",
    "image",
    "index",
    "manifest_url",
    "push",
    "push_blob",
    "push_image",
    "subject_of",
]

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"


def descriptor(data: bytes, media_type: str = LAYER_TYPE, algorithm: str = "sha256", **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": str(Digest.of(data, algorithm)), "size": len(data), **more}


def image(*layers: bytes, config: bytes = b"{}", **more: Any) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config, CONFIG_TYPE),
        "layers": [descriptor(layer) for layer in layers],
        **more,
    }
    return json.dumps({key: value for key, value in document.items() if value is not None}, indent=1).encode()


def index(*manifests: bytes, media_type: str = OCI_INDEX, **more: Any) -> bytes:
    entries = [descriptor(body, json.loads(body).get("mediaType", OCI_MANIFEST)) for body in manifests]
    document = {"schemaVersion": 2, "mediaType": media_type, "manifests": entries, **more}
    return json.dumps(document, indent=1).encode()


def subject_of(body: bytes) -> dict[str, Any]:
    return descriptor(body, OCI_MANIFEST)


def push_blob(client: Client, name: str, data: bytes, algorithm: str = "sha256") -> Digest:
    digest = Digest.of(data, algorithm)
    response = client.post(f"/v2/{name}/blobs/uploads/", query_string={"digest": str(digest)}, data=data)
    assert response.status_code == 201, response.text
    return digest


def manifest_url(name: str, reference: object) -> str:
    return f"/v2/{name}/manifests/{reference}"


def push(client: Client, name: str, reference: object, body: bytes, **options: Any) -> TestResponse:
    """PUT a manifest that says its type itself; whatever the answer is."""
    options.setdefault("content_type", json.loads(body).get("mediaType", ""))
    return client.put(manifest_url(name, reference), data=body, **options)


def push_image(client: Client, name: str, reference: object, *layers: bytes, **more: Any) -> tuple[Digest, bytes]:
    """Push an image with all it needs; its digest and its manifest."""
    for data in (b"{}", *layers):
        push_blob(client, name, data)
    body = image(*layers, **more)
    response = push(client, name, reference, body)
    assert response.status_code == 201, response.text
    return Digest.of(body), body
