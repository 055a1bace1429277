"""What tags/list and _catalog have in common: `n`, `last` and the Link to the next page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from werkzeug.wrappers import Response

from ..errors import Code, RegistryError
from ..model.lexical_order import lexical, page
from ..resource import Resource

__all__ = ["Listing"]

# Names that a request to the storage brings beyond a page: those that are held back, and those that are none.
_MORE = 100


class Listing(Resource):
    """A list of names, cut into pages (spec, "Listing Tags")."""

    def size(self, default: int) -> int:
        """How many names this answer may have; raises PAGINATION_NUMBER_INVALID."""
        text = self.request.args.get("n")
        if text is None:
            return default
        if not (text.isascii() and text.isdecimal()):
            raise RegistryError(Code.PAGINATION_NUMBER_INVALID, "n must be a whole number, 0 or more", {"n": text[:40]})
        digits = text.lstrip("0")[:10]
        return min(int(digits or "0"), self.settings.page_size_max)

    def names(
        self, folder: str, delimiter: str, valid: Callable[[str], bool], last: str, size: int
    ) -> tuple[list[str], bool]:
        """The valid names in a folder behind `last` in lexical order, and whether more follow."""
        if size == 0:
            return [], False
        found = filter(valid, self.listed(folder, delimiter, last, size + 1 + _MORE))

        def exists(name: str) -> bool:
            # The next possible name in the storage's order is this very one.
            before = name + delimiter[:-1] + chr(ord(delimiter[-1]) - 1) + "~"
            return next(self.listed_beside(name, folder, delimiter, before), None) == name

        return page(lexical(found, delimiter, last, exists), size)

    def listed(self, folder: str, delimiter: str, after: str, page: int) -> Iterator[str]:
        """All names behind `after`, in the order of the storage."""
        raise NotImplementedError

    def listed_beside(self, name: str, folder: str, delimiter: str, after: str) -> Iterator[str]:
        """The same, at least of those that are kept where `name` is, for who takes one of them."""
        return self.listed(folder, delimiter, after, page=1)

    def answer(self, path: str, document: dict[str, Any], names: list[str], more: bool) -> Response:
        """The list as JSON, and how to ask for what follows."""
        response = Response(json.dumps(document) + "\n", content_type="application/json")
        if more:
            query = {"n": self.request.args.get("n") or len(names), "last": names[-1]}
            response.headers["Link"] = f'<{self.path(path, query)}>; rel="next"'
        return response
