"""`/v2/<name>/tags/list` (spec, "Listing Tags")."""

from __future__ import annotations

from collections.abc import Iterator

from werkzeug.wrappers import Response

from ..errors import Code, RegistryError
from ..model import grammar, layout
from ..storage.tags import listed_tags
from .paging import Listing

__all__ = ["Tags"]

# Clients that ask for no page know nothing of pages: they get as much as one listing of Swift holds.
_WHOLE = 10_000


class Tags(Listing):
    label = "tags"

    def get(self, name: str) -> Response:
        last = self.request.args.get("last", "")
        if last:
            grammar.parse_tag(last)
        size = self.size(default=max(_WHOLE, self.settings.page_size_max))
        tags, more = self.names(layout.tags(name), "/", grammar.is_tag, last, size)
        if not tags and not self._is_known(name):
            raise RegistryError(Code.NAME_UNKNOWN, f"there is no repository {name}", {"name": name})
        return self.answer(f"/v2/{name}/tags/list", {"name": name, "tags": tags}, tags, more)

    def listed(self, folder: str, delimiter: str, after: str, page: int) -> Iterator[str]:
        return (tag.name for tag in listed_tags(self.store, folder, after, page))

    def _is_known(self, name: str) -> bool:
        """Whether anything was ever pushed to a repository; those below it in name do not count."""
        folders = self.driver.list_prefixes(layout.repository(name), "/", after="_", page=1)
        return next(iter(folders), "").startswith("_")
