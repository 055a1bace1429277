"""What the daemons of a cluster do: account totals, postponed listings, expired objects."""

from __future__ import annotations

import logging
import time
from typing import Any

import eventlet
from swift.common.internal_client import InternalClient
from swift.container.updater import ContainerUpdater
from swift.obj.expirer import ObjectExpirer
from swift.obj.updater import ObjectUpdater

from . import configuration
from .options import SwiftOptions

__all__ = ["BackgroundTasks"]

log = logging.getLogger(__name__)


class BackgroundTasks:
    """One round after another, in a greenlet of the process that serves."""

    def __init__(self, options: SwiftOptions):
        layout = configuration.Layout(options)
        conf = configuration.backend(options) | {
            "interval": "1",
            "account_suppression_time": "1",
            "containers_per_second": "0",
            "objects_per_second": "1000",
            "tasks_per_second": "1000",
            "dequeue_from_legacy": "true",
        }
        self._interval = options.tasks_interval
        self._disks = [str(layout.devices / disk) for disk in configuration.DISKS]
        self._containers = ContainerUpdater(conf)
        self._objects = ObjectUpdater(conf)
        client = InternalClient(str(layout.internal_conf), "background tasks", request_tries=1)
        self._expirer = ObjectExpirer(conf, swift=client)

    def run(self) -> None:
        while True:
            eventlet.sleep(self._interval)
            for task in (self._containers.run_once, self._update_listings, self._expirer.run_once):
                self._do(task)

    def _do(self, task: Any) -> None:
        try:
            task()
        except Exception as error:  # noqa: BLE001 - a task that fails is tried again in the next round
            log.warning("%s: %r", task.__qualname__, error)

    def _update_listings(self) -> None:
        # Not run_once: it forks, and the child shares (and drains) the pipe that wakes up eventlet's
        # thread pool, so that clients' PUTs hang until their time-out.
        self._objects.begin = time.time()
        for disk in self._disks:
            self._objects.object_sweep(disk)
