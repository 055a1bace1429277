"""The configuration of a driver that uses an embedded Swift."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from docker_registry.embedded import EmbeddedSwift

__all__ = ["Config", "driver_config"]


class Config(SimpleNamespace):
    """A registry's settings as a driver sees them: attributes, None where unset."""

    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)
        return None


def driver_config(swift: EmbeddedSwift, **options: Any) -> Config:
    """The settings of a driver that uses `swift`; `options` have their full names, such as `swift_container`."""
    return Config(**swift.options(**options))
