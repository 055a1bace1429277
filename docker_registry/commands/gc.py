"""`gc`: remove what nobody uses, while registries serve."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from docker_registry.config import load
from docker_registry.core.driver import Base
from docker_registry.core.exceptions import ConfigError, ConnectionError, UnreachableError, UnspecifiedError
from docker_registry.core.quota import QuotaError
from docker_registry.distribution.model.collection import TERMS, Terms
from docker_registry.maintenance.fsck.options import DAY
from docker_registry.maintenance.gc.board import RefusedError
from docker_registry.maintenance.gc.gc import Collector
from docker_registry.maintenance.gc.options import terms_of, waste_of
from docker_registry.maintenance.gc.outcome import Stage
from docker_registry.maintenance.gc.report import JsonReport, TextReport
from docker_registry.maintenance.last_run import keep_collected
from docker_registry.maintenance.progress import Quiet, for_terminal
from docker_registry.maintenance.retention.rules import Rules
from docker_registry.maintenance.wrong_place import NoRegistryError
from docker_registry.settings import Settings, open_driver

from .ending import NOT_RUN, end, nothing_here, say, worst
from .options import DAYS, config_options, container_option, containers, json_option, quiet_option, workers_option

__all__ = ["gc"]

_DONE, _STOPPED = range(2)


@click.command()
@config_options
@container_option
@click.option("--dry-run", is_flag=True, help="Write and remove nothing.")
@click.option(
    "--grace",
    type=DAYS,
    default=3.0,
    help="Days since what nobody uses was last written, and between the two halves of a run. [3]",
)
@click.option("--untagged", is_flag=True, help="Also manifests that no tag leads to, whatever retention.untagged says.")
@click.option(
    "--older-than",
    type=DAYS,
    help="With --untagged: only those that were pushed so long ago. [30]",
)
@workers_option
@json_option
@quiet_option
def gc(
    config: str | None,
    flavor: str | None,
    container: str | None,
    dry_run: bool,
    grace: float,
    untagged: bool,
    older_than: float | None,
    workers: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Remove layers and manifests that nobody uses any more. Registries may serve meanwhile.

    A run has two halves: one call announces what may go, and one that comes
    after the grace period removes what nobody has used since. So call it now
    and then, with the same options; each call does what is next, says what it
    did, and when to come again. It may be called on several hosts, and killed.
    With registry.containers, one container comes after the other, each with a
    run of its own.

    \b
    The exit status is
      0  when it did what was next, which may be nothing,
      1  when it stopped before its end; the next call goes on,
      2  when it could not run, or refused to remove anything: a wrong option
         or config file, no login, a full quota, a storage that is away, a
         walk that was not whole, pushes by Distribution 2.x,
      3  in the wrong place, as with fsck,
      the worst of these, where there are several containers.

    \b
    Examples:
      docker-registry-swift gc --dry-run
      docker-registry-swift gc
      docker-registry-swift gc --untagged --older-than 30
    """
    try:
        settings = load(config, flavor).settings
        terms, options = _terms(grace * DAY), waste_of(settings.upload_ttl, workers)
        age = _age(untagged, older_than)
        chosen = [(name, each, open_driver(each)) for name, each in containers(settings, container)]
    except UnspecifiedError as error:
        end(NOT_RUN, str(error))
    progress = Quiet() if quiet else for_terminal()
    statuses = []
    for name, each, driver in chosen:
        report = JsonReport(sys.stdout, name) if as_json else TextReport(sys.stdout, name)
        with Collector(driver, options, progress, terms, _ages(settings, age)) as job:
            statuses.append(_collect(each, driver, job, dry_run, report))
    sys.exit(worst(statuses))


def _collect(settings: Settings, driver: Base, job: Collector, dry_run: bool, report: JsonReport | TextReport) -> int:
    """One container; returns the exit status that it would have alone."""
    try:
        if dry_run:
            for item in job.would():
                report.would(item)
        else:
            for removal in job.run():
                report.tell(removal)
    except NoRegistryError:
        return nothing_here(settings, driver)
    except RefusedError as error:
        say(f"nothing was removed: {error}")
        return NOT_RUN
    except UnreachableError as error:
        say(f"gave up; the next call goes on: {error or error.message}")
        return NOT_RUN
    except QuotaError as error:
        say(f"could not run, since it writes small objects before it removes any: raise the quota for the run: {error}")
        return NOT_RUN
    except ConnectionError as error:
        say(f"could not run; mend this, then call it again: {error or error.message}")
        return NOT_RUN
    report.end(job.outcome, dry_run)
    if not dry_run:
        keep_collected(driver, job.outcome)
    return _STOPPED if job.outcome.stage is Stage.STOPPED else _DONE


def _ages(settings: Settings, age: float | None) -> Callable[[str], float | None]:
    """After how many seconds manifests of a repository go without a tag: by the option, else by the file's rules."""
    return (lambda _: age) if age is not None else Rules(settings.retention).untagged


def _terms(grace: float) -> Terms:
    """Raises ConfigError."""
    try:
        return terms_of(grace, TERMS)
    except ValueError as error:
        raise ConfigError(f"--grace {grace / DAY:g}: {error}") from None


def _age(untagged: bool, older_than: float | None) -> float | None:
    """In seconds. Raises ConfigError."""
    if older_than is not None and not untagged:
        raise ConfigError("--older-than is for --untagged: give both")
    return (30.0 if older_than is None else older_than) * DAY if untagged else None
