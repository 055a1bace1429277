"""Pushing, pulling and deleting manifests, over every storage."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from docker_registry.core.driver import Base
from docker_registry.core.types import Reader, Stat
from docker_registry.distribution.app import Registry
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.manifest import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.distribution.conftest import SETTINGS
from tests.distribution.contents import descriptor, image, index, manifest_url, push, push_blob, push_image, subject_of

PATIENT = dataclasses.replace(SETTINGS, link_ttl=3600.0)


def code_of(response: TestResponse) -> str:
    return str(response.json["errors"][0]["code"]) if response.json else ""


# Pulling.


@pytest.mark.parametrize("by", ["tag", "digest"])
def test_a_manifest_comes_back_byte_for_byte(client: Client, by: str) -> None:
    digest, body = push_image(client, "library/app", "v1", b"layer", annotations={"é": "\u2603"})
    response = client.get(manifest_url("library/app", "v1" if by == "tag" else digest))
    assert response.status_code == 200
    assert response.data == body
    assert response.headers["Content-Type"] == OCI_MANIFEST
    assert response.headers["Docker-Content-Digest"] == str(digest)
    assert response.headers["Content-Length"] == str(len(body))
    assert response.headers["ETag"] == f'"{digest}"'


@pytest.mark.parametrize("by", ["tag", "digest"])
def test_head_has_the_headers_of_get_and_no_body(client: Client, by: str) -> None:
    digest, _ = push_image(client, "app", "v1")
    url = manifest_url("app", "v1" if by == "tag" else digest)
    got, head = client.get(url), client.head(url)
    assert (head.status_code, head.data) == (200, b"")
    assert dict(head.headers) == dict(got.headers)


@pytest.mark.parametrize("reference", ["absent", Digest.of(b"absent"), Digest.of(b"absent", "sha512")])
@pytest.mark.parametrize("name", ["app", "no/such/repository"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_what_is_not_there_is_a_404(client: Client, name: str, reference: object, method: str) -> None:
    push_image(client, "app", "v1")
    response = client.open(manifest_url(name, reference), method=method)
    assert response.status_code == 404
    assert method == "HEAD" or code_of(response) == "MANIFEST_UNKNOWN"


@pytest.mark.parametrize("reference", [".hidden", "a" * 129, "sha256:12", "md5:abc", "sha256:" + "A" * 64, "ä", "a:b"])
def test_what_cannot_have_that_name_is_not_there(client: Client, reference: str) -> None:
    response = client.get(manifest_url("app", reference))
    assert response.status_code == 404
    assert code_of(response) == "MANIFEST_UNKNOWN"


def test_a_manifest_is_only_in_the_repository_it_was_pushed_to(client: Client) -> None:
    digest, _ = push_image(client, "one", "v1")
    for name in ("two", "one/below", "on"):
        assert client.get(manifest_url(name, digest)).status_code == 404


def test_a_blob_is_no_manifest(client: Client) -> None:
    push_image(client, "app", "v1", b"layer")
    assert client.get(manifest_url("app", Digest.of(b"layer"))).status_code == 404
    assert client.delete(manifest_url("app", Digest.of(b"layer"))).status_code == 404
    assert client.head(f"/v2/app/blobs/{Digest.of(b'layer')}").status_code == 200


@pytest.mark.parametrize("header", ['"{}"', "{}", 'W/"{}"', '"other", "{}"', "*"])
def test_who_has_it_already_is_told_so(client: Client, header: str) -> None:
    digest, _ = push_image(client, "app", "v1")
    for reference in ("v1", digest):
        response = client.get(manifest_url("app", reference), headers={"If-None-Match": header.format(digest)})
        assert (response.status_code, response.data) == (304, b"")
        assert response.headers["ETag"] == f'"{digest}"'
        assert response.headers["Docker-Content-Digest"] == str(digest)


def test_who_has_another_one_gets_this_one(client: Client) -> None:
    _, body = push_image(client, "app", "v1")
    response = client.get(manifest_url("app", "v1"), headers={"If-None-Match": f'"{Digest.of(b"other")}"'})
    assert (response.status_code, response.data) == (200, body)


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (None, 200),
        ("*/*", 200),
        ("application/*", 200),
        (OCI_MANIFEST, 200),
        (f"{DOCKER_MANIFEST}, {OCI_MANIFEST};q=0.5", 200),
        (DOCKER_MANIFEST, 404),
        (f"{OCI_MANIFEST};q=0", 404),
        ("text/html", 404),
    ],
)
def test_accept_decides_whether_a_manifest_is_served(client: Client, accept: str | None, status: int) -> None:
    push_image(client, "app", "v1")
    response = client.get(manifest_url("app", "v1"), headers={"Accept": accept} if accept else {})
    assert response.status_code == status
    if status == 200:
        assert response.headers["Vary"] == "Accept"
    else:
        assert code_of(response) == "MANIFEST_UNKNOWN"
        assert OCI_MANIFEST in response.json["errors"][0]["message"]


def test_several_accept_headers_count_together(client: Client) -> None:
    push_image(client, "app", "v1")
    headers = [("Accept", DOCKER_MANIFEST), ("Accept", OCI_MANIFEST)]
    assert client.get(manifest_url("app", "v1"), headers=headers).status_code == 200


def test_an_old_client_gets_an_image_out_of_a_docker_list_by_tag_only(client: Client) -> None:
    arm, _ = push_image(client, "app", "arm", b"arm", mediaType=DOCKER_MANIFEST)
    amd, amd_body = push_image(client, "app", "amd", b"amd", mediaType=DOCKER_MANIFEST)
    entries = [
        {"mediaType": DOCKER_MANIFEST, "size": 1, "digest": str(digest), "platform": platform}
        for digest, platform in [
            (arm, {"os": "linux", "architecture": "arm64"}),
            (amd, {"os": "linux", "architecture": "amd64"}),
        ]
    ]
    body = index(media_type=DOCKER_LIST, manifests=entries)
    assert push(client, "app", "all", body).status_code == 201
    old = {"Accept": DOCKER_MANIFEST}
    response = client.get(manifest_url("app", "all"), headers=old)
    assert (response.status_code, response.data) == (200, amd_body)
    assert response.headers["Docker-Content-Digest"] == str(amd)
    assert client.get(manifest_url("app", Digest.of(body)), headers=old).status_code == 404
    assert client.get(manifest_url("app", "all")).data == body


def test_bytes_that_were_spoilt_on_their_way_are_asked_for_again(
    client: Client, driver: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, body = push_image(client, "app", "v1")
    monkeypatch.setattr(driver, "open", lambda _path: Reader(len(body) - 1, len(body) - 1, iter([body[1:]])))
    assert Client(Registry(driver, SETTINGS)).get(manifest_url("app", "v1")).data == body


def test_damaged_bytes_are_reported_and_never_served(
    client: Client, driver: Base, caplog: pytest.LogCaptureFixture
) -> None:
    digest, body = push_image(client, "app", "v1")
    driver.put_content(layout.blob_data(digest), body[:-1] + b" ")
    for reference in ("v1", digest):
        response = Client(Registry(driver, SETTINGS)).get(manifest_url("app", reference))
        assert response.status_code == 500
        assert digest.hex in response.json["errors"][0]["message"]
        assert body[:-1] not in response.data
    assert layout.blob_data(digest) in caplog.text


def test_a_manifest_whose_data_is_gone_is_not_there(client: Client, driver: Base) -> None:
    digest, _ = push_image(client, "app", "v1")
    driver.remove(layout.blob_data(digest))
    for reference in ("v1", digest):
        response = Client(Registry(driver, SETTINGS)).get(manifest_url("app", reference))
        assert (response.status_code, code_of(response)) == (404, "MANIFEST_UNKNOWN")


@pytest.mark.parametrize("content", [b"", b"sha256:12", b"\xff", b"sha256:"])
@pytest.mark.parametrize("way", ["push", "delete"])
def test_a_damaged_tag_is_told_and_can_be_pushed_or_deleted(
    client: Client, driver: Base, content: bytes, way: str
) -> None:
    _, body = push_image(client, "app", "v1")
    driver.put_content(layout.tag_current("app", "v1"), content)
    response = client.get(manifest_url("app", "v1"))
    assert (response.status_code, code_of(response)) == (500, "UNKNOWN")
    assert "tags/v1/current/link is damaged" in response.json["errors"][0]["message"]
    if way == "push":
        assert push(client, "app", "v1", body).status_code == 201
        assert client.get(manifest_url("app", "v1")).status_code == 200
    else:
        assert client.delete(manifest_url("app", "v1")).status_code == 202
        assert client.get(manifest_url("app", "v1")).status_code == 404


@pytest.mark.parametrize("content", [b"", b"sha256:12", b"\xff", str(Digest.of(b"another")).encode()])
def test_a_damaged_link_is_told_and_not_taken_for_missing(driver: Base, content: bytes) -> None:
    client = Client(Registry(driver, SETTINGS))
    digest, body = push_image(client, "app", "v1", b"layer")
    layer = Digest.of(b"layer")
    for path in (layout.layer_link("app", layer), layout.revision_link("app", digest)):
        driver.put_content(path, content)
    other = Client(Registry(driver, SETTINGS))
    for response in (
        other.get(f"/v2/app/blobs/{layer}"),
        other.get(manifest_url("app", digest)),
        other.get(manifest_url("app", "v1")),
        push(other, "app", "v2", body),
    ):
        assert (response.status_code, code_of(response)) == (500, "UNKNOWN")
        assert "fsck" in response.json["errors"][0]["message"]
    push_image(other, "app", "v1", b"layer")
    assert other.get(manifest_url("app", "v1")).data == body
    driver.put_content(layout.layer_link("app", layer), content)
    assert other.delete(f"/v2/app/blobs/{layer}").status_code == 202


def test_a_tag_ends_with_its_manifest(client: Client, driver: Base) -> None:
    """Whoever removed the link: a delete whose listing lacked the tag, another registry, a garbage collector."""
    digest, body = push_image(client, "app", "v1")
    other = Client(Registry(driver, SETTINGS))
    assert other.get(manifest_url("app", "v1")).data == body
    driver.remove(layout.revision_link("app", digest))
    third = Client(Registry(driver, SETTINGS))
    for method in ("GET", "HEAD"):
        assert third.open(manifest_url("app", "v1"), method=method).status_code == 404
        etag = {"If-None-Match": f'"{digest}"'}
        assert third.open(manifest_url("app", "v1"), method=method, headers=etag).status_code == 404
    assert third.delete(manifest_url("app", digest)).status_code == 202, "it heals"
    assert third.delete(manifest_url("app", digest)).status_code == 404
    assert not list(driver.walk(layout.tags("app")))


def test_no_listing_decides_over_a_delete(client: Client, driver: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    digest, _ = push_image(client, "app", "v1")
    with monkeypatch.context() as lagging:
        lagging.setattr(driver, "walk", lambda path=None: iter(()))
        assert client.delete(manifest_url("app", digest)).status_code == 202
        for reference in ("v1", digest):
            assert client.get(manifest_url("app", reference)).status_code == 404
    assert client.delete(manifest_url("app", digest)).status_code == 202
    assert not list(driver.walk(layout.tags("app")))


def test_what_can_change_is_asked_of_the_newest_replica(
    client: Client, driver: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica of the storage came back and has all links as they were."""
    _, old = push_image(client, "app", "moved")
    push_image(client, "app", "deleted", annotations={"n": "1"})
    lost = push_blob(client, "app", b"lost")
    links = {entry.path: driver.get_content(entry.path) for entry in driver.walk(layout.repository("app"))}
    get_content, get_newest = driver.get_content, driver.get_newest
    monkeypatch.setattr(driver, "get_content", lambda path: links.get(path) or get_content(path))
    monkeypatch.setattr(driver, "get_newest", lambda path: _from(get_content, get_newest, path))
    swept, stat = push_blob(client, "app", b"swept"), driver.stat
    driver.remove(layout.blob_data(swept))
    monkeypatch.setattr(
        driver, "stat", lambda path, newest=False: stat(path, newest=True) if newest else Stat(len(b"swept"), None)
    )
    _, new = push_image(client, "app", "moved", annotations={"n": "2"})
    assert client.delete(manifest_url("app", "deleted")).status_code == 202
    assert client.delete(f"/v2/app/blobs/{lost}").status_code == 202
    other = Client(Registry(driver, SETTINGS))
    assert other.get(manifest_url("app", "moved")).data == new != old
    assert other.get(manifest_url("app", "deleted")).status_code == 404
    assert other.head(f"/v2/app/blobs/{lost}").status_code == 404
    assert other.head(f"/v2/app/blobs/{swept}").status_code == 404
    for gone in (b"lost", b"swept"):
        assert push(other, "app", "v2", image(gone)).status_code == 400
        assert other.post(f"/v2/other/blobs/uploads/?mount={Digest.of(gone)}&from=app").status_code == 202


def _from(get_content: Callable[[str], bytes], get_newest: Callable[[str], bytes], path: str) -> bytes:
    """`get_newest` as it was: by default it is `get_content`, which a test replaced."""
    return get_newest(path) if getattr(get_newest, "__func__", None) is not Base.get_newest else get_content(path)


def test_an_image_out_of_a_docker_list_ends_with_its_manifest(client: Client) -> None:
    digest, body = push_image(client, "app", "amd64")
    platform = {"os": "linux", "architecture": "amd64"}
    document = json.loads(index(body, media_type=DOCKER_LIST))
    document["manifests"][0]["platform"] = platform
    assert push(client, "app", "list", json.dumps(document).encode()).status_code == 201
    accept = {"Accept": OCI_MANIFEST}
    assert client.get(manifest_url("app", "list"), headers=accept).data == body
    assert client.delete(manifest_url("app", digest)).status_code == 202
    assert client.get(manifest_url("app", "list"), headers=accept).status_code == 404


def test_a_manifest_that_distribution_2_1_linked_as_a_layer_is_served_and_deleted(client: Client, driver: Base) -> None:
    digest, body = push_image(client, "app", "v1")
    driver.put_content(layout.layer_link("app", digest), str(digest).encode())
    driver.remove(layout.revision_link("app", digest))
    fresh = Client(Registry(driver, SETTINGS))
    assert fresh.get(manifest_url("app", digest)).data == body
    assert push(fresh, "app", "list", index(body)).status_code == 201
    assert fresh.delete(manifest_url("app", digest)).status_code == 202
    assert fresh.get(manifest_url("app", digest)).status_code == 404


def test_a_docker_schema_1_manifest_that_distribution_2_1_linked_as_a_layer_is_served(client: Client) -> None:
    body = json.dumps({"schemaVersion": 1, "name": "app", "fsLayers": []}).encode()
    digest = push_blob(client, "app", body)
    assert client.get(manifest_url("app", digest)).data == body


@pytest.mark.parametrize("kept_by_another", [False, True])
def test_a_blob_is_no_way_around_the_checks_of_a_push(client: Client, driver: Base, kept_by_another: bool) -> None:
    """What is an image to one client and an index to another is not served as a manifest (CVE-2021-41190)."""
    document = {**json.loads(image(b"layer")), "manifests": []}
    del document["mediaType"]
    body = json.dumps(document).encode()
    assert code_of(push(client, "app", "v1", body)) == "MANIFEST_INVALID"
    digest = push_blob(client, "app", body)
    if kept_by_another:  # a repository of Distribution, where it is a manifest and served as such
        driver.put_content(layout.revision_link("other", digest), str(digest).encode())
        assert client.get(manifest_url("other", digest)).data == body
    for _ in range(2):
        assert client.get(manifest_url("app", digest)).status_code == 404
        assert client.head(manifest_url("app", digest)).status_code == 404
        assert code_of(push(client, "app", "list", index(body))) == "MANIFEST_BLOB_UNKNOWN"
        assert client.delete(manifest_url("app", digest)).status_code == 404
    assert client.get(f"/v2/app/blobs/{digest}").data == body


def test_where_too_many_costly_manifests_wait_one_more_is_refused(
    registry: Registry, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("docker_registry.distribution.storage.parsing._QUEUE_MAX", 0)
    push_image(client, "app", "v1")
    with registry.context.parsing.turn(1_000_000):
        response = push(client, "app", "v2", image(annotations={"a": "x" * 40_000}))
        assert (response.status_code, code_of(response)) == (503, "UNAVAILABLE")
        assert response.headers["Retry-After"]
        assert push(client, "app", "v2", image(annotations={"a": "b"})).status_code == 201
    assert push(client, "app", "v2", image(annotations={"a": "x" * 40_000})).status_code == 201


@pytest.mark.parametrize(
    "document",
    [
        {"schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "config": descriptor(b"{}")},
        {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": {}, "layers": [{"size": -1}], "subject": {}},
        {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "layers": [], "annotations": {"a": None}},
    ],
)
def test_what_distribution_took_is_served_as_it_is(client: Client, driver: Base, document: Any) -> None:
    body = json.dumps(document).encode()
    digest = Digest.of(body)
    assert code_of(push(client, "app", "v1", body)) == "MANIFEST_INVALID"
    driver.put_content(layout.blob_data(digest), body)
    for path in (layout.revision_link("app", digest), layout.tag_current("app", "v1")):
        driver.put_content(path, str(digest).encode())
    for reference in ("v1", digest):
        response = client.get(manifest_url("app", reference))
        assert (response.status_code, response.data) == (200, body)
        assert response.headers["Content-Type"] == document["mediaType"]
        assert response.headers["Docker-Content-Digest"] == str(digest)


def test_a_docker_schema_1_manifest_in_an_adopted_container(client: Client, driver: Base) -> None:
    body = json.dumps({"schemaVersion": 1, "name": "app", "fsLayers": []}).encode()
    digest = Digest.of(body)
    driver.put_content(layout.blob_data(digest), body)
    driver.put_content(layout.revision_link("app", digest), str(digest).encode())
    response = client.get(manifest_url("app", digest))
    assert (response.status_code, response.data) == (200, body)
    assert response.headers["Content-Type"] == "application/vnd.docker.distribution.manifest.v1+json"
    response = client.get(manifest_url("app", digest), headers={"Accept": OCI_MANIFEST})
    assert response.status_code == 404
    assert "manifest.v1+json" in response.json["errors"][0]["message"]


# Pushing.


def test_the_answer_to_a_push_says_where_to_pull(client: Client) -> None:
    push_blob(client, "library/app", b"{}")
    body = image()
    response = push(client, "library/app", "v1", body)
    assert response.status_code == 201
    assert response.headers["Docker-Content-Digest"] == str(Digest.of(body))
    assert response.headers["Location"] == f"/v2/library/app/manifests/{Digest.of(body)}"
    assert client.get(response.headers["Location"]).data == body
    assert "OCI-Subject" not in response.headers
    assert "OCI-Tag" not in response.headers


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_push_by_digest_makes_no_tag(client: Client, algorithm: str) -> None:
    push_blob(client, "app", b"{}")
    body = image()
    digest = Digest.of(body, algorithm)
    response = push(client, "app", digest, body)
    assert response.status_code == 201
    assert response.headers["Docker-Content-Digest"] == str(digest)
    response = client.get(manifest_url("app", digest))
    assert response.data == body
    assert response.headers["Docker-Content-Digest"] == str(digest)
    assert client.get("/v2/app/tags/list").json == {"name": "app", "tags": []}


def test_a_push_by_digest_may_set_tags(client: Client) -> None:
    push_blob(client, "app", b"{}")
    body = image()
    tags = [f"t{number}" for number in range(12)]
    response = push(client, "app", Digest.of(body), body, query_string=[("tag", tag) for tag in tags])
    assert response.status_code == 201
    assert ", ".join(response.headers.getlist("OCI-Tag")).split(", ") == tags
    for tag in tags:
        assert client.get(manifest_url("app", tag)).data == body
    for query, status in (({"tag": ".bad"}, 400), ({"tag": [f"t{number}" for number in range(101)]}, 414)):
        bad = push(client, "app", Digest.of(body), body, query_string=query)
        assert (bad.status_code, code_of(bad)) == (status, "TAG_INVALID")


def test_a_push_by_another_digest_stores_nothing(client: Client, driver: Base) -> None:
    push_blob(client, "app", b"{}")
    response = push(client, "app", Digest.of(b"other"), image())
    assert (response.status_code, code_of(response)) == (400, "DIGEST_INVALID")
    assert response.json["errors"][0]["detail"]["actual"] == str(Digest.of(image()))
    assert not list(driver.walk(layout.manifests("app")))


def test_a_tag_moves(client: Client, registry: Registry) -> None:
    first, _ = push_image(client, "app", "v1", b"one")
    _, second = push_image(client, "app", "v1", b"two")
    assert client.get(manifest_url("app", "v1")).data == second
    assert client.get(manifest_url("app", first)).status_code == 200
    assert client.get("/v2/app/tags/list").json["tags"] == ["v1"]


def test_a_tag_pushed_to_one_registry_is_pulled_from_another_at_once(client: Client, driver: Base) -> None:
    other = Client(Registry(driver, SETTINGS))
    for data in (b"one", b"two", b"three"):
        _, body = push_image(client, "app", "v1", data)
        assert other.get(manifest_url("app", "v1")).data == body


def test_pushing_again_changes_nothing(client: Client) -> None:
    assert push_image(client, "app", "v1", b"layer") == push_image(client, "app", "v1", b"layer")
    assert client.get(manifest_url("app", "v1")).status_code == 200


def test_missing_blobs_are_all_named(client: Client, driver: Base) -> None:
    push_blob(client, "app", b"there")
    push_blob(client, "elsewhere", b"one")
    response = push(client, "app", "v1", image(b"one", b"there", b"two"))
    assert response.status_code == 400
    assert {entry["code"] for entry in response.json["errors"]} == {"MANIFEST_BLOB_UNKNOWN"}
    named = [entry["detail"]["digest"] for entry in response.json["errors"]]
    assert named == [str(Digest.of(data)) for data in (b"{}", b"one", b"two")]
    assert client.get(manifest_url("app", "v1")).status_code == 404
    assert not list(driver.walk(layout.manifests("app")))


def test_a_link_does_not_prove_its_blob(client: Client, driver: Base) -> None:
    """Distribution's garbage collection leaves links to blobs that are gone."""
    push_blob(client, "app", b"{}")
    lost = push_blob(client, "app", b"lost")
    driver.remove(layout.blob_data(lost))
    response = push(Client(Registry(driver, SETTINGS)), "app", "v1", image(b"lost"))
    assert (response.status_code, code_of(response)) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert [entry["detail"]["digest"] for entry in response.json["errors"]] == [str(lost)]


def test_what_was_seen_long_ago_justifies_no_manifest(driver: Base) -> None:
    client = Client(Registry(driver, dataclasses.replace(SETTINGS, link_ttl=0.0)))
    push_blob(client, "app", b"{}")
    lost = push_blob(Client(Registry(driver, SETTINGS)), "app", b"lost")
    assert client.head(f"/v2/app/blobs/{lost}").status_code == 200
    driver.remove(layout.blob_data(lost))
    assert push(client, "app", "v1", image(b"lost")).status_code == 400


def test_a_link_that_was_only_seen_justifies_no_manifest(driver: Base) -> None:
    """A client asks one replica whether a layer is there; another one deletes it."""
    asked, another = Client(Registry(driver, PATIENT)), Client(Registry(driver, PATIENT))
    _, child = push_image(another, "app", "v1", b"layer")
    lost = Digest.of(b"layer")
    for url in (f"/v2/app/blobs/{lost}", manifest_url("app", Digest.of(child))):
        assert asked.head(url).status_code == 200
        assert another.delete(url).status_code == 202
    assert code_of(push(asked, "app", "v2", child)) == "MANIFEST_BLOB_UNKNOWN"
    assert code_of(push(asked, "app", "v2", index(child))) == "MANIFEST_BLOB_UNKNOWN"
    assert asked.post(f"/v2/other/blobs/uploads/?mount={lost}&from=app").status_code == 202
    for url in (f"/v2/app/blobs/{lost}", manifest_url("app", Digest.of(child))):
        assert asked.head(url).status_code == 404, "the refusal was a look that said no"


def test_data_that_was_collected_elsewhere_can_be_pushed_again(driver: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that is told by an old memory that it is there would skip it, and its manifest be refused."""
    registry = Registry(driver, SETTINGS)
    client, now = Client(registry), [0.0]
    monkeypatch.setattr(registry.context.containers.default.store.cache, "_clock", lambda: now[0])
    push_image(client, "app", "v1", b"layer")
    lost = Digest.of(b"layer")
    assert client.get(f"/v2/app/blobs/{lost}").data == b"layer"
    driver.remove(layout.blob_data(lost))
    now[0] += 31
    assert push(client, "app", "v1", image(b"layer")).status_code == 400
    assert client.head(f"/v2/app/blobs/{lost}").status_code == 404
    push_blob(client, "app", b"layer")
    now[0] += SETTINGS.link_ttl + 1
    assert client.head(f"/v2/app/blobs/{lost}").status_code == 200
    driver.remove(layout.blob_data(lost))
    now[0] += SETTINGS.link_ttl + 1
    assert client.head(f"/v2/app/blobs/{lost}").status_code == 404, "no memory is older than link_ttl"


def test_a_blob_that_distribution_stored_under_its_sha256_is_found(client: Client, driver: Base) -> None:
    """It links a blob that was pushed by sha512 under both digests, and stores it once."""
    push_blob(client, "app", b"{}")
    stored = push_blob(client, "app", b"layer")
    alias = Digest.of(b"layer", "sha512")
    driver.put_content(layout.layer_link("app", alias), str(stored).encode())
    body = image(layers=[descriptor(b"layer", algorithm="sha512")])
    assert push(client, "app", "v1", body).status_code == 201


def test_blobs_of_both_algorithms_are_found(client: Client) -> None:
    push_blob(client, "app", b"{}")
    push_blob(client, "app", b"layer", "sha512")
    assert push(client, "app", "v1", image(layers=[descriptor(b"layer", algorithm="sha512")])).status_code == 201
    assert push(client, "app", "v2", image(b"layer")).status_code == 400


def test_layers_that_lie_elsewhere_are_not_asked_for(client: Client) -> None:
    push_blob(client, "app", b"{}")
    foreign = descriptor(b"far away", urls=["https://example.com/layer"])
    assert push(client, "app", "v1", image(layers=[foreign])).status_code == 201


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
def test_an_index_needs_its_manifests(client: Client, media_type: str) -> None:
    _, one = push_image(client, "app", "one", b"one")
    two = image(b"two")
    both = index(one, two, media_type=media_type)
    response = push(client, "app", "all", both)
    assert (response.status_code, code_of(response)) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert [entry["detail"]["digest"] for entry in response.json["errors"]] == [str(Digest.of(two))]
    push_image(client, "app", Digest.of(two), b"two")
    assert push(client, "app", "all", both).status_code == 201
    got = client.get(manifest_url("app", "all"))
    assert (got.data, got.headers["Content-Type"]) == (both, media_type)


def test_an_index_may_be_empty_or_hold_indexes(client: Client) -> None:
    empty = index()
    assert push(client, "app", "empty", empty).status_code == 201
    assert push(client, "app", "nested", index(empty)).status_code == 201


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", OCI_MANIFEST),
        (b"no json", OCI_MANIFEST),
        (image(), DOCKER_MANIFEST),
        (b'{"blobs": []}', "application/vnd.oci.artifact.manifest.v1+json"),
        (b'{"schemaVersion": 1, "fsLayers": []}', "application/vnd.docker.distribution.manifest.v1+prettyjws"),
    ],
)
def test_what_is_no_manifest_is_refused(client: Client, body: bytes, content_type: str) -> None:
    response = client.put(manifest_url("app", "v1"), data=body, content_type=content_type)
    assert (response.status_code, code_of(response)) == (400, "MANIFEST_INVALID")


@pytest.mark.parametrize(
    ("reference", "code"), [(".bad", "TAG_INVALID"), ("a" * 129, "TAG_INVALID"), ("sha256:12", "DIGEST_INVALID")]
)
def test_a_push_to_what_is_no_reference_is_a_400(client: Client, reference: str, code: str) -> None:
    response = push(client, "app", reference, image())
    assert (response.status_code, code_of(response)) == (400, code)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_manifest_has_a_largest_size(client: Client, chunked: bool) -> None:
    limit = SETTINGS.manifest_size_limit
    push_blob(client, "app", b"{}")
    padding = limit - len(image(annotations={"a": ""}))
    largest = image(annotations={"a": "x" * padding})
    assert len(largest) == limit == 4 * 1024 * 1024
    options: dict[str, Any] = {"headers": {"Transfer-Encoding": "chunked"}} if chunked else {}
    if chunked:
        options["environ_overrides"] = {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    assert push(client, "app", "v1", largest, **options).status_code == 201
    response = push(client, "app", "v1", largest + b" ", **options)
    assert (response.status_code, code_of(response)) == (413, "SIZE_INVALID")
    assert str(limit) in response.json["errors"][0]["message"]


def test_manifests_on_their_way_in_are_bounded_together(registry: Registry) -> None:
    memory = registry.context.manifest_memory
    with memory.hold() as take:
        take(memory._limit - 10)
        response = push(Client(registry), "app", "v1", image())
        assert (response.status_code, code_of(response)) == (503, "UNAVAILABLE")
        assert int(response.headers["Retry-After"]) > 0
    assert memory.used == 0
    push_image(Client(registry), "app", "v1")
    push(Client(registry), "app", "v1", image(b"missing"))
    assert memory.used == 0


def test_the_first_references_that_are_missing_end_the_search(
    client: Client, driver: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    for name in ("get_newest", "stat"):
        inner = getattr(driver, name)
        monkeypatch.setattr(
            driver, name, lambda path, inner=inner, **options: asked.append(path) or inner(path, **options)
        )
    layers = [b"%d" % number for number in range(900)]
    assert code_of(push(client, "app", "v1", image(*layers))) == "MANIFEST_BLOB_UNKNOWN"
    assert len(asked) <= 2 * 64


def test_a_lower_limit_hides_nothing_that_was_pushed_before(client: Client, driver: Base) -> None:
    _, body = push_image(client, "app", "v1", annotations={"a": "x" * 1000})
    small = Client(Registry(driver, dataclasses.replace(SETTINGS, manifest_size_limit=100)))
    assert small.get(manifest_url("app", "v1")).data == body
    assert push(small, "app", "v1", body).status_code == 413


def test_parameters_of_the_content_type_are_ignored(client: Client) -> None:
    push_blob(client, "app", b"{}")
    response = push(client, "app", "v1", image(), content_type=f"{OCI_MANIFEST}; charset=utf-8")
    assert response.status_code == 201
    assert client.get(manifest_url("app", "v1")).headers["Content-Type"] == OCI_MANIFEST


def test_a_subject_is_confirmed_whether_it_is_there_or_not(client: Client) -> None:
    push_blob(client, "app", b"{}")
    subject = subject_of(b"not pushed yet")
    response = push(client, "app", "sig", image(subject=subject))
    assert response.status_code == 201
    assert response.headers["OCI-Subject"] == subject["digest"]


# Deleting.


def test_deleting_a_manifest_takes_its_tags_along_and_no_others(client: Client) -> None:
    gone, _ = push_image(client, "app", "v1", b"one")
    push_image(client, "app", "v1.0", b"one")
    kept, kept_body = push_image(client, "app", "v2", b"two")
    push_image(client, "app", "moved", b"one")
    push_image(client, "app", "moved", b"two")
    push_image(client, "app/below", "v1", b"one")
    assert client.delete(manifest_url("app", gone)).status_code == 202
    for reference in ("v1", "v1.0", gone):
        assert client.get(manifest_url("app", reference)).status_code == 404
    for reference in ("v2", "moved", kept):
        assert client.get(manifest_url("app", reference)).data == kept_body
    assert client.get("/v2/app/tags/list").json["tags"] == ["moved", "v2"]
    assert client.get(manifest_url("app/below", gone)).status_code == 200
    assert client.delete(manifest_url("app", gone)).status_code == 404


def test_a_deleted_manifest_can_be_pushed_again(client: Client) -> None:
    digest, body = push_image(client, "app", "v1", b"one")
    client.delete(manifest_url("app", digest))
    push_image(client, "app", "v1", b"one")
    assert client.get(manifest_url("app", digest)).data == body


def test_a_deleted_manifest_leaves_blobs_and_for_a_while_a_note_of_its_tags(client: Client, driver: Base) -> None:
    push_blob(client, "app", b"{}")
    body = image(subject=subject_of(b"subject"))
    for tag in ("v1", "v2"):
        push(client, "app", tag, body)
    client.delete(manifest_url("app", Digest.of(body)))
    left = list(driver.walk(layout.manifests("app")))
    assert {entry.path for entry in left} == {layout.deleted_tag("app", tag, Digest.of(body)) for tag in ("v1", "v2")}
    assert all(entry.expires is not None for entry in left)


def test_a_manifest_whose_data_is_gone_can_be_deleted(client: Client, driver: Base) -> None:
    digest, _ = push_image(client, "app", "v1")
    driver.remove(layout.blob_data(digest))
    fresh = Client(Registry(driver, SETTINGS))
    assert fresh.delete(manifest_url("app", digest)).status_code == 202
    assert fresh.get("/v2/app/tags/list").json["tags"] == []


def test_a_tag_without_history_is_deleted_with_its_manifest(client: Client, driver: Base) -> None:
    digest, _ = push_image(client, "app", "v1")
    driver.remove(layout.tag_index_link("app", "v1", digest))
    assert client.delete(manifest_url("app", digest)).status_code == 202
    assert client.get(manifest_url("app", "v1")).status_code == 404


def test_deleting_a_tag_leaves_its_manifest_and_its_neighbours(client: Client, driver: Base) -> None:
    first, _ = push_image(client, "app", "v1", b"one")
    second, body = push_image(client, "app", "v1", b"two")
    push_image(client, "app", "v1.0", b"two")
    push_image(client, "app", "v", b"two")
    assert client.delete(manifest_url("app", "v1")).status_code == 202
    assert client.get(manifest_url("app", "v1")).status_code == 404
    assert client.get("/v2/app/tags/list").json["tags"] == ["v", "v1.0"]
    for reference in ("v", "v1.0", second):
        assert client.get(manifest_url("app", reference)).data == body
    assert client.get(manifest_url("app", first)).status_code == 200
    assert [entry.path for entry in driver.walk(f"{layout.tags('app')}/v1")] == []
    assert client.delete(manifest_url("app", "v1")).status_code == 404


@pytest.mark.parametrize("reference", ["v1", Digest.of(image())])
def test_deleting_can_be_switched_off(client: Client, driver: Base, reference: object) -> None:
    push_image(client, "app", "v1")
    kept = Client(Registry(driver, dataclasses.replace(SETTINGS, delete_enabled=False)))
    response = kept.delete(manifest_url("app", reference))
    assert (response.status_code, code_of(response)) == (405, "UNSUPPORTED")
    assert "DELETE" not in response.headers["Allow"]
    assert kept.get(manifest_url("app", reference)).status_code == 200
