"""Limits on waiting for a client, by what was waited and what moved; and a slow reader, over a real connection."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.serving.pace import Deadline, Incoming, Outgoing, Pace, TooSlowError

LARGE = 8 << 20  # bytes; more than both kernels' buffers hold of a connection whose buffers are fixed


@given(
    patience=st.integers(1, 100),
    rate=st.integers(0, 50),
    moves=st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 60)), max_size=30),
)
def test_a_body_keeps_its_rate_once_the_first_wait_is_over(
    patience: int, rate: int, moves: list[tuple[int, int]]
) -> None:
    pace, moved, waited = Pace(patience, rate), 0, 0
    for count, seconds in moves:
        moved, waited = moved + count, waited + seconds
        if moved < rate * (waited - patience):
            with pytest.raises(TooSlowError):
                pace.moved(count, seconds)
            return
        pace.moved(count, seconds)
        assert pace.patience() == patience


def test_a_deadline_is_one_for_all_waits() -> None:
    deadline = Deadline(1000)
    first = deadline.patience()
    deadline.moved(10**9, 0)
    assert 0 < deadline.patience() <= first <= 1000
    with pytest.raises(TooSlowError):
        Deadline(0).patience()


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection that holds little on its way."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        with socket.create_connection(listener.getsockname()) as ours:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            theirs, _ = listener.accept()
            with theirs:
                yield ours, theirs


class Told(Pace):
    """Calls somebody after each wait in which the kernel took nothing."""

    def __init__(self, theirs: socket.socket, taken: int):
        super().__init__(0.05, 1)
        self._theirs, self._taken = theirs, taken
        self.stalls = 0

    def moved(self, count: int, seconds: float) -> None:
        super().moved(count, 0)
        if not count:
            self.stalls += 1
            assert self._taken == 0 or self._theirs.recv(self._taken)


def test_who_takes_little_at_a_time_is_not_cut_off(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    pace = Told(theirs, 128 << 10)
    Outgoing(ours, pace).send(bytes(LARGE))
    # Most of these waits end without room for more, since the kernel wakes a sender late.
    assert pace.stalls > 5


def test_who_takes_nothing_is(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    pace = Told(theirs, 0)
    with pytest.raises(TooSlowError):
        Outgoing(ours, pace).send(bytes(LARGE))
    assert pace.stalls <= 3


def test_what_comes_is_read_as_from_any_stream(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    stream = io.BufferedReader(Incoming(ours, Deadline(20)))
    theirs.sendall(b"one\ntwo")
    theirs.shutdown(socket.SHUT_WR)
    assert (stream.peek(1)[:1], stream.readline(), stream.read(10), stream.read(1)) == (b"o", b"one\n", b"two", b"")


def test_a_wait_that_is_too_long_ends(ends: tuple[socket.socket, socket.socket]) -> None:
    with pytest.raises(TimeoutError):
        io.BufferedReader(Incoming(ends[0], Deadline(0.01))).read(1)
