"""Say how it stands with a storage before a registry relies on it."""

from __future__ import annotations

from collections.abc import Iterator

from docker_registry.core.driver import Base
from docker_registry.distribution.settings import Settings

from .contents import contents
from .lines import Level, Line

__all__ = ["look_at_storage"]


def look_at_storage(settings: Settings, driver: Base) -> Iterator[Line]:
    """Generate lines, as soon as each is known. Raises ConfigError for wrong options."""
    if settings.storage == "swift":
        # Not at the top: another storage must not need the swift driver's parts.
        from .account import Account

        failed = False
        for line in Account(settings, driver).check():
            failed = failed or (line.level is Level.ERROR and line.subject in ("login", "container"))
            yield line
        if failed:
            return
    yield from contents(driver)
