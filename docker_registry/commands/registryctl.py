"""`registryctl`: Harbor's other server over the registry's storage."""

from __future__ import annotations

import dataclasses
import logging
import os
from typing import Any

import click

from docker_registry.metrics.figures import Figures
from docker_registry.registryctl.config import CALLERS, read
from docker_registry.serving import logs, probe, server
from docker_registry.settings import Settings, of_each_container, open_driver

__all__ = ["registryctl"]

log = logging.getLogger(__name__)


@click.command()
@click.option("-c", "config", required=True, metavar="FILE", help="registryctl's config file, as Harbor writes it.")
@click.option("--host", default="0.0.0.0", metavar="ADDRESS", help="Address to listen on. [0.0.0.0]")
def registryctl(config: str, host: str) -> None:
    """Delete for Harbor's collector what it finds unused, in the place of Harbor's registryctl.

    The registry's config file, which FILE names, says where images lie. The
    variable JOBSERVICE_SECRET has what callers must show. docs/harbor.md says more.

    \b
    Example:
      docker-registry-swift registryctl -c /etc/registryctl/config.yml
    """

    def reread() -> Settings:
        settings, warnings = read(config, os.environ)
        settings = dataclasses.replace(settings, host=host)
        logs.configure(settings)
        for warning in warnings:
            log.warning("%s", warning)
        probe.probe(settings, ask=True)
        return settings

    settings = reread()
    listener = server.bind(settings)
    server.listen(listener)
    scheme = "https" if settings.tls else "http"
    logs.STARTING.info("Serving Harbor's registryctl on %s://%s:%s/api/", scheme, *listener.getsockname()[:2])
    server.run(settings, listener, reread, _load)


def _load(settings: Settings, _figures: Figures) -> Any:
    from docker_registry.registryctl.app import Registryctl  # not before the worker is patched

    default, *others = (open_driver(each) for _, each in of_each_container(settings))
    return Registryctl(default, settings, os.environ[CALLERS], others)
