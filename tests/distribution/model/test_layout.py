"""Paths: Distribution 2.x's own, letter for letter, and ours beside them."""

from __future__ import annotations

import pytest

from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest

HEX = "6c3c624b58dbbcd3c0dd82b4c53f04194d1247c6eebdaab7c610cf7d66709b3b"
DIGEST = Digest.parse(f"sha256:{HEX}")
SHA512 = Digest.of(b"", "sha512")
REPO = "files/docker/registry/v2/repositories/library/app"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (layout.blob_data(DIGEST), f"files/docker/registry/v2/blobs/sha256/6c/{HEX}/data"),
        (layout.blob_data(SHA512), f"files/docker/registry/v2/blobs/sha512/{SHA512.hex[:2]}/{SHA512.hex}/data"),
        (layout.layer_link("library/app", DIGEST), f"{REPO}/_layers/sha256/{HEX}/link"),
        (layout.revision_link("library/app", DIGEST), f"{REPO}/_manifests/revisions/sha256/{HEX}/link"),
        (layout.tag_current("library/app", "v1"), f"{REPO}/_manifests/tags/v1/current/link"),
        (layout.tag_index_link("library/app", "v1", DIGEST), f"{REPO}/_manifests/tags/v1/index/sha256/{HEX}/link"),
    ],
)
def test_paths_are_those_of_distribution(path: str, expected: str) -> None:
    assert path == expected


def test_our_own_paths_lie_under_names_that_distribution_passes_over() -> None:
    assert layout.referrer("library/app", DIGEST, SHA512) == (
        f"{REPO}/_manifests/referrers/sha256/{HEX}/sha512/{SHA512.hex}/descriptor"
    )
    assert layout.SESSIONS == "files/docker/registry/v2/_sessions"


def test_digests_are_read_back_from_paths_and_strangers_left_out() -> None:
    folder = layout.referrers("a", DIGEST)
    ours = layout.referrer("a", DIGEST, SHA512)
    strangers = [f"{folder}/sha256/zz/descriptor", f"{folder}/descriptor", f"{ours}/more", f"{folder}/x/y/z/w"]
    assert list(layout.under(folder, iter([*strangers, ours]))) == [(SHA512, ours)]
