"""Who is told what happens, in both formats."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from docker_registry.config import load
from docker_registry.core.exceptions import ConfigError
from docker_registry.settings import Endpoint, Settings
from tests.config.test_distribution import merged

ALL = {
    "name": "alistener",
    "disabled": False,
    "url": "https://my.listener.com/event",
    "headers": {"Authorization": ["Bearer x"]},
    "timeout": "500ms",
    "threshold": 5,
    "backoff": "1m",
    "ignoredmediatypes": ["application/octet-stream"],
    "ignore": {"mediatypes": ["text/plain"], "actions": ["pull"]},
    "secret": "key",
    "queue": 50,
}


def read_both(folder: Path, section: dict[str, Any]) -> Settings:
    theirs, ours = folder / "distribution.yml", folder / "classic.yml"
    theirs.write_text(yaml.safe_dump(merged(("notifications", section))))
    ours.write_text(yaml.safe_dump({"test": {"storage": "memory", "registry": {"notifications": section}}}))
    settings, classic = load(str(theirs), environ={}).settings, load(str(ours), environ={}).settings
    assert (classic.endpoints, classic.event_references) == (settings.endpoints, settings.event_references)
    return settings


def test_every_key(tmp_path: Path) -> None:
    small = {"name": "b", "url": "http://b/"}
    section = {
        "endpoints": [ALL, small, {**small, "disabled": True}],
        "events": {"includereferences": True},
    }
    settings = read_both(tmp_path, section)
    assert settings.event_references
    assert settings.endpoints == (
        Endpoint(
            "alistener",
            "https://my.listener.com/event",
            (("Authorization", "Bearer x"),),
            0.5,
            5,
            60,
            frozenset({"application/octet-stream", "text/plain"}),
            frozenset({"pull"}),
            b"key",
            50,
        ),
        Endpoint("b", "http://b/"),
    )


@pytest.mark.parametrize(
    ("endpoint", "complaint"),
    [
        ({"url": "http://a/"}, "endpoints, item 1: name: is missing"),
        ({"name": "a"}, "item 1: url: is missing"),
        ({"name": "a", "url": "a"}, "url: must be a URL"),
        ({"name": "a", "url": "http://a/", "ignore": {"actions": ["read"]}}, "'read' must be one of pull, push"),
        ({"name": "a", "url": "http://a/", "ignore": {"types": ["x"]}}, "ignore: unknown option types"),
        ({"name": "a", "url": "http://a/", "timeout": 0}, "timeout: must be more than 0 seconds"),
        ({"name": "a", "url": "http://a/", "treshold": 1}, "unknown option treshold; did you mean threshold?"),
    ],
)
def test_mistakes(endpoint: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=re.escape(complaint)):
        read_both(tmp_path, {"endpoints": [endpoint]})


def test_two_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name: b is another endpoint's too"):
        read_both(tmp_path, {"endpoints": [{"name": "b", "url": "http://b/"}] * 2})
