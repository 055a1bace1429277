"""Bodies in chunks come out as they were, however they were cut and are read; malformed ones end the connection."""

from __future__ import annotations

import io

import pytest
from gevent.pywsgi import Input
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.serving import framing
from docker_registry.serving.framing import BodyCut
from docker_registry.serving.handler import Body

NEXT = b"GET /next HTTP/1.1\r\n"


def body(sent: bytes) -> tuple[Body, io.BytesIO]:
    stream = io.BytesIO(sent)
    return Body(Input(stream, None, None, True)), stream


def read_all(taken: Body, sizes: list[int | None]) -> bytes:
    found = b""
    while data := taken.read(sizes[len(found) % len(sizes)]):
        found += data
    return found


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=40)),
    sizes=st.lists(st.integers(1, 50) | st.none(), min_size=1),
    extension=st.sampled_from([b"", b";a=b", b" ;a", b"  "]),
    trailer=st.sampled_from([b"", b"Expires: never\r\n"]),
)
def test_every_cut_and_every_read(chunks, sizes, extension, trailer):
    sent = b"".join(b"%x%s\r\n%s\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
    taken, stream = body(sent + b"0\r\n" + trailer + b"\r\n" + NEXT)
    assert read_all(taken, sizes) == b"".join(chunks)
    assert taken.is_spent
    assert stream.read() == NEXT


def test_a_read_is_as_long_as_was_asked():
    taken, _ = body(b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
    assert [taken.read(5), taken.read(0), taken.read(5), taken.read(5)] == [b"abcde", b"", b"fg", b""]


def test_lines_too():
    taken, _ = body(b"3\r\na\nb\r\n1\r\n\n\r\n0\r\n\r\n")
    assert [taken.readline(), taken.readline(), taken.readline()] == [b"a\n", b"b\n", b""]


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"xyz\r\nabc\r\n0\r\n\r\n",
        b"-3\r\nabc\r\n0\r\n\r\n",
        b"+3\r\nabc\r\n0\r\n\r\n",
        b"0x3\r\nabc\r\n0\r\n\r\n",
        b" 3\r\nabc\r\n0\r\n\r\n",
        b"3_0\r\nabc\r\n0\r\n\r\n",
        b"\r\nabc\r\n0\r\n\r\n",
        b"3\nabc\r\n0\r\n\r\n",
        b"3;a\nb\r\nabc\r\n0\r\n\r\n",
        b"00000000000000003\r\nabc\r\n0\r\n\r\n",
        b"3;" + b"a" * framing.MAX_LINE + b"\r\nabc\r\n0\r\n\r\n",
        b"3\r\nab",
        b"3\r\nabc",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"3\r\nabc\n0\r\n\r\n",
        b"3\r\nabc\r\n",
        b"3\r\nabc\r\n0\r\n",
        b"3\r\nabc\r\n0\r\nno field\r\n\r\n",
    ],
)
def test_what_is_malformed_ends_early(sent):
    taken, _ = body(sent)
    with pytest.raises(BodyCut):
        read_all(taken, [100])
    assert not taken.is_spent
