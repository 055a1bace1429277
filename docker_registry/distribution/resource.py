"""The base of every resource: one class per URL form, one method per HTTP verb."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import urlencode

from werkzeug.wrappers import Request

from .auth import audit
from .auth.access import Access, needed
from .auth.caller import ANONYMOUS, Caller
from .container import Container
from .context import Context
from .errors import Code, RegistryError

__all__ = ["CAUSES", "HANDLER", "REPOSITORY", "Resource"]

# Where WSGI's environ says what a request is about, for the server's counts and logs.
HANDLER = "docker_registry.handler"
REPOSITORY = "docker_registry.repository"
# Where whoever asks in this process, and has no log to look into, is told what a client is not.
CAUSES = "docker_registry.causes"

_VERBS = ("get", "head", "post", "put", "patch", "delete")


class Resource:
    """One request to one URL form.

    A method named after an HTTP verb takes the URL's variables, parsed, and
    returns a response or raises RegistryError. HEAD falls back to `get`.
    """

    label = ""  # what Distribution calls this URL form where it counts requests; "" for one that is not counted
    is_open = False  # to everybody, whatever login is asked for elsewhere

    def __init__(self, context: Context, container: Container, request: Request, caller: Caller = ANONYMOUS):
        self.context = context
        self.container = container  # of the repository in the URL
        self.request = request
        self.caller = caller
        self.gate = context.gate
        self.store = container.store
        self.driver = container.driver
        self.settings = context.settings

    @classmethod
    @cache
    def allowed(cls) -> tuple[str, ...]:
        """The methods that this URL form answers, for the header Allow."""
        verbs = [verb for verb in _VERBS if hasattr(cls, verb)]
        if "get" in verbs and "head" not in verbs:
            verbs.insert(1, "head")
        return tuple(verb.upper() for verb in verbs)

    @classmethod
    def needs(cls, method: str, values: Mapping[str, str]) -> list[Access]:
        """What a caller must be allowed; nothing means that any login will do."""
        return needed(method, values)

    def may_pull(self, name: str) -> bool:
        """Whether the caller may pull from a repository."""
        return self.gate.may(self.caller, Access("repository", name, "pull"))

    def audit(self, deed: str, name: str, action: str) -> None:
        """Write down what the caller did, such as "deleted a/b:1.0", for which a repository's `action` was needed."""
        self.gate.note(self.request, self.caller, deed, Access("repository", name, action))

    def denied(self, why: str, rule: str) -> RegistryError:
        """What to raise for a caller whom a rule refuses something."""
        return self.gate.denied(self.request, self.caller, why, rule)

    @contextmanager
    def written_down(self, rule: str) -> Iterator[None]:
        """Let the audit have the refusals that a rule raises inside."""
        try:
            yield
        except RegistryError as error:
            if error.code is Code.DENIED:
                audit.refused(self.request, self.caller, str(error), rule)
            raise

    def tell(self, action: str, target: dict[str, Any]) -> None:
        """Let those whom the settings name know what happened; the targets are `events.event`'s."""
        self.context.events.tell(action, target, self.request, self.caller)

    def whole_url(self, path: str) -> str:
        """The same as `path` with scheme and host, as whoever is told of it must ask."""
        origin = self.settings.public_url.rstrip("/") or f"{self.request.scheme}://{self.request.host}"
        return origin + self.path(path)

    def path(self, path: str, query: Mapping[str, Any] | None = None) -> str:
        """`path` (it starts with `/v2/`) and a query as a client must ask for it on this host."""
        tail = f"?{urlencode(query)}" if query else ""
        return self.request.root_path.rstrip("/") + path + tail

    def url(self, path: str, query: Mapping[str, Any] | None = None) -> str:
        """The same for a Location: with scheme and host only where the settings name them.

        A client resolves a Location without them against the URL that it asked,
        which no proxy on the way can make wrong.
        """
        origin = "" if self.settings.relative_urls else self.settings.public_url.rstrip("/")
        return origin + self.path(path, query)
