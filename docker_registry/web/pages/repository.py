"""One repository: its tags, a page of them with what each is."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple

from werkzeug.wrappers import Response

from docker_registry.distribution.errors import Code, RegistryError
from docker_registry.distribution.views import names
from docker_registry.distribution.views.kinds import IMAGE
from docker_registry.distribution.views.listing import Listing, Tag
from docker_registry.distribution.views.looking import Row

from ..commands import Command, pull_commands
from ..pictures import weeks
from ..visit import Visit

__all__ = ["folders", "page"]

_PAGE = 25  # tags
_MEASURED = 100  # tags, the newest, of which sizes are asked for where the largest are to come first


class _Part(NamedTuple):
    tags: list[Tag]
    first: int  # place of the first one, from 1
    total: int
    following: str  # the marker of the next page, "" on the last


def page(visit: Visit, name: str) -> Response:
    listing = visit.looker.listing(name)
    if listing.is_empty and name not in visit.looker.names():
        near = {"near": names.near(visit.names(), name)}
        raise RegistryError(Code.NAME_UNKNOWN, f"there is no repository {name}", near)
    query, order = visit.argument("q").strip(), visit.argument("sort")
    order = order if order in _ORDERS else "push"
    part = _choose(listing, query, order, visit.argument("after"))
    rows = visit.looker.rows(name, listing, part.tags)
    if order == "size":
        rows.sort(key=lambda row: -(row.size or 0))
    summary = listing.summary()
    chosen = next((row for row in rows if row.tag.name == visit.argument("pull")), _first(rows))
    return visit.page(
        "repository.html",
        section="repositories",
        name=name,
        crumbs_above=folders(name),
        short=name.rpartition("/")[2],
        listing=listing,
        summary=summary,
        weeks=weeks(summary.weeks),
        rows=rows,
        part=part,
        search=query,
        order=order,
        chosen=chosen,
        commands=_commands(visit, name, chosen),
        following=_following(visit, name, query, order, part.following),
        host=visit.host,
        loose=len(listing.revisions.keys() - {tag.digest for tag in (*listing.tags, *listing.fallback)}),
        may_delete=visit.may_change(name, "delete"),
        immutable={row.tag.name for row in rows if visit.is_immutable(name, row.tag.name)},
    )


def folders(name: str) -> list[tuple[str, str]]:
    """The folders above a repository: (path, word)."""
    parts = name.split("/")
    return [("/".join(parts[: depth + 1]), word) for depth, word in enumerate(parts[:-1])]


def _choose(listing: Listing, query: str, order: str, after: str) -> _Part:
    """The tags of one page; those that only hold attachments come where somebody asks for them."""
    tags = [*listing.tags, *listing.fallback] if query.startswith("sha") else list(listing.tags)
    tags = [tag for tag in tags if query.lower() in tag.name.lower()]
    key = _ORDERS[order]
    tags.sort(key=key)
    if order == "size":
        return _Part(tags[:_MEASURED], 1, len(tags), "")
    start = _behind(tags, after, key)
    chosen = tags[start : start + _PAGE]
    more = start + _PAGE < len(tags)
    return _Part(chosen, start + 1, len(tags), _marker(chosen[-1]) if more else "")


def _by_name(tag: Tag) -> tuple[float, str]:
    return 0, tag.name


def _by_age(tag: Tag) -> tuple[float, str]:
    return -(tag.pushed or 0), tag.name


# By size: of the newest ones.
_ORDERS: dict[str, Callable[[Tag], tuple[float, str]]] = {"push": _by_age, "name": _by_name, "size": _by_age}


def _marker(tag: Tag) -> str:
    """Behind what a page begins: not a number, so that nothing shifts when a tag comes or goes."""
    return f"{tag.pushed or 0!r}_{tag.name}"


def _behind(tags: list[Tag], after: str, key: Callable[[Tag], tuple[float, str]]) -> int:
    """Where the page begins that is behind a marker, whether its tag is there yet or not."""
    pushed, _, name = after.partition("_")
    try:
        last = key(Tag(name, None, float(pushed)))
    except ValueError:
        return 0
    return bisect_right(tags, last, key=key)


def _following(visit: Visit, name: str, query: str, order: str, after: str) -> str:
    if not after:
        return ""
    return visit.url(f"r/{name}", {"q": query, "sort": "name" if order == "name" else "", "after": after})


def _first(rows: list[Row]) -> Row | None:
    """What to show commands for when nobody has said: what is newest, or called so."""
    good = [row for row in rows if row.brief]
    return next((row for row in good if row.tag.name == "latest"), good[0] if good else None)


def _commands(visit: Visit, name: str, row: Row | None) -> list[Command]:
    if row is None or visit.host is None:
        return []
    return pull_commands(visit.host, name, row.tag.name, row.digest, row.brief.kind if row.brief else IMAGE)
