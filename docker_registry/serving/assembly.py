"""Settings -> the WSGI application, in the process that serves it."""

from __future__ import annotations

from typing import Any

from docker_registry.config.secret import with_secret
from docker_registry.core.driver import Base, fetch
from docker_registry.distribution.app import Registry
from docker_registry.distribution.settings import Settings

from .proxies import TrustedProxies

__all__ = ["assemble", "open_driver"]


def open_driver(settings: Settings) -> Base:
    """The storage that the settings name. Raises ConfigError, or UsageError when it is not installed."""
    return fetch(settings.storage)(path=settings.storage_path, config=settings.driver)


def assemble(settings: Settings) -> Any:
    """A registry over its storage."""
    settings = with_secret(settings)
    return TrustedProxies(Registry(open_driver(settings), settings), settings.trusted_proxies)
