"""`/v2/_catalog`: the names of all repositories, as Distribution has it; the spec has no such call.

A repository is listed once anything was pushed to it, and as long as any of
it is left, with or without a manifest: that is Distribution's notion too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from heapq import merge
from itertools import chain, islice

from werkzeug.wrappers import Response

from docker_registry.concurrency.workers import gather
from docker_registry.core.refused import CallerRefusedError

from ..auth.access import CATALOG, Access
from ..container import Container
from ..model import grammar, layout
from .paging import Listing

__all__ = ["Catalog"]

_DELIMITER = "/_"  # every folder of a repository's own starts with an underscore, and no part of a name does


class Catalog(Listing):
    label = "catalog"

    @classmethod
    def needs(cls, method: str, values: Mapping[str, str]) -> list[Access]:
        return [CATALOG]

    def get(self) -> Response:
        last = self.request.args.get("last", "")
        if last:
            grammar.check_name(last)
        size = self.size(default=self.settings.page_size_max)
        names, more = self.names(layout.REPOSITORIES, _DELIMITER, self._is_shown, last, size)
        return self.answer("/v2/_catalog", {"repositories": names}, names, more)

    def listed(self, folder: str, delimiter: str, after: str, page: int) -> Iterator[str]:
        """Of all containers, which are asked side by side; each is asked for more only when its names are used up."""
        streams = gather([partial(self._begun, container, after, page) for container in self.context.containers])
        return merge(*streams, key=lambda name: (name + delimiter).encode())

    def listed_beside(self, name: str, folder: str, delimiter: str, after: str) -> Iterator[str]:
        driver = self.context.containers.of(name).driver
        return iter(driver.list_prefixes(folder, delimiter, after=after, page=1))

    def _begun(self, container: Container, after: str, page: int) -> Iterator[str]:
        """The names of the repositories that a container has by the rules of today, the first one asked for already."""
        listed = container.driver.list_prefixes(layout.REPOSITORIES, _DELIMITER, after=after, page=page)
        names = (name for name in listed if self.context.containers.of(name) is container)
        try:
            return chain(list(islice(names, 1)), names)
        except CallerRefusedError as error:
            if error.has_ended:
                raise
            return iter(())  # what somebody may not see is not in their catalogue

    def _is_shown(self, name: str) -> bool:
        return grammar.is_name(name) and self.gate.may_see(self.caller, name)
