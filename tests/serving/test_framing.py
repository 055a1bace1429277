"""Heads that two readers could understand differently are refused, whole and however they arrive."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.serving import framing
from docker_registry.serving.framing import BadHead

REFUSED = {
    "both lengths": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "both lengths, in another case": b"transfer-encoding: chunked\r\ncontent-LENGTH: 5\r\n",
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6\r\n",
    "two lengths in one": b"Content-Length: 5, 6\r\n",
    "a signed length": b"Content-Length: +5\r\n",
    "a length with an underscore": b"Content-Length: 1_0\r\n",
    "a negative length": b"Content-Length: -1\r\n",
    "no length": b"Content-Length: \r\n",
    "a coding that is not ours": b"Transfer-Encoding: gzip\r\n",
    "two codings": b"Transfer-Encoding: gzip, chunked\r\n",
    "two coding lines": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "a space before the colon": b"Content-Length : 5\r\n",
    "a folded line": b"Accept: a\r\n b\r\n",
    "a line without a colon": b"Accept\r\n",
    "an empty name": b": a\r\n",
    "a bare carriage return": b"Accept: a\rContent-Length: 5\r\n",
    "a null byte": b"Accept: a\0b\r\n",
    "a line without an end": b"Accept: a",
    "a line that is too long": b"Accept: " + b"a" * framing.MAX_LINE + b"\r\n",
    "too many lines": b"Accept: a\r\n" * (framing.MAX_FIELDS + 1),
    "too much": (b"Accept: " + b"a" * 8000 + b"\r\n") * 9,
}


@pytest.mark.parametrize("head", REFUSED.values(), ids=REFUSED)
def test_it_refuses(head: bytes) -> None:
    with pytest.raises(BadHead):
        framing.check(framing.read_fields(io.BytesIO(head + b"\r\n")), "HTTP/1.1")


@pytest.mark.parametrize("version", ["HTTP/0.9", "HTTP/2.0", ""])
def test_it_refuses_another_version(version: str) -> None:
    with pytest.raises(BadHead):
        framing.check(framing.Fields([]), version)


def test_chunks_are_not_for_http_1_0() -> None:
    with pytest.raises(BadHead):
        framing.check(framing.Fields([("transfer-encoding", "chunked")]), "HTTP/1.0")


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [("content-length", "5")],
        [("content-length", "5"), ("content-length", "5")],
        [("transfer-encoding", "Chunked")],
    ],
)
def test_it_accepts(fields: list[tuple[str, str]]) -> None:
    framing.check(framing.Fields(fields), "HTTP/1.1")


names = st.from_regex(r"\A[a-z][a-z0-9-]{0,20}\Z")
values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f\x85"), max_size=40)


@given(st.lists(st.tuples(names, values.map(lambda value: value.strip(" \t"))), max_size=20), st.binary(max_size=20))
def test_what_was_sent_is_read_and_not_a_byte_more(fields: list[tuple[str, str]], body: bytes) -> None:
    head = "".join(f"{name.title()}: {value}\r\n" for name, value in fields).encode("latin-1")
    stream = io.BytesIO(head + b"\r\n" + body)
    read = framing.read_fields(stream)
    assert list(read.headers) == [f"{name}: {value}\r\n" for name, value in fields]
    assert stream.read() == body


@given(st.binary(max_size=200))
def test_no_bytes_break_it(data: bytes) -> None:
    try:
        framing.read_fields(io.BytesIO(data))
    except BadHead:
        pass
