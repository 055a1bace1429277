"""`fsck`: look for damage in a container, and repair what is safe."""

from __future__ import annotations

import sys

import click

from docker_registry.core.exceptions import ConfigError, ConnectionError
from docker_registry.maintenance.fsck.fsck import Fsck
from docker_registry.maintenance.fsck.options import DAY, Options
from docker_registry.maintenance.fsck.report import JsonReport, TextReport
from docker_registry.maintenance.progress import Quiet, for_terminal
from docker_registry.settings import Settings, open_driver

from .options import config_options, load_and_warn

__all__ = ["fsck"]

INCOMPLETE = 2  # exit status: the storage could not be walked to its end


@click.command()
@config_options
@click.option("--deep", is_flag=True, help="Read and hash every blob.")
@click.option("--repair", is_flag=True, help="Mend what can be mended without losing anything.")
@click.option(
    "--drop-damaged",
    is_flag=True,
    help="Remove blobs that do not have the bytes of their digest, read again first, so that a push stores them anew. "
    "Stop pushes meanwhile.",
)
@click.option("--grace", type=click.FloatRange(0), metavar="DAYS", default=7.0, help="Remove nothing younger. [7]")
@click.option("--workers", type=click.IntRange(1, 48), default=16, metavar="N", help="Requests at a time. [16]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line: findings, then a summary.")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
def fsck(
    config: str | None,
    flavor: str | None,
    deep: bool,
    repair: bool,
    drop_damaged: bool,
    grace: float,
    workers: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Look for damage in a container, and repair what is safe.

    Registries may serve meanwhile. The exit status is 0 when nothing is
    damaged (any more), 1 when something is, 2 when the storage could not be
    walked to its end.
    """
    settings = load_and_warn(config, flavor).settings
    options = Options(
        deep=deep,
        repair=repair,
        drop_damaged=drop_damaged,
        grace=_grace(grace * DAY, settings),
        upload_age=max(grace, 7.0) * DAY,
        workers=workers,
    )
    job = Fsck(open_driver(settings), options, Quiet() if quiet else for_terminal())
    report = JsonReport(sys.stdout) if as_json else TextReport(sys.stdout)
    try:
        for finding in job.run():
            report.tell(finding)
    except ConnectionError as error:
        click.echo(f"docker-registry-swift: gave up, what is above is not all: {error or error.message}", err=True)
        sys.exit(INCOMPLETE)
    report.end(job.summary)
    sys.exit(1 if job.summary.unsettled else 0)


def _grace(grace: float, settings: Settings) -> float:
    """Raises ConfigError for a grace period in which a client may still finish an upload."""
    least = 2 * settings.upload_ttl
    if grace < least:
        raise ConfigError(
            f"--grace {grace / DAY:g}: an upload may go on for {settings.upload_ttl / DAY:g} days here, "
            f"so give at least {least / DAY:g}"
        )
    return grace
