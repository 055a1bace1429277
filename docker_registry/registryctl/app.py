"""registryctl's API as a WSGI callable.

Harbor's collector decides from Harbor's database what is garbage, first takes a
manifest out through the registry, then asks here for what is left of it, and
for each blob. A file that is not there counts as done for it.

    GET    /api/health                                 200 "healthy", for everybody
    DELETE /api/registry/<name>/manifests/<digest>     the manifest, its tags and its entry with its subject
    DELETE /api/registry/blob/<digest>                 the data with all segments, whoever links it, in each container

Paths, statuses and the form of errors are those of Harbor's `src/registryctl`.
"""

from __future__ import annotations

import hmac
import json
import logging
import re
import time
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from docker_registry.core.driver import Base as Driver
from docker_registry.core.exceptions import FileNotFoundError, UnreachableError, UnspecifiedError
from docker_registry.distribution.container import Containers
from docker_registry.distribution.errors import RegistryError
from docker_registry.distribution.model import grammar, layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.storage import deletion
from docker_registry.distribution.storage.parsing import Parsing
from docker_registry.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["Registryctl"]

logger = logging.getLogger(__name__)

# A registry is sure of what it wrote in the last 30 s (see `Store`), and a promise may be 14 minutes under way (see
# `vetoes`); the rest is for clocks that differ.
_SETTLED = 15 * 60.0  # s

_MANIFEST = re.compile(r"/api/registry/(?P<name>.*)/manifests/(?P<digest>[^/]+)")
_BLOB = re.compile(r"/api/registry/blob/(?P<digest>[^/]+)")


class _RefusedError(Exception):
    """An answer other than 200. The wire code is the status's name, as in Harbor."""

    def __init__(self, status: HTTPStatus, message: str, headers: dict[str, str] | None = None):
        super().__init__(message)
        self.status = status
        self.headers = headers or {}

    def response(self) -> Response:
        code = "UNKNOWN" if self.status >= HTTPStatus.INTERNAL_SERVER_ERROR else self.status.name
        return _json({"errors": [{"code": code, "message": str(self)}]}, self.status, self.headers)


class Registryctl:
    """Deletes from a registry's storage for whoever knows `secret`, which must not be empty.

    `others` are the drivers of `settings.containers`, `settled` is in seconds: no blob that was written since goes.
    """

    def __init__(
        self,
        driver: Driver,
        settings: Settings,
        secret: str,
        others: Iterable[Driver] = (),
        settled: float = _SETTLED,
    ):
        self._containers = Containers(driver, others, settings, Parsing())
        self._settled = settled
        self._time_limit = settings.storage_timeout
        self._authorization = f"Harbor-Secret {secret}".encode()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        try:
            with self._containers.default.driver.time_limit(self._time_limit):
                answer = self._answer(request)
        except _RefusedError as error:
            answer = error.response()
        except UnspecifiedError as error:
            logger.error("%r: the storage: %s", request.path, error)
            answer = _from_driver(error).response()
        except Exception:
            logger.exception("%r failed", request.path)
            answer = _RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error, the log says more").response()
        return answer(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.path == "/api/health":
            _allow(request, "GET", "HEAD")
            return _json("healthy", HTTPStatus.OK)
        shown = request.headers.get("Authorization", "").encode("utf8", "replace")
        if not hmac.compare_digest(shown, self._authorization):
            raise _RefusedError(HTTPStatus.UNAUTHORIZED, "wants the secret of Harbor's jobservice")
        if blob := _BLOB.fullmatch(request.path):
            _allow(request, "DELETE")
            return self._delete_blob(_digest(blob["digest"]))
        if manifest := _MANIFEST.fullmatch(request.path):
            _allow(request, "DELETE")
            return self._delete_manifest(_name(manifest["name"]), _digest(manifest["digest"]))
        raise _RefusedError(HTTPStatus.NOT_FOUND, "no API endpoint has this path")

    def _delete_blob(self, digest: Digest) -> Response:
        path = layout.blob_data(digest)
        drivers = [container.driver for container in self._containers]
        for modified in filter(None, (_modified(driver, path) for driver in drivers)):
            if time.time() - modified < self._settled:
                text = f"the blob {digest} was just pushed, so it may be in use; ask again in {self._settled:.0f} s"
                raise _RefusedError(HTTPStatus.CONFLICT, text, {"Retry-After": f"{self._settled:.0f}"})
        removed = [_remove(driver, path) for driver in drivers]
        if not any(removed):
            raise _RefusedError(HTTPStatus.NOT_FOUND, f"there is no blob {digest}")
        logger.info("removed the blob %s", digest)
        return Response(status=HTTPStatus.OK)

    def _delete_manifest(self, name: str, digest: Digest) -> Response:
        if deletion.delete_manifest(self._containers.of(name).store, name, digest) is None:
            raise _RefusedError(HTTPStatus.NOT_FOUND, f"there is no manifest {name}@{digest}")
        logger.info("removed %s@%s", name, digest)
        return Response(status=HTTPStatus.OK)


def _modified(driver: Driver, path: str) -> float | None:
    """When it was last written, in seconds since the epoch; None where it is not there."""
    try:
        return driver.stat(path, newest=True).modified
    except FileNotFoundError:
        return None


def _remove(driver: Driver, path: str) -> bool:
    """Whether it was there."""
    try:
        driver.remove(path)
    except FileNotFoundError:
        return False
    return True


def _allow(request: Request, *methods: str) -> None:
    if request.environ["REQUEST_METHOD"] not in methods:
        text = f"{request.environ['REQUEST_METHOD'][:20]} is not a method of this path"
        raise _RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, text, {"Allow": ", ".join(methods)})


def _digest(text: str) -> Digest:
    try:
        return grammar.parse_digest(text)
    except RegistryError as error:
        raise _RefusedError(HTTPStatus.BAD_REQUEST, str(error)) from None


def _name(text: str) -> str:
    try:
        return grammar.check_name(text)
    except RegistryError as error:
        raise _RefusedError(HTTPStatus.BAD_REQUEST, str(error)) from None


def _from_driver(error: UnspecifiedError) -> _RefusedError:
    if isinstance(error, UnreachableError):
        text = "the storage does not answer, try again"
        return _RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, text, {"Retry-After": "5"})
    return _RefusedError(HTTPStatus.BAD_GATEWAY, "the storage refused to do its part, the log says what it needs")


def _json(value: object, status: HTTPStatus, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(value), status, headers, content_type="application/json")
