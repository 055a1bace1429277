"""The registry as a WSGI callable: match, call, render errors. Nothing here knows the server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from docker_registry.concurrency import acting
from docker_registry.core.busy import BusyError
from docker_registry.core.driver import Base as Driver
from docker_registry.core.exceptions import (
    ConnectionError,
    FileNotFoundError,
    NotImplementedError,
    UnreachableError,
    UnspecifiedError,
)
from docker_registry.core.quota import QuotaError
from docker_registry.core.refused import CallerRefusedError
from docker_registry.settings import Settings

from . import routes
from .auth.caller import ANONYMOUS
from .auth.clients import client_of, network_of
from .context import Context
from .errors import Code, RegistryError
from .resource import CAUSES, HANDLER, REPOSITORY, Resource
from .storage.store import DamagedError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["Registry", "Site"]

logger = logging.getLogger(__name__)

# Whatever somebody pushed, no browser shows it as a page of this host, or runs it.
_NEVER_A_PAGE = (
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox"),
    ("X-Content-Type-Options", "nosniff"),
)
_SENDING = {"POST", "PUT", "PATCH"}
_WRITES = {*_SENDING, "DELETE"}
_RETRY_AFTER = 5  # s; a proxy of Swift that restarts is back by then


class Site(Protocol):
    """What answers requests that are not for the API: pages for people."""

    def serves(self, request: Request) -> bool:
        """Whether a request is for it."""

    def answer(self, request: Request) -> Response:
        """Raises what a resource's methods raise."""

    def failed(self, request: Request, error: RegistryError) -> Response:
        """The answer to a request that ended so."""


class Registry:
    """Serves OCI Distribution 1.1 from a storage driver, and one for each of `settings.containers`.

    Beside it a site, where one is mounted.
    """

    def __init__(self, driver: Driver, settings: Settings, others: Iterable[Driver] = ()):
        self.settings = settings
        self.context = Context.over(driver, settings, others)
        self._site: Site | None = None

    def mount(self, site: Site) -> None:
        self._site = site

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self._strip_prefix(environ)
        request = Request(environ)
        response = self._answer(request)
        response.headers.add("Docker-Distribution-API-Version", "registry/2.0")
        if self.settings.headers:
            for name, _ in self.settings.headers:
                response.headers.remove(name)
            response.headers.extend(self.settings.headers)
        return response(environ, start_response)

    def _strip_prefix(self, environ: WSGIEnvironment) -> None:
        """The configured prefix is part of every URL clients see; a proxy may have taken it off."""
        prefix = self.settings.prefix.rstrip("/")
        if not prefix:
            return
        path = environ.get("PATH_INFO", "")
        if path == prefix or path.startswith(f"{prefix}/"):
            environ["PATH_INFO"] = path[len(prefix) :]
        if not environ.get("SCRIPT_NAME", "").rstrip("/").endswith(prefix):
            environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "").rstrip("/") + prefix

    def _answer(self, request: Request) -> Response:
        site = self._site
        if site is not None and site.serves(request):
            return self._guard(request, site.answer, partial(site.failed, request))
        response = self._guard(request, self._call, RegistryError.response)
        for name, value in _NEVER_A_PAGE:
            response.headers.add(name, value)
        return response

    def _guard(
        self, request: Request, call: Callable[[Request], Response], render: Callable[[RegistryError], Response]
    ) -> Response:
        with acting.within(None):
            return self._guard_caller(request, call, render)

    def _guard_caller(
        self, request: Request, call: Callable[[Request], Response], render: Callable[[RegistryError], Response]
    ) -> Response:
        try:
            with self.context.containers.default.driver.time_limit(self.settings.storage_timeout):
                _check_query(request.query_string)
                return call(request)
        except RegistryError as error:
            known = error
        except HTTPException as error:
            known = _from_werkzeug(error)
        except CallerRefusedError as error:
            known = self._refused(request, error)
        except UnspecifiedError as error:
            known = _from_driver(error, request)
        except DamagedError as error:
            _note(request, logging.ERROR, str(error))
            known = RegistryError(Code.UNKNOWN, str(error))
        except Exception:
            logger.exception("%s failed", _asked(request))
            known = RegistryError(Code.UNKNOWN)
        return render(known)

    def _refused(self, request: Request, error: CallerRefusedError) -> RegistryError:
        caller = acting.current()
        return self.context.gate.refused_by_storage(request, caller) if caller else _from_driver(error, request)

    def _call(self, request: Request) -> Response:
        address = request.remote_addr or ""
        try:
            kind, values = self._match(request)
            if request.method == "OPTIONS":
                return Response(status=204, headers={"Allow": ", ".join(kind.allowed())})
            arguments = routes.parse(values)
            caller = ANONYMOUS if kind.is_open else self.context.gate.admit(request, kind.needs(request.method, values))
        except RegistryError:
            # Of no name that is known to be the client's.
            self.context.limits.refused(network_of(address))
            raise
        container = self.context.containers.of(arguments.get("name", ""))
        resource = kind(self.context, container, request, caller)
        if kind.is_open:
            return _run(resource, arguments)
        sends = request.method in _SENDING
        return self.context.limits.within(client_of(caller, address), sends, partial(_run, resource, arguments))

    def _match(self, request: Request) -> tuple[type[Resource], dict[str, str]]:
        """The resource that is asked for, and its variables; raises RegistryError where it has no such method."""
        kind, values = routes.match(_path(request))
        if kind.label:
            request.environ[HANDLER], request.environ[REPOSITORY] = kind.label, values.get("name", "")
        # As it was sent: werkzeug's is in upper case, and `delete` is another method than `DELETE` (RFC 9110, 9.1).
        method = request.environ["REQUEST_METHOD"]
        allowed = kind.allowed()
        if method not in (*allowed, "OPTIONS"):
            raise RegistryError(
                Code.METHOD_UNSUPPORTED,
                f"{method[:20]} is not a method of this path",
                headers={"Allow": ", ".join(allowed)},
            )
        if self.settings.read_only and method in _WRITES:
            raise RegistryError(
                Code.METHOD_UNSUPPORTED, "this registry is read-only for now", headers={"Allow": "GET, HEAD"}
            )
        return kind, values


def _run(resource: Resource, arguments: Mapping[str, Any]) -> Response:
    verb = resource.request.method.lower()
    # HEAD may be left to `get`: werkzeug drops the body.
    handler = getattr(resource, verb if hasattr(resource, verb) else "get")
    try:
        return handler(**arguments)  # type: ignore[no-any-return]
    except QuotaError as error:
        container = resource.container.name
        if not resource.settings.containers:
            raise
        _note(resource.request, logging.ERROR, f"the container {container}: {error}")
        raise RegistryError(Code.DENIED, f"the quota of the container {container} is used up") from None


def _path(request: Request) -> str:
    """The path as it was sent; werkzeug's has one slash before it, however many came, so proxies saw another."""
    sent: str = request.environ.get("PATH_INFO", "")
    return sent.encode("latin-1").decode(errors="replace")


def _check_query(query: bytes) -> None:
    """Raises REQUEST_INVALID for a query in which a byte stands as it is that is no text."""
    try:
        query.decode()
    except UnicodeDecodeError:
        raise RegistryError(Code.REQUEST_INVALID, "the query is not UTF-8") from None


def _asked(request: Request) -> str:
    """What a request asked for, as one line of a log whatever the client sent."""
    return f"{quote(request.method)} {quote(request.path, safe='/:@')}"[:500]


def _note(request: Request, level: int, cause: str) -> None:
    """Why something failed, for the log; for whoever asks in this process, where they want to know."""
    causes: list[str] | None = request.environ.get(CAUSES)
    if causes is None:
        logger.log(level, "%s: %s", _asked(request), cause)
    else:
        causes.append(cause)


def _from_werkzeug(error: HTTPException) -> RegistryError:
    if error.code == 413:
        return RegistryError(Code.MANIFEST_TOO_LARGE, error.description)
    return RegistryError(Code.REQUEST_INVALID, error.description)


def _from_driver(error: UnspecifiedError, request: Request) -> RegistryError:
    """An outage passes, a refusal needs somebody; neither is the client's fault nor for its eyes, but for a quota."""
    level = logging.WARNING if isinstance(error, BusyError) else logging.ERROR
    _note(request, level, f"the storage: {error or error.message}")
    if isinstance(error, UnreachableError):
        return RegistryError(Code.UNAVAILABLE, headers={"Retry-After": str(_RETRY_AFTER)})
    if isinstance(error, NotImplementedError):
        return RegistryError(
            Code.METHOD_UNSUPPORTED, "the storage driver cannot do this", headers={"Allow": "GET, HEAD"}
        )
    if isinstance(error, QuotaError):
        return RegistryError(Code.DENIED, "the quota of the registry's storage is used up, nothing more can be pushed")
    if isinstance(error, ConnectionError):
        return RegistryError(Code.STORAGE_REFUSED)
    if isinstance(error, FileNotFoundError):
        return RegistryError(Code.UNKNOWN, "the storage did not do its part, the registry's log says more")
    return RegistryError(Code.UNKNOWN)
