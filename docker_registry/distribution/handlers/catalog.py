"""`/v2/_catalog`: the names of all repositories, as Distribution has it; the spec has no such call.

A repository is listed once anything was pushed to it, and as long as any of
it is left, with or without a manifest: that is Distribution's notion too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from werkzeug.wrappers import Response

from ..auth.access import CATALOG, Access
from ..model import grammar, layout
from .paging import Listing

__all__ = ["Catalog"]


class Catalog(Listing):
    @classmethod
    def needs(cls, method: str, values: Mapping[str, str]) -> list[Access]:
        return [CATALOG]

    def get(self) -> Response:
        last = self.request.args.get("last", "")
        if last:
            grammar.check_name(last)
        size = self.size(default=self.settings.page_size_max)
        # Every folder of a repository's own starts with an underscore, and no part of a name does.
        names, more = self.names(self._listed, "/_", self._is_shown, last, size)
        return self.answer("/v2/_catalog", {"repositories": names}, names, more)

    def _listed(self, after: str, page: int) -> Iterator[str]:
        return iter(self.driver.list_prefixes(layout.REPOSITORIES, "/_", after, page))

    def _is_shown(self, name: str) -> bool:
        return grammar.is_name(name) and self.gate.may_see(self.caller, name)
