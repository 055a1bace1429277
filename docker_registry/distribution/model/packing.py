"""How layers begin that are packed, whatever their media type says: `startswith` takes both."""

from __future__ import annotations

__all__ = ["GZIP", "ZSTD"]

GZIP = (b"\x1f\x8b",)  # RFC 1952, 2.3.1
# RFC 8878, 3.1: a frame, or one to be skipped, which pzstd puts first.
ZSTD = (b"\x28\xb5\x2f\xfd", *(bytes([number]) + b"\x2a\x4d\x18" for number in range(0x50, 0x60)))
