"""Names, tags and references: what the spec's expressions allow, and nothing else."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from docker_registry.distribution.errors import Code, RegistryError
from docker_registry.distribution.model import grammar
from docker_registry.distribution.model.digest import Digest

# As the spec writes them ("Pulling manifests").
SPEC_NAME = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
SPEC_TAG = r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}"
NEAR_NAMES = st.text(alphabet="ab0A-._/:\n\u0663é", max_size=12)


@given(NEAR_NAMES)
@example("a\n")
@example("a__b")
@example("a___b")
@example("a-.b")
@example("a----b/c")
def test_names_are_the_specs(text: str) -> None:
    assert grammar.is_name(text) == (re.fullmatch(SPEC_NAME, text, re.ASCII) is not None)


@given(st.from_regex(re.compile(SPEC_NAME, re.ASCII), fullmatch=True))
def test_every_name_of_the_spec_is_taken_up_to_255_characters(text: str) -> None:
    assert grammar.is_name(text) == (len(text) <= 255)


def test_a_name_of_255_characters_is_the_longest() -> None:
    assert grammar.check_name("a" * 255) == "a" * 255
    with pytest.raises(RegistryError, match="at most 255 characters") as caught:
        grammar.check_name("a" * 256)
    assert caught.value.code is Code.NAME_INVALID


@given(st.one_of(NEAR_NAMES, st.from_regex(re.compile(SPEC_TAG, re.ASCII), fullmatch=True), st.just("a" * 129)))
@example("-a")
@example(".a")
@example("a" * 128)
def test_tags_are_the_specs(text: str) -> None:
    assert grammar.is_tag(text) == (re.fullmatch(SPEC_TAG, text, re.ASCII) is not None)


@given(st.text(max_size=40))
@example("sha256:12")
@example(".hidden")
@example("latest")
def test_a_reference_is_a_digest_or_a_tag_or_an_error_for_the_client(text: str) -> None:
    try:
        outcome = grammar.parse_reference(text)
    except RegistryError as error:
        outcome = error.code
    if ":" in text:
        assert outcome is Code.DIGEST_INVALID or isinstance(outcome, Digest)
    else:
        assert outcome == (text if grammar.is_tag(text) else Code.TAG_INVALID)


@given(st.binary(), st.sampled_from(["sha256", "sha512"]))
def test_a_digest_is_a_reference(data: bytes, algorithm: str) -> None:
    digest = Digest.of(data, algorithm)
    assert grammar.parse_reference(str(digest)) == digest


def test_an_error_repeats_a_bounded_part_of_what_the_client_sent() -> None:
    for parse in (grammar.check_name, grammar.parse_reference, grammar.parse_digest):
        with pytest.raises(RegistryError) as caught:
            parse("§" * 100_000)
        assert len(str(caught.value.response().get_data())) < 3000
