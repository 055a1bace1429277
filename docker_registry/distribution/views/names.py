"""The names of all repositories, as a tree of which one page is shown: folders where there are many."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import partial
from itertools import chain, islice
from typing import NamedTuple

from docker_registry.concurrency.workers import gather
from docker_registry.core.refused import CallerRefusedError

from ..container import Container, Containers
from ..model import grammar, layout

__all__ = ["LIMIT", "PAGE", "Entry", "Page", "all_names", "browse", "has_words", "near", "search"]

LIMIT = 100_000  # names looked at
PAGE = 50  # entries of one page
_WORDS = 8  # of a search


class Entry(NamedTuple):
    """A repository, or a folder with `below` repositories in it."""

    name: str
    below: int = 0


class Page(NamedTuple):
    """Some entries; `after` is the name behind which the next page begins, "" on the last one."""

    entries: list[Entry]
    after: str
    total: int  # repositories in all pages


def all_names(containers: Containers) -> tuple[str, ...]:
    """At most `LIMIT` names of each container, in lexical order; one request to Swift for each 10,000."""
    found = gather([partial(_names_in, containers, container) for container in containers])
    return tuple(sorted(chain(*found)))


def _names_in(containers: Containers, container: Container) -> list[str]:
    """Those that a container has by the rules of today; none for whom Swift does not let see them."""
    listed = islice(container.driver.list_prefixes(layout.REPOSITORIES, "/_"), LIMIT)
    try:
        return [name for name in listed if grammar.is_name(name) and containers.of(name) is container]
    except CallerRefusedError as error:
        if error.has_ended:
            raise
        return []


def browse(names: Sequence[str], under: str = "", after: str = "") -> Page:
    """What is in a folder ("" for all): its repositories, or its folders where one page cannot hold them.

    >>> browse(["a", "b/c", "b/d"]).entries == [Entry("a"), Entry("b/c"), Entry("b/d")]
    True
    >>> [entry for entry in browse([f"b/{i}" for i in range(60)] + ["c"]).entries]
    [Entry(name='b', below=60), Entry(name='c', below=0)]
    """
    inside = [name for name in names if name.startswith(f"{under}/")] if under else list(names)
    entries = (
        [Entry(name) for name in inside] if len(inside) <= PAGE else _folded(inside, len(under) + 1 if under else 0)
    )
    return _cut(entries, after, len(inside))


def search(names: Sequence[str], text: str, after: str = "") -> Page:
    """The repositories whose names have all words of a text."""
    found = [Entry(name) for name in names if has_words(name, text)]
    return _cut(found, after, len(found))


def has_words(name: str, text: str) -> bool:
    """Whether a name has all words of a text."""
    return all(word in name for word in text.lower().split()[:_WORDS])


def near(names: Sequence[str], text: str, limit: int = 5) -> list[str]:
    """Names that somebody may have meant."""
    last = text.lower().rsplit("/", 1)[-1]
    return list(islice((name for name in names if last and last in name), limit))


def _folded(names: Sequence[str], start: int) -> list[Entry]:
    """Repositories directly in a folder whose name ends before `start`, and the folders in it."""
    counts: dict[str, int] = {}
    entries: list[Entry] = []
    for name in names:
        end = name.find("/", start)
        if end < 0:
            entries.append(Entry(name))
        else:
            counts[name[:end]] = counts.get(name[:end], 0) + 1
    entries += [Entry(name, below) for name, below in counts.items()]
    return entries


def _cut(entries: list[Entry], after: str, total: int) -> Page:
    entries = sorted(entries, key=lambda entry: _place(_marker(entry)))
    start = bisect_right([_place(_marker(entry)) for entry in entries], _place(after)) if after else 0
    page = entries[start : start + PAGE]
    return Page(page, _marker(page[-1]) if page and start + PAGE < len(entries) else "", total)


def _place(marker: str) -> tuple[str, str]:
    """The repositories of a folder stand together, before those of the folders in it."""
    return marker.rstrip("/").rpartition("/")[0], marker


def _marker(entry: Entry) -> str:
    """What an entry is called by a page that begins behind it: a folder may have the name of a repository."""
    return f"{entry.name}/" if entry.below else entry.name
