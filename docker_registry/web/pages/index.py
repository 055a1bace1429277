"""All repositories: by folder, or those whose names have what somebody searches for."""

from __future__ import annotations

import re
from itertools import groupby

from werkzeug.wrappers import Response

from docker_registry.distribution.model import grammar
from docker_registry.distribution.views import names
from docker_registry.distribution.views.listing import Summary

from ..pictures import weeks
from ..visit import Visit
from . import ordered

__all__ = ["page"]

_REFERENCE = re.compile(r"(?P<name>[^:@]+)[:@](?P<reference>.+)")


def page(visit: Visit) -> Response:
    query, under, after = visit.argument("q").strip(), visit.argument("ns").strip("/"), visit.argument("after")
    target = _pasted(visit, query)
    if target:
        return _redirect(target)
    shown = visit.names()
    if query and query in shown:
        return _redirect(visit.url(f"r/{query}"))
    order = visit.argument("sort")
    if order in ordered.ORDERS:
        return ordered.page(visit, order, query, under)
    found = names.search(shown, query, after) if query else names.browse(shown, under, after)
    repositories = [entry.name for entry in found.entries if not entry.below]
    summaries = visit.looker.summaries(repositories)
    groups = [
        (folder, [_row(entry, folder, summaries) for entry in entries])
        for folder, entries in groupby(found.entries, lambda entry: _folder(entry, under))
    ]
    return visit.page(
        "index.html",
        section="repositories",
        query=query,
        under=under,
        groups=groups,
        total=found.total,
        limit=names.LIMIT if len(shown) == names.LIMIT else 0,
        is_empty=not shown,
        is_first=not after,
        following=visit.url("", {"q": query, "ns": under, "after": found.after}) if found.after else "",
        host=visit.host,
        has_old=visit.looker.old.is_there(),
        pushes=visit.may_push_somewhere,
        anything=not visit.context.settings.auth.is_on,
    )


def _folder(entry: names.Entry, under: str) -> str:
    """Under which heading an entry stands."""
    return under if entry.below else entry.name.rpartition("/")[0]


def _row(entry: names.Entry, folder: str, summaries: dict[str, Summary]) -> dict[str, object]:
    summary = summaries.get(entry.name)
    return {
        "name": entry.name,
        "short": entry.name.removeprefix(f"{folder}/") if folder else entry.name,
        "below": entry.below,
        "summary": summary,
        "weeks": weeks(summary.weeks) if summary else [],
    }


def _pasted(visit: Visit, query: str) -> str:
    """The page of a reference that somebody pasted, with or without the host; "" for any other text."""
    text = query.split()[-1] if query else ""
    text = text.removeprefix("oci://").removeprefix("docker://")
    host = visit.host
    if host:
        text = text.removeprefix(f"{host.name}/")
    found = _REFERENCE.fullmatch(text)
    if found is None or not grammar.is_name(found["name"]):
        return ""
    return visit.url(f"r/{text}")


def _redirect(where: str) -> Response:
    return Response(status=302, headers={"Location": where})
