"""Images of docker-registry's v1 in the same storage: shown, and never changed."""

from __future__ import annotations

from bisect import bisect_right

from werkzeug.wrappers import Response

from docker_registry.core.exceptions import UsageError
from docker_registry.distribution.errors import Code, RegistryError
from docker_registry.distribution.views.names import has_words

from .. import words
from ..visit import Visit

__all__ = ["image", "index", "tags"]

_PAGE = 50  # repositories or tags


def index(visit: Visit) -> Response:
    query, after = visit.argument("q").strip(), visit.argument("after")
    every = [name for name in visit.looker.old.names() if has_words(name, query) and visit.may(name, "pull")]
    shown, following = _part(every, after)
    return visit.page(
        "v1.html",
        section="repositories",
        name="",
        rows=shown,
        total=len(every),
        following=visit.url("v1", {"q": query, "after": following}),
        is_last=not following,
    )


def tags(visit: Visit, name: str) -> Response:
    every = _found(visit, name)
    shown, following = _part(every, visit.argument("after"))
    return visit.page(
        "v1.html",
        section="repositories",
        name=name,
        rows=[(tag, words.moment(tag.created)) for tag in visit.looker.old.meanings(name, shown)],
        total=len(every),
        following=visit.url(f"v1/{name}", {"after": following}),
        is_last=not following,
    )


def image(visit: Visit, name: str, tag: str) -> Response:
    if tag not in _found(visit, name):
        raise RegistryError(Code.MANIFEST_UNKNOWN, f"there is no tag {tag} of v1 in {name}")
    try:
        shown = visit.looker.old.image(name, tag)
    except UsageError as error:
        raise RegistryError(Code.MANIFEST_UNKNOWN, f"the v1 image {name}:{tag} cannot be shown: {error}") from None
    sizes = [layer.size for layer in shown.layers if layer.size is not None]
    return visit.page(
        "v1_image.html",
        section="repositories",
        name=name,
        tag=tag,
        shown=shown,
        config=shown.config,
        created=words.moment(shown.config.created),
        size=sum(sizes),
        most=max(sizes, default=0) or 1,
        missing=len(shown.layers) - len(sizes),
    )


def _found(visit: Visit, name: str) -> tuple[str, ...]:
    try:
        return visit.looker.old.tags(name)
    except UsageError as error:
        raise RegistryError(Code.NAME_UNKNOWN, str(error)) from None


def _part(every: list[str] | tuple[str, ...], after: str) -> tuple[list[str], str]:
    """A page of ordered names, and the one behind which the next page begins, "" on the last."""
    start = bisect_right(every, after) if after else 0
    shown = list(every[start : start + _PAGE])
    return shown, shown[-1] if start + _PAGE < len(every) else ""
