"""What a call of `gc` has come to, for people who look at the registry's page."""

from __future__ import annotations

from docker_registry.core.driver import Base as Driver
from docker_registry.distribution.storage.results import keep_result

from .gc.outcome import Outcome, Stage

__all__ = ["keep_collected"]

_COUNTS = ("announced", "removed", "freed", "kept", "vetoed")


def keep_collected(driver: Driver, outcome: Outcome) -> None:
    """One request, where the call did anything or found nothing to do; what another one did is not written over."""
    if outcome.stage not in (Stage.WAITING, Stage.BUSY):
        counts = {name: getattr(outcome, name) for name in _COUNTS}
        keep_result(driver, "gc", {"stage": outcome.stage.value, "why": outcome.why, **counts})
