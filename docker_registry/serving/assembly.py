"""Settings -> the WSGI application, in the process that serves it."""

from __future__ import annotations

from typing import Any

from docker_registry.config.secret import with_secret
from docker_registry.distribution.app import Registry
from docker_registry.settings import Settings, of_each_container, open_driver

from .proxies import TrustedProxies

__all__ = ["assemble"]


def assemble(settings: Settings) -> Any:
    """A registry over its storage."""
    settings = with_secret(settings)
    default, *others = (open_driver(each) for _, each in of_each_container(settings))
    registry = Registry(default, settings, others)
    return TrustedProxies(registry, settings.trusted_proxies, bool(settings.socket), settings.auth.header)
