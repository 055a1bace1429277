from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.distribution.model.digest import Digest, DigestError, UnsupportedAlgorithmError, new_hash

ALGORITHMS = ["sha256", "sha512"]


@given(st.binary(), st.sampled_from(ALGORITHMS))
def test_what_is_computed_parses_to_an_equal_value(data: bytes, algorithm: str) -> None:
    digest = Digest.of(data, algorithm)
    assert str(digest) == f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"
    assert Digest.parse(str(digest)) == digest
    assert {Digest.parse(str(digest)): 1}[digest] == 1


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_digest_of_nothing_is_known(algorithm: str) -> None:
    assert Digest.of(b"", algorithm).is_of_nothing
    assert not Digest.of(b"\0", algorithm).is_of_nothing


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256",
        "sha256:",
        ":" + "a" * 64,
        "sha256:" + "a" * 63,
        "sha256:" + "a" * 65,
        "sha256:" + "A" * 64,
        "sha256:" + "g" * 64,
        "sha256:" + "a" * 64 + "\n",
        " sha256:" + "a" * 64,
        "SHA256:" + "a" * 64,
        "sha512:" + "a" * 64,
        "sha256:" + "\u0661" * 64,
        "sha256:../" + "a" * 61,
        "sha256+:" + "a" * 64,
    ],
)
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(DigestError):
        Digest.parse(text)


@given(st.text())
def test_any_text_is_a_digest_or_refused(text: str) -> None:
    try:
        assert str(Digest.parse(text)) == text
    except DigestError:
        pass


@pytest.mark.parametrize(
    "text", ["md5:" + "a" * 32, "sha384:" + "a" * 96, "multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeT"]
)
def test_other_algorithms_are_told_apart_from_nonsense(text: str) -> None:
    with pytest.raises(UnsupportedAlgorithmError, match="sha256 or sha512"):
        Digest.parse(text)


def test_an_unknown_algorithm_has_no_hash() -> None:
    with pytest.raises(UnsupportedAlgorithmError, match="md5"):
        new_hash("md5")


def test_a_message_shows_only_the_beginning_of_a_long_text() -> None:
    with pytest.raises(DigestError) as caught:
        Digest.parse("x" * 100_000)
    assert len(str(caught.value)) < 300
