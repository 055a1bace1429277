"""Manifests: which are taken, which are refused and with what words, and what is read out of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.manifest import (
    DESCRIPTOR_MAX,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    ManifestError,
    Reference,
    adopted_manifest,
    default_image,
    encoded_descriptor,
    parse_manifest,
    stored_manifest,
)

CONFIG, LAYER, OTHER = Digest.of(b"config"), Digest.of(b"layer", "sha512"), Digest.of(b"other")
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"


def descriptor(digest: Digest, media_type: str = "application/x", **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": str(digest), "size": 7, **more}


def image(**more: Any) -> dict[str, Any]:
    base = {"schemaVersion": 2, "config": descriptor(CONFIG, CONFIG_TYPE), "layers": [descriptor(LAYER)]}
    return {**base, **more}


def index(**more: Any) -> dict[str, Any]:
    return {"schemaVersion": 2, "manifests": [descriptor(OTHER, OCI_MANIFEST)], **more}


def dump(document: Any) -> bytes:
    return json.dumps(document, indent=3).encode()


@pytest.mark.parametrize(
    ("document", "content_type", "expected"),
    [
        (image(), "", OCI_MANIFEST),
        (image(), OCI_MANIFEST, OCI_MANIFEST),
        (image(), f"{OCI_MANIFEST}; charset=utf-8", OCI_MANIFEST),
        (image(mediaType=OCI_MANIFEST), "application/json", OCI_MANIFEST),
        (image(mediaType=DOCKER_MANIFEST), "", DOCKER_MANIFEST),
        (index(), "", OCI_INDEX),
        (index(), OCI_INDEX, OCI_INDEX),
        (index(mediaType=DOCKER_LIST), DOCKER_LIST, DOCKER_LIST),
    ],
)
def test_the_type_is_told_again_from_the_bytes_alone(document: Any, content_type: str, expected: str) -> None:
    body = dump(document)
    assert parse_manifest(body, content_type).media_type == expected
    assert parse_manifest(body).media_type == expected
    assert parse_manifest(body).body == body


@pytest.mark.parametrize(
    ("document", "content_type", "words"),
    [
        (image(mediaType=OCI_MANIFEST), DOCKER_MANIFEST, "must be the same"),
        (image(), DOCKER_MANIFEST, "must say so in its mediaType"),
        (image(), OCI_INDEX, "must say so in its mediaType"),
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
        (image(fsLayers=[], mediaType=OCI_MANIFEST), "", "must not have the field 'fsLayers'"),
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
        (image(config=descriptor(CONFIG, media_type=5)), "", "mediaType must be a string"),  # type: ignore[arg-type]
        (image(layers=[descriptor(LAYER, media_type=["x"])]), "", "mediaType must be a string"),  # type: ignore[arg-type]
        (index(manifests=[descriptor(OTHER, media_type={})]), "", "mediaType must be a string"),  # type: ignore[arg-type]
        (image(layers=[descriptor(LAYER, urls=5)]), "", "urls must be a list"),
        (image(annotations={"n": float("nan")}), "", "JSON has no NaN"),
        (image(other=[float("inf")]), "", "JSON has no Infinity"),
        (image(annotations={"n": "\ud800"}), "", "half of a surrogate pair"),
        (image(layers=[descriptor(LAYER)] * 1_001), "", "layers may have 1000 entries, not 1001"),
        (index(manifests=[descriptor(OTHER)] * 10_001), "", "manifests may have 10000 entries, not 10001"),
        (image(other=[[]] * 105_000), "", "so many values"),
        (image(other={f"{n:x}": 0 for n in range(140_000)}), "", "so many values"),
        (image(other=int("9" * 41)), "", "more than 40 digits"),
        ([], "", "a manifest is a JSON object"),
    ],
)
def test_what_is_no_manifest_is_refused_with_words_that_help(document: Any, content_type: str, words: str) -> None:
    with pytest.raises(ManifestError, match=words):
        parse_manifest(dump(document), content_type)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[" * 100_000, dump(image()).decode().encode("utf-16"), b"9" * 10_000]
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ManifestError):
        parse_manifest(body)


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
    for parse in (parse_manifest, stored_manifest, adopted_manifest):
        try:
            parse(json.dumps(document).encode())
        except ManifestError:
            pass


def test_a_name_that_comes_twice_is_refused() -> None:
    body = dump(image(mediaType=OCI_MANIFEST)).replace(b'"layers"', b'"config": {}, "layers"')
    with pytest.raises(ManifestError, match="a name twice"):
        parse_manifest(body)


def test_what_is_allowed_is_taken() -> None:
    parse_manifest(dump(index(manifests=[descriptor(Digest.of(b"%d" % n), OCI_MANIFEST) for n in range(10_000)])))
    entry = {"platform": {"architecture": "amd64", "os": "linux"}, "annotations": {"a": "b", "c": "d"}}
    parse_manifest(
        dump(index(manifests=[descriptor(Digest.of(b"%d" % n), OCI_MANIFEST, **entry) for n in range(10_000)]))
    )
    parse_manifest(dump(image(annotations={"emoji": "\U0001f600", "nested": "[[[{{{"})))


# As Distribution 2.8 may have stored them.
STORED: list[tuple[Any, str]] = [
    ({"schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "config": descriptor(CONFIG)}, DOCKER_MANIFEST),
    (image(layers=[{"digest": str(LAYER)}]), OCI_MANIFEST),
    (image(layers=[descriptor(LAYER, size=-1)]), OCI_MANIFEST),
    (image(annotations={"a": None, "b": "text"}), OCI_MANIFEST),
    (image(subject={}), OCI_MANIFEST),
    (image(config=descriptor(CONFIG, media_type=5)), OCI_MANIFEST),  # type: ignore[arg-type]
    (image(manifests=[], mediaType=OCI_MANIFEST), OCI_MANIFEST),
    (image(manifests=[]), OCI_INDEX),
    (image(layers=[descriptor(LAYER)] * 1_001), OCI_MANIFEST),
    (image(mediaType="application/vnd.example+json"), "application/vnd.example+json"),
    (image(mediaType="a\r\nX-Evil: 1"), OCI_MANIFEST),
    ({"schemaVersion": 1, "name": "app", "fsLayers": []}, "application/vnd.docker.distribution.manifest.v1+json"),
]


@pytest.mark.parametrize(("document", "media_type"), STORED)
def test_what_is_stored_is_understood_as_far_as_it_can_be(document: Any, media_type: str) -> None:
    body = dump(document)
    manifest = stored_manifest(body)
    assert (manifest.body, manifest.media_type) == (body, media_type)
    entry = manifest.descriptor(Digest.of(body))
    assert isinstance(entry.get("artifactType", ""), str)
    assert all(isinstance(text, str) for text in entry.get("annotations", {}).values())


@pytest.mark.parametrize("document", [image(), index(), {"schemaVersion": 1, "name": "app", "fsLayers": []}])
def test_a_sound_manifest_that_is_linked_as_a_blob_is_understood_as_any_other(document: Any) -> None:
    assert adopted_manifest(dump(document)) == stored_manifest(dump(document))


SCHEMA_1 = {"schemaVersion": 1, "fsLayers": []}


@pytest.mark.parametrize(
    "document",
    [
        *(document for document, _ in STORED[:-1]),
        index(layers=[]),
        {"schemaVersion": 1},
        {**SCHEMA_1, "fsLayers": {}},
        {**SCHEMA_1, "layers": []},
        {**SCHEMA_1, "manifests": []},
        {**SCHEMA_1, "mediaType": OCI_MANIFEST},
    ],
)
def test_a_blob_that_no_push_would_be_taken_with_is_no_manifest(document: Any) -> None:
    with pytest.raises(ManifestError):
        adopted_manifest(dump(document))


@given(
    st.fixed_dictionaries(
        {"mediaType": st.just(OCI_MANIFEST), "digest": st.just(str(OTHER))},
        optional={"artifactType": st.text(), "annotations": st.dictionaries(st.text(), st.text())},
    )
)
def test_a_descriptor_that_fits_is_written_as_it_is_and_no_longer_than_utf_8(entry: dict[str, Any]) -> None:
    text = encoded_descriptor(entry)
    assert json.loads(text) == entry
    assert len(text) <= len(json.dumps(entry, ensure_ascii=False).encode())


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"annotations": {"a": "\ud800"}}, {"annotations": {"a": "\ud800"}}),
        ({"artifactType": "b", "annotations": {"a": "x" * DESCRIPTOR_MAX}}, {"artifactType": "b"}),
        ({"artifactType": "x" * DESCRIPTOR_MAX, "annotations": {"a": "b"}}, {}),
    ],
)
def test_a_descriptor_that_fits_into_no_list_goes_without_its_annotations(more: Any, expected: Any) -> None:
    text = encoded_descriptor({"digest": str(OTHER), **more})
    assert len(text) <= DESCRIPTOR_MAX
    assert json.loads(text) == {"digest": str(OTHER), **expected}


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"7", dump({"schemaVersion": True}), dump({"schemaVersion": 2.0})])
def test_a_blob_is_no_stored_manifest(body: bytes) -> None:
    with pytest.raises(ManifestError):
        stored_manifest(body)


@pytest.mark.parametrize(
    "document", [image(), index(), image(subject=descriptor(OTHER)), image(annotations={"a": "b"})]
)
def test_what_was_pushed_is_understood_the_same_once_it_is_stored(document: Any) -> None:
    assert stored_manifest(dump(document)) == parse_manifest(dump(document))


def test_an_image_refers_to_its_config_and_layers_each_once() -> None:
    twice = image(layers=[descriptor(LAYER), descriptor(LAYER), descriptor(OTHER)])
    assert parse_manifest(dump(twice)).references == (
        Reference(CONFIG, False),
        Reference(LAYER, False),
        Reference(OTHER, False),
    )


def test_an_index_refers_to_manifests() -> None:
    assert parse_manifest(dump(index())).references == (Reference(OTHER, True),)
    assert parse_manifest(dump(index(manifests=[]))).references == ()
    assert parse_manifest(dump(index(manifests=None))).references == ()


@pytest.mark.parametrize(
    "foreign",
    [
        descriptor(LAYER, urls=["https://example.com/layer"]),
        descriptor(LAYER, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
        descriptor(LAYER, "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"),
    ],
)
def test_layers_that_lie_elsewhere_need_not_be_here(foreign: dict[str, Any]) -> None:
    assert parse_manifest(dump(image(layers=[foreign]))).references == (Reference(CONFIG, False),)


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
    assert parse_manifest(dump(document)).descriptor(OTHER).get("artifactType") == expected


def test_a_referrers_descriptor_has_its_annotations() -> None:
    body = dump(image(subject=descriptor(OTHER), annotations={"a": "b"}))
    assert parse_manifest(body).subject == OTHER
    assert parse_manifest(body).descriptor(LAYER) == {
        "mediaType": OCI_MANIFEST,
        "digest": str(LAYER),
        "size": len(body),
        "artifactType": CONFIG_TYPE,
        "annotations": {"a": "b"},
    }


def test_old_clients_are_given_the_image_for_linux_on_amd64_out_of_a_docker_list() -> None:
    def entry(digest: Digest, architecture: str) -> dict[str, Any]:
        return descriptor(digest, platform={"os": "linux", "architecture": architecture})

    entries = [entry(CONFIG, "arm64"), entry(OTHER, "amd64"), entry(LAYER, "amd64")]
    assert default_image(parse_manifest(dump(index(mediaType=DOCKER_LIST, manifests=entries)))) == OTHER
    assert default_image(parse_manifest(dump(index(mediaType=DOCKER_LIST)))) is None
    assert default_image(parse_manifest(dump(index(manifests=entries)))) is None
