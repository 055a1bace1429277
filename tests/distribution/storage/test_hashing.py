"""Hashing beside the I/O: the same digest in a process that gevent patched and in one that it did not."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.distribution.storage.hashing import Hasher, HashingReader


@given(st.lists(st.binary()), st.sampled_from(["sha256", "sha512"]))
def test_any_cut_gives_the_digest_of_the_whole(pieces: list[bytes], algorithm: str) -> None:
    hasher = Hasher(algorithm)
    for piece in pieces:
        hasher.feed(piece)
    whole = b"".join(pieces)
    assert str(hasher.digest()) == f"{algorithm}:{hashlib.new(algorithm, whole).hexdigest()}"
    assert hasher.size == len(whole)


def test_a_reader_passes_everything_on() -> None:
    hasher = Hasher("sha256")
    reader = HashingReader(io.BytesIO(b"0123456789"), hasher)
    assert [reader.read(4) for _ in range(4)] == [b"0123", b"4567", b"89", b""]
    assert hasher.digest().hex == hashlib.sha256(b"0123456789").hexdigest()


PATCHED = """
from gevent import monkey; monkey.patch_all()
import hashlib, os, random, threading, tracemalloc
import gevent
from docker_registry.distribution.storage import hashing

# Any cut, small and large, and a digest asked for twice.
dice = random.Random(1)
for round in range(20):
    pieces = [dice.randbytes(dice.choice([0, 1, 5000, 70_000, 300_000, 2_000_000])) for _ in range(12)]
    hasher = hashing.Hasher("sha256")
    for piece in pieces:
        hasher.feed(piece)
    assert hasher.digest().hex == hasher.digest().hex == hashlib.sha256(b"".join(pieces)).hexdigest()

# The hashing happens in a native thread, and at most the backlog waits for it.
native = []
class Slow:
    def __init__(self): self.fed = 0
    def update(self, data):
        if len(data) >= hashing._BLOCK:
            native.append(threading.get_native_id())
        self.fed += len(data)
    def hexdigest(self): return "00"
hasher = hashing.Hasher("sha256")
hasher._hash = slow = Slow()
for _ in range(4000):
    hasher.feed(b"x" * 65536)
    assert hasher._waiting_size <= hashing._BACKLOG, hasher._waiting_size
hasher.digest()
assert slow.fed == 4000 * 65536
assert native and os.getpid() not in native, "hashed in the main thread"

# A failure in the thread reaches the one who asks.
class Broken:
    def update(self, data): raise MemoryError("no memory for hashing")
hasher = hashing.Hasher("sha256")
hasher._hash = Broken()
hasher.feed(b"x" * hashing._BLOCK)
try:
    hasher.digest()
except MemoryError:
    print("fine")
"""


def test_in_a_process_that_gevent_has_patched() -> None:
    done = subprocess.run([sys.executable, "-c", PATCHED], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "fine\n"), done.stderr


def test_gevent_is_not_imported_where_nobody_asked_for_it() -> None:
    code = (
        "import sys; from docker_registry.distribution.storage import hashing; "
        "hashing.Hasher('sha256').feed(b'x'); assert 'gevent' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], timeout=60, check=True)


@pytest.mark.parametrize("algorithm", ["md5", ""])
def test_an_unknown_algorithm_is_refused(algorithm: str) -> None:
    with pytest.raises(ValueError, match="not supported"):
        Hasher(algorithm)
