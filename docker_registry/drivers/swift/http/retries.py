"""How often what may pass is tried again, and when."""

from __future__ import unicode_literals

import random

__all__ = ["Retries"]

FIRST_PAUSE = 0.2  # seconds before the first retry, then doubled
LONGEST_PAUSE = 10.0
LONGEST_WISH = 60.0  # of a Retry-After that is honoured


class Retries(object):
    """The further tries of one job.

    Not tenacity: a token is renewed, a doubt settled and a Retry-After read between two tries, and a deadline may end
    them. Each would be a callback there, for a loop of five lines.
    """

    def __init__(self, number):
        self._number = number
        self._tries = 0

    def pause(self, failure, limit=None):
        """Seconds to wait before the next try; None when there is none, or the Deadline `limit` leaves no time for it.

        As long as the server wishes, else twice as long each time, at random so that clients spread.
        """
        self._tries += 1
        headers = getattr(failure, "http_response_headers", None) or {}
        wish = headers.get("Retry-After", "")
        if wish.isdigit():
            seconds = min(float(wish), LONGEST_WISH)
        else:
            seconds = min(FIRST_PAUSE * 2 ** (self._tries - 1), LONGEST_PAUSE)
            seconds *= random.uniform(0.5, 1.0)  # noqa: S311  no secret
        no_time = limit is not None and limit.left() <= seconds
        return None if no_time or self._tries > self._number else seconds
