"""What chores do, in the process that does them."""

from __future__ import annotations

import pytest

from docker_registry.distribution.model import collection, layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.maintenance import opening
from docker_registry.serving import chores
from docker_registry.settings import Collection, KeepUntagged, Retention, Settings
from tests.maintenance.gc.world import AGED, World, manifest


def test_gc_says_in_the_log_what_it_did(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    world = World(monkeypatch)
    monkeypatch.setattr(chores, "open_driver", lambda settings: world.driver)
    settings = Settings(gc=Collection(every=3600.0))
    caplog.set_level("INFO")
    nothing = {("registry_gc_removed_files_total",): 0, ("registry_gc_freed_bytes_total",): 0}
    assert chores.collect_garbage(settings) == nothing
    assert "gc: nothing was pushed yet" in caplog.text
    assert world.push("app", "old", [b"old"]) == 201
    assert world.delete("app", [b"old"]) == 202
    world.time += AGED
    chores.collect_garbage(settings)
    assert "gc: app: 4 files" in caplog.text
    assert "run gc again from" in caplog.text
    chores.collect_garbage(settings)
    assert "gc: waiting for the grace period" in caplog.text


def test_retention_of_a_new_registry_is_a_line_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(monkeypatch)
    monkeypatch.setattr(opening, "open_driver", lambda settings: world.driver)
    caplog.set_level("INFO")
    assert chores.apply_retention(Settings()) == {("registry_retention_removed_tags_total",): 0}
    assert "retention: nothing was pushed yet" in caplog.text
    assert list(world.driver.walk()) == []


def test_gc_announces_manifests_without_a_tag_as_the_rules_say(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    monkeypatch.setattr(chores, "open_driver", lambda settings: world.driver)
    for name in ("ci/app", "other"):
        for content in (b"first", b"second"):
            assert world.push(name, "moved", [name.encode(), content]) == 201
    world.time += AGED
    chores.collect_garbage(Settings(retention=Retention(untagged=(KeepUntagged(("ci/**",), 1.0),))))
    notice = collection.Announcement.parse(world.driver.get_content(collection.NOTICE))
    announced = world.driver.get_content(collection.list_path(notice.run))
    links = [layout.revision_link(name, Digest.of(manifest([name.encode(), b"first"]))) for name in ("ci/app", "other")]
    assert [collection.position(announced, collection.file_key(link)) is not None for link in links] == [True, False]
