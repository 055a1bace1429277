"""`serve`: the registry, as a config file says."""

from __future__ import annotations

import dataclasses
import secrets

import click

from docker_registry.config import secret
from docker_registry.serving import probe, server
from docker_registry.settings import Settings

from .options import config_options, load_and_warn

__all__ = ["serve"]


@click.command()
@config_options
@click.option("--host", metavar="ADDRESS", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", help="Port to listen on; 0 for any.")
@click.option("--workers", type=click.IntRange(1, 256), metavar="N", help="Processes that serve.")
@click.option("--check/--no-check", default=True, help="Ask the storage before the first request does.")
def serve(config: str | None, flavor: str | None, check: bool, **given: str | int | None) -> None:
    """Run the registry on a Swift, as a config file says.

    SIGTERM lets requests in flight finish; SIGHUP reads the config file again.
    """
    overrides = {name: value for name, value in given.items() if value is not None}
    own = secrets.token_bytes(32)  # one for all workers, also after SIGHUP

    def read() -> Settings:
        settings = dataclasses.replace(load_and_warn(config, flavor).settings, **overrides)  # type: ignore[arg-type]
        if secret.needs_own(settings):
            click.echo(f"warning: {secret.UNSHARED}", err=True)
            settings = dataclasses.replace(settings, secret=own)
        probe.probe(settings, ask=check)
        return settings

    settings = read()
    listener = server.bind(settings)
    host, port = listener.getsockname()[:2]
    url = f"{'https' if settings.tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}/v2/"
    click.echo(f"Serving {settings.storage} on {url}", err=True)
    if host not in ("127.0.0.1", "::1") and not settings.auth.is_on:
        click.echo("warning: no login is asked for: who reaches this port may push and pull", err=True)
    if host not in ("127.0.0.1", "::1") and settings.auth.is_on and not (settings.tls or settings.trusted_proxies):
        click.echo("warning: no TLS: passwords and tokens cross the network as they are", err=True)
    server.run(settings, listener, read)
