"""The one route table: which URL form belongs to which resource."""

from __future__ import annotations

from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter, Map, Rule

from . import base, blobs, catalog, grammar, manifests, referrers, tags, uploads
from .errors import Code, RegistryError
from .resource import Resource

__all__ = ["Routes", "parse"]

_TABLE: list[tuple[str, type[Resource]]] = [
    ("/v2", base.Base),
    ("/v2/_catalog", catalog.Catalog),
    ("/v2/<deep:name>/tags/list", tags.Tags),
    ("/v2/<deep:name>/manifests/<reference>", manifests.Manifests),
    ("/v2/<deep:name>/referrers/<digest>", referrers.Referrers),
    ("/v2/<deep:name>/blobs/<digest>", blobs.Blobs),
    ("/v2/<deep:name>/blobs/uploads", uploads.Uploads),
    ("/v2/<deep:name>/blobs/uploads/<session>", uploads.Upload),
]

_PARSERS = {"name": grammar.check_name, "digest": grammar.parse_digest}


class _Deep(BaseConverter):
    """A repository's name, which has slashes; what is wrong with it is said later."""

    regex = ".*?"
    part_isolating = False


class Routes:
    """Every URL form. A slash at the end makes no difference, as in Distribution."""

    def __init__(self) -> None:
        rules = [Rule(form, endpoint=resource) for form, resource in _TABLE]
        self._adapter = Map(rules, converters={"deep": _Deep}, merge_slashes=False).bind("registry")

    def match(self, path: str) -> tuple[type[Resource], dict[str, str]]:
        """The resource of a path and its variables as text; raises PATH_UNKNOWN."""
        try:
            resource, values = self._adapter.match(path.removesuffix("/"))
        except HTTPException:
            raise RegistryError(Code.PATH_UNKNOWN, detail={"path": path[:160]}) from None
        return resource, dict(values)


def parse(values: dict[str, str]) -> dict[str, Any]:
    """The variables of a URL as values that cannot be wrong; raises NAME_INVALID or DIGEST_INVALID.

    A manifest's reference stays text: what a bad one means depends on the method.
    """
    return {key: _PARSERS[key](text) if key in _PARSERS else text for key, text in values.items()}
