"""Say how it stands with a storage before a registry relies on it."""

from __future__ import annotations

from collections.abc import Iterator

from docker_registry.core.driver import Base
from docker_registry.settings import Settings

from .contents import contents
from .lines import Level, Line

__all__ = ["look_at_storage"]


def look_at_storage(settings: Settings, driver: Base) -> Iterator[Line]:
    """Generate lines, as soon as each is known. Raises ConfigError for wrong options."""
    if settings.storage != "swift":
        yield from contents(driver)
        return
    # Not at the top: another storage must not need the swift driver's parts.
    from .account import Account

    account, found = Account(settings, driver), []
    for line in account.check():
        found.append(line)
        yield line
    if any(line.level is Level.ERROR and line.subject in ("login", "container") for line in found):
        return
    lines = list(contents(driver))
    yield from lines
    if any(line.level is Level.WARNING for line in lines):
        yield from account.elsewhere()
