"""Garbage collection beside a registry, over the memory driver, in simulated time."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import pytest
from werkzeug.test import Client

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import UnreachableError
from docker_registry.distribution.model import collection, layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.drivers.memory import Storage
from docker_registry.maintenance.fsck.findings import Kind
from docker_registry.maintenance.fsck.options import DAY, FsckOptions
from docker_registry.maintenance.gc.board import RefusedError
from docker_registry.maintenance.gc.gc import Collector
from docker_registry.maintenance.gc.outcome import Stage
from docker_registry.maintenance.gc.report import JsonReport, TextReport, summed_up
from docker_registry.maintenance.progress import Quiet
from docker_registry.maintenance.retention.rules import Rules
from docker_registry.maintenance.wrong_place import NoRegistryError
from docker_registry.settings import KeepUntagged, Retention
from tests.maintenance.gc.world import AGED, Hooked, Killed, World, manifest
from tests.maintenance.planting import UPLOAD, Plant, descriptor, fsck

OLD, LIVE = [b"old one", b"old two"], [b"live"]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A live image, and one that was deleted; all of it older than the grace period."""
    world = World(monkeypatch)
    assert world.push("app", "live", LIVE) == 201
    assert world.push("app", "old", OLD) == 201
    assert world.push("other", "old", [*OLD[:1], *LIVE]) == 201
    assert world.delete("app", OLD) == 202
    assert world.delete("other", [*OLD[:1], *LIVE]) == 202
    world.time += AGED
    return world


def announced(world: World) -> None:
    """Go on to where the run can be finished."""
    assert world.gc()[0].stage is Stage.ANNOUNCED
    world.time += world.terms.ripe + 1


def gone(world: World) -> bool:
    left = {path.split("/")[-2] for path in world.links()}
    return not any(map(world.has, OLD)) and left == {Digest.of(content).hex for content in (*LIVE, b"{}")}


def test_what_nobody_uses_goes_in_two_runs_and_the_rest_stays(world: World) -> None:
    outcome, _ = world.gc()
    # Two layers in app, three links in other with its config, two manifests and the data of two layers.
    assert (outcome.stage, outcome.announced) == (Stage.ANNOUNCED, 9)
    assert world.gc()[0].stage is Stage.WAITING
    world.time += world.terms.ripe + 1
    outcome, removals = world.gc()
    assert (outcome.stage, outcome.removed, outcome.kept) == (Stage.FINISHED, 9, 0)
    assert all(removal.done for removal in removals)
    assert outcome.freed == sum(map(len, [*OLD, manifest(OLD), manifest([*OLD[:1], *LIVE])]))
    assert gone(world)
    assert world.pulls("app", "live", LIVE)
    assert world.gc()[0].stage is Stage.NOTHING  # at once: nothing waits for the door to run out


def test_fsck_has_nothing_left_to_find(world: World) -> None:
    before = {finding.digest for finding in fsck(world.driver) if finding.kind is Kind.UNLINKED_BLOB}
    assert before == {str(Digest.of(manifest(OLD))), str(Digest.of(manifest([*OLD[:1], *LIVE])))}
    world.days(10)
    assert fsck(world.driver) == []


def test_what_a_refused_manifest_leaves_is_served_to_nobody_and_goes(world: World) -> None:
    refused = manifest([b"never pushed"])
    assert world.push_manifest("app", "refused", [b"never pushed"]) == 400
    digest = Digest.of(refused)
    assert world.client.get(f"/v2/app/manifests/{digest}").status_code == 404
    assert world.has(refused)
    world.days(10)
    assert not world.has(refused)


def test_young_garbage_stays(world: World) -> None:
    assert world.push_blob("app", b"young") == 201
    announced(world)
    world.gc()
    assert world.has(b"young")
    world.days(12)
    assert not world.has(b"young")


def test_a_dry_run_writes_nothing(world: World) -> None:
    before = dict(world.driver._files)
    with Collector(world.driver, FsckOptions(repair=True), Quiet(), world.terms, wall=world.now) as job:
        items = list(job.would())
    assert len(items) == 9
    assert sum(item.size for item in items) > 0
    assert {item.repository for item in items} == {"app", "other", ""}
    assert world.driver._files == before


def test_in_the_wrong_place_nothing_is_written(world: World) -> None:
    wrong = Storage("/elsewhere")
    with pytest.raises(NoRegistryError):
        world.gc(wrong)
    assert not wrong._files


def test_what_is_unused_and_too_young_is_told(world: World) -> None:
    young = [b"young one", b"young two"]
    assert world.push("app", "young", young) == 201
    assert world.delete("app", young) == 202
    world.time += DAY
    outcome, _ = world.gc()
    assert outcome.young
    # Two layers, their links, and the manifest; what is old is announced, and not among it.
    assert (outcome.young.files, outcome.young.size) == (5, sum(map(len, [*young, manifest(young)])))
    assert outcome.old_at == world.time - DAY + world.terms.grace
    assert outcome.announced == 9
    assert [line for line in summed_up(outcome, "") if "5 files" in line and "younger than the grace period" in line]
    with Collector(world.driver, FsckOptions(repair=True), Quiet(), world.terms, wall=world.now) as job:
        list(job.would())
    assert job.outcome.young == outcome.young
    world.time += AGED
    with Collector(world.driver, FsckOptions(repair=True), Quiet(), world.terms, wall=world.now) as job:
        assert len(list(job.would())) == 14
    assert job.outcome.young is None


def test_a_dry_run_says_as_json_what_it_says_as_text(world: World) -> None:
    def dry_run() -> tuple[str, list[dict[str, Any]]]:
        text, lines = io.StringIO(), io.StringIO()
        with Collector(world.driver, FsckOptions(repair=True), Quiet(), world.terms, wall=world.now) as job:
            report = JsonReport(lines)
            for item in job.would():
                report.would(item)
            report.end(job.outcome, dry_run=True)
            TextReport(text).end(job.outcome, dry_run=True)
        return text.getvalue(), [json.loads(line) for line in lines.getvalue().splitlines()]

    text, [*files, last] = dry_run()
    assert "in all 9 files" in text
    assert len(files) == 9
    told = {name: last["summary"][name] for name in ("stage", "announced", "removed", "dry_run")}
    assert told == {"stage": "would be announced", "announced": 9, "removed": 0, "dry_run": True}
    assert sum(count for count, _ in last["summary"]["shares"].values()) == 9
    world.days(10)
    text, [last] = dry_run()
    assert "would be announced" not in text
    assert (last["summary"]["stage"], last["summary"]["announced"]) == ("nothing to collect", 0)


def test_a_dry_run_says_what_is_announced(world: World) -> None:
    def dry_run() -> list[str]:
        with Collector(world.driver, FsckOptions(repair=True), Quiet(), world.terms, wall=world.now) as job:
            list(job.would())
            text = io.StringIO()
            TextReport(text).end(job.outcome, dry_run=True)
        return [line for line in text.getvalue().splitlines() if "announced since" in line]

    assert dry_run() == []
    run = world.gc()[0].run
    world.time += DAY
    assert dry_run()[0].startswith(f"run {run} is announced since ")
    world.time += world.terms.ripe
    assert world.gc()[0].stage is Stage.FINISHED
    assert dry_run() == []


def test_index_children_and_referrers_stay(world: World) -> None:
    child = manifest([b"child"])
    assert world.push("app", "child", [b"child"]) == 201
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [descriptor(child, "application/vnd.oci.image.manifest.v1+json")],
    }
    assert (
        world.client.put(
            "/v2/app/manifests/index", data=json.dumps(index), content_type=str(index["mediaType"])
        ).status_code
        == 201
    )
    subject = descriptor(manifest(LIVE), "application/vnd.oci.image.manifest.v1+json")
    assert world.push("app", "sig", [b"signature"], subject=subject) == 201
    assert world.client.delete("/v2/app/manifests/sig").status_code == 202  # the tag alone
    world.time += AGED
    world.days(12)
    assert all(map(world.has, (b"child", child, b"signature")))
    assert world.pulls("app", "child", [b"child"])


def test_a_repository_with_a_manifest_that_cannot_be_read_keeps_all_of_its_links(world: World) -> None:
    digest = Digest.of(manifest(LIVE))
    world.driver.put_content(layout.blob_data(digest), b"rotten")
    world.time += AGED
    links = [path for path in world.links() if "/app/" in path]
    world.days(12)
    assert [path for path in world.links() if "/app/" in path] == links
    assert world.has(OLD[0])


# Two at a time: whatever is done, at whichever step of the other.

Images = list[tuple[str, str, list[bytes]]]  # repository, tag, layers
Action = Callable[[World, Client | None], Images]  # returns what was acknowledged


def push_again(world: World, client: Client | None) -> Images:
    return [("app", "again", OLD)] if world.push("app", "again", OLD, client) == 201 else []


def push_elsewhere(world: World, client: Client | None) -> Images:
    return [("new", "v1", OLD)] if world.push("new", "v1", OLD, client) == 201 else []


def push_manifest(world: World, client: Client | None) -> Images:
    """The client was told before that the layers are there."""
    return [("app", "again", OLD)] if world.push_manifest("app", "again", OLD, client) == 201 else []


def mount(world: World, client: Client | None) -> Images:
    if any(world.mount("mounted", "app", content, client) != 201 for content in (*OLD, b"{}")):
        return []
    return [("mounted", "v1", OLD)] if world.push_manifest("mounted", "v1", OLD, client) == 201 else []


def delete_and_push(world: World, client: Client | None) -> Images:
    """The live image goes and comes again."""
    assert world.delete("app", LIVE) == 202
    return [("app", "live", LIVE)] if world.push("app", "live", LIVE, client) == 201 else []


ACTIONS = (push_again, push_elsewhere, push_manifest, mount, delete_and_push)


def at_step(n: int, what: Callable[[], object]) -> Callable[[], None]:
    steps = count(1)

    def hook() -> None:
        if next(steps) == n:
            what()

    return hook


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.__name__)
@pytest.mark.parametrize("phase", ["announce", "finish"])
def test_a_push_at_each_step_of_gc(monkeypatch: pytest.MonkeyPatch, action: Action, phase: str) -> None:
    outcomes: list[bool] = []
    for n in count(1):
        world, done = fresh(monkeypatch, phase), list[Images]()
        driver = world.hooked()
        driver.hook = hook = at_step(n, partial(_note, done, action, world, None))
        world.gc(driver, hook)
        if not done:
            break
        settle(world, done[0])
        outcomes.append(bool(done[0]))
    assert any(outcomes)
    assert len(outcomes) > 10


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.__name__)
@pytest.mark.parametrize("phase", ["announce", "finish"])
def test_gc_at_each_step_of_a_push(monkeypatch: pytest.MonkeyPatch, action: Action, phase: str) -> None:
    for n in count(1):
        world, ran = fresh(monkeypatch, phase), list[object]()
        driver = world.hooked()
        driver.hook = at_step(n, partial(_note, ran, world.gc))
        promised = action(world, world.registry(driver))
        if not ran:
            break
        settle(world, promised)
    assert n > 5


def _note(results: list[Any], function: Callable[..., Any], *arguments: Any) -> None:
    results.append(function(*arguments))


@pytest.mark.parametrize("phase", ["announce", "finish"])
def test_gc_killed_at_each_step_leaves_nothing_for_ever(monkeypatch: pytest.MonkeyPatch, phase: str) -> None:
    for n in count(1):
        world = fresh(monkeypatch, phase)
        driver = world.hooked()
        driver.hook = hook = dead_from_step(n)
        try:
            world.gc(driver, hook)
        except Killed:
            settle(world, [])
        else:
            break
    assert n > 10


def dead_from_step(n: int) -> Callable[[], None]:
    """Neither can it give back its lease."""
    steps = count(1)

    def hook() -> None:
        if next(steps) >= n:
            raise Killed

    return hook


def fresh(monkeypatch: pytest.MonkeyPatch, phase: str) -> World:
    world = World(monkeypatch)
    assert world.push("kept", "v1", [b"kept"]) == 201
    assert world.push("app", "live", LIVE) == 201
    assert world.push("app", "old", OLD) == 201
    assert world.delete("app", OLD) == 202
    world.time += AGED
    if phase == "finish":
        announced(world)
    return world


def settle(world: World, promised: Images) -> None:
    """Whatever was acknowledged is there, now and after weeks; whatever was not is gone then."""
    live = ("app", "live", LIVE)
    if world.client.get("/v2/app/manifests/live").status_code == 200:
        promised = [*promised, live]
    assert all(world.pulls(*image) for image in promised)
    world.days(25, every=5)
    assert all(world.pulls(*image) for image in promised)
    # What was not acknowledged may be there all the same.
    served = [tag for name in ("app", "new", "mounted") for tag in ("again", "v1") if world.serves(name, tag)]
    if not served:
        assert not any(map(world.has, OLD))
        assert not world.has(manifest(OLD))


def test_a_run_is_finished_by_another_process_and_two_do_no_harm(world: World) -> None:
    announced(world)
    driver = world.hooked()
    inner: list[Stage] = []
    # The second one begins while the first waits: it must leave it alone.
    world.gc(driver, at_step(2, lambda: inner.append(world.gc()[0].stage)))
    assert inner == [Stage.BUSY]
    assert gone(world)


def test_a_run_whose_notice_was_replaced_removes_nothing(world: World) -> None:
    announced(world)
    notice = collection.Announcement("0" * 32, 1e9, 1e9)

    def replace() -> None:
        world.driver.put_content(collection.NOTICE, notice.encode())

    outcome, removals = world.gc(None, at_step(2, replace))
    assert (outcome.stage, removals) == (Stage.STOPPED, [])
    assert all(map(world.has, OLD))


# What is refused.


def test_beside_distribution_that_takes_pushes(world: World) -> None:
    path = f"{layout.repository('app')}/_uploads/{UPLOAD}/startedat"
    world.driver.put_content(path, b"now")
    with pytest.raises(RefusedError, match=r"written by Distribution 2\.x"):
        world.gc()
    world.time += AGED
    assert world.gc()[0].stage is Stage.ANNOUNCED


def test_a_driver_without_ages(world: World) -> None:
    class Bare(Storage):
        get_aged = Base.get_aged

    with pytest.raises(RefusedError, match="cannot tell ages"):
        world.gc(Bare())

    class Ageless(Hooked):
        def get_aged(self, path: str) -> tuple[bytes, float | None]:
            return super().get_aged(path)[0], None

    world.gc()
    with pytest.raises(RefusedError, match="swift_newest must be on"):
        world.gc(Ageless().sharing(world.driver))


def test_a_registry_that_cannot_read_the_notice_promises_nothing(world: World) -> None:
    class Dark(Hooked):
        def get_aged(self, path: str) -> tuple[bytes, float | None]:
            raise UnreachableError("no answer")

    client = world.registry(Dark().sharing(world.driver))
    assert world.push_blob("app", b"new", client) == 503
    assert world.mount("new", "app", LIVE[0], client) == 503
    assert world.push_manifest("app", "new", LIVE, client) == 503
    assert client.get("/v2/app/manifests/live").status_code == 200


def test_behind_the_door_only_what_goes_is_refused(world: World) -> None:
    announced(world)
    statuses = []

    def push() -> None:
        statuses.append(world.push_blob("app", OLD[0]))
        statuses.append(world.push_blob("app", b"new"))
        statuses.append(world.push_manifest("app", "more", LIVE))

    # It first waits for what an earlier process may have sent, in five steps, then behind its first door.
    assert world.gc(None, at_step(8, push))[0].stage is Stage.FINISHED
    assert statuses == [503, 201, 201]


def test_when_a_run_is_finished_nothing_is_refused_any_more(world: World) -> None:
    announced(world)
    assert world.gc()[0].removed == 9
    assert world.push("app", "again", OLD, world.registry(world.driver)) == 201


def test_what_has_a_veto_is_never_behind_a_door(world: World) -> None:
    announced(world)
    assert world.push("app", "again", OLD) == 201
    statuses = []
    outcome, removals = world.gc(None, lambda: statuses.append(world.push("app", "again", OLD)))
    assert set(statuses) == {201}
    assert outcome.removed == len(removals) > 0
    assert world.pulls("app", "again", OLD)


class Mute(Hooked):
    """Whose removals of some files get no answer."""

    mute = staticmethod(lambda path: False)

    def remove_once(self, path: str) -> None:
        if self.mute(path):
            raise UnreachableError("no answer")
        super().remove_once(path)


def test_a_removal_that_was_not_answered_keeps_its_file_behind_the_door(world: World) -> None:
    announced(world)
    data = layout.blob_data(Digest.of(OLD[1]))
    driver = Mute().sharing(world.driver)
    driver.mute = lambda path: path == data  # type: ignore[attr-defined]
    outcome, removals = world.gc(driver)
    assert outcome.stage is Stage.FINISHED
    assert [removal.item.path for removal in removals if not removal.done] == [data]
    client = world.registry(world.driver)
    assert world.push_blob("app", OLD[1], client) == 503  # the request may act yet
    assert world.push_blob("app", OLD[0], client) == 201
    world.time += world.terms.door + 2 * world.terms.late
    assert world.push_blob("app", OLD[1], client) == 201


def test_a_link_whose_removal_was_not_answered_keeps_its_data(world: World) -> None:
    announced(world)
    driver = Mute().sharing(world.driver)
    driver.mute = lambda path: "/_layers/" in path  # type: ignore[attr-defined]
    world.gc(driver)
    assert all(map(world.has, OLD))
    world.days(12)
    assert gone(world)


def test_what_a_worker_saw_before_it_was_collected_promises_nothing(world: World) -> None:
    announced(world)
    worker, seen = world.registry(world.driver), list[int]()

    def see() -> None:
        for content in (*OLD, b"{}"):
            seen.append(worker.get(f"/v2/app/blobs/{Digest.of(content)}").status_code)

    driver = world.hooked()
    assert world.gc(driver, at_step(10, see))[0].stage is Stage.FINISHED  # the last moment before the links go
    assert seen == [200, 200, 200]
    assert world.push_manifest("app", "again", OLD, worker) == 400
    assert world.mount("new", "app", OLD[0], worker) == 202
    assert world.push("app", "again", OLD, worker) == 201
    assert world.pulls("app", "again", OLD)


def test_one_process_at_a_time(world: World) -> None:
    announced(world)
    stages: list[Stage] = []
    world.gc(world.hooked(), lambda: stages.append(world.gc()[0].stage))
    assert set(stages) == {Stage.BUSY}
    assert gone(world)


def test_what_a_killed_process_was_at_is_taken_up_within_the_hour(world: World) -> None:
    announced(world)
    driver = world.hooked()
    driver.hook = dead_from_step(30)
    with pytest.raises(Killed):
        world.gc(driver)
    outcome, _ = world.gc()
    assert (outcome.stage, outcome.again_in <= 30 * 60.0) == (Stage.BUSY, True)
    world.time += outcome.again_in + 1
    assert world.gc()[0].stage is Stage.FINISHED
    assert gone(world)


def test_a_run_that_takes_long_keeps_its_lease(world: World) -> None:
    announced(world)
    stages: list[Stage] = []

    class Slow(Hooked):
        def get_content(self, path: str) -> bytes:
            """A link that is read."""
            stages.append(world.gc()[0].stage)
            world.time += world.terms.lease / 4
            return super().get_content(path)

    assert world.gc(Slow().sharing(world.driver))[0].stage is Stage.FINISHED
    assert (set(stages), len(stages) > 8) == ({Stage.BUSY}, True)
    assert gone(world)


def test_a_renewal_that_took_long_ends_the_run(world: World) -> None:
    announced(world)

    class Slow(Hooked):
        def get_content(self, path: str) -> bytes:
            world.time += world.terms.lease / 4
            return super().get_content(path)

        def overwrite_once(self, path: str, content: bytes) -> None:
            world.time += world.terms.veto + 1
            super().overwrite_once(path, content)

    outcome, _ = world.gc(Slow().sharing(world.driver))
    assert (outcome.stage, outcome.why) == (Stage.STOPPED, "the storage took too long to renew the lease")


def take(world: World) -> None:
    """The lease, for another process."""
    world.driver.put_content(collection.LEASE, collection.Announcement("0" * 32, 1e9).encode())


def test_a_process_that_was_stopped_leaves_the_lease_alone(world: World) -> None:
    announced(world)

    class Stopped(Hooked):
        def get_content(self, path: str) -> bytes:
            world.time += world.terms.lease
            take(world)
            return super().get_content(path)

    outcome, _ = world.gc(Stopped().sharing(world.driver))
    assert (outcome.stage, outcome.why) == (Stage.STOPPED, "another process took over")
    lease = collection.Announcement.parse(world.driver.get_content(collection.LEASE))
    assert lease.run == "0" * 32


def test_a_run_whose_lease_was_taken_stops_before_its_next_door(world: World) -> None:
    announced(world)
    outcome, removals = world.gc(None, at_step(8, partial(take, world)))
    assert (outcome.stage, outcome.why, removals) == (Stage.STOPPED, "another process took over", [])


def test_a_veto_that_took_long_is_written_again_by_what_counts_then(world: World) -> None:
    """Judged before the door was closed, answered when gc may have looked for it."""
    announced(world)
    slow, waits = world.hooked(), iter([world.terms.closing])

    class Slow(Hooked):
        def overwrite(self, path: str, content: bytes) -> None:
            super().overwrite(path, content)
            if path.startswith(collection.VETOES):
                world.time += next(waits, 0.0)
                close(world)

    client = world.registry(Slow().sharing(slow))
    assert world.push_blob("app", OLD[0], client) == 503


def close(world: World) -> None:
    """Behind a door: all that was announced."""
    said = collection.Announcement.parse(world.driver.get_content(collection.NOTICE))
    door = collection.Announcement(said.run, 1e9, 0.0, said.run)
    world.driver.put_content(collection.DOOR, door.encode())


def test_untagged_manifests_go_before_what_only_they_need(world: World) -> None:
    signed = descriptor(manifest(LIVE), "application/vnd.oci.image.manifest.v1+json")
    assert world.push("app", "sig", [b"signature"], subject=signed) == 201
    assert world.push("app", "moved", [b"first"]) == 201
    assert world.push("app", "moved", [b"second"]) == 201
    assert world.client.delete("/v2/app/manifests/sig").status_code == 202
    world.time += AGED
    for day in range(10):
        if day == 4:
            assert world.push("app", "young", [b"young"]) == 201
            assert world.push("app", "young", [b"younger"]) == 201
        world.time += DAY
        world.gc(untagged=lambda _: AGED)
    assert not world.has(manifest([b"first"]))
    assert not world.has(b"first")
    kept = [[b"second"], LIVE, [b"young"], [b"younger"]]
    assert all(world.has(content) for layers in kept for content in (manifest(layers), *layers))
    assert world.has(b"signature")
    assert fsck(world.driver) == []


def test_manifests_without_a_tag_go_by_the_rule_of_their_repository(world: World) -> None:
    rules = Rules(Retention(untagged=(KeepUntagged(("ci/**",), DAY), KeepUntagged(("prod/*",), 1000 * DAY))))
    for name in ("ci/app", "prod/app", "other"):
        for content in (b"first", b"second"):
            assert world.push(name, "moved", [name.encode(), content]) == 201
    for _ in range(20):
        world.time += DAY
        world.gc(untagged=rules.untagged)
    for name in ("ci/app", "prod/app", "other"):
        assert world.pulls(name, "moved", [name.encode(), b"second"])
        assert world.has(manifest([name.encode(), b"first"])) is (name != "ci/app")
    assert fsck(world.driver) == []


def test_a_manifest_that_is_tagged_again_stays(world: World) -> None:
    assert world.push("app", "moved", [b"first"]) == 201
    assert world.push("app", "moved", [b"second"]) == 201
    world.time += AGED
    world.gc(untagged=lambda _: DAY)
    world.time += world.terms.ripe + 1
    assert world.push_manifest("app", "back", [b"first"]) == 201
    world.gc(untagged=lambda _: DAY)
    assert world.pulls("app", "back", [b"first"])


def test_a_walk_that_is_not_whole_removes_nothing(world: World) -> None:
    class Cut(Hooked):
        def walk(self, path: str | None = None) -> Any:
            rows = list(super().walk(path))
            return iter([row for row in rows if "/_layers/" not in row.path] if path is None else rows)

        def prove_walk(self) -> Any:
            return Storage.walk(self)

    with pytest.raises(RefusedError, match="the first of two listings lacks"):
        world.gc(Cut().sharing(world.driver))


def test_a_damaged_notice_stops_promises_and_gc(world: World) -> None:
    world.driver.put_content(collection.NOTICE, b"{}")
    assert world.push_blob("app", b"new") == 503
    with pytest.raises(RefusedError, match="not what garbage collection writes"):
        world.gc()


def test_old_vetoes_and_lists_are_forgotten(world: World) -> None:
    announced(world)
    assert world.push_blob("app", OLD[0]) == 201
    first = {entry.path for entry in world.driver.walk(collection.FOLDER)}
    assert any(path.startswith(collection.VETOES) for path in first)
    world.days(60)
    Plant(world.driver).blob("app", b"more garbage")
    world.time += AGED
    world.gc()
    left = {entry.path for entry in world.driver.walk(collection.FOLDER)}
    assert not [path for path in left & first if path.startswith((collection.VETOES, collection.LISTS))]
