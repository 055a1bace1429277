"""Counting what the repositories of each quota hold, from listings.

A blob counts once for a rule, however many of its repositories have it, and as
long as a link to it is there: until garbage collection has taken that. Blobs
of different containers are different ones.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from docker_registry.core.driver import Base as Driver
from docker_registry.core.exceptions import FileNotFoundError, UnspecifiedError
from docker_registry.core.types import Entry
from docker_registry.distribution.auth.patterns import Patterns
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.storage import quota_book
from docker_registry.distribution.storage.quota_book import Count, Used
from docker_registry.settings import Quota, Settings, of_each_container, open_driver

from .fsck.places import What, place
from .parallel import each

__all__ = ["count", "count_in"]

_WORKERS = 4  # requests at a time, beside those of clients
_ASKED = 20_000  # sizes that one call asks for; the rest count as 0 until the next one
_KEPT = 200_000  # sizes that are remembered

_LINKS = (What.LAYER, What.REVISION)


def count(settings: Settings) -> Count:
    """Count, and write down for all registries what came of it. Raises UnspecifiedError."""
    return count_in([open_driver(container) for _, container in of_each_container(settings)], settings.quotas.rules)


def count_in(drivers: Sequence[Driver], rules: Sequence[Quota]) -> Count:
    """The same over the drivers of all containers, the default one first."""
    began = time.time()
    totals = [[0, 0] for _ in rules]
    for driver in drivers:
        _add(driver, rules, totals)
    found = Count(began, {rule.name: Used(*total) for rule, total in zip(rules, totals, strict=True)})
    if any(map(any, totals)) or _was_counted(drivers[0]):  # else a wrong name would make a container
        quota_book.save(drivers[0], found)
    return found


def _was_counted(driver: Driver) -> bool:
    try:
        return bool(quota_book.load(driver).began)
    except quota_book.CountError:
        return True


def _add(driver: Driver, rules: Sequence[Quota], totals: list[list[int]]) -> None:
    """Add what one container has. One request for each 10,000 objects, and one for each size that a listing lacks."""
    owners = _owners(driver, rules, totals)
    if not owners:
        return
    unsized: list[Digest] = []
    for entry in _walk(driver, layout.BLOBS):
        blob = place(entry.path)
        if blob.digest is None or blob.digest not in owners:
            continue
        if entry.size == 0 and not blob.digest.is_of_nothing:
            unsized.append(blob.digest)
        _charge(totals, owners[blob.digest], entry.size)
    for digest, size in _sizes(driver, unsized):
        _charge(totals, owners[digest], size)


def _owners(driver: Driver, rules: Sequence[Quota], totals: list[list[int]]) -> dict[Digest, int]:
    """Which rules each digest counts for, a bit for each; tags are added to `totals`."""
    fitting = _Fitting(rules)
    owners: dict[Digest, int] = {}
    for entry in _walk(driver, layout.REPOSITORIES):
        found = place(entry.path)
        mask = fitting.of(found.repository) if found.repository else 0
        if mask and found.what is What.TAG:
            for number in _bits(mask):
                totals[number][1] += 1
        elif mask and found.what in _LINKS and found.digest is not None:
            owners[found.digest] = owners.get(found.digest, 0) | mask
    return owners


class _Fitting:
    """Which rules fit a repository, a bit for each. A listing has all of one repository in a row."""

    def __init__(self, rules: Sequence[Quota]):
        self._patterns = [Patterns(rule.repositories) for rule in rules]
        self._last = ("", 0)

    def of(self, repository: str) -> int:
        if self._last[0] != repository:
            mask = sum(1 << number for number, each in enumerate(self._patterns) if each.matches(repository))
            self._last = (repository, mask)
        return self._last[1]


def _bits(mask: int) -> Iterator[int]:
    return (number for number in range(mask.bit_length()) if mask >> number & 1)


def _charge(totals: list[list[int]], mask: int, size: int) -> None:
    for number in _bits(mask):
        totals[number][0] += size


def _sizes(driver: Driver, digests: Sequence[Digest]) -> Iterator[tuple[Digest, int]]:
    """The sizes of Distribution's large blobs, which listings show as empty; each is asked for once, ever."""
    known = quota_book.load_sizes(driver) if digests else {}
    missing = [digest for digest in digests if str(digest) not in known][:_ASKED]
    for digest, size in each(lambda digest: _ask(driver, digest), missing, _WORKERS):
        if not isinstance(size, UnspecifiedError):
            known[str(digest)] = size
    if missing:
        wanted = {str(digest): known[str(digest)] for digest in digests[:_KEPT] if str(digest) in known}
        quota_book.save_sizes(driver, wanted)
    yield from ((digest, known[str(digest)]) for digest in digests if str(digest) in known)


def _ask(driver: Driver, digest: Digest) -> int:
    return driver.stat(layout.blob_data(digest)).size


def _walk(driver: Driver, folder: str) -> Iterator[Entry]:
    try:
        yield from driver.walk(folder)
    except FileNotFoundError:
        return
