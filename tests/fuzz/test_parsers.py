"""Each parser refuses what it is given, in the ways that it says, or takes it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import inputs
from tests.fuzz.targets import TARGETS

# What the grammars are made of, so that more than the first character is looked at.
PIECES = [
    *(b"sha256:", b"0" * 64, b"bytes=", b"0-", b"-1", b",", b"/v2/", b"a/", b"manifests/", b"{", b"}", b'"digest":'),
    *(b'"schemaVersion":2', b"[", b"]", b"eyJhbGciOiJub25lIn0", b".", b"e30", b"for=", b'"', b";", b"\r\n", b": "),
    *(b"GET / HTTP/1.1\r\n", b"Host: a\r\n", b"Content-Length: 1\r\n", b"xn--", b"[::1]", b"**", b"\xc3\xa9", b"\x00"),
]
BYTES = st.one_of(st.binary(max_size=200), st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join))


@pytest.mark.parametrize(("parse", "refusals"), TARGETS.values(), ids=TARGETS)
def test_a_parser(parse: Callable[[bytes], object], refusals: tuple[type[Exception], ...]) -> None:
    @settings(max_examples=inputs(100), deadline=None, database=None)
    @given(BYTES)
    def attack(data: bytes) -> None:
        try:
            parse(data)
        except refusals:
            pass

    attack()
