"""What a process that gevent has patched must do otherwise."""

from __future__ import unicode_literals

import sys

__all__ = ["breathe", "is_patched"]


def breathe():
    # type: () -> None
    """Let other greenlets of this thread do what I/O is possible now; threads need no such favour."""
    if is_patched():
        import gevent

        # sleep(0) comes back before the loop has looked at a socket. At the highest priority, idle comes back after
        # one look, however much is going on.
        gevent.idle(2)


def is_patched():
    # type: () -> bool
    """Whether gevent has made greenlets of this process's threads."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and monkey.is_module_patched("threading")
