"""What `check` tries in the container: on servers that do what they say, that do less, and that lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from docker_registry.drivers.swift.http import connection
from docker_registry.maintenance.check.account import Account
from docker_registry.maintenance.check.check import look_at_storage
from docker_registry.maintenance.check.lines import Level, Line
from docker_registry.settings import DriverConfig, Settings, open_driver
from tests.drivers.mock_gateway import MockGateway
from tests.drivers.mock_swift import MockSwift

HABITS = ("keeps_conditions", "gives_manifests", "nests_manifests", "matches_large")


class Liar(MockGateway):
    """Does what Ceph's gateway does, and says that it is OpenStack's Swift."""

    def __init__(self) -> None:
        super().__init__(most=100)
        self.info = MockSwift(rows=10000).info


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Callable[[MockSwift], tuple[list[Line], Any]]:
    """The lines of `check`, and the habits that are known then."""

    def look(swift: MockSwift) -> tuple[list[Line], Any]:
        monkeypatch.setattr(connection, "http_connection", swift.http_connection)
        swift.put("reg/other", b"of somebody else")
        settings = Settings(storage_path="/reg", driver=DriverConfig(swift.options()))
        account = Account(settings, open_driver(settings))
        lines = list(account.check())
        assert swift.names() == ["reg/other"], "what was tried is removed"
        return lines, account._client.habits

    return look


def test_what_works_is_known_then(look: Callable[[MockSwift], tuple[list[Line], Any]]) -> None:
    lines, habits = look(MockSwift(rows=10000))
    assert [getattr(habits, habit) for habit in HABITS] == [True] * 4
    assert [line for line in lines if line.level is Level.ERROR] == []


def test_what_does_not_is_known_then_and_is_no_error(look: Callable[[MockSwift], tuple[list[Line], Any]]) -> None:
    lines, habits = look(MockGateway(most=100))
    assert [getattr(habits, habit) for habit in HABITS] == [False] * 4
    assert [line for line in lines if line.level is Level.ERROR] == []
    texts = {line.subject: line.text for line in lines}
    assert "the server does not keep them" in texts["conditions"]
    assert "does not give them back" in texts["large objects"]
    assert "have another size" in texts["rows of large objects"]
    assert "is reported as an error" in texts["deleting a large object twice"]


def test_what_a_server_says_and_does_not_do_is_an_error(
    look: Callable[[MockSwift], tuple[list[Line], Any]],
) -> None:
    lines, _ = look(Liar())
    assert sum(line.level is Level.ERROR and line.subject == "trial" for line in lines) == len(HABITS)


def test_a_failure_ends_the_trial_and_leaves_nothing(look: Callable[[MockSwift], tuple[list[Line], Any]]) -> None:
    swift = MockSwift(rows=10000)
    swift.spoil = lambda method, path, query: 403 if "multipart-manifest=put" in query else None
    lines, _ = look(swift)
    [line] = [line for line in lines if line.subject == "trial"]
    assert line.level is Level.WARNING
    assert "403" in line.text


def test_nothing_is_written_where_there_is_no_container(monkeypatch: pytest.MonkeyPatch) -> None:
    swift = MockSwift(rows=10000)
    monkeypatch.setattr(connection, "http_connection", swift.http_connection)
    settings = Settings(storage_path="/reg", driver=DriverConfig(swift.options()))
    list(look_at_storage(settings, open_driver(settings)))
    assert {method for method, _, _ in swift.requests} <= {"GET", "HEAD"}
