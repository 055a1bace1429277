"""The second port and the health checks, in both formats: they mean the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from docker_registry.config import load
from docker_registry.core.exceptions import ConfigError
from docker_registry.settings import Check, Debug, Settings
from tests.config.test_distribution import merged


def read_both(folder: Path, debug: dict[str, Any] | None = None, health: dict[str, Any] | None = None) -> Settings:
    """The settings by Distribution's file; docker-registry's says the same."""
    theirs, ours = folder / "distribution.yml", folder / "classic.yml"
    theirs.write_text(yaml.safe_dump(merged(("http", {"debug": debug or {}}), ("health", health or {}))))
    registry = {name: value for name, value in (("debug", debug), ("health", health)) if value}
    ours.write_text(yaml.safe_dump({"test": {"storage": "memory", "registry": registry}}))
    settings, classic = load(str(theirs), environ={}).settings, load(str(ours), environ={}).settings
    assert (classic.debug, classic.checks) == (settings.debug, settings.checks)
    return settings


def test_nothing_is_watched_unless_it_is_asked_for(tmp_path: Path) -> None:
    settings = read_both(tmp_path)
    assert (settings.debug, settings.checks) == (None, ())


@pytest.mark.parametrize(
    ("debug", "expected"),
    [
        ({"addr": ":5001"}, Debug("0.0.0.0", 5001)),
        ({"addr": "[::1]:5001", "prometheus": {"enabled": False}}, Debug("::1", 5001)),
        ({"addr": "127.0.0.1:5001", "prometheus": {"enabled": True}}, Debug("127.0.0.1", 5001, "/metrics")),
        ({"addr": "localhost:1", "prometheus": {"enabled": True, "path": "/m/n"}}, Debug("localhost", 1, "/m/n")),
    ],
)
def test_the_second_port(debug: dict[str, Any], expected: Debug, tmp_path: Path) -> None:
    assert read_both(tmp_path, debug).debug == expected


def test_checks(tmp_path: Path) -> None:
    health = {
        "storagedriver": {"enabled": True, "interval": "30s", "threshold": 3},
        "file": [{"file": "/run/down", "interval": "1s"}],
        "http": [
            {"uri": "http://a/", "headers": {"X-A": ["b"]}, "statuscode": 204, "timeout": "3s", "threshold": 2},
            {"uri": "https://b/c"},
        ],
        "tcp": [{"addr": "redis:6379", "timeout": "2s", "interval": "5s", "threshold": 0}],
    }
    assert read_both(tmp_path, health=health).checks == (
        Check("storage", interval=30, threshold=3),
        Check("file", "/run/down", interval=1),
        Check("http", "http://a/", status=204, headers=(("X-A", "b"),), timeout=3, threshold=2),
        Check("http", "https://b/c"),
        Check("tcp", "redis:6379", interval=5, timeout=2),
    )
    assert read_both(tmp_path, health={"storagedriver": {"enabled": False, "interval": "30s"}}).checks == ()


@pytest.mark.parametrize(
    ("debug", "health", "complaint"),
    [
        ({"addr": "5001"}, None, "addr: must be an address and a port"),
        ({"prometheus": {"enabled": True}}, None, "addr: is missing"),
        ({"addr": ":1", "prometheus": {"enabled": True, "path": "m"}}, None, "path: must be a path such as /metrics"),
        (None, {"file": "/run/down"}, "file: must be a list"),
        (None, {"file": [{"path": "/run/down"}]}, "file, item 1: unknown option path"),
        (None, {"file": [{"interval": "2s"}]}, "file, item 1: file: is missing"),
        (None, {"http": [{"uri": "a"}]}, "http, item 1: uri: must be a URL"),
        (None, {"http": [{"uri": "http://a", "statuscode": 99}]}, "statuscode: must be a whole number from 100"),
        (None, {"tcp": [{"addr": "redis"}]}, "tcp, item 1: addr: must be an address and a port"),
        (None, {"storagedriver": {"enabled": True, "interval": "1ms"}}, "interval: must be 1 second or more"),
    ],
)
def test_mistakes(debug: dict[str, Any] | None, health: dict[str, Any] | None, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=re.escape(complaint)):
        read_both(tmp_path, debug, health)
