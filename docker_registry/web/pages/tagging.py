"""Giving an image another tag: what the tag means now and would mean, then that it does. Through the API's own code."""

from __future__ import annotations

from werkzeug.wrappers import Response

from docker_registry.distribution.errors import Code, RegistryError
from docker_registry.distribution.handlers.manifests import Manifests
from docker_registry.distribution.model import grammar

from .. import forms
from ..visit import Visit
from .repository import folders

__all__ = ["page"]


def page(visit: Visit, name: str) -> Response:
    if not visit.may_change(name, "push"):
        raise RegistryError(Code.METHOD_UNSUPPORTED, "this registry is read-only for now", headers={"Allow": "GET"})
    values = visit.request.form if visit.request.method == "POST" else visit.request.args
    digest = grammar.parse_digest(values.get("digest", ""))
    tag = grammar.parse_tag(values.get("tag", "").strip())
    if visit.request.method == "POST":
        found = visit.looker.find(name, digest)
        if found is None:
            raise RegistryError(Code.MANIFEST_UNKNOWN, f"there is no manifest {digest} in {name}")
        api = Manifests(visit.context, visit.context.containers.of(name), visit.request, visit.caller)
        try:
            api.publish(name, found.digest, found.manifest, [tag])
        finally:
            visit.looker.forget(name)
        return visit.go_to(visit.url(f"r/{name}:{tag}"))
    return visit.page(
        "tag.html",
        section="repositories",
        name=name,
        crumbs_above=folders(name),
        short=name.rpartition("/")[2],
        tag=tag,
        digest=digest,
        now=visit.context.containers.of(name).store.tag(name, tag),
        token=forms.token(visit),
    )
