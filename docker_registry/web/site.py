"""The pages below `/ui/` in a registry: which address is which page, who may see it, and what errors look like."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from werkzeug.wrappers import Request, Response

from docker_registry.distribution.auth.access import CATALOG, Access
from docker_registry.distribution.auth.caller import ANONYMOUS
from docker_registry.distribution.auth.clients import client_of, network_of
from docker_registry.distribution.context import Context
from docker_registry.distribution.errors import Code, RegistryError
from docker_registry.distribution.model import grammar
from docker_registry.distribution.views.looking import Looker

from . import statics
from .pages import failure, image, index, repository
from .visit import Visit

__all__ = ["Site"]

_YEAR = 365 * 24 * 3600  # s
_REFERENCE = re.compile(r"(?P<name>[^:@]+)(?:[:@](?P<reference>[^/]+))?")

Arguments = dict[str, Any]


class Site:
    """What `Registry` asks for all that is not the API."""

    def __init__(self, context: Context):
        self._context = context
        self._looker = Looker(context.containers, context.parsing)

    def serves(self, request: Request) -> bool:
        """Whether a request is for a page: `/` is one for browsers, and the API's for all others."""
        path = request.path
        return path == "/ui" or path.startswith("/ui/") or (path == "/" and _is_browser(request))

    def answer(self, request: Request) -> Response:
        """Raises RegistryError, which `failed` shows."""
        path = request.path.removeprefix("/ui").removeprefix("/")
        if request.path in ("/", "/ui"):
            return _redirect(Visit(self._context, self._looker, request, ANONYMOUS).url())
        if path.startswith("static/"):
            return _static(path.removeprefix("static/"))
        context, address = self._context, request.remote_addr or ""
        try:
            if request.method not in ("GET", "HEAD"):
                raise RegistryError(Code.METHOD_UNSUPPORTED, headers={"Allow": "GET, HEAD"})
            page, needs, arguments = self._match(path)
            caller = context.gate.admit(request, needs)
        except RegistryError:
            context.limits.refused(network_of(address))
            raise
        visit = Visit(context, self._looker, request, caller)
        return context.limits.within(client_of(caller, address), False, lambda: page(visit, **arguments))

    def failed(self, request: Request, error: RegistryError) -> Response:
        return failure.page(Visit(self._context, self._looker, request, ANONYMOUS), error)

    def _match(self, path: str) -> tuple[Callable[..., Response], list[Access], Arguments]:
        """The page of a path, what a caller must be allowed for it, and its variables. Raises PATH_UNKNOWN."""
        if path == "":
            return index.page, [CATALOG], {}
        if path == "login":
            return index.login, [], {}
        found = _REFERENCE.fullmatch(path.removeprefix("r/")) if path.startswith("r/") else None
        if found is None:
            raise RegistryError(Code.PATH_UNKNOWN)
        name = grammar.check_name(found["name"].rstrip("/"))
        needs = [Access("repository", name, "pull")]
        if found["reference"] is None:
            return repository.page, needs, {"name": name}
        return image.page, needs, {"name": name, "reference": grammar.parse_reference(found["reference"])}


def _is_browser(request: Request) -> bool:
    return "text/html" in request.headers.get("Accept", "")


def _redirect(where: str) -> Response:
    return Response(status=HTTPStatus.FOUND, headers={"Location": where, "Vary": "Accept"})


def _static(address: str) -> Response:
    file = statics.find(address)
    if file is None:
        raise RegistryError(Code.PATH_UNKNOWN)
    headers = {"Cache-Control": f"public, max-age={_YEAR}, immutable", "X-Content-Type-Options": "nosniff"}
    return Response(file.body, headers=headers, content_type=file.content_type)
