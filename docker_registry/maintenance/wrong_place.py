"""A storage without a registry's files: no job may call it sound, or write into it."""

from __future__ import annotations

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import UsageError
from docker_registry.distribution.model import layout

__all__ = ["NoRegistryError", "refuse_wrong_place"]


class NoRegistryError(UsageError):
    """The storage has no file of a layout that can be looked at: it is the wrong place, or nothing was pushed yet."""


def refuse_wrong_place(driver: Base) -> None:
    """Before anything is written: raises NoRegistryError where no registry's files are."""
    for folder in (layout.BLOBS, layout.REPOSITORIES, layout.SESSIONS):
        if any(True for _ in driver.walk(folder)):
            return
    raise NoRegistryError("no registry's files are here")
