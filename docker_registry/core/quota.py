"""A refusal that only an operator can lift, and that a client should be told of."""

from __future__ import annotations

from .exceptions import BrokenError

__all__ = ["QuotaError"]


class QuotaError(BrokenError):
    """The storage takes nothing more: a quota is used up."""
