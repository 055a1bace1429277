"""One request for a page: who asks, for what, and how links and commands must be written for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from werkzeug.wrappers import Request, Response

from docker_registry.concurrency.workers import gather
from docker_registry.distribution.auth.access import Access
from docker_registry.distribution.auth.caller import Caller, Kind
from docker_registry.distribution.context import Context
from docker_registry.distribution.views.looking import Looker
from docker_registry.distribution.views.usage import Usage, Used

from . import session
from .commands import LOOPBACK, Host
from .knocking import Knocking
from .rendering import render

__all__ = ["Visit"]

T = TypeVar("T")
U = TypeVar("U")


class Visit:
    def __init__(self, context: Context, looker: Looker, knocking: Knocking, request: Request, caller: Caller):
        self.context = context
        self.looker = looker
        self.knocking = knocking
        self.request = request
        self.caller = caller

    def argument(self, name: str) -> str:
        """A value of the query, cut to what any of them can need, and without what no name has and no page may hold."""
        return "".join(filter(str.isprintable, self.request.args.get(name, "")[:512]))

    def may(self, name: str, action: str) -> bool:
        return self.context.gate.may(self.caller, Access("repository", name, action))

    def names(self) -> tuple[str, ...]:
        """The repositories that the caller may see."""
        if not self.context.settings.auth.is_on:
            return self.looker.names()
        caller = self.caller
        # Two passwords of one robot may allow different things: `grants` tells them apart.
        who = (caller.kind.value, caller.name, caller.roles, caller.groups, caller.grants)
        return self.looker.names_for(who, lambda name: self.context.gate.may_see(caller, name))

    def seen(self, usage: Usage) -> tuple[list[Used], bool]:
        """The repositories that the caller may see, and whether they are all.

        Where they are not, what deleting them frees must not be told: it shows what hidden ones share with them.
        """
        seen = [each for each in usage.repositories if self.context.gate.may_see(self.caller, each.name)]
        return seen, len(seen) == len(usage.repositories)

    @property
    def may_push_somewhere(self) -> bool:
        """As far as one knows without a repository's name: what somebody may push to is the policy's to say."""
        settings = self.context.settings
        return not settings.read_only and (not settings.auth.is_on or self.caller.kind is not Kind.ANONYMOUS)

    def may_change(self, name: str, action: str) -> bool:
        """Whether the caller may push or delete, and the registry takes that now."""
        settings = self.context.settings
        if settings.read_only or (action == "delete" and not settings.delete_enabled):
            return False
        return self.may(name, action)

    def is_immutable(self, name: str, tag: str) -> bool:
        """Whether nobody may move or delete a tag, if it is there."""
        return self.context.gate.policy.is_immutable(name, tag)

    def url(self, path: str = "", query: Mapping[str, str] | None = None) -> str:
        """The address of a page; arguments that are empty are left out."""
        given = {key: value for key, value in (query or {}).items() if value}
        tail = f"?{urlencode(given)}" if given else ""
        return f"{self.request.root_path.rstrip('/')}/ui/{quote(path, safe='/:@')}{tail}"

    def go_to(self, address: str) -> Response:
        """Answer a form: the browser shows the page with this address next."""
        return Response(status=303, headers={"Location": address})

    @property
    def address(self) -> str:
        """The address of this page, with its query."""
        query = self.request.query_string.decode(errors="replace")
        return f"{self.url(self.request.path.removeprefix('/ui').lstrip('/'))}{'?' if query else ''}{query}"

    @property
    def is_login(self) -> bool:
        """Whether this is the page to log in, or out."""
        return self.request.path in ("/ui/login", "/ui/logout")

    @property
    def is_encrypted(self) -> bool:
        """Whether the browser came by TLS, as far as the registry knows; a proxy in front may have ended that.

        Browsers say from where a page is asked for (`Sec-Fetch-Site`) by TLS and to their own machine only.
        """
        public, headers = urlsplit(self.context.settings.public_url), self.request.headers
        return (
            self.request.scheme == "https"
            or (public.scheme, public.netloc) == ("https", self.request.host)
            or headers.get("Origin", "").startswith("https://")
            or ("Sec-Fetch-Site" in headers and not self.is_local)
        )

    @property
    def is_local(self) -> bool:
        """Whether the browser asked for this machine."""
        return LOOPBACK.fullmatch(self.request.host) is not None

    @property
    def host(self) -> Host | None:
        """What to put before a repository's name; None where clients cannot reach it by the host alone."""
        if self.context.settings.prefix or self.request.root_path.strip("/"):
            return None
        public = urlsplit(self.context.settings.public_url)
        if public.netloc:
            return Host(public.netloc, public.scheme == "https")
        return Host(self.request.host, self.request.scheme == "https")

    @staticmethod
    def both(first: Callable[[], T], second: Callable[[], U]) -> tuple[T, U]:
        """What two questions to the storage give, asked side by side."""
        calls: list[Callable[[], Any]] = [first, second]
        one, other = gather(calls)
        return one, other

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page with what all pages have."""
        host = self.host
        common = {
            "url": self.url,
            "brand": host.name if host else self.request.host,
            "login": self.context.settings.auth.is_on,
            "login_page": self.url("login", {"next": "" if self.is_login else self.address}),
            "may_leave": session.is_entered(self.request),
            "who": "" if self.caller.kind is Kind.ANONYMOUS else self.caller.name or self.caller.kind.value,
            "query": "",
            "section": "",
        }
        return render(template, {**common, **values}, status)
