"""Settings -> the WSGI application, in the process that serves it."""

from __future__ import annotations

from typing import Any

from docker_registry.config.secret import with_secret
from docker_registry.distribution.app import Registry
from docker_registry.settings import Settings, open_driver
from docker_registry.web.site import Site

from .proxies import TrustedProxies

__all__ = ["assemble"]


def assemble(settings: Settings) -> Any:
    """A registry over its storage, with its page."""
    settings = with_secret(settings)
    registry = Registry(open_driver(settings), settings)
    if settings.page:
        registry.mount(Site(registry.context))
    return TrustedProxies(registry, settings.trusted_proxies)
