"""The rows of the table, by what they measure."""

from __future__ import annotations

from ..measure import Row
from ..rig import DISTRIBUTION, OURS, WIRE, Rig, Unavailable
from ..targets import Target

__all__ = ["targets"]


def targets(rig: Rig, row: Row, redirect: bool = False, delayed: bool = False) -> dict[str, Target]:
    """Everyone who can do a row; who is not there is noted in it."""
    found: dict[str, Target] = {WIRE: rig.wire(delayed)}
    for name in (OURS, DISTRIBUTION):
        try:
            found[name] = rig.registry(name, redirect, delayed)
        except Unavailable as why:
            row.cell(name).note = str(why)
    return found
