"""What `housekeeping` does, in the process that does it."""

from __future__ import annotations

import logging

from docker_registry.distribution.auth.policy import Policy
from docker_registry.distribution.container import Containers
from docker_registry.distribution.storage.parsing import Parsing
from docker_registry.maintenance.progress import Quiet
from docker_registry.maintenance.retention.job import Job
from docker_registry.maintenance.retention.rules import Rules
from docker_registry.settings import Settings, of_each_container, open_driver

__all__ = ["apply_retention"]

log = logging.getLogger(__name__)


def apply_retention(settings: Settings) -> None:
    """Remove the tags that the rules do not keep; each is a line of the log. Raises UnspecifiedError."""
    default, *others = (open_driver(each) for _, each in of_each_container(settings))
    containers = Containers(default, others, settings, Parsing())
    job = Job(Rules(settings.retention), Policy(settings.auth.policy, settings.auth.immutable), Quiet())
    for container in containers:
        for _ in job.run(containers, container):
            pass
    done = job.summary
    log.info(
        "retention looked at %s repositories: %s tags removed, %s failures",
        done.repositories,
        done.removed,
        done.failed,
    )
