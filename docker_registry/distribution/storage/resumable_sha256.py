"""SHA-256 that can be put down in one process and taken up in another.

hashlib cannot say how far a hash has come; the libcrypto below it can: its
SHA256_CTX is plain memory with the fields of FIPS 180-4 (eight words, the
length, the block begun). It is reached through the very library that hashlib
has loaded, and only where it proves itself on first use. What is exported is
FIPS's fields in network order, so it means the same on every replica.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import struct
from typing import Any

__all__ = ["MAX_SIZE", "ResumableSha256", "is_available"]

_BLOCK = 64  # bytes
_HEAD = struct.Struct(">8IQ")  # the words, and how many bytes were hashed
MAX_SIZE = _HEAD.size + _BLOCK - 1  # bytes of an exported state


class _Context(ctypes.Structure):
    """openssl/sha.h's SHA256_CTX, the same since 0.9.8; the slack is for a library that disagrees."""

    _fields_ = (
        ("words", ctypes.c_uint32 * 8),
        ("bits_low", ctypes.c_uint32),
        ("bits_high", ctypes.c_uint32),
        ("block", ctypes.c_uint8 * _BLOCK),
        ("filled", ctypes.c_uint),
        ("digest_size", ctypes.c_uint),
        ("slack", ctypes.c_uint8 * 400),
    )


class ResumableSha256:
    """A hash object like hashlib's. `state` is what `export` returned, anywhere."""

    def __init__(self, state: bytes = b""):
        self._library = _library()
        self._context = _Context()
        self._library.SHA256_Init(ctypes.byref(self._context))
        if state:
            self._take_up(state)

    def update(self, data: bytes, /) -> None:
        """Lets go of the interpreter lock, as every call through ctypes does."""
        self._library.SHA256_Update(ctypes.byref(self._context), data, len(data))

    def hexdigest(self) -> str:
        digest = ctypes.create_string_buffer(32)
        copy = _Context.from_buffer_copy(self._context)
        self._library.SHA256_Final(digest, ctypes.byref(copy))
        return digest.raw.hex()

    def export(self) -> bytes:
        context = self._context
        bits = (context.bits_high << 32) + context.bits_low
        return _HEAD.pack(*context.words, bits // 8) + bytes(context.block)[: context.filled]

    def _take_up(self, state: bytes) -> None:
        context, (*words, size) = self._context, _HEAD.unpack_from(state)
        rest = state[_HEAD.size :]
        if len(rest) != size % _BLOCK:
            raise ValueError("this is no state of SHA-256")
        context.words[:] = words
        context.bits_high, context.bits_low = divmod(size * 8, 1 << 32)
        context.block[: len(rest)] = rest
        context.filled = len(rest)


@functools.cache
def is_available() -> bool:
    """Whether this process's libcrypto does what is expected of it, tried once."""
    try:
        return all(_proves_itself(cut) for cut in (0, 1, 55, 63, 64, 65, 1000))
    except (ImportError, AttributeError, OSError, ValueError):
        return False


def _proves_itself(cut: int) -> bool:
    data = bytes(range(256)) * 8
    first = ResumableSha256()
    first.update(data[:cut])
    state = first.export()
    second = ResumableSha256(state)
    is_same = second.export() == state
    second.update(data[cut:])
    return is_same and second.hexdigest() == hashlib.sha256(data).hexdigest()


@functools.cache
def _library() -> Any:
    """The libcrypto that hashlib uses: looking a name up in its extension module looks in what that is linked to."""
    import _hashlib

    library = ctypes.CDLL(_hashlib.__file__)
    for function, arguments in (
        (library.SHA256_Init, (ctypes.c_void_p,)),
        (library.SHA256_Update, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)),
        (library.SHA256_Final, (ctypes.c_char_p, ctypes.c_void_p)),
    ):
        function.argtypes = arguments
    return library
