"""A run over a registry in memory: what goes, what is asked again first, and what a listing that lags may not do."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from werkzeug.test import Client

from docker_registry.core.exceptions import ConfigError, UnreachableError
from docker_registry.core.types import Entry
from docker_registry.distribution.app import Registry
from docker_registry.distribution.auth.policy import Policy
from docker_registry.distribution.model import layout
from docker_registry.drivers import memory
from docker_registry.maintenance.progress import Quiet
from docker_registry.maintenance.retention.job import Job, Outcome
from docker_registry.maintenance.retention.rules import Rules
from docker_registry.settings import Immutable, KeepTags, Retention
from tests.core.v1_driver import Storage as V1Storage
from tests.distribution.conftest import SETTINGS
from tests.distribution.contents import image, manifest_url, push, push_blob

DAY = 86400.0
RULES = Retention(
    tags=(
        KeepTags(("ci/**",), ("keep-*",), all=True),
        KeepTags(("ci/**",), ("v*",), last=2),
        KeepTags(("ci/**",), ("*",), younger=3 * DAY),
    )
)


class Lagging(memory.Storage):
    """Its listings may show what is gone, and its requests may be watched."""

    def __init__(self) -> None:
        super().__init__("/registry")
        self.ghosts: list[Entry] = []
        self.before_removal: Callable[[], None] = lambda: None
        self.removal_fails = False

    def walk(self, path: str | None = None) -> Iterator[Entry]:
        known = {entry.path: entry for entry in self.ghosts if entry.path.startswith(f"{path}/")}
        yield from sorted({**known, **{entry.path: entry for entry in super().walk(path)}}.values())

    def stat(self, path: str, newest: bool = False) -> Any:
        if newest and path.endswith("/current/link"):
            self.before_removal()
        return super().stat(path, newest)

    def remove_once(self, path: str) -> None:
        if self.removal_fails:
            raise UnreachableError("no answer")
        super().remove_once(path)


class World:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self.driver = Lagging()
        self.driver.clock = lambda: self.now
        self.registry = Registry(self.driver, SETTINGS)
        self.containers = self.registry.context.containers
        self.containers.default.store.clock = lambda: self.now
        self.client = Client(self.registry)

    def push(self, name: str, *tags: str) -> None:
        """One after another, a minute between two."""
        push_blob(self.client, name, b"{}")
        for tag in tags:
            self.now += 60
            assert push(self.client, name, tag, image(annotations={"for": tag})).status_code == 201

    def job(self, rules: Retention = RULES, policy: Policy | None = None, **options: Any) -> Job:
        return Job(Rules(rules), policy or Policy(()), Quiet(), wall=lambda: self.now, **options)

    def run(self, rules: Retention = RULES, policy: Policy | None = None, **options: Any) -> list[Outcome]:
        return list(self.job(rules, policy, **options).run(self.containers, self.containers.default))

    def tags(self, name: str) -> list[str]:
        found: list[str] = self.client.get(f"/v2/{name}/tags/list").json["tags"]
        return found


@pytest.fixture
def world() -> World:
    world = World()
    world.push("ci/app", "v1", "v2", "keep-1", "x", "v3")
    world.push("prod/app", "v1", "v2", "v3")
    world.now += 3 * DAY
    world.push("ci/app", "y")
    return world


def names(outcomes: list[Outcome]) -> list[str]:
    return sorted(f"{outcome.repository}:{outcome.tag}" for outcome in outcomes)


def test_a_dry_run_says_what_goes_and_removes_nothing(world: World) -> None:
    before = sorted(entry.path for entry in world.driver.walk())
    outcomes = world.run(dry_run=True)
    assert {(each.tag, each.why, each.removed, each.kept) for each in outcomes} == {
        ("v1", "rule 2: not one of the last 2", False, ""),
        ("x", "rule 3: pushed 3.0 days ago, not less than 3.0 days", False, ""),
    }
    assert sorted(entry.path for entry in world.driver.walk()) == before


def test_what_goes_went_from_everywhere_but_its_digest(world: World, caplog: pytest.LogCaptureFixture) -> None:
    digest = world.client.get(manifest_url("ci/app", "v1")).headers["Docker-Content-Digest"]
    with caplog.at_level(logging.INFO):
        assert [outcome.removed for outcome in world.run()] == [True, True]
    assert world.tags("ci/app") == ["keep-1", "v2", "v3", "y"]
    assert world.tags("prod/app") == ["v1", "v2", "v3"]
    assert world.client.get(manifest_url("ci/app", "v1")).status_code == 404
    assert world.client.get(manifest_url("ci/app", digest)).status_code == 200
    assert not [entry.path for entry in world.driver.walk(layout.tags("ci/app")) if "/v1/" in entry.path]
    lines = [record.getMessage() for record in caplog.records if "retention removed" in record.getMessage()]
    assert sorted(lines)[0] == "retention removed ci/app:v1 (rule 2: not one of the last 2)"
    assert len(lines) == 2
    assert world.run() == []


def test_immutable_tags_stay(world: World) -> None:
    policy = Policy((), [Immutable(("ci/**",), ("v*",))])
    outcomes = {outcome.tag: outcome for outcome in world.run(policy=policy)}
    assert (outcomes["v1"].kept, outcomes["v1"].removed, outcomes["x"].removed) == ("it is immutable", False, True)
    assert world.tags("ci/app") == ["keep-1", "v1", "v2", "v3", "y"]


def test_tags_of_a_repository_that_nobody_changes_stay(world: World) -> None:
    before = world.tags("ci/app")
    outcomes = [each for each in world.run(policy=Policy((), read_only=["ci/**"])) if each.repository == "ci/app"]
    assert {(each.kept, each.removed) for each in outcomes} == {("the repository is read-only", False)}
    assert world.tags("ci/app") == before


@pytest.mark.parametrize("again", [image(annotations={"for": "v1"}), image()], ids=["the same", "another"])
def test_a_tag_that_is_pushed_meanwhile_stays(world: World, again: bytes) -> None:
    def push_it() -> None:
        world.driver.before_removal = lambda: None
        world.now += 1
        assert push(world.client, "ci/app", "v1", again).status_code == 201

    world.driver.before_removal = push_it
    outcomes = {outcome.tag: outcome for outcome in world.run()}
    assert (outcomes["v1"].removed, outcomes["v1"].kept) == (False, "it was pushed or deleted since it was listed")
    assert world.client.get(manifest_url("ci/app", "v1")).data == again


def test_a_tag_that_only_a_listing_has_takes_no_place(world: World) -> None:
    """Else v2 would go, though only v3 is left beside it."""
    world.push("ci/app", "v4")
    world.driver.ghosts = [entry for entry in world.driver.walk() if "/tags/v4/" in entry.path]
    world.client.delete(manifest_url("ci/app", "v4"))
    assert world.tags("ci/app") == ["keep-1", "v1", "v2", "v3", "v4", "x", "y"], "as the listing has it"
    assert names(world.run()) == ["ci/app:v1", "ci/app:x"]
    assert world.tags("prod/app") == ["v1", "v2", "v3"]


def test_a_repository_that_does_not_answer_stops_no_other(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.push("ci/broken", "v1", "v2", "v3")
    listed = world.driver.walk_outside

    def broken(path: str, *rest: Any) -> Iterator[Entry]:
        if "broken" in path:
            raise UnreachableError("no answer")
        return listed(path, *rest)

    world.driver.walk_outside = broken  # type: ignore[method-assign]
    job = world.job()
    assert names(list(job.run(world.containers, world.containers.default))) == ["ci/app:v1", "ci/app:x"]
    assert (job.summary.repositories, job.summary.removed, job.summary.failed) == (2, 2, 1)
    assert "retention passes over ci/broken: no answer" in caplog.text


def test_a_removal_without_an_answer_is_told_and_done_by_the_next_run(world: World) -> None:
    world.driver.removal_fails = True
    assert {outcome.kept for outcome in world.run()} == {"the storage did not answer: no answer"}
    world.driver.removal_fails = False
    assert [outcome.removed for outcome in world.run()] == [True, True]


def test_a_storage_that_cannot_say_what_is_old_is_refused() -> None:
    containers = Registry(V1Storage("/", None), dataclasses.replace(SETTINGS, storage="v1")).context.containers
    job = Job(Rules(RULES), Policy(()), Quiet())
    with pytest.raises(ConfigError, match="cannot remove a file only once"):
        next(job.run(containers, containers.default))
