"""A registry's containers for a job that serves no client."""

from __future__ import annotations

import dataclasses
import secrets

from docker_registry.distribution.container import Containers
from docker_registry.distribution.storage.parsing import Parsing
from docker_registry.settings import Settings, of_each_container, open_driver

__all__ = ["open_containers"]


def open_containers(settings: Settings) -> Containers:
    """All of them. No upload can be begun in them, or gone on with. Raises ConfigError."""
    default, *others = (open_driver(each) for _, each in of_each_container(settings))
    unused = dataclasses.replace(settings, secret=secrets.token_bytes(32))
    return Containers(default, others, unused, Parsing())
