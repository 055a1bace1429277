"""`retention`: remove the tags that the rules of the config file do not keep."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from docker_registry.core.exceptions import ConfigError, ConnectionError, UnspecifiedError
from docker_registry.maintenance.progress import Quiet, for_terminal
from docker_registry.maintenance.retention.report import JsonReport, TextReport
from docker_registry.maintenance.retention.run import Run

from .options import config_options, load_and_warn

__all__ = ["retention"]

_NOT_RUN, _NOT_WHOLE = 2, 1


@click.command()
@config_options
@click.option("--dry-run", is_flag=True, help="Remove nothing, say what would go and why.")
@click.option("--workers", type=click.IntRange(1, 48), default=8, metavar="N", help="Repositories at a time. [8]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line: tags, then a summary.")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
def retention(config: str | None, flavor: str | None, dry_run: bool, workers: int, as_json: bool, quiet: bool) -> None:
    """Remove the tags that the rules in registry.retention do not keep. Registries may serve meanwhile.

    The images stay until gc takes what nobody uses; until then `tags
    --restore` brings a tag back. Immutable tags stay.

    \b
    The exit status is
      0  when it has looked at all repositories, whether or not anything went,
      1  when the storage did not answer for some of them: run it again,
      2  when it could not run: a wrong option or config file, no rules, no
         login, or a listing of repositories that failed, as when the storage
         is away; containers after that one were not looked at.
    """
    try:
        settings = load_and_warn(config, flavor).settings
        if not settings.retention.tags:
            raise ConfigError("the config file has no rules for tags: add registry.retention.tags (docs/retention.md)")
        run = Run(settings, Quiet() if quiet else for_terminal(), workers, dry_run)
    except UnspecifiedError as error:
        _end(str(error))
    report = JsonReport(sys.stdout, dry_run) if as_json else TextReport(sys.stdout, dry_run)
    try:
        for outcome in run.outcomes():
            report.tell(outcome)
    except ConnectionError as error:
        _end(f"gave up: {error or error.message}")
    report.end(run.summary)
    sys.exit(_NOT_WHOLE if run.summary.failed else 0)


def _end(why: str) -> NoReturn:
    click.echo(f"docker-registry-swift: {why}", err=True)
    sys.exit(_NOT_RUN)
