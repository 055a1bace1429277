"""The referrers API: what refers to a manifest, through pushes and deletes in any order."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from werkzeug.http import parse_options_header
from werkzeug.test import Client, TestResponse

from docker_registry.core.driver import Base
from docker_registry.distribution.app import Registry
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.manifest import OCI_INDEX, OCI_MANIFEST
from tests.distribution.conftest import SETTINGS
from tests.distribution.contents import CONFIG_TYPE, image, index, manifest_url, push, push_blob, push_image, subject_of

SUBJECT_BODY = image(b"layer")
SUBJECT = Digest.of(SUBJECT_BODY)


def signature(number: int = 0, **more: Any) -> bytes:
    defaults = {"artifactType": "application/sig", "annotations": {"n": str(number)}}
    return image(subject=subject_of(SUBJECT_BODY), **{**defaults, **more})


def referrers(client: Client, name: str = "app", subject: object = SUBJECT, **query: str) -> TestResponse:
    response = client.get(f"/v2/{name}/referrers/{subject}", query_string=query)
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == OCI_INDEX
    assert response.json["schemaVersion"] == 2
    assert response.json["mediaType"] == OCI_INDEX
    return response


def digests(response: TestResponse) -> list[str]:
    return [entry["digest"] for entry in response.json["manifests"]]


@pytest.fixture(autouse=True)
def config(client: Client) -> None:
    push_blob(client, "app", b"{}")


def test_a_referrer_is_listed_with_its_type_and_annotations(client: Client) -> None:
    body = signature(7)
    push(client, "app", "sig", body)
    assert referrers(client).json["manifests"] == [
        {
            "mediaType": OCI_MANIFEST,
            "digest": str(Digest.of(body)),
            "size": len(body),
            "artifactType": "application/sig",
            "annotations": {"n": "7"},
        }
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (signature(artifactType=None), CONFIG_TYPE),
        (signature(artifactType=""), CONFIG_TYPE),
        (index(subject=subject_of(SUBJECT_BODY), artifactType="application/sig"), "application/sig"),
        (index(subject=subject_of(SUBJECT_BODY)), None),
    ],
)
def test_the_artifact_type_is_the_specs(client: Client, body: bytes, expected: str | None) -> None:
    push(client, "app", Digest.of(body), body)
    assert [entry.get("artifactType") for entry in referrers(client).json["manifests"]] == [expected]


@pytest.mark.parametrize("name", ["app", "no/such/repository"])
@pytest.mark.parametrize("subject", [Digest.of(b"unknown"), Digest.of(b"unknown", "sha512")])
def test_what_nothing_refers_to_has_an_empty_list(client: Client, name: str, subject: Digest) -> None:
    assert referrers(client, name, subject).json["manifests"] == []


@pytest.mark.parametrize("subject", ["latest", "sha256:12", "md5:abc", "sha256:" + "A" * 64])
def test_a_bad_digest_is_a_400(client: Client, subject: str) -> None:
    response = client.get(f"/v2/app/referrers/{subject}")
    assert (response.status_code, response.json["errors"][0]["code"]) == (400, "DIGEST_INVALID")


def test_a_filter_by_artifact_type_says_that_it_was_applied(client: Client) -> None:
    wanted, other = signature(1), signature(2, artifactType="application/sbom+json")
    for body in (wanted, other):
        push(client, "app", Digest.of(body), body)
    response = referrers(client, artifactType="application/sig")
    assert digests(response) == [str(Digest.of(wanted))]
    assert response.headers["OCI-Filters-Applied"] == "artifactType"
    assert digests(referrers(client, artifactType="application/sbom+json")) == [str(Digest.of(other))]
    assert digests(referrers(client, artifactType="application/none")) == []
    unfiltered = referrers(client)
    assert len(digests(unfiltered)) == 2
    assert "OCI-Filters-Applied" not in unfiltered.headers


def test_the_subject_may_come_later(client: Client) -> None:
    body = signature()
    response = push(client, "app", "sig", body)
    assert response.headers["OCI-Subject"] == str(SUBJECT)
    push_image(client, "app", "v1", b"layer")
    assert digests(referrers(client)) == [str(Digest.of(body))]


def test_referrers_stay_in_their_repository(client: Client) -> None:
    push(client, "app", "sig", signature())
    push_blob(client, "app/below", b"{}")
    push(client, "app/below", "sig", signature(1))
    assert digests(referrers(client)) == [str(Digest.of(signature()))]


def test_pushing_a_referrer_twice_lists_it_once(client: Client) -> None:
    for tag in ("one", "two"):
        push(client, "app", tag, signature())
    assert len(digests(referrers(client))) == 1


def test_a_deleted_referrer_is_listed_no_more(client: Client) -> None:
    kept, gone = signature(1), signature(2)
    for body in (kept, gone):
        push(client, "app", Digest.of(body), body)
    assert client.delete(manifest_url("app", Digest.of(gone))).status_code == 202
    assert digests(referrers(client)) == [str(Digest.of(kept))]


@pytest.mark.parametrize("subject_first", [True, False])
def test_subject_and_referrer_are_deleted_in_either_order(client: Client, driver: Base, subject_first: bool) -> None:
    push_image(client, "app", "v1", b"layer")
    body = signature()
    push(client, "app", "sig", body)
    order = [SUBJECT, Digest.of(body)] if subject_first else [Digest.of(body), SUBJECT]
    assert client.delete(manifest_url("app", order[0])).status_code == 202
    assert digests(referrers(client)) == ([str(Digest.of(body))] if subject_first else [])
    assert client.delete(manifest_url("app", order[1])).status_code == 202
    assert digests(referrers(client)) == []
    left = [entry.path for entry in driver.walk(layout.manifests("app"))]
    assert all(path.startswith(layout.deleted_tags("app")) for path in left)


def test_a_referrer_that_distribution_deleted_is_not_listed(client: Client, driver: Base) -> None:
    """It removes the revision link and knows nothing of our entry."""
    body = signature()
    push(client, "app", Digest.of(body), body)
    driver.remove(layout.revision_link("app", Digest.of(body)))
    fresh = Client(Registry(driver, SETTINGS))
    assert digests(referrers(fresh)) == []
    push(fresh, "app", Digest.of(body), body)
    assert digests(referrers(fresh)) == [str(Digest.of(body))]


@pytest.mark.parametrize(
    "entry",
    [
        b"{",
        b"[]",
        b"7",
        b'{"digest": "sha256:12"}',
        b'{"digest": "DIGEST", "size": 5, "mediaType": 5}',
        b'{"digest": "DIGEST", "size": 5, "mediaType": "a/b", "artifactType": 5}',
        b'{"digest": "DIGEST", "size": 5, "mediaType": "a/b", "annotations": {"a": NaN}}',
        b'{"digest": "DIGEST", "size": "5", "mediaType": "a/b"}',
    ],
)
def test_a_damaged_entry_is_read_from_the_manifest_itself(client: Client, driver: Base, entry: bytes) -> None:
    body = signature()
    digest = Digest.of(body)
    push(client, "app", digest, body)
    before = referrers(client).json
    driver.put_content(layout.referrer("app", SUBJECT, digest), entry.replace(b"DIGEST", str(digest).encode()))
    assert referrers(client).json == before


@pytest.mark.parametrize("damaged", ["revision", "tag"])
def test_a_damaged_link_hides_no_other_referrer(client: Client, driver: Base, damaged: str) -> None:
    bodies = [signature(number) for number in range(2)]
    for body in bodies:
        push(client, "app", Digest.of(body), body)
    if damaged == "tag":
        driver.put_content(layout.tag_current("app", f"sha256-{SUBJECT.hex}"), b"damaged")
        assert len(digests(referrers(client))) == 2
    else:
        driver.put_content(layout.revision_link("app", Digest.of(bodies[0])), b"damaged")
        fresh = Client(Registry(driver, SETTINGS))
        assert digests(referrers(fresh)) == [str(Digest.of(bodies[1]))]


def test_what_clients_listed_under_the_referrers_tag_is_listed_too(client: Client, driver: Base) -> None:
    """As it is in a container that a registry without this API filled."""
    body, stranger = signature(1), image()
    for manifest in (body, stranger):
        push(client, "app", Digest.of(manifest), manifest)
    before = referrers(client).json
    driver.remove(layout.referrer("app", SUBJECT, Digest.of(body)))
    assert digests(referrers(client)) == []
    push(client, "app", f"sha256-{SUBJECT.hex}", index(body, stranger))
    assert referrers(client).json == before


def test_what_is_in_both_lists_is_listed_once(client: Client) -> None:
    bodies = [signature(number) for number in range(3)]
    for body in bodies:
        push(client, "app", Digest.of(body), body)
    push(client, "app", f"sha256-{SUBJECT.hex}", index(*bodies[1:]))
    assert digests(referrers(client)) == sorted(str(Digest.of(body)) for body in bodies)


def test_a_subject_by_sha512_has_referrers(client: Client, driver: Base) -> None:
    subject = Digest.of(SUBJECT_BODY, "sha512")
    body = image(subject={**subject_of(SUBJECT_BODY), "digest": str(subject)})
    assert push(client, "app", "sig", body).headers["OCI-Subject"] == str(subject)
    assert digests(referrers(client, subject=subject)) == [str(Digest.of(body))]
    assert digests(referrers(client)) == []
    driver.remove(layout.referrer("app", subject, Digest.of(body)))
    assert digests(referrers(client, subject=subject)) == []
    push(client, "app", f"sha512-{subject.hex[:64]}", index(body))
    assert digests(referrers(client, subject=subject)) == [str(Digest.of(body))]


def pages(client: Client, url: str) -> list[TestResponse]:
    found = []
    while url:
        found.append(client.get(url))
        link, options = parse_options_header(found[-1].headers.get("Link", ""))
        assert not link or options == {"rel": "next"}
        url = link.strip("<>")
    return found


def test_a_long_list_comes_in_pages(driver: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docker_registry.distribution.handlers.referrers._BATCH", 2)
    client = Client(Registry(driver, dataclasses.replace(SETTINGS, page_size_max=2)))
    bodies = [signature(number) for number in range(5)]
    for body in bodies:
        push(client, "app", Digest.of(body), body)
    found = pages(client, f"/v2/app/referrers/{SUBJECT}?artifactType=application/sig")
    assert [len(page.json["manifests"]) for page in found] == [2, 2, 1]
    assert [digest for page in found for digest in digests(page)] == sorted(str(Digest.of(body)) for body in bodies)
    assert all(page.headers["OCI-Filters-Applied"] == "artifactType" for page in found)


def test_an_answer_is_no_larger_than_clients_take(client: Client) -> None:
    bodies = [signature(number, annotations={"long": "x" * 1_500_000, "n": str(number)}) for number in range(4)]
    for body in bodies:
        assert push(client, "app", Digest.of(body), body).status_code == 201
    found = pages(client, f"/v2/app/referrers/{SUBJECT}")
    assert all(len(page.data) <= 4 * 1024 * 1024 for page in found)
    assert [digest for page in found for digest in digests(page)] == sorted(str(Digest.of(body)) for body in bodies)


@pytest.mark.parametrize("long", ["é" * 2_090_000, "x" * 4_193_650])
def test_one_push_cannot_break_the_list_of_a_subject(client: Client, driver: Base, long: str) -> None:
    """Letters beyond ASCII are not written longer than they came; what fits into no answer has no annotations."""
    small, large = signature(1), large_signature(long)
    for body in (small, large):
        assert push(client, "app", Digest.of(body), body).status_code == 201
    path = layout.referrer("app", SUBJECT, Digest.of(large))
    assert driver.stat(path).size <= 4 * 1024 * 1024
    escaped = json.dumps({**json.loads(driver.get_content(path)), "annotations": {"a": long}})
    for entry in (driver.get_content(path), escaped.encode()):  # the latter as earlier releases wrote it
        driver.put_content(path, entry)
        found = pages(client, f"/v2/app/referrers/{SUBJECT}")
        assert all(len(page.data) <= 4 * 1024 * 1024 for page in found)
        listed = {entry["digest"]: entry for page in found for entry in page.json["manifests"]}
        assert set(listed) == {str(Digest.of(small)), str(Digest.of(large))}
        assert listed[str(Digest.of(small))]["annotations"] == {"n": "1"}
        fits = "é" in long
        assert listed[str(Digest.of(large))].get("annotations") == ({"a": long} if fits else None)


def large_signature(long: str) -> bytes:
    document = json.loads(signature(annotations={"a": long}))
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
