"""Bodies in chunks come out as they were, however they were cut and are read; malformed ones end the connection."""

from __future__ import annotations

import io

import gevent
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.serving import framing
from docker_registry.serving.body import BodyInput
from docker_registry.serving.framing import BodyCut

NEXT = b"GET /next HTTP/1.1\r\n"


def body(sent: bytes) -> tuple[BodyInput, io.BytesIO]:
    stream = io.BytesIO(sent)
    return BodyInput(stream, None), stream


def read_all(taken: BodyInput, sizes: list[int | None]) -> bytes:
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
        b"3\r\nabc\r\n0\n\r\n",
        b"3\r\nabc\r\n0\r\n\n",
        b"3\r\nabc\r\n0\r\nA: b\n\r\n",
        b"3\r\nabc\r\n0\r\n" + b"A: b\r\n" * (framing.MAX_FIELDS + 1) + b"\r\n",
        (b"1;" + b"a" * 4000 + b"\r\nb\r\n") * 5 + b"0\r\n\r\n",
        b"00000000000000003\r\nabc\r\n0\r\n\r\n",
        b"3;" + b"a" * framing.MAX_CHUNK_LINE + b"\r\nabc\r\n0\r\n\r\n",
        b"3\r\nab",
        b"3\r\nabc",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"3\r\nabc\n0\r\n\r\n",
        b"3\r\nabc\r\n",
        b"3\r\nabc\r\n0\r\n",
        b"3\r\nabc\r\n0\r\nno field\r\n\r\n",
    ],
)
@pytest.mark.parametrize("by_line", [False, True])
def test_what_is_malformed_ends_early(sent, by_line):
    taken, _ = body(sent)
    with pytest.raises(BodyCut):
        list(taken) if by_line else read_all(taken, [100])
    with pytest.raises(BodyCut):
        taken.read()
    assert not taken.is_spent
    assert not taken.is_small


def test_some_extension_is_free():
    taken, _ = body(b"1;signature=0123456789\r\na\r\n" * 1000 + b"0\r\n\r\n")
    assert len(taken.read()) == 1000


def test_small_chunks_that_are_all_there_let_others_have_their_turn():
    turns = []
    gevent.spawn(lambda: [turns.append(gevent.sleep(0)) for _ in range(1000)])
    taken, _ = body(b"1\r\na\r\n" * 10_000 + b"0\r\n\r\n")
    assert len(taken.read()) == 10_000
    assert len(turns) > 10


@given(st.binary(max_size=60), st.lists(st.integers(0, 30), min_size=1), st.binary(max_size=5))
def test_a_body_with_a_length(data, sizes, more):
    stream = io.BytesIO(data + more)
    taken = BodyInput(stream, len(data))
    assert b"".join(taken.read(sizes[n % len(sizes)]) for n in range(200)) + taken.read() == data
    assert taken.is_spent
    assert (taken.received, taken.read(), stream.read()) == (len(data), b"", more)


def test_a_body_with_a_length_that_is_cut():
    taken = BodyInput(io.BytesIO(b"12345"), 6)
    with pytest.raises(BodyCut):
        taken.read(6)
    assert not taken.is_spent


def test_lines_of_a_body_with_a_length():
    assert BodyInput(io.BytesIO(b"a\nbc\nd and more"), 6).readlines() == [b"a\n", b"bc\n", b"d"]


def test_who_waits_for_a_100_gets_one_and_only_when_the_body_is_wanted():
    told = []
    taken = BodyInput(io.BytesIO(b"12345"), 5, lambda: told.append(1))
    assert (taken.is_small, told) == (False, [])  # reading it to its end would be an invitation
    assert (taken.read(2), taken.read(), told) == (b"12", b"345", [1])
