"""Manifests: which are taken, which are refused and with what words, and what is read out of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.distribution import messages
from docker_registry.distribution.digest import Digest
from docker_registry.distribution.messages import ManifestError, Reference, parse

CONFIG, LAYER, OTHER = Digest.of(b"config"), Digest.of(b"layer", "sha512"), Digest.of(b"other")
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"


def descriptor(digest: Digest, media_type: str = "application/x", **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": str(digest), "size": 7, **more}


def image(**more: Any) -> dict[str, Any]:
    base = {"schemaVersion": 2, "config": descriptor(CONFIG, CONFIG_TYPE), "layers": [descriptor(LAYER)]}
    return {**base, **more}


def index(**more: Any) -> dict[str, Any]:
    return {"schemaVersion": 2, "manifests": [descriptor(OTHER, messages.OCI_MANIFEST)], **more}


def dump(document: Any) -> bytes:
    return json.dumps(document, indent=3).encode()


@pytest.mark.parametrize(
    ("document", "content_type", "expected"),
    [
        (image(), "", messages.OCI_MANIFEST),
        (image(), messages.OCI_MANIFEST, messages.OCI_MANIFEST),
        (image(), f"{messages.OCI_MANIFEST}; charset=utf-8", messages.OCI_MANIFEST),
        (image(mediaType=messages.OCI_MANIFEST), "application/json", messages.OCI_MANIFEST),
        (image(mediaType=messages.DOCKER_MANIFEST), "", messages.DOCKER_MANIFEST),
        (index(), "", messages.OCI_INDEX),
        (index(), messages.OCI_INDEX, messages.OCI_INDEX),
        (index(mediaType=messages.DOCKER_LIST), messages.DOCKER_LIST, messages.DOCKER_LIST),
    ],
)
def test_the_type_is_told_again_from_the_bytes_alone(document: Any, content_type: str, expected: str) -> None:
    body = dump(document)
    assert parse(body, content_type).media_type == expected
    assert parse(body).media_type == expected
    assert parse(body).body == body


@pytest.mark.parametrize(
    ("document", "content_type", "words"),
    [
        (image(mediaType=messages.OCI_MANIFEST), messages.DOCKER_MANIFEST, "must be the same"),
        (image(), messages.DOCKER_MANIFEST, "must say so in its mediaType"),
        (image(), messages.OCI_INDEX, "must say so in its mediaType"),
        (image(), "text/plain", "not a type of manifest"),
        (image(mediaType="application/vnd.oci.artifact.manifest.v1+json"), "", "withdrawn before OCI 1.1"),
        (
            {"blobs": []},
            "application/vnd.oci.artifact.manifest.v1+json",
            "push the artifact as an image manifest with artifactType",
        ),
        ({"schemaVersion": 1, "fsLayers": []}, "", "schema 1 is obsolete"),
        (image(), "application/vnd.docker.distribution.manifest.v1+prettyjws", "schema 1 is obsolete"),
        (image(schemaVersion=3), "", "schemaVersion must be 2"),
        (image(schemaVersion=2.0), "", "schemaVersion must be 2"),
        (image(schemaVersion="2"), "", "schemaVersion must be 2"),
        (image(manifests=[]), "", "needs the field|must not have the field"),
        (index(layers=[]), "", "must not have the field 'layers'"),
        (image(fsLayers=[], mediaType=messages.OCI_MANIFEST), "", "must not have the field 'fsLayers'"),
        ({"schemaVersion": 2, "layers": []}, "", "needs the field 'config'"),
        ({"schemaVersion": 2, "config": descriptor(CONFIG)}, "", "needs the field 'layers'"),
        (image(config=[]), "", "config must be a descriptor"),
        (image(layers={}), "", "layers must be a list"),
        (image(layers=["x"]), "", "a descriptor is a JSON object"),
        (image(layers=[{"size": 1}]), "", "is not a digest"),
        (image(layers=[descriptor(LAYER, size=-1)]), "", "size of a descriptor"),
        (image(layers=[{**descriptor(LAYER), "digest": "md5:ab"}]), "", "not supported"),
        (image(subject={"digest": "sha256:12", "size": 1}), "", "subject: 'sha256:12' is not"),
        (image(annotations={"a": 1}), "", "annotations must be"),
        (image(artifactType=7), "", "artifactType must be a string"),
        ([], "", "a manifest is a JSON object"),
    ],
)
def test_what_is_no_manifest_is_refused_with_words_that_help(document: Any, content_type: str, words: str) -> None:
    with pytest.raises(ManifestError, match=words):
        parse(dump(document), content_type)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[" * 100_000, dump(image()).decode().encode("utf-16"), b"9" * 10_000]
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ManifestError):
        parse(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    ["schemaVersion", "mediaType", "config", "layers", "manifests", "subject", "digest", "size"]
                ),
                inner,
            )
        ),
    )
)
def test_nothing_but_a_manifest_error_comes_out_of_any_json(document: Any) -> None:
    try:
        parse(json.dumps(document).encode())
    except ManifestError:
        pass


def test_an_image_refers_to_its_config_and_layers_each_once() -> None:
    twice = image(layers=[descriptor(LAYER), descriptor(LAYER), descriptor(OTHER)])
    assert parse(dump(twice)).references == (Reference(CONFIG, False), Reference(LAYER, False), Reference(OTHER, False))


def test_an_index_refers_to_manifests() -> None:
    assert parse(dump(index())).references == (Reference(OTHER, True),)
    assert parse(dump(index(manifests=[]))).references == ()
    assert parse(dump(index(manifests=None))).references == ()


@pytest.mark.parametrize(
    "foreign",
    [
        descriptor(LAYER, urls=["https://example.com/layer"]),
        descriptor(LAYER, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
        descriptor(LAYER, "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"),
    ],
)
def test_layers_that_lie_elsewhere_need_not_be_here(foreign: dict[str, Any]) -> None:
    assert parse(dump(image(layers=[foreign]))).references == (Reference(CONFIG, False),)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (image(), CONFIG_TYPE),
        (image(artifactType="application/y"), "application/y"),
        (image(artifactType=""), CONFIG_TYPE),
        (index(artifactType="application/y"), "application/y"),
        (index(), None),
    ],
)
def test_the_artifact_type_of_a_referrer(document: Any, expected: str | None) -> None:
    assert parse(dump(document)).descriptor(OTHER).get("artifactType") == expected


def test_a_referrers_descriptor_has_its_annotations() -> None:
    body = dump(image(subject=descriptor(OTHER), annotations={"a": "b"}))
    assert parse(body).subject == OTHER
    assert parse(body).descriptor(LAYER) == {
        "mediaType": messages.OCI_MANIFEST,
        "digest": str(LAYER),
        "size": len(body),
        "artifactType": CONFIG_TYPE,
        "annotations": {"a": "b"},
    }


def test_old_clients_are_given_the_image_for_linux_on_amd64_out_of_a_docker_list() -> None:
    def entry(digest: Digest, architecture: str) -> dict[str, Any]:
        return descriptor(digest, platform={"os": "linux", "architecture": architecture})

    entries = [entry(CONFIG, "arm64"), entry(OTHER, "amd64"), entry(LAYER, "amd64")]
    assert messages.default_image(parse(dump(index(mediaType=messages.DOCKER_LIST, manifests=entries)))) == OTHER
    assert messages.default_image(parse(dump(index(mediaType=messages.DOCKER_LIST)))) is None
    assert messages.default_image(parse(dump(index(manifests=entries)))) is None
