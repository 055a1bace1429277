"""What changed from one image of a repository to another."""

from __future__ import annotations

from werkzeug.wrappers import Response

from docker_registry.distribution.errors import Code, RegistryError
from docker_registry.distribution.model import grammar
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.views.comparing import NotComparedError
from docker_registry.distribution.views.differences import Differences, compare
from docker_registry.distribution.views.files import FileChanges
from docker_registry.distribution.views.images import Details

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
    difference = compare((before.details, before.config), (after.details, after.config))
    files, trouble = _files(visit, name, before.details, after.details)
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
        difference=difference,
        files=files,
        trouble=trouble,
        to_read=_to_read(difference, before.details) if not (files or trouble) else 0,
    )


def _files(visit: Visit, name: str, before: Details, after: Details) -> tuple[FileChanges | None, str]:
    """In which files two images differ, once somebody has asked for it, or why that is not said."""
    files = visit.looker.files
    trouble = files.too_much(before, after)
    if trouble or not visit.argument("files"):
        return None, trouble
    try:
        return files.compare((name, before), (name, after)), ""
    except NotComparedError as error:
        return None, str(error)


def _to_read(difference: Differences, before: Details) -> int:
    """Bytes that a comparison of files would read; 0 where there is none to make."""
    if before.kind.tool:
        return 0
    return sum(layer.size for layer in (*difference.added, *difference.removed))
