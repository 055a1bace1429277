"""The C library's allocator, told to keep what a worker is about to need again.

A worker reads bodies in blocks of a MiB that it frees a moment later. By
default glibc gives such memory back to the kernel each time, and the kernel
clears it page by page for the next block: a twentieth of the CPU of a push.
"""

from __future__ import annotations

import ctypes

__all__ = ["keep_freed_memory"]

# From glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_LARGEST_MMAP_THRESHOLD = 32 << 20  # bytes; glibc refuses more


def keep_freed_memory(limit: int) -> bool:
    """Keep up to `limit` freed bytes in this process; whether the C library can do that.

    The most that the process ever uses does not grow by it.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # not glibc
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD) and mallopt(_M_TRIM_THRESHOLD, limit))
