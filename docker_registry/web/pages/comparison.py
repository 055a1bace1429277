"""What changed from one image of a repository to another."""

from __future__ import annotations

from werkzeug.wrappers import Response

from docker_registry.distribution.errors import Code, RegistryError
from docker_registry.distribution.model import grammar
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.views.differences import compare

from ..visit import Visit
from . import image
from .repository import folders

__all__ = ["page"]


def page(visit: Visit, name: str, reference: grammar.Tag | Digest) -> Response:
    """From `to` (the other one, as it was) to this."""
    other = visit.argument("to").strip()
    if not other:
        raise RegistryError(Code.REQUEST_INVALID, "name the other tag or digest: ?to=1.0")
    against = grammar.parse_reference(other)
    before, after = visit.both(
        lambda: image.find(visit, name, against, ""),
        lambda: image.find(visit, name, reference, ""),
    )
    before = image.same_platform(visit, name, before, after)
    return visit.page(
        "compare.html",
        section="repositories",
        name=name,
        crumbs_above=folders(name),
        short=name.rpartition("/")[2],
        old=against,
        new=reference,
        before=before,
        after=after,
        platform=after.config.platform if after.config else None,
        difference=compare((before.details, before.config), (after.details, after.config)),
    )
