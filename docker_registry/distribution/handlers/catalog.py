"""`/v2/_catalog`: the names of all repositories, as Distribution has it; the spec has no such call.

A repository is listed once anything was pushed to it, and as long as any of
it is left, with or without a manifest: that is Distribution's notion too.
"""

from __future__ import annotations

from werkzeug.wrappers import Response

from ..model import grammar, layout
from .paging import Listing

__all__ = ["Catalog"]


class Catalog(Listing):
    def get(self) -> Response:
        last = self.request.args.get("last", "")
        if last:
            grammar.check_name(last)
        size = self.size(default=self.settings.page_size_max)
        # Every folder of a repository's own starts with an underscore, and no part of a name does.
        names, more = self.names(layout.REPOSITORIES, "/_", grammar.is_name, last, size)
        return self.answer("/v2/_catalog", {"repositories": names}, names, more)
