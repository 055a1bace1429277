"""Names in lexical order, out of a storage that orders whole paths. Pure.

A storage lists `v1-rc/...`, `v1.0/...`, `v1/...`: that is the order of
`name + delimiter`, and `-` and `.` sort before `/`. A name can only come too
late behind longer ones that begin with it. So names are held until no shorter
one can follow, and where that takes too long, the shorter ones are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from itertools import islice

__all__ = ["lexical", "page"]

_PATIENCE = 10_000  # names held; one listing request of Swift brings as many


def lexical(
    names: Iterable[str],
    delimiter: str,
    last: str = "",
    exists: Callable[[str], bool] | None = None,
    patience: int = _PATIENCE,
) -> Iterator[str]:
    """Names behind `last`, from names that come in the order of name + delimiter.

    `exists` tells whether a name will come; it is asked when more than
    `patience` names are held. Without it they are held for as long as it takes.

    >>> list(lexical(["v1-rc", "v1.0", "v1", "v2"], "/"))
    ['v1', 'v1-rc', 'v1.0', 'v2']
    """
    held: list[tuple[str, str]] = []  # a heap of names, each with the last place where one before it can come
    asked: set[str] = set()
    for name in names:
        place = name + delimiter
        if name <= last or name in asked:
            continue
        while held and held[0][1] < place:
            yield heappop(held)[0]
        heappush(held, (name, _latest(name, delimiter, last)))
        while exists is not None and len(held) > patience:
            for late in _late(held[0][0], delimiter, last):
                if late not in asked and late + delimiter > place:
                    asked.add(late)
                    if exists(late):
                        heappush(held, (late, ""))
            yield heappop(held)[0]
    while held:
        yield heappop(held)[0]


def _late(name: str, delimiter: str, last: str) -> Iterator[str]:
    """The names that come behind `name` but belong before it, the latest first."""
    width = len(delimiter)
    for end in range(1, len(name)):
        if name[end : end + width] < delimiter and name[:end] > last:
            yield name[:end]


def _latest(name: str, delimiter: str, last: str) -> str:
    for late in _late(name, delimiter, last):
        return late + delimiter
    return ""


def page(names: Iterator[str], size: int) -> tuple[list[str], bool]:
    """The next `size` names, and whether there are more."""
    found = list(islice(names, size))
    more = bool(found) and next(names, None) is not None
    return found, more
