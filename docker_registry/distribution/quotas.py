"""How much repositories may hold: approximate by design, so that a push asks nothing more of the storage.

What is there was counted some minutes ago (`maintenance.quotas`), and is read
at most once in `BELIEVED` seconds. To that comes what this process took since,
and nothing of what others took. Where that leaves a doubt the push is let in,
but for what was there before and is sent once more: bytes, and tags that are
moved while so much is free that nobody looks. They count twice until the next
count.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from docker_registry.concurrency import acting
from docker_registry.core.driver import Base as Driver
from docker_registry.core.exceptions import UnspecifiedError
from docker_registry.settings import Quota
from docker_registry.settings import Quotas as Rules

from .auth.patterns import Patterns
from .errors import Code, RegistryError
from .model.digest import Digest
from .model.grammar import Tag
from .storage import quota_book
from .storage.quota_book import Count, CountError, Used

__all__ = ["BELIEVED", "Quotas"]

logger = logging.getLogger(__name__)

BELIEVED = 30.0  # s for which a count that was read needs no second look
_ENTRIES = 10_000  # of what this process took that are remembered, for each rule
_FEW_TAGS = 100  # with less room than this, or a tenth of the limit, a tag is looked for before it is set
_WHAT_TO_DO = "delete what is not needed, which counts after {}, or ask the registry's operator for more"


class _Since:
    """What this process took since the count; `amount` is how much of it counts as new."""

    def __init__(self) -> None:
        self.amount = 0
        self._entries: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()  # seconds since the epoch, amount

    def __len__(self) -> int:
        return len(self._entries)

    def of(self, key: Hashable) -> int:
        """How much of `amount` is of this one."""
        return self._entries.get(key, (0.0, 0))[1]

    def note(self, key: Hashable, when: float, amount: int) -> None:
        self.put(key, when, max(self.of(key), amount))

    def put(self, key: Hashable, when: float, amount: int) -> None:
        self.drop(key)
        self._entries[key] = (when, amount)
        self.amount += amount
        if len(self._entries) > _ENTRIES:
            self._forget_first()

    def drop(self, key: Hashable) -> None:
        _, amount = self._entries.pop(key, (0.0, 0))
        self.amount -= amount

    def forget_until(self, began: float) -> None:
        while self._entries and next(iter(self._entries.values()))[0] < began:
            self._forget_first()

    def _forget_first(self) -> None:
        _, (_, amount) = self._entries.popitem(last=False)
        self.amount -= amount


class _Rule:
    def __init__(self, quota: Quota):
        self.quota = quota
        self.used = Used()  # when it was counted last
        self.blobs, self.tags = _Since(), _Since()
        self._setting: Counter[Hashable] = Counter()  # tags that count as new, while pushes set them
        self._patterns = Patterns(quota.repositories)

    def is_for(self, repository: str) -> bool:
        return self._patterns.matches(repository)

    def heed(self, count: Count) -> None:
        """A count by a registry with other rules, as while a config file changes, leaves the former in force."""
        if self.quota.name in count.used:
            self.used = count.used[self.quota.name]
            self.blobs.forget_until(count.began)
            self.tags.forget_until(count.began)

    @property
    def used_tags(self) -> int:
        return self.used.tags + self.tags.amount + sum(not self.tags.of(key) for key in self._setting)

    def more_tags(self, keys: Iterable[Hashable]) -> int:
        """How many of these, which count as new, have not been counted yet."""
        return sum(not self.tags.of(key) and key not in self._setting for key in keys)

    @contextmanager
    def setting(self, keys: Iterable[Hashable]) -> Iterator[None]:
        """Other pushes of this process see meanwhile that room is taken."""
        self._setting.update(keys)
        try:
            yield
        finally:
            self._setting -= Counter(keys)


class Quotas:
    """The rules of one registry, in one process. `clock` gives seconds and never goes back, `now` since the epoch."""

    def __init__(
        self,
        rules: Rules,
        driver: Driver,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ):
        self._rules = [_Rule(quota) for quota in rules.rules]
        self._driver = driver
        self._clock = clock
        self._now = now
        self._read_at = float("-inf")
        self.refused: Counter[str] = Counter()  # requests, by what there would have been too much of

    def admit_bytes(self, repository: str, size: int, upload: str = "") -> None:
        """Raises DENIED where a blob of so many bytes does not fit; one of unknown size (0) fits while there is room.

        What an `upload` has sent of it counts once.
        """
        for rule in self._limiting(repository, "bytes"):
            limit, used = rule.quota.bytes or 0, self._used(rule).bytes + rule.blobs.amount - rule.blobs.of(upload)
            if used + max(size, 1) > limit:
                self.refused["bytes"] += 1
                more = f"{size} more" if size else "more"
                raise _denied(
                    repository, rule.quota, f"{used} of {limit} bytes are used, {more} do not fit", "garbage collection"
                )

    @contextmanager
    def sending(self, repository: str, upload: str, before: int, more: int) -> Iterator[Callable[[int], None]]:
        """Around taking bytes of an upload that had `before`; what it gives is told how many it has then.

        Raises DENIED where `more` do not fit; 0 is an unknown number. Other pushes of this process see meanwhile that
        room is taken, and afterwards, whether the upload is ended or not, until the next count.
        """
        self.admit_bytes(repository, before + more, upload)
        has = before

        def note(size: int) -> None:
            nonlocal has
            has = size

        rules = list(self._limiting(repository, "bytes"))
        for rule in rules:
            rule.blobs.put(upload, self._now(), before + more)
        try:
            yield note
        finally:
            for rule in rules:
                rule.blobs.put(upload, self._now(), has)

    def took(self, repository: str, digest: Digest, size: int, upload: str = "") -> None:
        """A blob has become the repository's, by an upload if that is given."""
        for rule in self._limiting(repository, "bytes"):
            rule.blobs.drop(upload)
            rule.blobs.note(digest, self._now(), size)

    @contextmanager
    def tagging(self, repository: str, tags: Sequence[Tag], is_there: Callable[[Tag], bool]) -> Iterator[None]:
        """Around setting tags. Raises DENIED where new ones do not fit.

        `is_there` asks the storage for one; it is called only where there may be little room.
        """
        rules = list(self._limiting(repository, "tags"))
        keys = [(repository, tag) for tag in tags]
        near = [rule for rule in rules if not self._has_plenty(rule, keys)]
        new = [(repository, tag) for tag in tags if not is_there(tag)] if near else keys
        for rule in near:
            self._admit_new(rule, repository, new)
        with ExitStack() as stack:
            for rule in rules:
                stack.enter_context(rule.setting(new))
            yield
            for rule in rules:
                for key in keys:
                    rule.tags.note(key, self._now(), int(key in new))

    def _limiting(self, repository: str, what: str) -> Iterator[_Rule]:
        return (rule for rule in self._rules if getattr(rule.quota, what) is not None and rule.is_for(repository))

    def _has_plenty(self, rule: _Rule, keys: Sequence[Hashable]) -> bool:
        """Whether there is room even if these are all new, and enough besides that nobody need look."""
        self._used(rule)
        limit = rule.quota.tags or 0
        return rule.used_tags + rule.more_tags(keys) <= limit - max(_FEW_TAGS, limit // 10)

    def _admit_new(self, rule: _Rule, repository: str, new: Sequence[Hashable]) -> None:
        limit, used, more = rule.quota.tags or 0, rule.used_tags, rule.more_tags(new)
        if more and used + more > limit:
            self.refused["tags"] += 1
            raise _denied(
                repository, rule.quota, f"{used} of {limit} tags are used, {more} more do not fit", "the next count"
            )

    def _used(self, rule: _Rule) -> Used:
        if self._clock() - self._read_at >= BELIEVED:
            self._read_at = self._clock()  # others go on meanwhile with what was known
            self._read()
        return rule.used

    def _read(self) -> None:
        try:
            with acting.within(None):  # it is the registry's, and all callers rely on it
                count = quota_book.load(self._driver)
        except (UnspecifiedError, CountError) as error:
            logger.warning("what was counted for quotas cannot be read now, the former count holds: %s", error)
            return
        for rule in self._rules:
            rule.heed(count)


def _denied(repository: str, quota: Quota, why: str, counts_after: str) -> RegistryError:
    detail = {"name": repository, "repositories": list(quota.repositories), "bytes": quota.bytes, "tags": quota.tags}
    what_to_do = _WHAT_TO_DO.format(counts_after)
    return RegistryError(Code.DENIED, f"the quota of {quota.name} would be exceeded: {why}; {what_to_do}", detail)
