"""`ls`: which repositories there are, or the tags of one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

import click

from docker_registry.config import load
from docker_registry.core.exceptions import UsageError
from docker_registry.distribution.auth.patterns import Pattern
from docker_registry.distribution.model import grammar
from docker_registry.images.inside import Inside
from docker_registry.maintenance.printable import printable
from docker_registry.web.words import size

from . import old
from .naming import parse_pattern
from .options import config_options

__all__ = ["ls"]

_AT_ONCE = 50  # rows that are asked about together


@click.command()
@config_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--v1", is_flag=True, help="What a docker-registry 0.9.1 keeps in the same storage.")
@click.argument("name", required=False)
def ls(config: str | None, flavor: str | None, as_json: bool, v1: bool, name: str | None) -> None:
    """List repositories, or the tags of one. A pattern such as 'ci/**' lists the repositories that match.

    \b
    Examples:
      docker-registry-swift ls
      docker-registry-swift ls 'team/**'
      docker-registry-swift ls --json team/app
      docker-registry-swift ls --v1
    """
    with Inside(load(config, flavor).settings) as registry:
        if v1:
            for row in old.rows(registry, name):
                click.echo(json.dumps(row) if as_json else printable(old.line(row)))
            return
        one = name if name and grammar.is_name(name) else None
        rows = _tags(registry, one) if one else _repositories(registry, parse_pattern(name or "**", "NAME"))
        for row in rows:
            click.echo(json.dumps(row) if as_json else _line(row))


def _repositories(registry: Inside, pattern: Pattern) -> Iterator[dict[str, Any]]:
    names = registry.matching(pattern)
    for some in _groups(names):
        for name, summary in registry.looker.summaries(some).items():
            yield {
                "repository": name,
                "tags": summary.tags,
                "tagsAreAll": summary.is_whole,
                "pushed": _time(summary.pushed),
            }


def _tags(registry: Inside, name: str) -> Iterator[dict[str, Any]]:
    listing = registry.looker.listing(name)
    if listing.is_empty:
        raise UsageError(f"there is no repository {name}")
    for some in _groups(listing.tags):
        for row in registry.looker.rows(name, listing, some):
            yield {
                "tag": row.tag.name,
                "digest": str(row.digest) if row.digest else None,
                "kind": row.brief.kind.word if row.brief else None,
                "size": row.size,
                "platforms": [platform.label for platform in row.platforms],
                "pushed": _time(row.tag.pushed),
                "expires": _time(row.tag.expires),
                "attached": row.attached,
                **({"broken": row.broken} if row.broken else {}),
            }


def _groups(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(rows), _AT_ONCE):
        yield rows[start : start + _AT_ONCE]


def _line(row: dict[str, Any]) -> str:
    pushed = row["pushed"] or "?"
    if "repository" in row:
        return f"{pushed:20}  {row['tags']:6}{' ' if row['tagsAreAll'] else '+'} {row['repository']}"
    what = row.get("broken") or " ".join(filter(None, (row["kind"], ", ".join(row["platforms"]))))
    ends = f"  until {row['expires']}" if row["expires"] else ""
    digest = (row["digest"] or "?").partition(":")[2][:12]
    bytes_ = size(row["size"]) if row["size"] is not None else "?"
    return f"{pushed:20}  {bytes_:>8}  {digest:12}  {row['tag']}  {what}{ends}"


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
