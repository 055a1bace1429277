"""Heads that two readers could understand differently are refused, whole and however they arrive."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.serving import framing
from docker_registry.serving.framing import BadHead, RequestLine

REFUSED = {
    "both lengths": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "both lengths, in another case": b"transfer-encoding: chunked\r\ncontent-LENGTH: 5\r\n",
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6\r\n",
    "a length twice": b"Content-Length: 5\r\nContent-Length: 5\r\n",
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
    "a line that ends in a lone line feed": b"Accept: a\n",
    "a section that ends in a lone line feed": b"Accept: a\r\n\n",
    "a bare line feed": b"Accept: a\nContent-Length: 5\r\n",
    "a control character": b"Accept: a\x1b[31m\r\n",
    "a line that is too long": b"Accept: " + b"a" * framing.MAX_HEAD + b"\r\n",
    "too many lines": b"Accept: a\r\n" * (framing.MAX_FIELDS + 1),
    "too much": (b"Accept: " + b"a" * 8000 + b"\r\n") * 9,
}


LINE = RequestLine("PUT", "/", "HTTP/1.1", None)
OLD = RequestLine("PUT", "/", "HTTP/1.0", None)
HOST = ("host", "a")


@pytest.mark.parametrize("head", REFUSED.values(), ids=REFUSED)
def test_it_refuses(head: bytes) -> None:
    with pytest.raises(BadHead):
        framing.check(LINE, framing.read_fields(io.BytesIO(b"Host: a\r\n" + head + b"\r\n")))


def test_a_line_may_have_all_the_room() -> None:
    size = framing.MAX_HEAD - len("Accept: \r\n")
    head = io.BytesIO(b"Accept: " + b"a" * size + b"\r\n\r\n")
    assert framing.read_fields(head) == [("accept", "a" * size)]
    with pytest.raises(BadHead):
        framing.read_fields(io.BytesIO(b"Accept: " + b"a" * (size + 1) + b"\r\n\r\n"))


def test_what_is_too_much_has_a_status_of_its_own() -> None:
    with pytest.raises(BadHead) as caught:
        framing.read_fields(io.BytesIO(b"Accept: " + b"a" * framing.MAX_HEAD + b"\r\n\r\n"))
    assert caught.value.status.startswith("431 ")


def read_line(line: bytes) -> RequestLine | None:
    return framing.read_request_line(io.BytesIO(line))


@pytest.mark.parametrize(
    "line",
    [
        b"GET / HTTP/1.1\n",
        b"GET / HTTP/1.1",
        b"GET /\r\n",
        b"GET  / HTTP/1.1\r\n",
        b"GET /  HTTP/1.1\r\n",
        b"GET / HTTP/1.1 \r\n",
        b" GET / HTTP/1.1\r\n",
        b"GET\t/ HTTP/1.1\r\n",
        b"GET /a b HTTP/1.1\r\n",
        b"GET /\x00 HTTP/1.1\r\n",
        b"GET /\x7f HTTP/1.1\r\n",
        b"G\x1b[31mT / HTTP/1.1\r\n",
        b"G(T / HTTP/1.1\r\n",
        b"/ HTTP/1.1\r\n",
        b"GET a HTTP/1.1\r\n",
        b"GET ?a HTTP/1.1\r\n",
        b"GET * HTTP/1.1\r\n",
        b"CONNECT a:80 HTTP/1.1\r\n",
        b"GET ftp://a/ HTTP/1.1\r\n",
        b"GET / http/1.1\r\n",
        b"GET / HTTP/1.10\r\n",
        b"GET / HTTP/1\r\n",
        b"\r\n\r\nGET / HTTP/1.1\r\n",
        b"\nGET / HTTP/1.1\r\n",
        b"G" * 41 + b" / HTTP/1.1\r\n",
    ],
)
def test_it_refuses_a_malformed_request_line(line: bytes) -> None:
    with pytest.raises(BadHead) as caught:
        read_line(line)
    assert caught.value.status == "400 Bad Request"


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET / HTTP/0.9\r\n", "505 "),
        (b"PRI * HTTP/2.0\r\n", "505 "),
        (b"GET /" + b"a" * framing.MAX_REQUEST_LINE + b" HTTP/1.1\r\n", "414 "),
        (b"a" * 2 * framing.MAX_REQUEST_LINE, "414 "),
    ],
)
def test_what_else_it_refuses_has_a_status_of_its_own(line: bytes, status: str) -> None:
    with pytest.raises(BadHead) as caught:
        read_line(line)
    assert caught.value.status.startswith(status)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"GET / HTTP/1.1\r\n", ("GET", "/", "HTTP/1.1", None)),
        (b"\r\nGET /a?b=c HTTP/1.0\r\n", ("GET", "/a?b=c", "HTTP/1.0", None)),
        (b"OPTIONS * HTTP/1.1\r\n", ("OPTIONS", "*", "HTTP/1.1", None)),
        (b"GET http://a:80/b?c HTTP/1.1\r\n", ("GET", "/b?c", "HTTP/1.1", "a:80")),
        (b"GET HTTPS://a?c HTTP/1.1\r\n", ("GET", "/?c", "HTTP/1.1", "a")),
        (b"GET http://a HTTP/1.1\r\n", ("GET", "/", "HTTP/1.1", "a")),
        (b"GET //a/b HTTP/1.1\r\n", ("GET", "//a/b", "HTTP/1.1", None)),
        (b"GET /\xc3\xa4 HTTP/1.1\r\n", ("GET", "/\xc3\xa4", "HTTP/1.1", None)),
        (b"", None),
        (b"\r\n", None),
    ],
)
def test_it_reads_a_request_line(line: bytes, expected: tuple[Any, ...] | None) -> None:
    assert read_line(line) == expected


def test_a_hundred_tags_fit_into_it() -> None:
    query = "&".join(["tag=" + "a" * 128] * 100)
    line = read_line(f"PUT /v2/{'n' * 255}/manifests/sha512:{'0' * 128}?{query} HTTP/1.1\r\n".encode())
    assert line is not None
    assert line.path.endswith(query)


def test_chunks_are_not_for_http_1_0() -> None:
    with pytest.raises(BadHead):
        framing.check(OLD, [("transfer-encoding", "chunked")])


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [("content-length", "5")],
        [("transfer-encoding", "Chunked")],
    ],
)
def test_it_accepts(fields: list[tuple[str, str]]) -> None:
    framing.check(LINE, [HOST, *fields])


@pytest.mark.parametrize("field", [("content-length", "5"), ("transfer-encoding", "chunked")])
def test_a_head_has_no_body(field: tuple[str, str]) -> None:
    with pytest.raises(BadHead):
        framing.check(LINE._replace(method="HEAD"), [HOST, field])
    framing.check(LINE._replace(method="HEAD"), [HOST, ("content-length", "0")])


HOSTS = {
    "localhost": True,
    "registry.example.com": True,
    "registry.example.com.": True,
    "registry.example.com:5000": True,
    "registry:": True,
    "under_score": True,
    "127.0.0.1:80": True,
    "[::1]": True,
    "[2001:db8::1]:5000": True,
    "xn--bcher-kva.example": True,
    f"{'a' * 63}.example": True,
    "": False,
    " ": False,
    "a b": False,
    "a..b": False,
    ".a": False,
    "a/b": False,
    "a@b": False,
    "a,b": False,
    "a:b": False,
    "a:65536": False,
    "a:80:80": False,
    "::1": False,
    "[::1": False,
    "[]": False,
    "[1::2::3]": False,
    "[127.0.0.1]": False,
    "xn--\xe4": False,
    "xn--a": False,
    "xn--999999999": False,
    "b\xfccher.example": False,
    f"{'a' * 64}.example": False,
    ".".join(["a" * 50] * 6): False,
}


@pytest.mark.parametrize(("host", "is_one"), HOSTS.items())
@pytest.mark.parametrize("line", [LINE, OLD])
def test_hosts(line: RequestLine, host: str, is_one: bool) -> None:
    for asked, fields in ((line, [("host", host)]), (line._replace(host=host), [HOST])):
        if is_one:
            framing.check(asked, fields)
        else:
            with pytest.raises(BadHead):
                framing.check(asked, fields)


def test_a_request_has_one_host() -> None:
    for line in (LINE, OLD):
        with pytest.raises(BadHead):
            framing.check(line, [HOST, HOST])
    with pytest.raises(BadHead):
        framing.check(LINE, [])
    framing.check(OLD, [])


names = st.from_regex(r"\A[a-z][a-z0-9-]{0,20}\Z")
values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=40)


@given(st.lists(st.tuples(names, values.map(lambda value: value.strip(" \t"))), max_size=20), st.binary(max_size=20))
def test_what_was_sent_is_read_and_not_a_byte_more(fields: list[tuple[str, str]], body: bytes) -> None:
    head = "".join(f"{name.title()}: {value}\r\n" for name, value in fields).encode("latin-1")
    stream = io.BytesIO(head + b"\r\n" + body)
    read = framing.read_fields(stream)
    assert read == fields
    assert stream.read() == body


@given(st.binary(max_size=200))
def test_no_bytes_break_it(data: bytes) -> None:
    try:
        framing.read_fields(io.BytesIO(data))
    except BadHead:
        pass
