"""What was asked of Swift, and what came of it: numbers that only grow."""

from __future__ import unicode_literals

__all__ = ["Tally"]


class Tally(object):
    """Counted without a lock: exact among greenlets; threads may lose one now and then, which is no harm here."""

    def __init__(self):
        self._answers = {}  # by verb and status: how many, after how many seconds in all
        self.retries = 0

    def answer(self, verb, status, seconds):
        """`status` is 0 where there was no answer."""
        entry = self._answers.setdefault((verb, status), [0, 0.0])
        entry[0] += 1
        entry[1] += seconds

    def figures(self):
        """Pairs of a name with labels, and a number."""
        spent = {}  # type: dict[str, float]
        for (verb, status), (count, seconds) in sorted(self._answers.items()):
            yield ("requests_total", verb, "{0}".format(status)), count
            spent[verb] = spent.get(verb, 0.0) + seconds
        for verb, seconds in sorted(spent.items()):
            yield ("request_seconds_total", verb), seconds
        yield ("retries_total",), self.retries
