"""The files in a layer: a tar archive, plain or packed, read once from its beginning. Within bounds, and in turns.

Not `tarfile`, which takes any amount of memory for what a header says of itself, and whose patterns for it could be
made to run for minutes before Python 3.11.10. Contents are hashed as they go by, never kept.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from backports import zstd

from ..model.packing import GZIP, ZSTD
from .turns import Turns

__all__ = ["Allowance", "File", "TooMuchError", "UnreadableError", "files_in"]

_BLOCK = 512
_PIECE = 16 * 1024  # bytes unpacked at a time; what follows a member is copied, so not more
_UNPACKED = 256 * 1024  # bytes that come out at a time, at most
_WINDOW = 23  # 8 MiB, as a power of two: zstd's format asks decoders for that much, and more has to be asked for
_HEADER = 1024 * 1024  # bytes of a header's own data: long names, extended attributes
_PATH = 4096  # characters of a path ...
_DEPTH = 256  # ... and folders in it
_KIB = 1024
_KINDS = {
    b"1": "hard link",
    b"2": "link",
    b"3": "character device",
    b"4": "block device",
    b"5": "folder",
    b"6": "pipe",
}
_LINKS = ("hard link", "link")
_SAID = frozenset(("GNU.sparse.name", "gid", "linkpath", "path", "size", "uid"))  # all that is read of extended headers


class UnreadableError(Exception):
    """A layer is not what can be read here; the text says why, and goes on from the layer's name."""


class TooMuchError(Exception):
    """The layers have more than is allowed; the text says of what."""


@dataclass(slots=True)
class Allowance:
    """What may be read yet, of all layers that are looked at together."""

    packed: int = 32 * 1024 * 1024  # bytes as they are stored
    plain: int = 128 * 1024 * 1024  # bytes unpacked
    files: int = 50_000  # headers of any kind, members of gzip, frames of zstd: each costs what a file does
    records: int = 500_000  # in extended headers
    text: int = 8 * 1024 * 1024  # characters of paths and targets of links

    def take(self, **amounts: int) -> None:
        """Raises TooMuchError."""
        for what, amount in amounts.items():
            left = getattr(self, what) - amount
            if left < 0:
                raise TooMuchError(_WORDS[what])
            setattr(self, what, left)


_WORDS = {
    "packed": "bytes",
    "plain": "bytes when unpacked",
    "files": "files",
    "records": "attributes",
    "text": "long names",
}


class File(NamedTuple):
    """One entry. Two entries that are equal have the same content, or lead to the same place."""

    path: str  # without a slash before or behind it
    kind: str
    mode: int
    owner: str  # user and group, by number
    size: int
    content: str  # a hash of it; of a link its target


def files_in(chunks: Iterable[bytes], allowance: Allowance, turns: Turns) -> Iterator[File]:
    """The entries of a layer in their order; raises UnreadableError and TooMuchError."""
    budget = _Budget(allowance, turns)
    archive = _Archive(_unpacked(chunks, budget), budget)
    while True:
        found = _next(archive)
        if found is None:
            return
        allowance.take(text=len(found.path) + len(found.content))
        if found.path:
            yield found


class _Budget(NamedTuple):
    """Whatever is looked at is allowed first, and a step of a turn."""

    allowance: Allowance
    turns: Turns

    def packed(self, size: int) -> None:
        self.allowance.take(packed=size)
        self.turns.step(-(-size // _KIB))

    def plain(self, size: int) -> None:
        self.allowance.take(plain=size)
        self.turns.step(-(-size // _KIB))

    def one_file(self) -> None:
        self.allowance.take(files=1)
        self.turns.step()

    def one_record(self) -> None:
        self.allowance.take(records=1)
        self.turns.step()


def _unpacked(chunks: Iterable[bytes], budget: _Budget) -> Iterator[bytes]:
    pieces = _pieces(chunks, budget)
    first = b""
    while len(first) < _MAGIC:
        piece = next(pieces, b"")
        if not piece:
            break
        first += piece
    begin = next((begin for magics, begin in _PACKED.items() if first.startswith(magics)), None)
    plain = _decompressed(first, pieces, begin, budget) if begin else _chained(first, pieces)
    for piece in plain:
        budget.plain(len(piece))
        yield piece


def _pieces(chunks: Iterable[bytes], budget: _Budget) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), _PIECE):
            piece = chunk[start : start + _PIECE]
            budget.packed(len(piece))
            yield piece


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _decompressed(
    first: bytes, rest: Iterator[bytes], begin: Callable[[], _Decompressor], budget: _Budget
) -> Iterator[bytes]:
    """All members of gzip or frames of zstd: some builders write one for each file."""
    member, is_begun = begin(), False
    try:
        for piece in _chained(first, rest):
            data = piece
            while True:
                out = member.decompress(data, _UNPACKED)
                data, is_begun = b"", True
                if out:
                    yield out
                if member.eof:
                    data = member.unused_data
                    if not data.strip(b"\0"):
                        data = b""
                    member, is_begun = begin(), False
                    budget.one_file()
                    if not data:
                        break
                elif member.needs_input:
                    break
    except (zlib.error, zstd.ZstdError) as error:
        raise UnreadableError(f"has bytes that do not unpack: {error}") from None
    if is_begun:
        raise UnreadableError("ends too early")


class _Decompressor(Protocol):
    """What unpacks one member, by the interface that Python's own have but for zlib's."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _GzipMember:
    def __init__(self) -> None:
        self._inflating = zlib.decompressobj(31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inflating.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflating.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        out = self._inflating.decompress(self._inflating.unconsumed_tail + data, max_length)
        self.needs_input = not self._inflating.unconsumed_tail and len(out) < max_length
        return out


def _zstd_frame() -> _Decompressor:
    frame: _Decompressor = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW})
    return frame


_PACKED: dict[tuple[bytes, ...], Callable[[], _Decompressor]] = {GZIP: _GzipMember, ZSTD: _zstd_frame}
_MAGIC = max(len(magic) for magics in _PACKED for magic in magics)


class _Archive:
    """Bytes taken from a stream, so many as are asked for; raises UnreadableError where there are no more."""

    def __init__(self, pieces: Iterator[bytes], budget: _Budget):
        self._pieces = pieces
        self._budget = budget
        self._have = b""
        self._place = 0

    def read(self, size: int) -> bytes:
        return b"".join(self.through(size))

    def header(self) -> bytes:
        """The next block, which says something of a file and counts as one."""
        self._budget.one_file()
        return self.read(_BLOCK)

    def records(self, size: int) -> Iterator[tuple[str, str]]:
        """Those of an extended header with so many bytes."""
        for record in _records(_body(self, size)):
            self._budget.one_record()
            yield record

    def through(self, size: int) -> Iterator[bytes]:
        """So many bytes, as they come."""
        while size:
            if self._place == len(self._have):
                self._have, self._place = next(self._pieces, b""), 0
                if not self._have:
                    raise UnreadableError("ends too early")
            part = self._have[self._place : self._place + size]
            self._place += len(part)
            size -= len(part)
            yield part

    def skip(self, size: int) -> None:
        for _ in self.through(size):
            pass

    def is_over(self) -> bool:
        if self._place == len(self._have):
            self._have, self._place = next(self._pieces, b""), 0
        return not self._have


def _next(archive: _Archive) -> File | None:
    """The entry that begins here, with whatever headers tell of it; its path is "" where it is to be passed over."""
    said: dict[str, str] = {}
    while not archive.is_over():
        header = archive.header()
        if not header.strip(b"\0"):
            return None
        _check(header)
        size = _number(header[124:136])
        kind = header[156:157]
        if kind in b"LKxgX" and size > _HEADER:
            raise UnreadableError("has a header that is too large")
        if kind == b"L":
            said["path"] = _text(_body(archive, size))
        elif kind == b"K":
            said["linkpath"] = _text(_body(archive, size))
        elif kind in b"xX":
            said.update(record for record in archive.records(size) if record[0] in _SAID)
        elif kind == b"g":
            archive.skip(_padded(size))
        else:
            return _entry(archive, header, kind, said)
    return None


def _entry(archive: _Archive, header: bytes, kind: bytes, said: dict[str, str]) -> File:
    name = said.get("GNU.sparse.name") or said.get("path") or _name(header)
    size = _said_number(said, "size", header[124:136])
    owner = f"{_said_number(said, 'uid', header[108:116])}:{_said_number(said, 'gid', header[116:124])}"
    if kind == b"S":
        extended = header[482]
        while extended:
            extended = archive.header()[504]
    called = _KINDS.get(kind, "file")
    if kind == b"\0" and name.endswith("/"):
        called = "folder"
    content = ""
    if called == "file":
        content = _hash(archive, size)
    else:
        size = 0
        if called in _LINKS:
            content = (said.get("linkpath") or _text(header[157:257]))[:_PATH]
        elif called.endswith("device"):
            content = f"{_number(header[329:337])}:{_number(header[337:345])}"
    return File(_clean(name), called, _number(header[100:108]) & 0o7777, owner, size, content)


def _hash(archive: _Archive, size: int) -> str:
    """Of as many bytes; half of a SHA-256 is enough to tell two contents apart."""
    whole = hashlib.sha256()
    for part in archive.through(size):
        whole.update(part)
    archive.skip(_padded(size) - size)
    return whole.hexdigest()[:32]


def _check(header: bytes) -> None:
    """The sum of a header's bytes stands in it; old programs took them as signed ones."""
    counted = header[:148] + b" " * 8 + header[156:]
    stored = _number(header[148:156])
    if stored != sum(counted) and stored != sum(struct.unpack("512b", counted)):
        raise UnreadableError("is no tar archive, or has damaged bytes")


def _name(header: bytes) -> str:
    name, prefix = _text(header[:100]), header[345:500]
    if header[257:263] == b"ustar\0" and prefix[0]:
        return f"{_text(prefix)}/{name}"
    return name


def _number(field: bytes) -> int:
    """
    >>> _number(b"0000644\\0"), _number(b"\\x80" + b"\\0" * 9 + b"\\x01\\x00"), _number(b" " * 8)
    (420, 256, 0)
    """
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big") & ((1 << 63) - 1)
    try:
        return max(int(field.partition(b"\0")[0].strip() or b"0", 8), 0)
    except ValueError:
        return 0 if field[0] == 0xFF else _refuse()


def _refuse() -> int:
    raise UnreadableError("is no tar archive, or has damaged bytes")


def _said_number(said: dict[str, str], key: str, field: bytes) -> int:
    text = said.get(key, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else _number(field)


def _records(body: bytes) -> Iterator[tuple[str, str]]:
    """The records of an extended header (pax): `LENGTH KEY=VALUE`, a line each."""
    place = 0
    while place < len(body):
        space = body.find(b" ", place, place + 10)
        digits = body[place:space]
        if space < 0 or not digits.isdigit() or int(digits) <= space - place or place + int(digits) > len(body):
            return
        key, _, value = body[space + 1 : place + int(digits) - 1].partition(b"=")
        yield key.decode(errors="replace"), value.decode(errors="replace")
        place += int(digits)


def _body(archive: _Archive, size: int) -> bytes:
    return archive.read(_padded(size))[:size]


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode(errors="replace")


def _clean(path: str) -> str:
    """A path from the root of the image; "" for the root, and for what leads out of it or is too long to be a path.

    >>> _clean("./usr//bin/"), _clean("/etc/./x"), _clean("a/../b")
    ('usr/bin', 'etc/x', '')
    """
    parts = [part for part in path[: _PATH + 1].split("/") if part not in ("", ".")]
    return "" if ".." in parts or len(path) > _PATH or len(parts) > _DEPTH else "/".join(parts)
