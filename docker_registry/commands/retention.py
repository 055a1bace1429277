"""`retention`: remove the tags that the rules of the config file do not keep."""

from __future__ import annotations

import sys

import click

from docker_registry.config import load
from docker_registry.core.exceptions import ConfigError, ConnectionError, UnspecifiedError
from docker_registry.maintenance.progress import Quiet, for_terminal
from docker_registry.maintenance.retention.report import JsonReport, TextReport
from docker_registry.maintenance.retention.run import Run
from docker_registry.maintenance.wrong_place import NoRegistryError
from docker_registry.settings import of_each_container, open_driver

from .ending import NOT_RUN, end, nothing_here, say, worst
from .options import config_options, json_option, quiet_option

__all__ = ["retention"]

_NOT_WHOLE = 1


@click.command()
@config_options
@click.option("--dry-run", is_flag=True, help="Remove nothing, say what would go and why.")
@click.option("--workers", type=click.IntRange(1, 48), default=8, metavar="N", help="Repositories at a time. [8]")
@json_option
@quiet_option
def retention(config: str | None, flavor: str | None, dry_run: bool, workers: int, as_json: bool, quiet: bool) -> None:
    """Remove the tags that the rules in registry.retention do not keep. Registries may serve meanwhile.

    The images stay until gc takes what nobody uses; until then `tags
    --restore` brings a tag back. Immutable tags stay.

    \b
    The exit status is
      0  when it has looked at all repositories, whether or not anything went,
      1  when the storage did not answer for some of them: run it again,
      2  when it could not run, or not on all: a wrong option or config file,
         no rules, no login, or a listing of repositories that failed, as when
         the storage is away; of several containers the others were looked at,
      3  in the wrong place, as with fsck; of several containers, in none.

    \b
    Examples:
      docker-registry-swift retention --dry-run
      docker-registry-swift retention --json --quiet
    """
    try:
        settings = load(config, flavor).settings
        if not settings.retention.tags:
            raise ConfigError("the config file has no rules for tags: add registry.retention.tags (docs/retention.md)")
        run = Run(settings, Quiet() if quiet else for_terminal(), workers, dry_run)
    except UnspecifiedError as error:
        end(NOT_RUN, str(error))
    report = JsonReport(sys.stdout, dry_run) if as_json else TextReport(sys.stdout, dry_run)
    try:
        for outcome in run.outcomes():
            report.tell(outcome)
        status = _NOT_WHOLE if run.summary.failed else 0
    except NoRegistryError:
        sys.exit(worst([nothing_here(each, open_driver(each)) for _, each in of_each_container(settings)]))
    except ConnectionError as error:
        say(f"could not look at all repositories: {error or error.message}")
        status = NOT_RUN
    report.end(run.summary)
    sys.exit(status)
