"""What chores do, in the process that does them."""

from __future__ import annotations

import pytest

from docker_registry.serving import chores
from docker_registry.settings import Collection, Settings
from tests.maintenance.gc.world import AGED, World


def test_gc_says_in_the_log_what_it_did(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    world = World(monkeypatch)
    monkeypatch.setattr(chores, "open_driver", lambda settings: world.driver)
    settings = Settings(gc=Collection(every=3600.0))
    caplog.set_level("INFO")
    chores.collect_garbage(settings)
    assert "gc: nothing was pushed yet" in caplog.text
    assert world.push("app", "old", [b"old"]) == 201
    assert world.delete("app", [b"old"]) == 202
    world.time += AGED
    chores.collect_garbage(settings)
    assert "gc: app: 4 files" in caplog.text
    assert "run gc again from" in caplog.text
    chores.collect_garbage(settings)
    assert "gc: waiting for the grace period" in caplog.text
