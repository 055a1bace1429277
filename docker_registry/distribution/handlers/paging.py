"""What tags/list and _catalog have in common: `n`, `last` and the Link to the next page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from werkzeug.wrappers import Response

from ..errors import Code, RegistryError
from ..model.lexical_order import lexical, page
from ..resource import Resource

__all__ = ["Listing"]

# Names that a request to the storage brings beyond a page: those that are held back, and those that are none.
_MORE = 100


class Names(Protocol):
    """Generates names in the storage's order, as `Base.list_prefixes` does."""

    def __call__(self, *, after: str, page: int) -> Iterator[str]: ...


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
        self, listed: Names, delimiter: str, valid: Callable[[str], bool], last: str, size: int
    ) -> tuple[list[str], bool]:
        """The valid of all names behind `last` in lexical order, and whether more follow.

        `listed` gives them in the order of name + delimiter.
        """
        if size == 0:
            return [], False
        page_size = size + 1 + _MORE
        found = filter(valid, listed(after=last, page=page_size))

        def exists(name: str) -> bool:
            # The next possible name in the storage's order is this very one.
            before = name + delimiter[:-1] + chr(ord(delimiter[-1]) - 1) + "~"
            return next(listed(after=before, page=1), None) == name

        return page(lexical(found, delimiter, last, exists), size)

    def answer(self, path: str, document: dict[str, Any], names: list[str], more: bool) -> Response:
        """The list as JSON, and how to ask for what follows."""
        response = Response(json.dumps(document) + "\n", content_type="application/json")
        if more:
            query = {"n": self.request.args.get("n") or len(names), "last": names[-1]}
            response.headers["Link"] = f'<{self.path(path, query)}>; rel="next"'
        return response
