"""Fewer and larger segments out of many small ones, for a server whose manifests are short and cannot be nested."""

from __future__ import unicode_literals

from ..compat import md5
from .memory import Lease

__all__ = ["Merger", "groups"]


def groups(parts, limit, size):
    """Neighbouring parts in at most `limit` lists, of up to `size` bytes each if that is enough.

    Where it is not, they get larger by a quarter at a time. No more are put together than it takes.
    """
    while True:
        found = []  # type: list[list[object]]
        room, excess = 0, len(parts) - limit
        for part in parts:
            if found and excess > 0 and part.size <= room:
                found[-1].append(part)
                excess -= 1
            else:
                found.append([part])
                room = size
            room -= part.size
        if excess <= 0:
            return found
        size += size // 4 + 1


class Merger(object):
    """What one stage merges. `put` stores bytes with their MD5 as a segment and returns its part."""

    def __init__(self, segments, budget, put):
        self._segments = segments
        self._budget = budget
        self._put = put
        self._made = {}

    @property
    def parts(self):
        """All segments that were made here."""
        return list(self._made.values())

    def merge(self, parts, limit, size):
        """At most `limit` parts with the bytes of `parts`; see `groups`. What was merged before is taken again."""
        return [self._merged(group) if len(group) > 1 else group[0] for group in groups(parts, limit, size)]

    def _merged(self, group):
        names = tuple(part.name for part in group)
        if names not in self._made:
            lease = Lease(self._budget)
            lease.overdraw(sum(part.size for part in group))
            try:
                body = b"".join(chunk for part in group for chunk in self._segments.read(part))
                self._made[names] = self._put(body, md5(body).hexdigest())
            finally:
                lease.end()
        return self._made[names]
