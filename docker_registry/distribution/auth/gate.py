"""The way into the registry: who calls, may they, and what do they hear if not."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from werkzeug.wrappers import Request

from docker_registry.concurrency import acting
from docker_registry.concurrency.acting import Acting

from ..errors import Code, RegistryError
from . import audit
from .access import Access
from .caller import ANONYMOUS, Caller, Kind
from .policy import Policy
from .told import BY_CERTIFICATE, BY_PROXY, Told

__all__ = ["Door", "Gate", "RefusedError", "challenge"]

_ACLS = "the container's ACLs in Swift"
_NO_LOGIN = "no login is asked for"


class RefusedError(Exception):
    """A credential is not accepted; the text says why, for the log. `code` is the challenge's `error`."""

    def __init__(self, why: str, code: str = ""):
        super().__init__(why)
        self.code = code


class Door(Protocol):
    """One way to tell who calls."""

    scheme: str  # of the Authorization header, in lower case

    def enter(self, credentials: str, address: str) -> Caller:
        """Who these credentials (the header without its scheme) belong to; `address` is where they come from.

        Raises RefusedError, or RegistryError for a caller who must wait.
        """

    def challenge(self, accesses: Sequence[Access], error: str) -> str:
        """How to come in through here."""


class Gate:
    """All doors of one registry. Without any, everybody is let in and may do everything.

    `by_certificate` and `by_proxy`: whether the server below is believed who somebody is.
    """

    def __init__(
        self, doors: Sequence[Door], policy: Policy, *, by_certificate: bool = False, by_proxy: bool = False
    ) -> None:
        self._doors = doors
        self._by_certificate = by_certificate
        self._by_proxy = by_proxy
        self._asks = bool(doors or by_certificate or by_proxy)
        self.refused = {"credential": 0, "rights": 0, "busy": 0}  # requests, by why
        self.policy = policy

    def admit(self, request: Request, accesses: Sequence[Access]) -> Caller:
        """Who sent a request that needs `accesses` (none: a login). Raises UNAUTHORIZED or DENIED.

        From here on the storage is asked in that caller's name, where they gave a token for it.
        """
        caller = self._let_in(request, accesses) if self._asks else ANONYMOUS
        for access in accesses:
            if access.action != "pull" and self.policy.is_read_only(access.name):
                raise self.denied(request, caller, f"{access.name} is read-only", "read_only", access._asdict())
        acting.begin(caller.acting)
        return caller

    def _let_in(self, request: Request, accesses: Sequence[Access]) -> Caller:
        try:
            caller = self._identify(request)
        except RefusedError as error:
            self.refused["credential"] += 1
            audit.refused(request, "somebody", f"refused: {error}", "the credential")
            raise self._unauthorized(accesses, error.code) from None
        except RegistryError as error:
            self.refused["busy"] += 1
            audit.refused(request, "somebody", f"not let in: {error}", "the door")
            raise
        lacking = [access for access in accesses if not self.policy.decide(caller, access).allowed]
        if caller.kind is Kind.ANONYMOUS and (lacking or not accesses):
            raise self._unauthorized(accesses, "")
        if lacking:
            self.refused["rights"] += 1
            audit.refused(request, caller, f"may not {lacking[0]}", self.policy.decide(caller, lacking[0]).rule)
            if caller.kind is Kind.TOKEN and not caller.grants(lacking[0]):
                raise self._unauthorized(accesses, "insufficient_scope")
            raise RegistryError(Code.DENIED, f"{caller} may not {lacking[0]}", [access._asdict() for access in lacking])
        return caller

    def refused_by_storage(self, request: Request, caller: Acting) -> RegistryError:
        """Write down that the storage refuses somebody, or their token; what to raise."""
        audit.refused(request, f"user {caller.name}", "may not do this", _ACLS)
        if caller.has_ended:
            return self._unauthorized((), "")
        return RegistryError(Code.DENIED, f"Swift does not let {caller.name} do this")

    @property
    def takes_passwords(self) -> bool:
        """Whether somebody can come in by a name and a password."""
        return any(door.scheme == "basic" for door in self._doors)

    def may(self, caller: Caller, access: Access) -> bool:
        return not self._asks or self.policy.decide(caller, access).allowed

    def may_see(self, caller: Caller, name: str) -> bool:
        """Whether a repository is in the caller's catalogue. A token that allows the catalogue allows all of it."""
        pull = Access("repository", name, "pull")
        if caller.kind is Kind.TOKEN:
            return self.policy.decide_by_table(caller, pull).allowed
        return self.may(caller, pull)

    def note(self, request: Request, caller: Caller, deed: str, access: Access) -> None:
        """Write down what somebody did who was allowed `access`."""
        audit.did(request, caller, deed, self.policy.decide(caller, access).rule if self._asks else _NO_LOGIN)

    def denied(self, request: Request, caller: Caller, why: str, rule: str, detail: Any = None) -> RegistryError:
        """Write a refusal down; what to raise."""
        audit.refused(request, caller, why, rule)
        return RegistryError(Code.DENIED, why, detail)

    def _identify(self, request: Request) -> Caller:
        told: Told | None = request.environ.get(BY_PROXY) if self._by_proxy else None
        if told is not None:
            return Caller(Kind.USER, told.name, groups=frozenset(told.groups), limit="a proxy's header")
        told = request.environ.get(BY_CERTIFICATE) if self._by_certificate else None
        if told is not None and told.ends <= time.time():
            # A connection that is kept: a new one would not have come as far as a password.
            raise RefusedError(f"the client certificate of {told.name} has ended")
        header = request.headers.get("Authorization", "")
        if not header:
            return _certified(told) if told else ANONYMOUS
        scheme, _, credentials = header.partition(" ")
        for door in self._doors:
            if door.scheme == scheme.lower():
                return door.enter(credentials.strip(), request.remote_addr or "")
        raise RefusedError(f"no login here is of the scheme {scheme[:20]!r}")

    def _unauthorized(self, accesses: Sequence[Access], error: str) -> RegistryError:
        challenges = [door.challenge(accesses, error) for door in self._doors]
        return RegistryError(
            Code.UNAUTHORIZED,
            detail=[access._asdict() for access in accesses],
            headers={"WWW-Authenticate": ", ".join(challenges)} if challenges else None,
        )


def _certified(told: Told) -> Caller:
    return Caller(Kind.CERTIFICATE, told.name, groups=frozenset(told.groups), limit="a client certificate")


def challenge(scheme: str, fields: Mapping[str, str]) -> str:
    """RFC 9110, 11.6.1, every value quoted: clients exist that take no other form."""
    quoted = ((name, value.replace("\\", "\\\\").replace('"', '\\"')) for name, value in fields.items())
    return f"{scheme} " + ",".join(f'{name}="{value}"' for name, value in quoted)
