"""A name and a password at the door that takes them: the registry's own, or a token server's."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from werkzeug.wrappers import Request

from docker_registry.distribution.auth.access import CATALOG, Access
from docker_registry.distribution.auth.caller import Caller
from docker_registry.distribution.auth.gate import Gate, RefusedError
from docker_registry.distribution.errors import Code, RegistryError
from docker_registry.settings import Auth

from .commands import LOOPBACK
from .realm import Realm, basic

__all__ = ["Knocking"]


class Knocking:
    """Lets requests have what their browsers cannot send."""

    def __init__(self, gate: Gate, auth: Auth):
        self._gate = gate
        asks = auth.token is not None and not gate.takes_passwords and _is_safe(auth.token.realm)
        self._realm = Realm(auth.token) if auth.token and asks else None

    @property
    def takes_passwords(self) -> bool:
        return self._gate.takes_passwords or self._realm is not None

    def admit(self, request: Request, name: str, password: str, needs: Sequence[Access]) -> Caller:
        """Who that is, if they may do what a page needs. Raises UNAUTHORIZED for a wrong password, else as `Gate`."""
        if self._realm is None:
            request.environ["HTTP_AUTHORIZATION"] = f"Basic {basic(name, password)}"
            return self._gate.admit(request, needs)
        try:
            token = self._realm.token(name, password, request.remote_addr or "", needs)
        except RefusedError:
            self._gate.refused["credential"] += 1
            raise RegistryError(Code.UNAUTHORIZED) from None
        request.environ["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        try:
            return self._gate.admit(request, needs)
        except RegistryError as error:
            if error.code is not Code.UNAUTHORIZED or not needs:
                raise
            # The password is right; a token for this the server did not give.
            raise RegistryError(Code.DENIED, f"the token server lets {name} not {_said(needs[0])}") from None


def _said(access: Access) -> str:
    if access == CATALOG:
        return "list all repositories; those that you know by name have pages, such as /ui/r/team/app"
    return str(access)


def _is_safe(url: str) -> bool:
    """Whether a password may be sent there: by TLS, or within this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and LOOPBACK.fullmatch(parts.netloc) is not None)
