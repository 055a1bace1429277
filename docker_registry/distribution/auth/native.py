"""Slow calls that let go of the interpreter lock, such as bcrypt, beside a process's greenlets."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["in_native_thread"]

T = TypeVar("T")

_THREADS = 2


def in_native_thread(function: Callable[..., T], *args: Any) -> T:
    """Call a function while other greenlets go on; a plain call in a process that gevent has not patched."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        return function(*args)
    return _pool(os.getpid()).apply(function, args)  # type: ignore[no-any-return]


@functools.lru_cache(maxsize=1)
def _pool(pid: int) -> Any:
    """The process's threads for it; a fork needs new ones."""
    from gevent.threadpool import ThreadPool

    return ThreadPool(_THREADS)
