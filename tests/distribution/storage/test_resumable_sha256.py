"""SHA-256 taken up where another process put it down."""

from __future__ import annotations

import ctypes
import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from docker_registry.core.driver import fetch
from docker_registry.distribution.app import Registry
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.storage import resumable_sha256
from docker_registry.distribution.storage.hashing import Hasher
from docker_registry.distribution.storage.resumable_sha256 import MAX_SIZE, ResumableSha256
from docker_registry.settings import Settings
from tests.distribution.pushing import Push, pull

if not resumable_sha256.is_available():
    pytest.skip("this Python's libcrypto keeps its SHA-256 to itself", allow_module_level=True)


@given(st.lists(st.binary(max_size=300)))
def test_put_down_anywhere_it_ends_the_same(pieces: list[bytes]) -> None:
    state = b""
    for piece in pieces:
        hasher = ResumableSha256(state)
        hasher.update(piece)
        hasher.hexdigest()  # looking does not change it
        state = hasher.export()
        assert len(state) <= MAX_SIZE
    assert ResumableSha256(state).hexdigest() == hashlib.sha256(b"".join(pieces)).hexdigest()


def test_more_bits_than_one_word_counts() -> None:
    state = bytearray(ResumableSha256().export())
    state[32:40] = (2**40).to_bytes(8, "big")
    assert ResumableSha256(bytes(state)).export() == state


def test_the_state_is_that_of_the_standard() -> None:
    """FIPS 180-4's initial words, in network order: what any other implementation would write."""
    assert ResumableSha256().export().hex() == (
        "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19" + "00" * 8
    )


@pytest.mark.parametrize("state", [b"x" * 40, b"\0" * 39 + b"\1", b"\0" * 41])
def test_what_is_no_state_is_refused(state: bytes) -> None:
    with pytest.raises(ValueError, match="no state"):
        ResumableSha256(state)


def test_only_sha256_can_be_taken_up() -> None:
    assert Hasher.resumable("sha512") is None


@pytest.fixture
def again() -> Any:
    """What was found out about the library is forgotten before and after."""
    resumable_sha256.is_available.cache_clear()
    yield
    resumable_sha256.is_available.cache_clear()


def test_a_library_that_hashes_otherwise_is_not_used(again: None, monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        @staticmethod
        def SHA256_Init(context: object) -> None:  # noqa: N802
            pass

        SHA256_Update = SHA256_Final = staticmethod(lambda *arguments: None)

    monkeypatch.setattr(resumable_sha256, "_library", Other)
    assert not resumable_sha256.is_available()


def test_a_library_without_it_is_not_used(again: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> ctypes.CDLL:
        raise AttributeError("undefined symbol: SHA256_Init")

    monkeypatch.setattr(resumable_sha256, "_library", missing)
    assert not resumable_sha256.is_available()
    assert Hasher.resumable("sha256") is None


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=100), st.booleans()), min_size=1, max_size=6), st.booleans())
def test_replicas_that_can_and_that_cannot_go_on_with_one_upload(
    chunks: list[tuple[bytes, bool]], closer_can: bool
) -> None:
    driver = fetch("memory")("/", None)
    push = Push(Client(Registry(driver, Settings(secret=b"x"))))
    with pytest.MonkeyPatch.context() as patch:
        for data, can in chunks:
            patch.setattr(resumable_sha256, "is_available", lambda can=can: can)
            push.chunk(data)
        patch.setattr(resumable_sha256, "is_available", lambda: closer_can)
        whole = b"".join(data for data, _ in chunks)
        push.close(Digest.of(whole))
    assert pull(push.client, "some/repo", Digest.of(whole)) == whole


def test_parts_are_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = fetch("memory")("/", None)
    push = Push(Client(Registry(driver, Settings(secret=b"x"))))
    push.chunk(b"abc")
    push.chunk(b"def")
    reads: list[bool] = []
    stage = type(driver.stage())
    monkeypatch.setattr(stage, "read", lambda self: reads.append(True) or iter(()))
    monkeypatch.setattr(stage, "commit", lambda self, path, immutable=False: None)
    push.close(Digest.of(b"abcdef"))
    assert reads == []
