"""In whose name a thread or greenlet asks the storage: the registry's own, or somebody's who gave a token for that."""

from __future__ import unicode_literals

from .context import ContextVar, holding

MYPY = False
if MYPY:  # Python 2 has no `typing`
    from contextlib import AbstractContextManager  # noqa: F401
    from typing import Optional  # noqa: F401

__all__ = ["Acting", "begin", "current", "within"]


class Acting(object):
    """Somebody's right to use the storage: a `token`, for as long as that lives.

    Whoever has an equal `key` may see what the storage showed to one of them. `name` is for messages. `has_ended` once
    the storage has said that the token counts no more.
    """

    def __init__(self, key, name, token):
        # type: (str, str, str) -> None
        self.key = key
        self.name = name
        self.token = token
        self.has_ended = False

    def __repr__(self):
        # type: () -> str
        return "Acting({0!r}, ***)".format(self.name)


_current = ContextVar("acting", default=None)  # type: ContextVar[Optional[Acting]]


def current():
    # type: () -> Optional[Acting]
    """In whose name this thread or greenlet asks; None in the registry's own."""
    return _current.get()


def begin(acting):
    # type: (Optional[Acting]) -> None
    """From now on ask in somebody's name, until the end of the `within` around it."""
    _current.set(acting)


def within(acting):
    # type: (Optional[Acting]) -> AbstractContextManager[None]
    """What is done inside is asked in somebody's name."""
    return holding(_current, acting)
