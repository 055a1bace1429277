"""What tags of a repository meant before they were moved or deleted, and the way back. Through the API's own code."""

from __future__ import annotations

from itertools import islice

from werkzeug.wrappers import Response

from docker_registry.distribution.errors import Code, RegistryError
from docker_registry.distribution.handlers.manifests import Manifests
from docker_registry.distribution.model import grammar
from docker_registry.distribution.storage.history import How, Meaning, meanings

from .. import forms
from ..visit import Visit
from .repository import folders

__all__ = ["page"]

_LOOKED_AT = 100_000  # meanings of one repository
_SHOWN = 100


def page(visit: Visit, name: str) -> Response:
    store = visit.context.containers.of(name).store
    past = [each for each in islice(meanings(store, name), _LOOKED_AT) if each.how is not How.CURRENT and each.digest]
    if visit.request.method == "POST":
        return _restore(visit, name, past)
    past.sort(key=lambda each: -(each.when or 0))
    may_restore = visit.may_change(name, "push")
    return visit.page(
        "history.html",
        section="repositories",
        name=name,
        crumbs_above=folders(name),
        short=name.rpartition("/")[2],
        past=past[:_SHOWN],
        more=max(len(past) - _SHOWN, 0),
        token=forms.token(visit) if may_restore else "",
    )


def _restore(visit: Visit, name: str, past: list[Meaning]) -> Response:
    """Only to what the tag meant here once: whoever may push must not get at other repositories' manifests."""
    if not visit.may(name, "push"):
        raise RegistryError(Code.DENIED, f"{visit.caller} may not push {name}")
    text, _, value = visit.request.form.get("back", "").partition("@")
    tag, digest = grammar.parse_tag(text), grammar.parse_digest(value)
    if not any(each.tag == tag and each.digest == digest for each in past):
        raise RegistryError(Code.MANIFEST_UNKNOWN, f"{name}:{tag} is not known to have meant {digest}")
    api = Manifests(visit.context, visit.context.containers.of(name), visit.request, visit.caller)
    try:
        api.restore(name, tag, digest)
    finally:
        visit.looker.forget(name)
    return visit.go_to(visit.url(f"r/{name}:{tag}"))
