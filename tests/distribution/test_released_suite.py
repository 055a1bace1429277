"""What the spec's released conformance suite (v1.1.1) does to a registry in its category Push, step by step.

The suite itself is a Go program; here are its requests, in its order and with
the answers that it takes, written anew. Its other categories ask nothing that
the tests of each resource do not ask.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.manifest import parse_manifest

NAME, OTHER = "conformance/push", "conformance/mount"
UPLOADS = f"/v2/{NAME}/blobs/uploads/"
OCTETS = {"Content-Type": "application/octet-stream"}
IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
EMPTY_JSON = b"{}"
CONFIG = b'{"architecture":"amd64","os":"linux","author":"nobody"}'
LAYER = b"some bytes that stand for a layer"


def digest_of(data: bytes) -> str:
    return str(Digest.of(data))


def located(response: TestResponse) -> str:
    assert response.headers["Location"]
    return response.headers["Location"]


def put_blob(client: Client, data: bytes) -> TestResponse:
    location = located(client.post(UPLOADS))
    return client.put(f"{location}&digest={digest_of(data)}", data=data, headers=OCTETS)


def put_manifest(client: Client, reference: str, media_type: str, manifest: dict[str, Any]) -> tuple[TestResponse, str]:
    body = json.dumps({"schemaVersion": 2, "mediaType": media_type, **manifest}, indent="\t").encode()
    if not reference:
        reference = digest_of(body)
    url = f"/v2/{NAME}/manifests/{reference}"
    return client.put(url, data=body, headers={"Content-Type": media_type}), digest_of(body)


def descriptor(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}


def image(**changes: Any) -> dict[str, Any]:
    config = descriptor("application/vnd.oci.image.config.v1+json", CONFIG)
    layer = descriptor("application/vnd.oci.image.layer.v1.tar+gzip", LAYER)
    return {"config": config, "layers": [layer], **changes}


def test_blob_upload_streamed(client: Client) -> None:
    data = b"blob A, streamed"
    patched = client.patch(located(client.post(UPLOADS)), data=data, headers=OCTETS)
    assert patched.status_code == 202
    closed = client.put(f"{located(patched)}&digest={digest_of(data)}", headers=OCTETS)
    assert closed.status_code == 201
    assert located(closed)


def test_blob_upload_monolithic(client: Client) -> None:
    assert client.get(f"/v2/{NAME}/blobs/{digest_of(b'not there')}").status_code == 404
    posted = client.post(f"{UPLOADS}?digest={digest_of(CONFIG)}", data=CONFIG, headers=OCTETS)
    assert located(posted)
    assert posted.status_code == 201  # or 202 and 404 next, where a registry does not support it
    assert client.get(f"/v2/{NAME}/blobs/{digest_of(CONFIG)}").status_code == 200
    started = client.post(UPLOADS)
    assert started.status_code == 202
    put = client.put(f"{located(started)}&digest={digest_of(CONFIG)}", data=CONFIG, headers=OCTETS)
    assert (put.status_code, bool(located(put))) == (201, True)
    assert client.get(f"/v2/{NAME}/blobs/{digest_of(CONFIG)}").status_code == 200
    put = put_blob(client, LAYER)
    assert (put.status_code, bool(located(put))) == (201, True)
    assert client.get(f"/v2/{NAME}/blobs/{digest_of(LAYER)}").status_code == 200


def test_blob_upload_chunked(client: Client) -> None:
    started = client.post(UPLOADS)
    least = int(started.headers.get("OCI-Chunk-Min-Length", 0))
    assert least
    # The suite makes chunks of the announced size; what is asked of smaller ones is the same.
    data = b"0123456789" * 10
    middle = 63
    first, second = f"0-{middle - 1}", f"{middle}-{len(data) - 1}"

    def patch(location: str, chunk: bytes, content_range: str) -> TestResponse:
        return client.patch(location, data=chunk, headers={**OCTETS, "Content-Range": content_range})

    # Out-of-order blob upload should return 416.
    assert patch(located(started), data[middle:], second).status_code == 416
    # PATCH request with first chunk should return 202.
    started = client.post(UPLOADS)
    patched = patch(located(started), data[:middle], first)
    assert (patched.status_code, patched.headers["Range"]) == (202, first)
    # Retry previous blob chunk should return 416.
    assert patch(located(started), data[:middle], first).status_code == 416
    # Get on stale blob upload should return 204 with a range and location.
    status = client.get(located(started))
    assert (status.status_code, status.headers["Range"]) == (204, first)
    # PATCH request with second chunk should return 202.
    patched = patch(located(status), data[middle:], second)
    assert (patched.status_code, patched.headers["Range"]) == (202, f"0-{len(data) - 1}")
    # PUT request with digest should return 201.
    closed = client.put(f"{located(patched)}&digest={digest_of(data)}", headers=OCTETS)
    assert (closed.status_code, bool(located(closed))) == (201, True)


def test_cross_repository_blob_mount(client: Client) -> None:
    uploads = f"/v2/{OTHER}/blobs/uploads/"
    put_blob(client, LAYER)
    for query in (f"mount={digest_of(b'not there')}", f"mount={digest_of(LAYER)}"):
        started = client.post(f"{uploads}?{query}")
        assert (started.status_code, uploads in located(started)) == (202, True)
    mounted = client.post(f"{uploads}?mount={digest_of(LAYER)}&from={NAME}")
    assert mounted.status_code == 201
    assert located(mounted).endswith(f"/v2/{OTHER}/blobs/{digest_of(LAYER)}")
    assert client.get(located(mounted)).status_code == 200


@pytest.mark.parametrize("delete_manifests_first", [True, False])
def test_manifest_upload(client: Client, delete_manifests_first: bool) -> None:
    for data in (EMPTY_JSON, CONFIG, LAYER):
        assert put_blob(client, data).status_code == 201
    assert client.get(f"/v2/{NAME}/manifests/.INVALID_MANIFEST_NAME").status_code == 404
    pushed = []
    for number in range(4):
        response, digest = put_manifest(client, f"test{number}", IMAGE, image())
        assert (response.status_code, bool(located(response))) == (201, True)
    pushed.append(digest)
    assert client.get(f"/v2/{NAME}/manifests/{digest}", headers={"Accept": IMAGE}).status_code == 200
    empty = descriptor("application/vnd.oci.empty.v1+json", EMPTY_JSON)
    for reference, media_type, manifest in (
        ("emptylayer", IMAGE, image(layers=[])),
        ("", IMAGE, image(config={**empty, "mediaType": "application/vnd.nhl.peanut.butter.bagel"}, layers=[empty])),
        ("", IMAGE, image(artifactType="application/vnd.nba.strawberry.jam.croissant", config=empty, layers=[empty])),
    ):
        response, digest = put_manifest(client, reference, media_type, manifest)
        assert 200 <= response.status_code < 300
        pushed.append(digest)
    below, media_type = client.get(f"/v2/{NAME}/manifests/test0").data, IMAGE
    for _ in range(2):  # an index, and one of it
        index = {"artifactType": "application/vnd.food.stand", "manifests": [descriptor(media_type, below)]}
        response, digest = put_manifest(client, "", INDEX, index)
        assert 200 <= response.status_code < 300
        below, media_type = client.get(f"/v2/{NAME}/manifests/{digest}").data, INDEX
        assert parse_manifest(below).media_type == INDEX
        pushed.append(digest)
    dangling = image(subject=descriptor(IMAGE, b"not there"), config=empty, layers=[empty])
    response, digest = put_manifest(client, "", IMAGE, dangling)
    assert 200 <= response.status_code < 300
    assert re.fullmatch("[a-z0-9]+:[a-f0-9]+", response.headers["OCI-Subject"])
    pushed.append(digest)
    # Teardown, either way round.
    manifests = [f"/v2/{NAME}/manifests/{digest}" for digest in pushed]
    blobs = [f"/v2/{NAME}/blobs/{digest_of(data)}" for data in (EMPTY_JSON, CONFIG, LAYER)]
    for url in manifests + blobs if delete_manifests_first else blobs + manifests:
        assert 200 <= client.delete(url).status_code < 300
