"""Which request of a client a thread or greenlet works for: Swift is told, and each line of the log says it."""

from __future__ import unicode_literals

from .context import ContextVar

MYPY = False
if MYPY:  # Python 2 has no `typing`
    from typing import Any  # noqa: F401

__all__ = ["ENDED", "ENVIRON", "begin", "current", "note", "observe"]

ENVIRON = "docker_registry.request"  # where WSGI's environ has the id
ENDED = "docker_registry.ended"  # and whom the server tells, with the status, when all is sent

_current = ContextVar("request", default="")
_observers = []  # type: list[Any]


def begin(identity):
    # type: (str) -> None
    """From now on this thread or greenlet works for a request of this id; "" for none."""
    _current.set(identity)


def current():
    # type: () -> str
    """The request's id; "" where the work is for none."""
    return _current.get()


def observe(observer):
    # type: (Any) -> None
    """From now on call `observer` with the id, verb, target, status (0: no answer) and seconds of each one to Swift."""
    _observers.append(observer)


def note(verb, target, status, seconds):
    # type: (str, str, int, float) -> None
    """A request to Swift is over."""
    for observer in _observers:
        observer(current(), verb, target, status, seconds)
