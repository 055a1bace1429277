"""Deleting tags, or images with all of their tags: what would go, then that it is gone. Through the API's own code."""

from __future__ import annotations

from typing import NamedTuple

from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from docker_registry.distribution.errors import Code, RegistryError
from docker_registry.distribution.handlers.manifests import Manifests
from docker_registry.distribution.model import grammar
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.views.listing import Listing
from docker_registry.plurals import plural

from .. import forms
from ..rules import untagged_rule
from ..visit import Visit
from .repository import folders

__all__ = ["page"]

_MOST = 100  # tags or digests in one go


class _Doomed(NamedTuple):
    tag: str  # "" for what was chosen by its digest
    digest: Digest | None
    others: tuple[str, ...]  # tags that go along with the image
    stays: str  # why it cannot be deleted, "" where it can as far as one knows


class _Done(NamedTuple):
    what: str
    trouble: str  # "" where it was deleted


def page(visit: Visit, name: str) -> Response:
    if not visit.may_change(name, "delete"):
        read_only = visit.context.settings.read_only
        why = "this registry is read-only for now" if read_only else "deleting is disabled in this registry"
        raise RegistryError(Code.METHOD_UNSUPPORTED, why, headers={"Allow": "GET"})
    sent = visit.request.method == "POST"
    doomed = _doomed(visit, name, *_chosen(visit.request.form if sent else visit.request.args))
    if sent:
        return _delete(visit, name, doomed, whole=visit.request.form.get("what") == "image")
    others = sorted({other for each in doomed for other in each.others})
    return visit.page(
        "delete.html",
        section="repositories",
        name=name,
        crumbs_above=folders(name),
        short=name.rpartition("/")[2],
        doomed=doomed,
        called=_called(doomed),
        others=others,
        fixed=[other for other in others if visit.is_immutable(name, other)],
        is_known=all(tag.digest for tag in visit.looker.listing(name).tags),
        rule=untagged_rule(visit.context.settings, name),
        token=forms.token(visit),
        done=None,
    )


def _chosen(values: MultiDict[str, str]) -> tuple[list[grammar.Tag], list[Digest]]:
    """Raises TAG_INVALID, DIGEST_INVALID, TOO_MANY_TAGS and REQUEST_INVALID."""
    tags, digests = (list(dict.fromkeys(values.getlist(field))) for field in ("tag", "digest"))
    if not tags and not digests:
        raise RegistryError(Code.REQUEST_INVALID, "choose at least one first")
    if len(tags) + len(digests) > _MOST:
        raise RegistryError(Code.TOO_MANY_TAGS, f"at most {_MOST} can be deleted in one go")
    return [grammar.parse_tag(text) for text in tags], [grammar.parse_digest(text) for text in digests]


def _doomed(visit: Visit, name: str, tags: list[grammar.Tag], digests: list[Digest]) -> list[_Doomed]:
    """What tags mean now; and by the last listing, which other tags mean the same."""
    store = visit.context.containers.of(name).store
    listing = visit.looker.listing(name)
    meant: list[tuple[str, Digest | None]] = [(tag, store.tag(name, tag)) for tag in tags]
    meant += [("", digest) for digest in digests]
    doomed = [_Doomed(tag, digest, _others(listing, tags, digest), "") for tag, digest in meant]
    return [each._replace(stays=_stays(visit, name, each)) for each in doomed]


def _stays(visit: Visit, name: str, doomed: _Doomed) -> str:
    if doomed.digest is None:
        return "not there any more"
    if doomed.tag:
        return "immutable, so it stays" if visit.is_immutable(name, doomed.tag) else ""
    fixed = next((other for other in doomed.others if visit.is_immutable(name, other)), "")
    return f"it is {fixed}, which is immutable, so it stays" if fixed else ""


def _called(doomed: list[_Doomed]) -> str:
    """What is to go, with its number; "" where nothing can."""
    going = [each for each in doomed if not each.stays]
    tags = sum(1 for each in going if each.tag)
    manifests = len(going) - tags
    return " and ".join(plural(count, word) for count, word in ((tags, "tag"), (manifests, "manifest")) if count)


def _others(listing: Listing, tags: list[grammar.Tag], digest: Digest | None) -> tuple[str, ...]:
    return tuple(each.name for each in listing.tags if digest and each.digest == digest and each.name not in tags)


def _delete(visit: Visit, name: str, doomed: list[_Doomed], whole: bool) -> Response:
    """One after the other, as a client would; what fails does not stop the others."""
    container = visit.context.containers.of(name)
    api = Manifests(visit.context, container, visit.request, visit.caller)
    references = dict.fromkeys(
        str(each.digest) if each.digest and (whole or not each.tag) else each.tag for each in doomed
    )
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
        called=_called(doomed),
        others=[],
        fixed=[],
        is_known=True,
        token="",
        done=done,
    )
