"""How far garbage collection and retention are: by what their own commands leave behind."""

from __future__ import annotations

import time

import pytest

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import UnreachableError
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.collection import TERMS
from docker_registry.distribution.storage import quota_book
from docker_registry.distribution.storage.quota_book import Count, Used
from docker_registry.distribution.storage.results import keep_result, last_result
from docker_registry.distribution.views.upkeep import Stage, look
from docker_registry.maintenance.gc.board import Board
from docker_registry.maintenance.gc.gc import Collector
from docker_registry.maintenance.gc.options import waste_of
from docker_registry.maintenance.gc.outcome import Clock
from docker_registry.maintenance.last_run import keep_collected
from docker_registry.maintenance.progress import Quiet
from docker_registry.settings import Auth, Collection, KeepTags, Quota, Quotas, Retention, Rule
from tests.distribution.contents import push_blob, push_image
from tests.web.pages import mounted, visit

DAY = 86400.0


class Hours:
    """A clock of the storage that a test moves."""

    def __init__(self, driver: Base):
        self.now = time.time()
        driver.clock = lambda: self.now  # type: ignore[attr-defined]

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


def collect(driver: Base, hours: Hours) -> None:
    clock = Clock(lambda: hours.now, hours.pass_by)
    with Collector(driver, waste_of(DAY, 1), Quiet(), TERMS, clock=clock, wall=lambda: hours.now) as job:
        for _ in job.run():
            pass
        keep_collected(driver, job.outcome)


def test_a_run_is_followed_from_its_notice_to_its_end(driver: Base) -> None:
    hours = Hours(driver)
    push_image(mounted(driver), "app", "1", b"used")
    push_blob(mounted(driver), "app", b"garbage")

    def stage() -> Stage:
        (found,) = look(mounted(driver).application.context.containers).collecting
        return found.stage

    def words() -> str:
        (row,) = (row for row in visit(mounted(driver), "/ui/storage").table() if row[0] == "Garbage collection")
        return " | ".join(row[1:3])

    assert words() == "Nothing is announced | none is known"
    hours.pass_by(4 * DAY)
    collect(driver, hours)
    assert stage() is Stage.ANNOUNCED
    assert "2 files announced; what is not used again can go from" in words()
    assert "2 files announced, just now" in words()
    hours.pass_by(TERMS.ripe + 1)
    assert stage() is Stage.RIPE
    assert "the next call removes what was not used again" in words()
    Board(driver, TERMS).take_lease("0" * 32, 60.0)
    assert "A process is at it now." in words()
    hours.pass_by(61)
    collect(driver, hours)
    assert stage() is Stage.FINISHED
    assert words() == "Nothing is announced | 2 files removed, 7 B free, just now"


def test_an_old_or_broken_notice_is_none(driver: Base) -> None:
    hours = Hours(driver)
    client = mounted(driver)
    Board(driver, TERMS).announce("1" * 32, ["a"])
    Board(driver, TERMS).close_door("1" * 32, "2" * 32)
    containers = client.application.context.containers
    assert look(containers).collecting[0].stage is Stage.REMOVING
    hours.pass_by(TERMS.notice + TERMS.late + 1)
    assert look(containers).collecting[0].stage is Stage.NONE
    driver.put_content("files/docker/registry/v2/_gc/notice", b"rubbish")
    assert look(containers).collecting[0].stage is Stage.NONE


def test_who_calls_what_is_said_to_those_who_see_everything(driver: Base, client: object) -> None:
    push_image(mounted(driver), "app", "1", b"layer")
    keep_result(driver, "retention", {"removed": 2, "repositories": 1, "failed": 1, "doomed": 3})
    settings = {
        "gc": Collection(every=6 * 3600.0),
        "retention": Retention(tags=(KeepTags(("**",), ("*",), last=3),)),
    }
    words = visit(mounted(driver, **settings), "/ui/storage").words()
    assert "by the registry, every 6 hours" in words
    assert "2 tags of 1 repository removed; the storage did not answer 1 time" in words
    assert "when somebody calls retention" in words
    rules = (Rule(("anonymous",), ("other/**",), ("pull",)),)
    hidden = visit(mounted(driver, auth=Auth(robots=True, policy=rules), **settings), "/ui/storage")
    assert "Upkeep" not in hidden.words()


def test_quotas_and_what_is_used_of_them(driver: Base) -> None:
    push_image(mounted(driver), "app", "1", b"layer")
    rules = (Quota(("team/**",), bytes=1000, tags=10), Quota(("**",), tags=0), Quota(("other",), bytes=5))
    client = mounted(driver, quotas=Quotas(rules))
    quota_book.save(driver, Count(1.0, {"team/**": Used(950, 3), "**": Used(7, 7)}))
    rows = [row for row in visit(client, "/ui/storage").table() if row[0] in ("team/**", "**", "other")]
    assert rows == [
        ["team/**", "bytes", "950 B", "1.0 kB", "nearly all"],
        ["team/**", "tags", "3", "10", ""],
        ["**", "tags", "7", "0", "nearly all"],
        ["other", "bytes", "", "5 B", ""],
    ]
    assert "Counted every 10 minutes" in visit(client, "/ui/storage").words()
    driver.put_content("files/docker/registry/v2/_quotas/count", b"rubbish")
    assert ["team/**", "tags", "", "10", ""] in visit(mounted(driver, quotas=Quotas(rules)), "/ui/storage").table()
    hidden = Auth(robots=True, policy=(Rule(("anonymous",), ("other/**",), ("pull",)),))
    assert "Quotas" not in visit(mounted(driver, quotas=Quotas(rules), auth=hidden), "/ui/storage").words()


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"removed": "x", "stage": 3, "more": [1]}', b"\xff"])
def test_what_is_no_result_is_none(driver: Base, content: bytes) -> None:
    driver.put_content(layout.result("gc"), content)
    found = last_result(driver, "gc")
    assert found is None or "removed" not in found.numbers
    assert visit(mounted(driver), "/ui/storage")


def test_that_a_result_cannot_be_kept_is_no_fault(
    driver: Base, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: object) -> None:
        raise UnreachableError("nobody there")

    monkeypatch.setattr(type(driver), "overwrite", away)
    keep_result(driver, "gc", {"removed": 1})
    assert "could not be written down: nobody there" in caplog.text
