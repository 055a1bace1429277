"""Digests of what passes through."""

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
