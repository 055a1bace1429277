"""Who is told what happens: Distribution's `notifications`, and the same below `registry`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from docker_registry.settings import Endpoint

from .lists import texts
from .values import Options, flag, headers, public_url, seconds, text, whole

__all__ = ["NOTIFICATIONS", "read_endpoints"]

Converter = Callable[[Any], Any]


def _mappings(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("must be a list")
    return value


# The keys below `notifications`, and how each is read.
NOTIFICATIONS: dict[str, Converter] = {"endpoints": _mappings, "events.includereferences": flag}

_ACTIONS = ("pull", "push", "mount", "delete")


def _actions(value: Any) -> tuple[str, ...]:
    found = texts(value)
    for action in found:
        if action not in _ACTIONS:
            raise ValueError(f"{action!r} must be one of {', '.join(_ACTIONS)}")
    return found


def _some(value: Any) -> float:
    found = seconds(value)
    if not 0 < found <= 3600:
        raise ValueError("must be more than 0 seconds, and at most 1h")
    return found


# The keys of one endpoint -> the field of Endpoint; `secret` and `queue` are ours.
_ENDPOINT: dict[str, tuple[str, Converter]] = {
    "name": ("name", text),
    "url": ("url", public_url),
    "headers": ("headers", headers),
    "timeout": ("timeout", _some),
    "threshold": ("threshold", whole(0, 1_000_000)),
    "backoff": ("backoff", _some),
    "secret": ("secret", lambda value: text(value).encode()),
    "queue": ("queue", whole(1, 1_000_000)),
}
_NONE: tuple[str, ...] = ()
_APART = ("disabled", "ignore", "ignoredmediatypes")


def read_endpoints(values: Mapping[str, Any], options: Options) -> tuple[Endpoint, ...]:
    """`values` are converted already; what is wrong with an endpoint goes into the problems of `options`."""
    found: dict[str, Endpoint] = {}
    for number, given in enumerate(values.get("endpoints") or [], 1):
        below = Options(given, f"{options.where}, endpoints, item {number}", options.problems)
        endpoint = _endpoint(below)
        if endpoint is not None:
            if endpoint.name in found:
                below.refuse(f"name: {endpoint.name} is another endpoint's too")
            found[endpoint.name] = endpoint
    return tuple(found.values())


def _endpoint(options: Options) -> Endpoint | None:
    """None for one that is disabled, or wrong."""
    fields = {
        field: options.take(name, convert, None)
        for name, (field, convert) in _ENDPOINT.items()
        if name in options.rest()
    }
    disabled = options.take("disabled", flag, False)
    media_types = options.take("ignoredmediatypes", texts, _NONE)
    ignore = options.section("ignore")
    media_types += ignore.take("mediatypes", texts, _NONE)
    actions = ignore.take("actions", _actions, _NONE)
    ignore.refuse_rest(["mediatypes", "actions"])
    options.refuse_rest([*_ENDPOINT, *_APART])
    if disabled:
        return None
    for name in ("name", "url"):
        if not fields.get(name):
            options.refuse(f"{name}: is missing")
            return None
    given = {field: value for field, value in fields.items() if value}
    return Endpoint(**given, ignored_media_types=frozenset(media_types), ignored_actions=frozenset(actions))
