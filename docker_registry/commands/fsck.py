"""`fsck`: look for damage in a container, and repair what is safe."""

from __future__ import annotations

import sys

import click

from docker_registry.config import load
from docker_registry.core.driver import Base
from docker_registry.core.exceptions import ConfigError, ConnectionError, UnspecifiedError
from docker_registry.maintenance.fsck.fsck import Fsck
from docker_registry.maintenance.fsck.options import DAY, FsckOptions, in_days
from docker_registry.maintenance.fsck.report import JsonReport, TextReport
from docker_registry.maintenance.progress import Quiet, for_terminal
from docker_registry.maintenance.wrong_place import NoRegistryError
from docker_registry.settings import Settings, open_driver

from .ending import NOT_RUN, end, nothing_here, say, worst
from .options import DAYS, config_options, container_option, containers, json_option, quiet_option, workers_option

__all__ = ["fsck"]

_CLEAN, _DAMAGED = range(2)


@click.command()
@config_options
@container_option
@click.option("--deep", is_flag=True, help="Read and hash every blob.")
@click.option("--repair", is_flag=True, help="Mend what can be mended without losing anything.")
@click.option(
    "--drop-damaged",
    is_flag=True,
    help="Remove blobs that do not have the bytes of their digest, read again first, so that a push stores them anew. "
    "Stop pushes meanwhile.",
)
@click.option("--grace", type=DAYS, default=7.0, help="Remove nothing younger. [7]")
@workers_option
@json_option
@quiet_option
def fsck(
    config: str | None,
    flavor: str | None,
    container: str | None,
    deep: bool,
    repair: bool,
    drop_damaged: bool,
    grace: float,
    workers: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Look for damage in a container, and repair what is safe.

    Registries may serve meanwhile. The report ends with the images that no
    client can pull, and what to do for each. With registry.containers, one
    container comes after the other; the exit status is the worst.

    \b
    The exit status is
      0  when nothing is damaged (any more); waste alone is no damage,
      1  when something is,
      2  when fsck could not run, or not to its end: a wrong option or
         config file, no login, a listing that failed, or one that has
         fewer objects than the container counts,
      3  in the wrong place: no such container, or none of the files in it
         are a registry's that fsck knows (docker-registry's v1 is not);
         of several containers, in none.

    \b
    Examples:
      docker-registry-swift fsck
      docker-registry-swift fsck --deep --repair
      docker-registry-swift fsck --json --quiet
    """
    try:
        settings = load(config, flavor).settings
        options = FsckOptions(
            deep=deep,
            repair=repair,
            drop_damaged=drop_damaged,
            grace=_grace(grace * DAY, settings),
            least_grace=_least_grace(settings),
            upload_age=max(grace, 7.0) * DAY,
            workers=workers,
        )
        chosen = [(name, each, open_driver(each)) for name, each in containers(settings, container)]
    except UnspecifiedError as error:
        end(NOT_RUN, str(error))
    progress = Quiet() if quiet else for_terminal()
    statuses = []
    for name, each, driver in chosen:
        report = JsonReport(sys.stdout, name) if as_json else TextReport(sys.stdout, name)
        statuses.append(_look(each, driver, options, progress, report))
    sys.exit(worst(statuses))


def _look(
    settings: Settings, driver: Base, options: FsckOptions, progress: Quiet, report: JsonReport | TextReport
) -> int:
    """One container, from beginning to end; returns the exit status that it would have alone."""
    with Fsck(driver, options, progress) as job:
        try:
            for finding in job.run():
                report.tell(finding)
        except NoRegistryError:
            return nothing_here(settings, driver)
        except ConnectionError as error:
            say(f"gave up, what is above is not all: {error or error.message}")
            return NOT_RUN
        report.end(job.summary, job.images())
        if job.summary.unseen:
            say(f"what was told is not all: {job.summary.unseen}")
            return NOT_RUN
        return _CLEAN if job.summary.sound else _DAMAGED


def _grace(grace: float, settings: Settings) -> float:
    """Raises ConfigError for a grace period in which a client may still finish an upload."""
    least = _least_grace(settings)
    if grace < least:
        raise ConfigError(
            f"--grace {grace / DAY:g}: an upload may go on for {settings.upload_ttl / DAY:g} d here, "
            f"so give at least {in_days(least)}"
        )
    return grace


def _least_grace(settings: Settings) -> float:
    return 2 * settings.upload_ttl
