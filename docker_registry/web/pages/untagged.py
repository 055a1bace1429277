"""Manifests of a repository that no tag means: what they are, and what needs them, if anything does."""

from __future__ import annotations

from werkzeug.wrappers import Response

from docker_registry.distribution.views.untagged import Untagged, untagged

from ..rules import untagged_rule
from ..visit import Visit
from .repository import folders

__all__ = ["page"]

_PAGE = 25  # manifests


def page(visit: Visit, name: str) -> Response:
    listing = visit.looker.listing(name)
    children, unknown = visit.looker.known_children(name, listing)
    every = untagged(listing, children)
    loose = [each for each in every if each.needed is None]
    shows_all = bool(visit.argument("all"))
    chosen = every if shows_all else loose
    start = _behind(chosen, visit.argument("after"))
    part = chosen[start : start + _PAGE]
    rows = visit.looker.loose_rows(name, listing, part)
    more = start + _PAGE < len(chosen)
    query = {"all": "yes" if shows_all else "", "after": str(part[-1].digest) if more else ""}
    return visit.page(
        "untagged.html",
        section="repositories",
        name=name,
        crumbs_above=folders(name),
        short=name.rpartition("/")[2],
        every=len(every),
        loose=len(loose),
        total=len(chosen),
        first=start + 1,
        shows_all=shows_all,
        unknown=unknown,
        is_whole=listing.is_whole,
        rows=list(zip(rows, part, strict=True)),
        rule=untagged_rule(visit.context.settings, name),
        following=visit.url(f"untagged/{name}", query) if more else "",
        may_delete=visit.may_change(name, "delete"),
    )


def _behind(found: list[Untagged], marker: str) -> int:
    """Where the page begins that follows a manifest; the first page where that is gone."""
    return next((place + 1 for place, each in enumerate(found) if str(each.digest) == marker), 0)
