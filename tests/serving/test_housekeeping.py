"""Chores of the master: when they are started, that replicas take turns, and that nothing of them outlives it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from docker_registry.core.exceptions import UnreachableError
from docker_registry.drivers import memory
from docker_registry.metrics.board import Board
from docker_registry.metrics.figures import Key
from docker_registry.serving.housekeeping import Chore, Housekeeping, chores, is_our_turn
from docker_registry.settings import Quota, Quotas, Retention, Settings
from tests.core.v1_driver import Storage as V1Storage

PATIENCE = 30.0  # s
SETTINGS = Settings(storage="memory")


class Master:
    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.log = folder / "log"
        self.log.touch()
        self.board = Board(4)
        self.housekeeping = Housekeeping(self.board, lambda: self.now)
        self.chore = Chore("sweep", 100.0, self.note)

    def note(self, _settings: Settings) -> dict[Key, float]:
        with self.log.open("a") as log:
            log.write("x")
        return {("registry_gc_removed_files_total",): 3}

    def tend(self, *wanted: Chore) -> None:
        self.housekeeping.tend(wanted or (self.chore,), SETTINGS, ())

    def until(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not ready():
            assert time.monotonic() < deadline
            time.sleep(0.01)
            self.tend()

    def done(self) -> int:
        return len(self.log.read_text())


@pytest.fixture
def master(tmp_path: Path) -> Master:
    return Master(tmp_path)


def test_a_chore_comes_after_a_minute_and_then_once_in_its_period(master: Master) -> None:
    for now, done in ((0.0, 0), (59.0, 0), (60.0, 1), (159.0, 1), (160.0, 2), (1000.0, 3), (1001.0, 3)):
        master.now = now
        master.tend()
        master.until(lambda done=done: master.done() == done)  # type: ignore[misc]
        master.until(lambda: not master.housekeeping._running)
    assert master.done() == 3
    assert master.board.read().values == {
        ("registry_chores_total", "sweep", "begun"): 3,
        ("registry_chores_total", "sweep", "done"): 3,
        ("registry_gc_removed_files_total",): 9,
    }


def test_one_that_takes_too_long_is_not_doubled_and_ends_with_the_master(
    master: Master, caplog: pytest.LogCaptureFixture
) -> None:
    reading, writing = os.pipe()

    def hang(_settings: Settings) -> dict[Key, float]:
        os.write(writing, b"x")
        time.sleep(PATIENCE)
        return {}

    chore = Chore("sweep", 1.0, hang)
    for now in (0.0, 1.0, 2.0):
        master.now = now
        master.tend(chore)
    assert os.read(reading, 2) == b"x"
    assert "sweep takes longer than its period of 1 s" in caplog.text
    master.housekeeping.stop()
    os.close(writing)
    assert os.read(reading, 1) == b"", "nobody has the pipe any more"
    os.close(reading)


def test_a_chore_that_fails_ends_quietly_and_comes_again(master: Master) -> None:
    def fail(settings: Settings) -> dict[Key, float]:
        master.note(settings)
        raise UnreachableError("no answer") if master.done() == 1 else ValueError

    chore = Chore("sweep", 1.0, fail)
    for number in (1, 2, 3):
        master.tend(chore)
        master.now += 1
        master.tend(chore)
        deadline = time.monotonic() + PATIENCE
        while master.housekeeping._running:
            assert time.monotonic() < deadline
            time.sleep(0.01)
            master.housekeeping.tend((), SETTINGS, ())
        assert master.done() == number
    found = master.board.read().values
    assert found == {("registry_chores_total", "sweep", outcome): 3 for outcome in ("begun", "failed")}


def test_a_chore_does_not_keep_the_masters_port(master: Master) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def look(settings: Settings) -> dict[Key, float]:
        try:
            os.fstat(listener.fileno())
        except OSError:
            master.note(settings)
        return {}

    for master.now in (0.0, 60.0):
        master.housekeeping.tend([Chore("sweep", 100.0, look)], SETTINGS, [listener.fileno()])
    master.until(lambda: master.done() == 1)
    listener.close()


def test_replicas_take_turns() -> None:
    times = [1_700_000_000.0]
    driver = memory.Storage("/registry")
    driver.clock = lambda: times[-1]
    chore = Chore("sweep", 100.0, lambda _: {})
    turns = [is_our_turn(chore, driver)]
    for step in (1, 88, 2, 1, 108):
        times.append(times[-1] + step)
        turns.append(is_our_turn(chore, driver))
    assert turns == [True, False, False, True, False, True]
    assert is_our_turn(chore._replace(name="other"), driver)


def test_a_storage_that_tells_no_ages_gives_every_replica_its_turn() -> None:
    driver, chore = V1Storage("/", None), Chore("sweep", 100.0, lambda _: {})
    assert [is_our_turn(chore, driver) for _ in range(2)] == [True, True]


def test_what_the_settings_ask_for() -> None:
    assert chores(Settings()) == []
    (chore,) = chores(Settings(retention=Retention(every=60.0)))
    assert chore[:2] == ("retention", 60.0)
    assert chores(Settings(quotas=Quotas(every=60.0))) == []
    (chore,) = chores(Settings(quotas=Quotas((Quota(("a",), 1),), 60.0)))
    assert chore[:2] == ("quotas", 60.0)
