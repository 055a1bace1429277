"""A driver whose verbs are timed does what it did, and no verb of the contract is forgotten."""

from __future__ import annotations

import pytest

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import FileNotFoundError
from docker_registry.core.paths import Paths
from docker_registry.drivers.memory import Storage
from docker_registry.metrics.figures import Figures
from docker_registry.serving.debug import measured as module

# What a registry does not ask its driver, or what is no request of its own.
UNTIMED = {
    *("stream_read", "stream_write", "list_directory", "exists", "get_size", "is_private", "get_bytes", "put_bytes"),
    *("get_unicode", "put_unicode", "get_json", "put_json", "time_limit", "figures", "stage"),
    *("prove_walk", "parts", "parts_prefix", "walk_parts", "remove_parts"),
}


def test_each_verb_of_the_contract_is_timed_or_left_out_on_purpose() -> None:
    verbs = {name for name in vars(Base) if not name.startswith("_") and callable(getattr(Base, name))}
    verbs -= set(vars(Paths))
    assert verbs == set(module._ACTIONS) | UNTIMED


def test_what_is_asked_is_answered_and_counted() -> None:
    figures = Figures()
    memory = Storage()
    memory.scheme = "memory"
    driver = module.measured(memory, figures)
    driver.put_content("a/b", b"content")
    assert driver.get_content("a/b") == b"content"
    assert driver.exists("a/b")
    with pytest.raises(FileNotFoundError):
        driver.stat("none")
    assert [entry.path for entry in driver.walk("a")] == ["a/b"]
    next(iter(driver.list_prefixes("", "/")))  # and no further
    counted = {
        labels[-1]: sum(spread[:-1]) for labels, spread in figures.snapshot().spreads.items() if labels[1] == "memory"
    }
    assert counted == {"PutContent": 1, "GetContent": 1, "Stat": 1, "List": 2}
