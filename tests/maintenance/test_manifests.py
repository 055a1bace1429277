"""fsck's reading of manifests beside the registry's: both see the same, whatever is stored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.manifest import ManifestError, stored_manifest
from docker_registry.maintenance.fsck.manifests import read_manifest

DIGESTS = [str(Digest.of(bytes([number]))) for number in range(4)]
DESCRIPTORS = st.fixed_dictionaries(
    {"digest": st.sampled_from(DIGESTS), "size": st.integers(0, 9)},
    optional={"urls": st.just(["http://elsewhere"]), "platform": st.just({"os": "linux", "architecture": "arm64"})},
)
DOCUMENTS = st.fixed_dictionaries(
    {"schemaVersion": st.sampled_from([1, 2])},
    optional={
        "config": DESCRIPTORS,
        "layers": st.lists(DESCRIPTORS) | st.none(),
        "blobs": st.lists(DESCRIPTORS),
        "manifests": st.lists(DESCRIPTORS),
        "fsLayers": st.lists(st.fixed_dictionaries({"blobSum": st.sampled_from(DIGESTS)})),
        "subject": DESCRIPTORS,
    },
)


@given(DOCUMENTS)
def test_both_see_the_same_references(document: Any) -> None:
    body = json.dumps(document).encode()
    ours, served = read_manifest(body), stored_manifest(body)
    assert {(item.digest, item.is_manifest) for item in ours.items} == set(served.references)
    assert ours.subject == served.subject


@pytest.mark.parametrize(
    "descriptor", ["text", None, 7, {}, {"digest": DIGESTS[0]}, {"size": 1}, {"digest": "sha256:0", "size": 1}]
)
@pytest.mark.parametrize("field", ["layers", "blobs", "manifests"])
def test_a_descriptor_without_its_fields_is_damage_that_the_registry_passes_over(field: str, descriptor: Any) -> None:
    body = json.dumps({"schemaVersion": 2, field: [descriptor]}).encode()
    with pytest.raises(ManifestError):
        read_manifest(body)
    stored_manifest(body)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 100_000, b"{" + b'"a":[' * 100_000])
def test_what_is_no_manifest_is_said_in_words(body: bytes) -> None:
    with pytest.raises(ManifestError):
        read_manifest(body)
