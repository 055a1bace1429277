"""What `housekeeping` does, in the process that does it. Each says what came of it, for the metrics."""

from __future__ import annotations

import logging

from docker_registry.core.exceptions import UnspecifiedError
from docker_registry.maintenance.check.containers import refuse_shared
from docker_registry.maintenance.gc.gc import Collector
from docker_registry.maintenance.gc.options import terms_of, waste_of
from docker_registry.maintenance.gc.report import said, summed_up, what_next
from docker_registry.maintenance.last_run import keep_collected
from docker_registry.maintenance.progress import Quiet
from docker_registry.maintenance.quotas import count
from docker_registry.maintenance.retention.rules import Rules
from docker_registry.maintenance.retention.run import Run
from docker_registry.maintenance.wrong_place import NoRegistryError
from docker_registry.metrics.figures import Key
from docker_registry.settings import Settings, of_each_container, open_driver

__all__ = ["apply_retention", "collect_garbage", "count_for_quotas"]

_WORKERS = 4  # requests at a time, beside those of clients

Counts = dict[Key, float]

_NEARLY = 0.9  # of a quota, from which on it is a line of the log

log = logging.getLogger(__name__)


def apply_retention(settings: Settings) -> Counts:
    """Remove the tags that the rules do not keep; each is a line of the log. Raises UnspecifiedError."""
    run = Run(settings, Quiet())
    try:
        for _ in run.outcomes():
            pass
    except NoRegistryError:
        log.info("retention: nothing was pushed yet")
        return {("registry_retention_removed_tags_total",): 0.0}
    done = run.summary
    log.info(
        "retention looked at %s repositories: %s tags removed, %s failures",
        done.repositories,
        done.removed,
        done.failed,
    )
    return {("registry_retention_removed_tags_total",): done.removed}


def count_for_quotas(settings: Settings) -> Counts:
    """Count what repositories hold; a rule that is nearly used up is a line of the log. Raises UnspecifiedError."""
    found = count(settings)
    for rule in settings.quotas.rules:
        for what, limit, used in zip(("bytes", "tags"), rule[1:], found.used[rule.name], strict=True):
            if limit is not None and used >= _NEARLY * limit:
                log.warning("the quota of %s is nearly used up: %s of %s %s", rule.name, used, limit, what)
    return {}


def collect_garbage(settings: Settings) -> Counts:
    """Do what is next of each container's run; what goes, and what came of it, are lines of the log.

    Raises ConfigError.
    """
    refuse_shared(settings)
    counts: Counts = {("registry_gc_removed_files_total",): 0.0, ("registry_gc_freed_bytes_total",): 0.0}
    for name, each in of_each_container(settings):
        where = f"gc of container {name}" if settings.containers else "gc"
        try:
            for key, number in _collect(each, where).items():
                counts[key] += number
        except NoRegistryError:
            log.info("%s: nothing was pushed yet", where)
        except UnspecifiedError as error:
            log.warning("%s: nothing more is removed: %s", where, error or error.message)
    return counts


def _collect(settings: Settings, where: str) -> Counts:
    options, terms = waste_of(settings.upload_ttl, _WORKERS), terms_of(settings.gc.grace)
    untagged = Rules(settings.retention).untagged
    driver = open_driver(settings)
    with Collector(driver, options, Quiet(), terms, untagged) as job:
        for removal in job.run():
            log.info("%s: %s", where, said(removal))
        for line in (*summed_up(job.outcome, "removed"), what_next(job.outcome)):
            log.info("%s: %s", where, line)
        keep_collected(driver, job.outcome)
        return {
            ("registry_gc_removed_files_total",): job.outcome.removed,
            ("registry_gc_freed_bytes_total",): job.outcome.freed,
        }
