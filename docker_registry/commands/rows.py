"""How commands show repositories, tags and manifests: one row each, as JSON or in a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import click

from docker_registry.core.exceptions import UsageError
from docker_registry.distribution.storage.history import How, meanings
from docker_registry.distribution.views.listing import Listing
from docker_registry.distribution.views.looking import Row
from docker_registry.distribution.views.untagged import untagged
from docker_registry.images.inside import Inside
from docker_registry.maintenance.printable import printable
from docker_registry.web.words import iso, size

__all__ = ["Fields", "history_rows", "listed", "repository_rows", "show", "tag_rows", "untagged_rows"]

_AT_ONCE = 50  # rows that are asked about together

Fields = dict[str, Any]


def show(row: Fields, as_json: bool, line: str) -> None:
    """Print a row, as JSON or as a line of text; what strangers wrote into it reaches no terminal as it is."""
    click.echo(json.dumps(row) if as_json else printable(line))


def listed(registry: Inside, name: str) -> Listing:
    """Raises UsageError where there is no such repository."""
    listing = registry.looker.listing(name)
    if listing.is_empty:
        raise UsageError(f"there is no repository {name}")
    return listing


def repository_rows(registry: Inside, names: Sequence[str]) -> Iterator[tuple[Fields, str]]:
    for some in _groups(names):
        for name, summary in registry.looker.summaries(some).items():
            pushed = _time(summary.pushed)
            more = " " if summary.is_whole else "+"
            yield (
                {"repository": name, "tags": summary.tags, "tagsAreAll": summary.is_whole, "pushed": pushed},
                f"{pushed or '?':20}  {summary.tags:6}{more} {name}",
            )


def tag_rows(registry: Inside, name: str) -> Iterator[tuple[Fields, str]]:
    """The tags of a repository, or that there is none."""
    listing = listed(registry, name)
    for some in _groups(listing.tags):
        for row in registry.looker.rows(name, listing, some):
            yield _tag(row)


def untagged_rows(registry: Inside, name: str) -> Iterator[tuple[Fields, str]]:
    """The manifests that no tag means, and what needs them."""
    listing = listed(registry, name)
    children, _ = registry.looker.known_children(name, listing)
    found = untagged(listing, children)
    for some in _groups(found):
        for row, each in zip(registry.looker.loose_rows(name, listing, some), some, strict=True):
            fields, line = _tag(row)
            needed = each.needed
            why = f"{needed.word} {needed.tag or needed.digest}" if needed else None
            del fields["tag"]
            yield {**fields, "needed": why}, f"{line}  {why or 'needed by nothing'}"


def history_rows(registry: Inside, name: str) -> Iterator[tuple[Fields, str]]:
    """What tags meant before they were moved or deleted."""
    words = {How.MOVED: "until it was moved or ended", How.DELETED: "until it was deleted"}
    for each in meanings(registry.store(name), name):
        if each.how is not How.CURRENT:
            when = _time(each.when)
            fields = {"tag": each.tag, "digest": str(each.digest), "how": each.how.value, "when": when}
            yield fields, _line(when, None, str(each.digest), each.tag, words[each.how])


def _tag(row: Row) -> tuple[Fields, str]:
    kind = row.brief.kind.word if row.brief else None
    platforms = [platform.label for platform in row.platforms]
    pushed, expires = _time(row.tag.pushed), _time(row.tag.expires)
    fields: Fields = {
        "tag": row.tag.name,
        "digest": str(row.digest) if row.digest else None,
        "kind": kind,
        "size": row.size,
        "platforms": platforms,
        "pushed": pushed,
        "expires": expires,
        "attached": row.attached,
        **({"broken": row.broken} if row.broken else {}),
    }
    what = row.broken or " ".join(filter(None, (kind, ", ".join(platforms))))
    ends = f"  until {expires}" if expires else ""
    return fields, _line(pushed, row.size, fields["digest"], row.tag.name, f"{what}{ends}")


def _line(when: str | None, count: int | None, digest: str | None, tag: str, what: str) -> str:
    short = (digest or "?").partition(":")[2][:12]
    bytes_ = size(count) if count is not None else "?"
    return "  ".join(filter(None, (f"{when or '?':20}", f"{bytes_:>8}", f"{short:12}", tag, what)))


def _groups(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(rows), _AT_ONCE):
        yield rows[start : start + _AT_ONCE]


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else iso(seconds)
