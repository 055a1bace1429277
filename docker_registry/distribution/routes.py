"""The one route table: which URL form belongs to which resource."""

from __future__ import annotations

import re
from typing import Any

from .errors import Code, RegistryError
from .handlers import blobs, catalog, manifests, referrers, root, tags, uploads, version
from .model import grammar
from .resource import Resource

__all__ = ["match", "parse"]

# A repository's name has slashes; what is wrong with it is said later. The first that fits counts.
_TABLE: list[tuple[re.Pattern[str], type[Resource]]] = [
    (re.compile(form), resource)
    for form, resource in (
        (r"/v2/(?P<name>.*)/manifests/(?P<reference>[^/]+)", manifests.Manifests),
        (r"/v2/(?P<name>.*)/blobs/uploads", uploads.Uploads),
        (r"/v2/(?P<name>.*)/blobs/uploads/(?P<session>[^/]+)", uploads.Upload),
        (r"/v2/(?P<name>.*)/blobs/(?P<digest>[^/]+)", blobs.Blobs),
        (r"/v2/(?P<name>.*)/tags/list", tags.Tags),
        (r"/v2/(?P<name>.*)/referrers/(?P<digest>[^/]+)", referrers.Referrers),
        (r"/v2/_catalog", catalog.Catalog),
        (r"/v2", version.Version),
        (r"", root.Root),
    )
]

_PARSERS = {"name": grammar.check_name, "digest": grammar.parse_digest}


def match(path: str) -> tuple[type[Resource], dict[str, str]]:
    """The resource of a path and its variables as text; raises PATH_UNKNOWN.

    A slash at the end makes no difference, as in Distribution.
    """
    for form, resource in _TABLE:
        found = form.fullmatch(path.removesuffix("/"))
        if found:
            return resource, found.groupdict()
    raise RegistryError(Code.PATH_UNKNOWN, detail={"path": path[:160]})


def parse(values: dict[str, str]) -> dict[str, Any]:
    """The variables of a URL as values that cannot be wrong; raises NAME_INVALID or DIGEST_INVALID.

    A manifest's reference stays text: what a bad one means depends on the method.
    """
    return {key: _PARSERS[key](text) if key in _PARSERS else text for key, text in values.items()}
