"""`demo`: a registry and its own Swift on loopback. `swift`: that Swift alone."""

from __future__ import annotations

import dataclasses
import http.client
import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import click

from docker_registry.core.exceptions import ConfigError
from docker_registry.embedded import EmbeddedError, EmbeddedSwift, run
from docker_registry.embedded.cluster import SwiftCluster
from docker_registry.serving import server
from docker_registry.settings import DriverConfig, Settings

from . import demo_cluster, first_image
from .demo_data import CONTAINER, PATIENCE, program, write_config

__all__ = ["demo", "swift"]

SCREEN = """
  The page       http://{host}/          open it in a browser, or at once
                 http://{host}/ui/r/{image}               an image, its signature and SBOM
                 http://{host}/ui/r/{image}/diff?to={old}   what changed in it
  The registry   http://{host}/v2/
  its Swift      {auth_url}   (user {user}, password {password})
  its images     {data}   ({found})

  Type in another terminal:

    curl http://{host}/v2/_catalog
    curl http://{host}/v2/{name}/tags/list
    skopeo inspect --tls-verify=false docker://{host}/{image}
    skopeo copy --dest-tls-verify=false docker://docker.io/library/busybox docker://{host}/busybox:latest
    podman pull --tls-verify=false {host}/{image}
    podman push --tls-verify=false IMAGE {host}/IMAGE
    docker pull {host}/{image}         (Docker wants no TLS of a registry on 127.0.0.1)
    docker tag IMAGE {host}/IMAGE; docker push {host}/IMAGE

    {program} serve --config {config} --port 0     (a second registry, the same images)

  Ctrl-C stops registry and Swift; the next start finds the images again.
"""


def _default_data() -> str:
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return str(Path(base, "docker-registry-swift", "demo"))


_data = click.option(
    "--data",
    metavar="DIR",
    default=_default_data,
    show_default="in the user's data folder",
    help="Folder for all that is stored.",
)


@click.command()
@_data
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", default=5000, show_default=True)
@click.option("--verbose", "-v", is_flag=True, help="Log every request.")
@click.option(
    "--cluster",
    is_flag=True,
    help="Three registries behind HAProxy on a Swift of three nodes, to break things. Takes 1.2 GB of memory.",
)
def demo(data: str, port: int, verbose: bool, cluster: bool) -> None:
    """Run a registry and its own Swift on this machine, to try things.

    \b
    Examples:
      docker-registry-swift demo
      docker-registry-swift demo --cluster
    """
    if cluster:
        demo_cluster.run(Path(data), port)
        return
    settings = Settings(port=port, access_log=verbose, log_level="info" if verbose else "warning", graceful_timeout=10)
    listener = server.bind(settings)
    server.listen(listener)
    host = "{}:{}".format(*listener.getsockname())
    try:
        with EmbeddedSwift(Path(data, "swift")) as backend:
            options = backend.options(swift_container=CONTAINER)
            config = write_config(Path(data), options)
            watched = os.pidfd_open(backend.pid), os.pidfd_open(os.getpid())
            greeter = _greet_from_child(host, backend, data, config, watched)
            registry = dataclasses.replace(settings, driver=DriverConfig(options))
            own = os.getpid()
            try:
                server.run(registry, listener, lambda: registry)
            finally:
                if os.getpid() == own:  # and not a worker's
                    _end(greeter)  # before Swift ends, which it would complain about
    except EmbeddedError as error:
        raise ConfigError(str(error)) from None


@click.command()
@_data
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", default=0, help="Port of Swift; 0 for any.")
@click.option("--nodes", type=int, metavar="N", help="Run a cluster of so many nodes, each 300 MB.")
@click.option("--replicas", type=int, metavar="N", default=3, show_default=True, help="Of everything in a cluster.")
@click.option("--proxies", type=int, metavar="N", default=1, show_default=True, help="Of a cluster.")
def swift(data: str, port: int, nodes: int | None, replicas: int, proxies: int) -> None:
    """Run only the small OpenStack Swift of `demo`, or one of several nodes.

    \b
    Examples:
      docker-registry-swift swift --data /srv/swift
      docker-registry-swift swift --data /srv/swift --nodes 3
    """
    try:
        if nodes is None:
            sys.exit(run(EmbeddedSwift(Path(data, "swift"), port)))
        sys.exit(run(SwiftCluster(Path(data, "cluster"), port, nodes=nodes, replicas=replicas, proxies=proxies)))
    except EmbeddedError as error:
        raise ConfigError(str(error)) from None


def _greet_from_child(host: str, backend: EmbeddedSwift, data: str, config: Path, watched: tuple[int, int]) -> int:
    """Fork a process that waits for the registry, pushes the first image and prints the screen; its descriptor.

    It then watches Swift and the registry (`watched`, descriptors of the two processes): without its Swift the registry
    is of no use, and ends.
    """
    parent = os.getpid()
    if child := os.fork():
        return os.pidfd_open(child)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    try:
        name, _, port = host.rpartition(":")
        first_image.wait_until_ready(name, int(port), time.monotonic() + PATIENCE)
        found = "with a first image and chart" if first_image.push(name, int(port)) else "found again"
        image = f"{first_image.NAME}:{first_image.TAG}"
        values = {
            "host": host,
            "old": first_image.OLD_TAG,
            "data": data,
            "config": config,
            "name": first_image.NAME,
            "image": image,
        }
        values["program"] = program()
        click.echo(
            SCREEN.format(
                auth_url=backend.auth_url, user=backend.user, password=backend.password, found=found, **values
            )
        )
        _watch(*watched, f"{Path(data, 'swift')} has its log")
    except (OSError, http.client.HTTPException) as error:
        click.echo(f"docker-registry-swift: {error}", err=True)
        os.kill(parent, signal.SIGTERM)
    finally:
        os._exit(0)


def _end(process: int) -> None:
    """End a child (its descriptor), and return when it has ended; gunicorn may have buried it already."""
    with suppress(ProcessLookupError, ChildProcessError):
        signal.pidfd_send_signal(process, signal.SIGTERM)
        os.waitid(os.P_PIDFD, process, os.WEXITED)


def _watch(swift: int, registry: int, hint: str) -> None:
    """Wait until one of two processes ends. Raises OSError when it is Swift that ended first."""
    ended, _, _ = select.select([swift, registry], [], [])
    if registry not in ended:
        raise OSError(f"the Swift of this demo has ended, and the registry ends too; {hint}")
