"""Which request of a client a thread or greenlet works for: Swift is told, and each line of the log says it."""

from __future__ import unicode_literals

from .deadline import ContextVar

__all__ = ["ENVIRON", "begin", "current"]

ENVIRON = "docker_registry.request"  # where WSGI's environ has the id

_current = ContextVar("request", default="")


def begin(identity):
    # type: (str) -> None
    """From now on this thread or greenlet works for a request of this id; "" for none."""
    _current.set(identity)


def current():
    # type: () -> str
    """The request's id; "" where the work is for none."""
    return _current.get()
