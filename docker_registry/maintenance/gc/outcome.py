"""What a run of the command has come to."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from ..fsck.findings import Finding
from .garbage import Item, Young

__all__ = ["CLOCK", "Clock", "Outcome", "Pending", "Removal", "Stage"]


class Stage(str, Enum):
    """What there was to do."""

    WOULD_ANNOUNCE = "would be announced"  # in a dry run
    ANNOUNCED = "announced"
    NOTHING = "nothing to collect"
    WAITING = "waiting for the grace period"
    BUSY = "another process is at it"
    FINISHED = "finished"
    STOPPED = "stopped"


class Removal(NamedTuple):
    """One file, and what became of it."""

    item: Item
    done: bool
    why: str  # where it stayed, why


class Share(NamedTuple):
    """What of it is one repository's."""

    files: int = 0
    size: int = 0  # bytes


class Pending(NamedTuple):
    """A run that was announced and is not finished, as a dry run sees it; times in seconds."""

    run: str
    age: float  # since it was announced
    ripe: float  # of that age it can be finished
    lasts: float  # up to that age it counts


@dataclass
class Outcome:
    """Sizes are in bytes, times in seconds."""

    stage: Stage = Stage.NOTHING
    run: str = ""
    again_in: float = 0.0  # after which the command should be called again
    why: str = ""
    announced: int = 0  # files; in a dry run those that would be
    removed: int = 0
    freed: int = 0
    kept: int = 0
    vetoed: int = 0  # files that were kept because registries said so, before their turn came
    opaque: int = 0  # repositories of which no link was considered
    waste: list[Finding] = field(default_factory=list)  # segments and uploads of nobody
    young: Young | None = None  # what nobody uses, but is younger than the grace period
    old_at: float = 0.0  # when all of `young` is old enough, in seconds since the epoch
    pending: Pending | None = None  # in a dry run
    # What would go, was announced or was removed, by repository; "" for what no repository has a link to.
    shares: dict[str, Share] = field(default_factory=dict)

    def count(self, item: Item) -> None:
        files, size = self.shares.get(item.repository, Share())
        self.shares[item.repository] = Share(files + 1, size + item.size)


class Clock(NamedTuple):
    """Seconds that never go back, and a way to let them pass."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


CLOCK = Clock()
