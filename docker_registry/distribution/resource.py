"""The base of every resource: one class per URL form, one method per HTTP verb."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from werkzeug.wrappers import Request

if TYPE_CHECKING:
    from .app import Registry

__all__ = ["Resource"]

_VERBS = ("get", "head", "post", "put", "patch", "delete")


class Resource:
    """One request to one URL form.

    A method named after an HTTP verb takes the URL's variables, parsed, and
    returns a response or raises RegistryError. HEAD falls back to `get`.
    """

    def __init__(self, registry: Registry, request: Request):
        self.registry = registry
        self.request = request
        self.store = registry.store
        self.driver = registry.driver
        self.settings = registry.settings

    @classmethod
    def allowed(cls) -> list[str]:
        """The methods that this URL form answers, for the header Allow."""
        verbs = [verb for verb in _VERBS if hasattr(cls, verb)]
        if "get" in verbs and "head" not in verbs:
            verbs.insert(1, "head")
        return [verb.upper() for verb in verbs]

    def url(self, path: str, query: dict[str, Any] | None = None) -> str:
        """How a client reaches `path` (it starts with `/v2/`) through whatever proxies it came by."""
        tail = self.request.root_path.rstrip("/") + path
        if query:
            tail += "?" + urlencode(query)
        if self.settings.relative_urls:
            return tail
        return (self.settings.public_url or self.request.host_url).rstrip("/") + tail
