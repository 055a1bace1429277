"""The pages below `/ui/` in a registry: which address is which page, who may see it, and what errors look like."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from werkzeug.wrappers import Request, Response

from docker_registry.distribution.auth.access import CATALOG, Access
from docker_registry.distribution.auth.caller import ANONYMOUS, Caller
from docker_registry.distribution.auth.clients import client_of, network_of
from docker_registry.distribution.context import Context
from docker_registry.distribution.errors import Code, RegistryError
from docker_registry.distribution.model import grammar
from docker_registry.distribution.views.looking import Looker

from . import forms, session, statics
from .knocking import Knocking
from .pages import (
    comparison,
    deleting,
    failure,
    history,
    image,
    index,
    login,
    old,
    repository,
    storage,
    tagging,
    untagged,
)
from .visit import Visit

__all__ = ["Site"]

_YEAR = 365 * 24 * 3600  # s
# Neither `:` nor `@` is in a name, so what follows one ends it, however many slashes it has.
_ADDRESS = re.compile(
    r"(?P<what>r|delete|history|tag|untagged)/(?P<name>[^:@]+)(?:[:@](?P<reference>[^/]+)(?P<compared>/diff)?)?"
)
# Names of v1, which had other rules; `.` and `..` were none.
_OLD = r"(?!\.)[\w.-]{1,128}"
_OLD_ADDRESS = re.compile(f"v1/(?P<name>{_OLD}/{_OLD})(?::(?P<tag>{_OLD}))?", re.ASCII)
_BY_NAME = {"delete": deleting.page, "history": history.page, "tag": tagging.page, "untagged": untagged.page}
_ACTIONS = {
    "r": ("pull",),
    "delete": ("pull", "delete"),
    "history": ("pull",),
    "untagged": ("pull",),
    "tag": ("pull", "push"),
}
_FORMS = (deleting.page, history.page, tagging.page)
_OF_SOMEBODY = (400, 403, 404, 405, 409)  # statuses of errors that have nothing to do with a login
_SESSIONS = {"login": login.enter, "logout": login.leave}

Arguments = dict[str, Any]
Page = Callable[..., Response]


class Site:
    """What `Registry` asks for all that is not the API."""

    def __init__(self, context: Context):
        self._context = context
        self._looker = Looker(context.containers, context.parsing)
        self._knocking = Knocking(context.gate, context.settings.auth)

    def serves(self, request: Request) -> bool:
        """Whether a request is for a page: `/` is one for browsers, and the API's for all others."""
        path = request.path
        return path == "/ui" or path.startswith("/ui/") or (path == "/" and _is_browser(request))

    def answer(self, request: Request) -> Response:
        """Raises RegistryError, which `failed` shows."""
        path = request.path.removeprefix("/ui").removeprefix("/")
        if request.path in ("/", "/ui"):
            return _redirect(self._visit(request, ANONYMOUS).url())
        if path.startswith("static/"):
            return _static(request, path.removeprefix("static/"))
        context, address = self._context, request.remote_addr or ""
        if path in _SESSIONS:
            return self._log_in_or_out(request, _SESSIONS[path])
        try:
            page, needs, arguments = self._match(path)
            sends = self._check_method(request, page)
            caller = self._admit(request, needs)
        except RegistryError:
            context.limits.refused(network_of(address))
            raise
        visit = self._visit(request, caller)
        if sends:
            forms.check(visit)
        return context.limits.within(client_of(caller, address), sends, lambda: page(visit, **arguments))

    def _visit(self, request: Request, caller: Caller) -> Visit:
        return Visit(self._context, self._looker, self._knocking, request, caller)

    def _admit(self, request: Request, needs: list[Access]) -> Caller:
        """Who sent a request: whom its cookie names, or who it says itself."""
        known = session.read(request, self._context.settings.secrets)
        if known is None or not self._knocking.takes_passwords:
            return self._context.gate.admit(request, needs)
        return self._knocking.admit(request, *known, needs)

    def _log_in_or_out(self, request: Request, page: Page) -> Response:
        """A page that asks for no login itself; what comes in of it counts as that of an address, whoever it is."""
        if request.method not in ("GET", "HEAD", "POST"):
            raise RegistryError(Code.METHOD_UNSUPPORTED, headers={"Allow": "GET, HEAD, POST"})
        visit = self._visit(request, ANONYMOUS)
        address = network_of(request.remote_addr or "")
        return self._context.limits.within(address, request.method == "POST", lambda: page(visit))

    def failed(self, request: Request, error: RegistryError) -> Response:
        return failure.page(self._visit(request, self._caller(request, error)), error)

    def _caller(self, request: Request, error: RegistryError) -> Caller:
        """Who is told of an error: not asked again where it may be the login that failed."""
        if error.code.status not in _OF_SOMEBODY:
            return ANONYMOUS
        try:
            return self._admit(request, [])
        except RegistryError:
            return ANONYMOUS

    def _check_method(self, request: Request, page: Page) -> bool:
        """Whether a request sends a form; raises METHOD_UNSUPPORTED."""
        allowed = ("GET", "HEAD", "POST") if page in _FORMS else ("GET", "HEAD")
        if request.method not in allowed:
            raise RegistryError(Code.METHOD_UNSUPPORTED, headers={"Allow": ", ".join(allowed)})
        return request.method == "POST"

    def _match(self, path: str) -> tuple[Page, list[Access], Arguments]:
        """The page of a path, what a caller must be allowed for it, and its variables. Raises PATH_UNKNOWN."""
        if path == "":
            return index.page, [CATALOG], {}
        if path == "storage":
            return storage.page, [CATALOG], {}
        if path == "v1":
            return old.index, [CATALOG], {}
        found = _OLD_ADDRESS.fullmatch(path)
        if found is not None:
            needs = [Access("repository", found["name"], "pull")]
            given = {key: value for key, value in found.groupdict().items() if value}
            return (old.image if found["tag"] else old.tags), needs, given
        found = _ADDRESS.fullmatch(path)
        if found is None:
            raise RegistryError(Code.PATH_UNKNOWN)
        name = grammar.check_name(found["name"].rstrip("/"))
        needs = [Access("repository", name, action) for action in _ACTIONS[found["what"]]]
        if found["what"] in _BY_NAME and found["reference"] is None:
            return _BY_NAME[found["what"]], needs, {"name": name}
        if found["what"] != "r":
            raise RegistryError(Code.PATH_UNKNOWN)
        if found["reference"] is None:
            return repository.page, needs, {"name": name}
        page = comparison.page if found["compared"] else image.page
        return page, needs, {"name": name, "reference": grammar.parse_reference(found["reference"])}


def _is_browser(request: Request) -> bool:
    return "text/html" in request.headers.get("Accept", "")


def _redirect(where: str) -> Response:
    return Response(status=HTTPStatus.FOUND, headers={"Location": where, "Vary": "Accept"})


def _static(request: Request, address: str) -> Response:
    file = statics.find(address)
    if file is None:
        raise RegistryError(Code.PATH_UNKNOWN)
    headers = {"Cache-Control": f"public, max-age={_YEAR}, immutable", "X-Content-Type-Options": "nosniff"}
    headers["Vary"] = "Accept-Encoding"
    if request.accept_encodings.quality("gzip") > 0:
        return Response(file.packed, headers={**headers, "Content-Encoding": "gzip"}, content_type=file.content_type)
    return Response(file.body, headers=headers, content_type=file.content_type)
