"""What a request needs, as the Docker token protocol names it: `repository:team/app:pull`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

__all__ = ["CATALOG", "UPKEEP", "Access", "needed", "scope"]


class Access(NamedTuple):
    """One action on one thing."""

    kind: str  # "repository", or "registry" for what belongs to no repository
    name: str
    action: str  # "pull", "push", "delete", "admin", or "*"

    def __str__(self) -> str:
        return f"{self.action} {self.name}"


CATALOG = Access("registry", "catalog", "*")
UPKEEP = Access("registry", "upkeep", "admin")  # to see what belongs to no repository; nobody's who does not see all
_ACTIONS = {"GET": ("pull",), "HEAD": ("pull",), "POST": ("pull", "push"), "PUT": ("pull", "push")}
_ACTIONS["PATCH"] = _ACTIONS["PUT"]


def needed(method: str, values: Mapping[str, str]) -> list[Access]:
    """What a request to a URL form with these variables needs; nothing for `/v2/`, which needs a login only.

    As in Distribution, but for one: who may push may also give an upload up,
    which `DELETE` of its URL does.
    """
    if "name" not in values:
        return []
    if method == "DELETE" and "session" not in values:
        actions: tuple[str, ...] = ("delete",)
    else:
        actions = _ACTIONS.get(method, ("pull", "push"))
    return [Access("repository", values["name"], action) for action in actions]


def scope(accesses: Iterable[Access]) -> str:
    """The `scope` of a challenge: one item a thing, its actions joined by commas."""
    things: dict[tuple[str, str], list[str]] = {}
    for access in accesses:
        things.setdefault((access.kind, access.name), []).append(access.action)
    return " ".join(f"{kind}:{name}:{','.join(actions)}" for (kind, name), actions in things.items())
