"""A registry killed in the midst of every operation that writes: nothing acknowledged is lost, all can be repeated.

`make reliability` kills at every step, and prints the figures.
"""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from docker_registry.embedded import EmbeddedSwift

from . import kills
from .matrix import damage
from .scale import SEED, WHOLE

KILLS = int(os.environ.get("RELIABILITY_KILLS", "250" if WHOLE else "20"))


def test_no_kill_loses_what_was_acknowledged(own_swift: EmbeddedSwift, tmp_path: Path) -> None:
    with kills.Home(own_swift, tmp_path, "kills") as home:
        report = kills.run(home, list(islice(kills.schedule(home, SEED), KILLS)), SEED)
        print(f"kills, seed {SEED}: {report}")
        assert not report.wrong, "\n".join(report.wrong)
        assert report.run == report.planned
    assert damage(own_swift, "kills") == []
