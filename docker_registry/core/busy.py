"""A refusal that is no fault of the storage and passes by itself."""

from __future__ import annotations

from .exceptions import UnreachableError

__all__ = ["BusyError"]


class BusyError(UnreachableError):
    """More clients read at a time than are served at a time."""
