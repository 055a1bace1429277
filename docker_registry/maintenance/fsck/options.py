"""What fsck is told."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DAY", "FsckOptions"]

DAY = 24 * 3600.0  # seconds


@dataclass(frozen=True)
class FsckOptions:
    """Ages are in seconds."""

    deep: bool = False  # read and hash every blob
    repair: bool = False
    drop_damaged: bool = False  # remove blobs whose bytes are proven wrong, so that a push stores them anew
    grace: float = 7 * DAY  # nothing younger is removed
    upload_age: float = 7 * DAY  # nobody goes on with an upload that old; Distribution 2.x's own limit
    workers: int = 16  # requests at a time

    @property
    def removes(self) -> bool:
        """Whether anything may be removed."""
        return self.repair or self.drop_damaged
