"""Retention over all containers of a registry, as its settings say; what goes is told to those who are notified."""

from __future__ import annotations

from collections.abc import Iterator

from werkzeug.wrappers import Request

from docker_registry.core.exceptions import ConnectionError, UnreachableError
from docker_registry.distribution.auth.caller import Caller, Kind
from docker_registry.distribution.auth.policy import Policy
from docker_registry.distribution.container import Container
from docker_registry.distribution.events import event
from docker_registry.distribution.events.events import Events
from docker_registry.distribution.storage.results import keep_result
from docker_registry.settings import Settings

from ..opening import open_containers
from ..progress import Quiet
from ..wrong_place import NoRegistryError
from .job import Job, Outcome, Summary, check_driver
from .rules import Rules

__all__ = ["Run"]

_FLUSH = 30.0  # s for events that wait at the end
_CALLER = Caller(Kind.USER, "docker-registry-swift retention")
_USER_AGENT = "docker-registry-swift retention"


class Run:
    """Raises ConfigError for what cannot work."""

    def __init__(self, settings: Settings, progress: Quiet, workers: int = 8, dry_run: bool = False):
        self._containers = open_containers(settings)
        for container in self._containers:
            check_driver(container.driver)
        self._dry_run = dry_run
        self._are_several = bool(settings.containers)
        policy = Policy((), settings.auth.immutable, read_only=settings.auth.read_only)
        self._job = Job(Rules(settings.retention), policy, progress, workers, dry_run)
        self._events = Events(settings)

    @property
    def summary(self) -> Summary:
        """Right when `outcomes` has ended."""
        return self._job.summary

    def outcomes(self) -> Iterator[Outcome]:
        """Do it, and generate what became of each tag that the rules do not keep.

        A container that cannot be listed to its end does not keep the others from it. Raises ConnectionError at the
        end, which says which ones could not, and NoRegistryError where no container has a registry's files.
        """
        failed: list[str] = []
        found = False
        try:
            for container in self._containers:
                try:
                    yield from self._outcomes(container)
                    found = True
                except NoRegistryError:
                    continue
                except ConnectionError as error:
                    where = f"container {container.name}: " if self._are_several else ""
                    failed.append(f"{where}{error or error.message}")
            if failed:
                raise UnreachableError("; ".join(failed))
            if not found:
                raise NoRegistryError("no registry's files are here")
            if not self._dry_run:
                keep_result(self._containers.default.driver, "retention", vars(self.summary))
        finally:
            self._events.close(_FLUSH)

    def _outcomes(self, container: Container) -> Iterator[Outcome]:
        for outcome in self._job.run(self._containers, container):
            if outcome.removed:
                self._tell(outcome)
            yield outcome._replace(container=container.name) if self._are_several else outcome

    def _tell(self, outcome: Outcome) -> None:
        request = Request({"REQUEST_METHOD": "DELETE", "HTTP_USER_AGENT": _USER_AGENT})
        self._events.tell("delete", event.of_tag(outcome.repository, outcome.tag), request, _CALLER)
