"""Say how it stands with a storage before a registry relies on it."""

from __future__ import annotations

from collections.abc import Iterator

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import BrokenError, ConfigError, UnspecifiedError
from docker_registry.settings import Settings

from .contents import contents, has_only_notes, is_version_1
from .lines import Level, Line, error, warning

__all__ = ["look_at_storage", "refuse_what_cannot_work", "why_nothing_is_here"]

_DISAGREE = "listings do not agree: one shows no registry's files here, another does"


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
        try:
            prefixes = account.prefixes()
        except UnspecifiedError as failure:
            yield error("container", str(failure) or failure.message)
            return
        if account.prefix in prefixes:
            yield warning("layout", _DISAGREE, "Run it again")
        yield from account.elsewhere(prefixes)


def refuse_what_cannot_work(settings: Settings, driver: Base) -> None:
    """Ask a storage once, and its server what it can do: what `serve` does of `check` before it listens.

    Raises UnreachableError when there is no answer, another UnspecifiedError
    for settings with which no push could succeed.
    """
    driver.exists("files")
    if settings.storage != "swift":
        return
    from .account import Account

    errors = [line for line in Account(settings, driver).abilities() if line.level is Level.ERROR]
    if errors:
        raise ConfigError("; ".join(f"{line.text}. {line.advice}" for line in errors))


def why_nothing_is_here(settings: Settings, driver: Base) -> str:
    """Why a walk found no file of a registry, in one line.

    Raises ConnectionError when the storage does not say, also where another listing has such files.
    """
    if settings.storage != "swift":
        return "no registry's files are here"
    from .account import Account

    account = Account(settings, driver)
    if not account.has_container():
        return f"there is no container {account.container}: check swift_container (storage.swift.container)"
    where = f"in container {account.container}, storage_path {settings.storage_path}"
    if is_version_1(driver):
        return f"{where}: these are files of docker-registry (v1), which fsck does not know, and leaves alone"
    prefixes = account.prefixes()
    if account.prefix in prefixes and not has_only_notes(driver):
        raise BrokenError(f"{where}: {_DISAGREE}. Run it again")
    others = "".join(f"; {line.text}. {line.advice}" for line in account.elsewhere(prefixes))
    return f"{where}: no registry's files are here{others}"
