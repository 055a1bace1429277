"""The Range of a download, and the Content-Range of a chunk sent up: pure grammar.

RFC 9110 sections 13.1.5 and 14 for downloads; for chunks the distribution
spec's own form, `<first>-<last>` without a unit ("Pushing a blob in chunks").
Not werkzeug's `parse_range_header`: it gives None both for text that is no
range (200) and for a range that no file can have (416).
"""

from __future__ import annotations

import re

from docker_registry.core.types import BytesRange

__all__ = ["UnsatisfiableError", "content_range", "parse_chunk_range", "parse_range"]

_BYTES = re.compile(r"bytes\s*=\s*(?:(\d+)\s*)?-\s*(\d*)", re.ASCII | re.IGNORECASE)
# Some clients write a chunk's range as HTTP would: "bytes 0-99/*".
_CHUNK = re.compile(r"(?:bytes[ =])?(\d{1,19})-(\d{1,19})(?:/(?:\d+|\*))?", re.ASCII)
_MANY_DIGITS = 18  # more than any size a storage holds


class UnsatisfiableError(ValueError):
    """A range that no file can have a byte of."""


def parse_range(header: str | None) -> BytesRange | None:
    """What part a Range header asks for; None for the whole.

    Several ranges, other units and text that is no range are ignored, as the
    RFC allows. Whether the file has such bytes is for the storage to say.
    Raises UnsatisfiableError for a range that ends before it starts.

    >>> parse_range("bytes=0-99"), parse_range("bytes=7-"), parse_range("bytes=-5"), parse_range("bytes=0-1,5-6")
    ((0, 99), (7, None), (None, 5), None)
    """
    match = _BYTES.fullmatch((header or "").strip())
    if match is None:
        return None
    first, last = (_number(text or "") for text in match.groups())
    if first is None and last is None:
        return None
    if (first is None and last == 0) or (first is not None and last is not None and last < first):
        raise UnsatisfiableError(header)
    return first, last


def content_range(first: int, length: int, size: int) -> str:
    """The Content-Range of an answer that holds `length` bytes of `size`, from `first` on."""
    return f"bytes {first}-{first + length - 1}/{size}"


def parse_chunk_range(header: str) -> tuple[int, int]:
    """The first and last byte, inclusive, of a chunk; raises ValueError for what is no chunk's range."""
    match = _CHUNK.fullmatch(header.strip())
    if match is None:
        raise ValueError(f"Content-Range {header[:60]!r} is not <first>-<last>")
    first, last = int(match[1]), int(match[2])
    if last < first:
        raise ValueError(f"Content-Range {header[:60]!r} ends before it starts")
    return first, last


def _number(digits: str) -> int | None:
    if not digits:
        return None
    return int(digits) if len(digits) <= _MANY_DIGITS else 10**_MANY_DIGITS
