"""What reading a config file gives."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from docker_registry.settings import Settings

__all__ = ["Loaded", "default_workers"]


class Loaded(NamedTuple):
    """Settings, and what their reader should be told of the file they came from."""

    settings: Settings
    warnings: list[str]  # options that are understood and not honoured, a line each
    where: str  # the file, and the part of it that was read
    advice: str = ""  # what to do when the storage it names is not there
    unset: Mapping[str, str] = MappingProxyType({})  # option -> the variable that gives its value, and is not set


def default_workers() -> int:
    """One worker for each processor this process may use, at most four."""
    return min(len(os.sched_getaffinity(0)), 4)
