"""What `housekeeping` does, in the process that does it."""

from __future__ import annotations

import logging

from docker_registry.maintenance.progress import Quiet
from docker_registry.maintenance.retention.run import Run
from docker_registry.settings import Settings

__all__ = ["apply_retention"]

log = logging.getLogger(__name__)


def apply_retention(settings: Settings) -> None:
    """Remove the tags that the rules do not keep; each is a line of the log. Raises UnspecifiedError."""
    run = Run(settings, Quiet())
    for _ in run.outcomes():
        pass
    done = run.summary
    log.info(
        "retention looked at %s repositories: %s tags removed, %s failures",
        done.repositories,
        done.removed,
        done.failed,
    )
