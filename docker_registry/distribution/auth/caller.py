"""Who sent a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from docker_registry.concurrency.acting import Acting

from .access import Access

__all__ = ["ANONYMOUS", "Caller", "Kind"]


class Kind(str, Enum):
    """By which door somebody came in."""

    ANONYMOUS = "anonymous"
    USER = "user"  # a name and a password
    ROBOT = "robot"  # a password that the registry made itself
    CERTIFICATE = "certificate"  # of a client
    TOKEN = "token"  # noqa: S105  a token server's word


def _everything(_: Access) -> bool:
    return True


def _always() -> bool:
    return True


@dataclass(frozen=True)
class Caller:
    """`grants` is the most that the credential allows; the policy may allow less."""

    kind: Kind
    name: str = ""
    grants: Callable[[Access], bool] = field(default=_everything, repr=False, compare=False)
    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    limit: str = field(default="", compare=False)  # what the audit calls the credential, and with it `grants`
    acting: Acting | None = field(
        default=None, compare=False
    )  # in whose name the storage is asked; None: the registry's
    # Whether the credential still counts, for who remembers it; may ask the storage.
    still: Callable[[], bool] = field(default=_always, repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.kind.value} {self.name}" if self.name else self.kind.value


ANONYMOUS = Caller(Kind.ANONYMOUS)
