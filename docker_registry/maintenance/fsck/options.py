"""What fsck is told."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["DAY", "FsckOptions", "in_days"]

DAY = 24 * 3600.0  # seconds


@dataclass(frozen=True)
class FsckOptions:
    """Ages are in seconds."""

    deep: bool = False  # read and hash every blob
    repair: bool = False
    drop_damaged: bool = False  # remove blobs whose bytes are proven wrong, so that a push stores them anew
    grace: float = 7 * DAY  # nothing younger is removed
    least_grace: float = 7 * DAY  # no smaller one is taken: a client may still finish an upload
    upload_age: float = 7 * DAY  # nobody goes on with an upload that old; Distribution 2.x's own limit
    workers: int = 16  # requests at a time

    @property
    def removes(self) -> bool:
        """Whether anything may be removed."""
        return self.repair or self.drop_damaged


def in_days(seconds: float) -> str:
    """As an option takes them, and never fewer.

    >>> in_days(7 * DAY), in_days(7200)
    ('7', '0.0834')
    """
    return f"{math.ceil(seconds / DAY * 1e4) / 1e4:.10g}"
