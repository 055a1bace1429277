"""One run over the repositories of one container: what its rules no longer keep goes, or is only told."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from itertools import chain
from typing import NamedTuple

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import ConfigError, UnspecifiedError
from docker_registry.distribution.auth.policy import Policy
from docker_registry.distribution.container import Container, Containers
from docker_registry.distribution.model import grammar, layout
from docker_registry.distribution.storage.deletion import retire_tag
from docker_registry.distribution.storage.store import Store
from docker_registry.distribution.storage.tags import ListedTag, listed_tags

from ..parallel import each
from ..progress import Quiet
from ..wrong_place import refuse_wrong_place
from .rules import Doomed, Rules

__all__ = ["Job", "Outcome", "Summary", "check_driver"]

logger = logging.getLogger(__name__)


class Outcome(NamedTuple):
    """One tag that the rules no longer keep, and what became of it."""

    repository: str
    tag: str
    why: str  # by which rule it goes
    removed: bool
    kept: str = ""  # why it stays all the same, "" where it went or only was looked at
    container: str = ""  # its name, where the config file has several


class Summary:
    """What a run has come to."""

    def __init__(self) -> None:
        self.repositories = 0  # that a rule is for
        self.doomed = 0
        self.removed = 0
        self.failed = 0  # tags and repositories about which the storage gave no answer


def check_driver(driver: Base) -> None:
    """Raises ConfigError for a storage by which nobody can tell what is old."""
    if getattr(type(driver), "remove_once", None) is Base.remove_once:
        raise ConfigError("registry.retention: the storage driver cannot remove a file only once, so nothing may go")


class Job:
    """`wall` gives seconds since the epoch, by a clock near to the storage's."""

    def __init__(
        self,
        rules: Rules,
        policy: Policy,
        progress: Quiet,
        workers: int = 8,
        dry_run: bool = False,
        wall: Callable[[], float] = time.time,
    ):
        self._rules = rules
        self._policy = policy
        self._progress = progress
        self._workers = workers
        self._dry_run = dry_run
        self._wall = wall
        self.summary = Summary()

    def run(self, containers: Containers, container: Container) -> Iterator[Outcome]:
        """Generate what goes, repository by repository.

        Raises ConnectionError where these cannot be listed, NoRegistryError where no registry's files are. A repository
        that cannot be listed is told in the log, and the others go on.
        """
        check_driver(container.driver)
        listed = container.driver.list_prefixes(layout.REPOSITORIES, "/_")
        first = next(listed, None)
        if first is None:
            refuse_wrong_place(container.driver)
            return
        names = (
            name
            for name in chain((first,), listed)
            if grammar.is_name(name) and containers.of(name) is container and self._rules.covers(name)
        )
        with self._progress.step("repositories") as advance:
            for name, outcomes in each(lambda name: self._repository(container, name), names, self._workers):
                advance()
                self.summary.repositories += 1
                if isinstance(outcomes, UnspecifiedError):
                    self.summary.failed += 1
                    logger.warning("retention passes over %s: %s", name, outcomes)
                    continue
                yield from map(self._counted, outcomes)

    def _counted(self, outcome: Outcome) -> Outcome:
        self.summary.doomed += 1
        self.summary.removed += outcome.removed
        return outcome

    def _repository(self, container: Container, name: str) -> list[Outcome]:
        tags = list(listed_tags(container.store, layout.tags(name)))
        return [self._tag(container, name, doomed) for doomed in self._doomed(container.store, name, tags)]

    def _doomed(self, store: Store, name: str, tags: list[ListedTag]) -> list[Doomed]:
        """What goes; a tag that the listing has and the storage no more must not count among the last ones."""
        seen: dict[str, bool] = {}
        while True:
            decision = self._rules.decide(name, (tag for tag in tags if seen.get(tag.name, True)), self._wall())
            unseen = [tag.name for tag in decision.counted if tag.name not in seen]
            if not unseen:
                return decision.doomed
            seen.update((tag, store.has_link(layout.tag_current(name, tag))) for tag in unseen)

    def _tag(self, container: Container, name: str, doomed: Doomed) -> Outcome:
        tag, why = doomed
        outcome = Outcome(name, tag.name, why, removed=False)
        if self._policy.is_immutable(name, tag.name):
            return outcome._replace(kept="it is immutable")
        if self._policy.is_read_only(name):
            return outcome._replace(kept="the repository is read-only")
        if self._dry_run:
            return outcome
        try:
            removed = retire_tag(container.store, name, tag)
        except UnspecifiedError as error:
            self.summary.failed += 1
            return outcome._replace(kept=f"the storage did not answer: {error or error.message}")
        if not removed:
            return outcome._replace(kept="it was pushed or deleted since it was listed")
        logger.info("retention removed %s:%s (%s)", name, tag.name, why)
        return outcome._replace(removed=True)
