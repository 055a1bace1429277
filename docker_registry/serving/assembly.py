"""Settings -> the WSGI application, in the process that serves it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from docker_registry.config.secret import with_secret
from docker_registry.distribution.app import Registry, Site
from docker_registry.metrics.figures import Figures
from docker_registry.settings import Settings, of_each_container, open_driver

from . import tracing
from .debug import sources
from .debug.health import Guarded, Health, Readiness
from .debug.measured import measured
from .proxies import TrustedProxies

__all__ = ["Assembled", "assemble"]


class Assembled:
    """A registry over its storage, as a WSGI application, with what there is to watch of it."""

    def __init__(self, settings: Settings, figures: Figures):
        settings = with_secret(settings)
        drivers = [open_driver(each) for _, each in of_each_container(settings)]
        if settings.debug:
            drivers = [measured(driver, figures) for driver in drivers]
        default, *others = drivers
        registry = Registry(default, settings, others)
        if settings.page:
            registry.mount(_site(registry))
        self._events = registry.context.events
        figures.ask(partial(sources.of_registry, registry))
        self.health = Health(settings.checks, default)
        self.readiness = Readiness(default)
        self._traced = tracing.Traced(registry, tracing.provider()) if tracing.wanted() else None
        app: Callable[..., Iterable[bytes]] = TrustedProxies(
            self._traced or registry, settings.trusted_proxies, bool(settings.socket), settings.auth.header
        )
        self._app = Guarded(app, self.health) if settings.checks else app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return self._app(environ, start_response)

    def close(self, patience: float) -> None:
        """No request comes any more: send the events and spans that wait, for at most so many seconds."""
        end = time.monotonic() + patience
        self._events.close(patience)
        if self._traced is not None:
            self._traced.close(max(end - time.monotonic(), 0))


def _site(registry: Registry) -> Site:
    # Templates take memory, which those who have the page off need not give.
    from docker_registry.web import site

    return site.Site(registry.context)


def assemble(settings: Settings, figures: Figures) -> Assembled:
    return Assembled(settings, figures)
