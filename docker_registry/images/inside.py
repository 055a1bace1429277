"""A registry in this process, asked as a client asks one: each call has the rules, locks and looks of the server."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app
from werkzeug.wrappers import Response

from docker_registry.core.driver import Base as Driver
from docker_registry.core.exceptions import UsageError
from docker_registry.core.types import Readable
from docker_registry.distribution.app import Registry
from docker_registry.distribution.auth.patterns import Pattern
from docker_registry.distribution.resource import CAUSES
from docker_registry.distribution.storage.store import Store
from docker_registry.distribution.views.looking import Looker
from docker_registry.settings import Auth, Limits, Settings, of_each_container, open_driver

__all__ = ["Inside"]

_PATIENCE = 30.0  # s


class Inside:
    """The registry that the settings describe, for whoever can read them: no login, no limit for one client.

    What else they say counts: immutable tags, repositories that nobody changes, tags that expire, deleting switched
    off, `read_only`, notifications. Errors say what the log of a server would.
    Use it as a context manager.
    """

    def __init__(self, settings: Settings, drivers: list[Driver] | None = None):
        """`drivers` are those of its containers, the default one first. Raises ConfigError."""
        default, *others = drivers or [open_driver(each) for _, each in of_each_container(settings)]
        self.driver = default  # of the default container
        self._registry = Registry(default, _unguarded(settings), others)
        self.looker = Looker(self._registry.context.containers, self._registry.context.parsing)

    def __enter__(self) -> Inside:
        return self

    def __exit__(self, *_exc: object) -> None:
        """Receivers of notifications are told first, if they answer."""
        self._registry.context.events.close(_PATIENCE)

    def matching(self, pattern: Pattern) -> list[str]:
        """The repositories whose names match; raises UsageError where none does."""
        names = self.looker.names()
        found = [name for name in names if pattern.matches(name)]
        if not found:
            here = f"no repository matches {pattern}, of {len(names)}" if names else self._nothing()
            raise UsageError(here)
        return found

    def store(self, name: str) -> Store:
        """Of the container that a repository is in."""
        return self._registry.context.containers.of(name).store

    def _nothing(self) -> str:
        place = self._registry.settings.storage_path
        return (
            f"there are no repositories below {place!r} in the storage; storage_path (Distribution: prefix) says where;"
            " ls --v1 lists those of docker-registry 0.9.1"
        )

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Readable | None = None,
        size: int = 0,
        causes: list[str] | None = None,
    ) -> Response:
        """An answer, whatever its status; its body is read as it is iterated. `size` is that of `body`, in bytes.

        Why the storage failed is added to `causes`, which a server would log.
        A UsageError that `body` raises is raised here; to the registry it is a client that leaves.
        """
        builder = EnvironBuilder(quote(path), method=method, query_string=query, headers=Headers(headers))
        environ = {**builder.get_environ(), "CONTENT_LENGTH": str(size), "REMOTE_ADDR": "", CAUSES: causes}
        source = _Sent(body) if body is not None else None
        if source:
            environ["wsgi.input"] = source
        content, status, answered = run_wsgi_app(self._registry, environ)
        if source and source.error:
            raise source.error
        return Response(content, status, answered)

    def call(self, method: str, path: str, *expected: int, **options: Any) -> Response:
        """An answer with one of these statuses; raises UsageError, with the cause or its words, for any other."""
        causes: list[str] = []
        answer = self.ask(method, path, causes=causes, **options)
        if answer.status_code not in expected:
            raise UsageError(f"{_shown(path)}: {'; '.join(causes) or _why(answer)}")
        return answer

    def check_writable(self, name: str) -> None:
        """Raises UsageError for a repository that nobody changes; calls of the registry are checked by it itself."""
        if self._registry.context.gate.policy.is_read_only(name):
            raise UsageError(f"{name} is read-only")


class _Sent:
    """A body whose error is its reader's to tell, not the registry's."""

    def __init__(self, body: Readable):
        self._body = body
        self.error: UsageError | None = None

    def read(self, size: int, /) -> bytes:
        try:
            return self._body.read(size)
        except UsageError as error:
            self.error = error
            raise OSError from error


def _unguarded(settings: Settings) -> Settings:
    return replace(
        settings,
        auth=Auth(immutable=settings.auth.immutable, read_only=settings.auth.read_only),
        secret=secrets.token_bytes(32),  # no upload goes on in another process
        limits=Limits(),
        redirect=False,
        prefix="",
        public_url="",
        headers=(),
    )


def _shown(path: str) -> str:
    """A path of the API as people name such things; an upload is its repository's."""
    name = path.removeprefix("/v2/").partition("/blobs/uploads/")[0].removesuffix("/tags/list")
    return re.sub("/(blobs|manifests)/", lambda found: "@" if ":" in name else ":", name)


def _why(answer: Response) -> str:
    body = b"".join(_bytes(answer))
    try:
        return "; ".join(entry["message"] for entry in json.loads(body)["errors"])
    except (ValueError, LookupError, TypeError):
        return answer.status


def _bytes(answer: Response) -> Iterator[bytes]:
    yield from answer.iter_encoded()
    answer.close()
