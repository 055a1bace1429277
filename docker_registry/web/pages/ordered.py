"""All repositories by last push or size: from the figures of storage, which are counted seldom."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

from werkzeug.wrappers import Response

from docker_registry.distribution.views.names import has_words
from docker_registry.distribution.views.usage import ROWS, Used

from ..visit import Visit

__all__ = ["ORDERS", "page"]

_PAGE = 50  # repositories

Key = Callable[[Used], tuple[float, str]]
ORDERS: dict[str, Key] = {
    "push": lambda used: (-(used.pushed or 0.0), used.name),
    "size": lambda used: (-float(used.size), used.name),
    "alone": lambda used: (-float(used.alone), used.name),
}


def page(visit: Visit, order: str, query: str, under: str) -> Response:
    timed = visit.looker.usage()
    seen, sees_all = visit.seen(timed.value)
    key = ORDERS["size" if order == "alone" and not sees_all else order]
    found = sorted((used for used in seen if _is_asked_for(used.name, query, under)), key=key)
    start = _behind(found, visit.argument("after"), key)
    shown = found[start : start + _PAGE]
    more = start + _PAGE < len(found)
    marker = "_".join((repr(-key(shown[-1])[0]), shown[-1].name)) if more else ""
    return visit.page(
        "ordered.html",
        section="repositories",
        query=query,
        under=under,
        order=order,
        rows=shown,
        total=len(found),
        counted=timed.came,
        sees_all=sees_all,
        limit=ROWS if sees_all and not timed.value.is_whole else 0,
        unsized=timed.value.unsized if sees_all else 0,
        is_first=not start,
        following=visit.url("", {"q": query, "ns": under, "sort": order, "after": marker}) if more else "",
    )


def _is_asked_for(name: str, query: str, under: str) -> bool:
    return (not under or name.startswith(f"{under}/")) and has_words(name, query)


def _behind(found: list[Used], marker: str, key: Key) -> int:
    """Where the page begins that follows a marker (figure and name), whether that repository is there yet or not."""
    figure, _, name = marker.partition("_")
    try:
        return bisect_right(found, (-float(figure), name), key=key)
    except ValueError:
        return 0
