"""A refusal that is the caller's own affair: the storage was asked in their name."""

from __future__ import annotations

from .exceptions import BrokenError

__all__ = ["CallerRefusedError"]


class CallerRefusedError(BrokenError):
    """The storage refuses what somebody asked for by their own token, or, with `has_ended`, the token."""

    has_ended = False
