"""Costly manifests take turns, with a pause before each."""

from __future__ import annotations

import threading

import pytest

from docker_registry.distribution.errors import RegistryError
from docker_registry.distribution.storage import parsing
from docker_registry.distribution.storage.parsing import Parsing

LARGE = 1_000_000  # bytes


def test_one_costly_manifest_is_read_at_a_time() -> None:
    turns, inside, most, lock = Parsing(), 0, 0, threading.Lock()

    def read() -> None:
        nonlocal inside, most
        with turns.turn(LARGE):
            with lock:
                inside += 1
                most = max(most, inside)
            threading.Event().wait(0.002)
            with lock:
                inside -= 1

    readers = [threading.Thread(target=read) for _ in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert (inside, most) == (0, 1)


def test_the_pause_before_one_is_as_long_as_the_last_took_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    now, pauses = 0.0, []
    monkeypatch.setattr(parsing.time, "monotonic", lambda: now)
    monkeypatch.setattr(parsing.time, "sleep", pauses.append)
    turns = Parsing()
    for seconds in (0.0625, 3600.0, 0.03125):
        with turns.turn(LARGE):
            now += seconds
    with turns.turn(1_000):
        now += 1
    assert pauses == [0.0, 0.0625, parsing._PAUSE_MAX]


def test_what_is_small_waits_for_nobody() -> None:
    turns = Parsing()
    with turns.turn(LARGE), turns.turn(10_000), turns.turn(10_000):
        pass


def test_a_place_that_an_error_gave_back_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "_QUEUE_MAX", 0)
    turns = Parsing()
    with turns.turn(LARGE), pytest.raises(RegistryError), turns.turn(LARGE):
        pass
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), turns.turn(LARGE):
            raise ZeroDivisionError
