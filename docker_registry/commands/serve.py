"""`serve`: the registry, as a config file says."""

from __future__ import annotations

import dataclasses
import logging
import secrets
import sys

import click

from docker_registry.config import load, secret
from docker_registry.core.exceptions import UnspecifiedError
from docker_registry.serving import logs, probe, server
from docker_registry.settings import Settings

from .options import config_options

__all__ = ["serve"]

log = logging.getLogger(__name__)


@click.command()
@config_options
@click.option("--host", metavar="ADDRESS", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", help="Port to listen on; 0 for any.")
@click.option("--workers", type=click.IntRange(1, 256), metavar="N", help="Processes that serve.")
@click.option("--check/--no-check", default=True, help="Ask the storage before the first request does.")
def serve(config: str | None, flavor: str | None, check: bool, **given: str | int | None) -> None:
    """Run the registry on a Swift, as a config file says.

    SIGTERM lets requests in flight finish; SIGHUP reads the config file again.

    \b
    Example:
      docker-registry-swift serve --config config.yml --port 5000
    """
    overrides = {name: value for name, value in given.items() if value is not None}
    own = secrets.token_bytes(32)  # one for all workers, also after SIGHUP

    def read() -> Settings:
        loaded = load(config, flavor)
        settings = dataclasses.replace(loaded.settings, **overrides)  # type: ignore[arg-type]
        logs.configure(settings)
        for warning in loaded.warnings:
            log.warning("%s", warning)
        for doubt in secret.doubts(settings, loaded.unset):
            log.warning("%s", doubt)
        if secret.needs_own(settings):
            log.warning("%s", secret.UNSHARED)
            settings = dataclasses.replace(settings, secret=own)
        return settings

    def reread() -> Settings:
        settings = read()
        probe.probe(settings, ask=check)
        return settings

    settings = read()
    try:
        listener = server.bind(settings)  # before the storage is asked, which may take long
        debug = server.bind_debug(settings)
        probe.probe(settings, ask=check)
    except UnspecifiedError as error:
        if not settings.log_json:
            raise
        log.critical("%s", error)
        sys.exit(1)
    server.listen(listener)
    if debug:
        server.listen(debug)
        _say_where_debug(settings, *debug.getsockname()[:2])
    if settings.socket:
        logs.STARTING.info("Serving %s on unix:%s", settings.storage, settings.socket)
    else:
        _say_where(settings, *listener.getsockname()[:2])
    server.run(settings, listener, reread, debug=debug)


def _say_where_debug(settings: Settings, host: str, port: int) -> None:
    address = f"[{host}]" if ":" in host else host
    metrics = settings.debug.metrics if settings.debug else ""
    pages = " ".join(filter(None, (metrics, "/debug/health", "/healthz", "/readyz")))
    logs.STARTING.info("Watched on http://%s:%s: %s", address, port, pages)


def _say_where(settings: Settings, host: str, port: int) -> None:
    address = f"[{host}]" if ":" in host else host
    scheme = "https" if settings.tls else "http"
    logs.STARTING.info("Serving %s on %s://%s:%s/v2/", settings.storage, scheme, address, port)
    if host in ("127.0.0.1", "::1"):
        return
    if not settings.auth.is_on:
        log.warning("no login is asked for: whoever reaches this port may push and pull")
    elif not (settings.tls or settings.trusted_proxies):
        log.warning("no TLS: passwords and tokens cross the network as they are")
