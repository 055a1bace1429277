"""When the registry itself collects garbage, in both formats of config file."""

from __future__ import annotations

from typing import Any

import pytest

from docker_registry.core.exceptions import ConfigError
from docker_registry.settings import Collection
from tests.config.test_tags import both


@both
def test_gc(read: Any) -> None:
    assert read("gc: {every: 6h}").gc == Collection(every=6 * 3600.0)
    assert read("gc: {every: 1d, grace: 7d}").gc == Collection(every=86400.0, grace=7 * 86400.0)
    assert read("page_size_max: 100" if read.__name__ == "ours" else "page: true").gc == Collection()


@both
@pytest.mark.parametrize(
    ("section", "why"),
    [
        ("{grace: 7d}", "gc: every: is missing"),
        ("{every: 6h, grace: 48h}", "grace: must be more than 48.4 hours"),
        ("{every: 0s}", "every: must be 1 second or more"),
        ("{every: 6}", "every: must be a time with its unit, such as 30m, 12h or 7d"),
        ("{every: 6h, grace: 3}", "grace: must be a time with its unit"),
        ("{every: 6h, grace: 36501d}", "grace: must be 36500d or less"),
        ("{every: 999999999999h}", "every: must be 36500d or less"),
        ("{every: 6h, untaged: 3d}", "unknown option untaged"),
    ],
)
def test_mistakes_are_named(read: Any, section: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        read(f"gc: {section}")
