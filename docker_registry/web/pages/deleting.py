"""Deleting tags, or images with all of their tags: what would go, then that it is gone. Through the API's own code."""

from __future__ import annotations

from typing import NamedTuple

from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from docker_registry.distribution.errors import Code, RegistryError
from docker_registry.distribution.handlers.manifests import Manifests
from docker_registry.distribution.model import grammar
from docker_registry.distribution.model.digest import Digest

from .. import forms
from ..visit import Visit
from .repository import folders

__all__ = ["page"]

_MOST = 100  # tags in one go


class _Doomed(NamedTuple):
    tag: str
    digest: Digest | None
    others: tuple[str, ...]  # tags that go along with the image


class _Done(NamedTuple):
    what: str
    trouble: str  # "" where it was deleted


def page(visit: Visit, name: str) -> Response:
    if not visit.may_change(name, "delete"):
        raise RegistryError(Code.METHOD_UNSUPPORTED, "deleting is disabled in this registry", headers={"Allow": "GET"})
    sent = visit.request.method == "POST"
    tags = _tags(visit.request.form if sent else visit.request.args)
    doomed = _doomed(visit, name, tags)
    if sent:
        return _delete(visit, name, doomed, whole=visit.request.form.get("what") == "image")
    return visit.page(
        "delete.html",
        section="repositories",
        name=name,
        crumbs_above=folders(name),
        short=name.rpartition("/")[2],
        doomed=doomed,
        others=sorted({other for each in doomed for other in each.others}),
        is_known=all(tag.digest for tag in visit.looker.listing(name).tags),
        token=forms.token(visit),
        done=None,
    )


def _tags(values: MultiDict[str, str]) -> list[grammar.Tag]:
    """Raises TAG_INVALID, TOO_MANY_TAGS and REQUEST_INVALID."""
    given = list(dict.fromkeys(values.getlist("tag")))
    if not given:
        raise RegistryError(Code.REQUEST_INVALID, "choose at least one tag first")
    if len(given) > _MOST:
        raise RegistryError(Code.TOO_MANY_TAGS, f"at most {_MOST} tags can be deleted in one go")
    return [grammar.parse_tag(text) for text in given]


def _doomed(visit: Visit, name: str, tags: list[grammar.Tag]) -> list[_Doomed]:
    """What tags mean now; and by the last listing, which other tags mean the same."""
    store = visit.context.containers.of(name).store
    listing = visit.looker.listing(name)
    found = []
    for tag in tags:
        digest = store.tag(name, tag)
        others = [each.name for each in listing.tags if digest and each.digest == digest and each.name not in tags]
        found.append(_Doomed(tag, digest, tuple(others)))
    return found


def _delete(visit: Visit, name: str, doomed: list[_Doomed], whole: bool) -> Response:
    """One after the other, as a client would; what fails does not stop the others."""
    container = visit.context.containers.of(name)
    api = Manifests(visit.context, container, visit.request, visit.caller)
    references = dict.fromkeys(str(each.digest) if whole and each.digest else each.tag for each in doomed)
    done = []
    try:
        for reference in references:
            try:
                api.delete(name, reference)
                done.append(_Done(reference, ""))
            except RegistryError as error:
                done.append(_Done(reference, str(error)))
    finally:
        visit.looker.forget(name)
    status = 200 if any(not each.trouble for each in done) else 409
    return visit.page(
        "delete.html",
        status,
        section="repositories",
        name=name,
        crumbs_above=folders(name),
        short=name.rpartition("/")[2],
        doomed=doomed,
        others=[],
        is_known=True,
        token="",
        done=done,
    )
