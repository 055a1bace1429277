"""Listings of any length, a page at a time."""

from __future__ import unicode_literals

import calendar
import re

from docker_registry.core.exceptions import BrokenError

from ..compat import Entry, quote, say
from .answers import is_list

__all__ = ["entry", "expiring_type", "hides_size", "is_perhaps_large", "rows"]

MD5_OF_NOTHING = "d41d8cd98f00b204e9800998ecf8427e"
# From this size on, and at 0 bytes, a row may be a large object without saying so.
PERHAPS_LARGE = 1 << 20
_EXPIRES = re.compile(r";expires=([0-9]{1,11})$")
GROWTH = 4  # a reader who takes more than it said is likely to take much more


def rows(client, prefix="", marker="", delimiter="", limit=None, container=None, page=None):
    """Generate the rows of a listing as Swift gives them: mappings with `name`, or with `subdir`.

    Only names that begin with `prefix` and lie behind `marker` come. A missing
    container is an empty one, and a row that comes twice comes once. With
    `limit`, one page of so many rows at most; `page` makes the first ones
    smaller, for who will not read them all.
    """
    habits = client.habits
    most = habits.page if limit is None else limit
    size = min(page or most, most)
    while True:
        found = _page(client, container, (("prefix", prefix), ("marker", marker), ("delimiter", delimiter)), size)
        told = {marker}
        for row in found:
            name = row.get("name") or row["subdir"]
            if name not in told:
                told.add(name)
                yield row
        # Only an empty page is the last one wherever pages may be cut.
        if limit is not None or not found or (habits.fills_pages and habits.rows_told and len(found) < size):
            return
        before, marker = marker, found[-1].get("name") or found[-1]["subdir"]
        if marker == before:
            raise BrokenError(say("the listing of a container does not go on behind {0}", marker))
        size = min(GROWTH * size, most)


def entry(path, row, size=None):
    """The Entry of a row; the MD5 of what has segments is not its content's. `size` is the true one, where known."""
    md5, segmented = row.get("hash"), True if "slo_etag" in row or hides_size(row) else None
    size = row["bytes"] if size is None else size
    expires = _EXPIRES.search(row.get("content_type") or "")
    return Entry(
        path,
        size,
        _seconds(row.get("last_modified")),
        None if segmented else md5,
        segmented,
        float(expires.group(1)) if expires else None,
    )


def expiring_type(expires):
    """The media type of an object that is gone from a time on: that of all files, and the time, which listings tell."""
    return "application/octet-stream;expires={0}".format(expires)


def hides_size(row):
    """Whether a row is that of a static large object, but has the size of its manifest, as Ceph's gateway lists them.

    It is known by the MD5 of nothing beside bytes that are not none.
    """
    return "slo_etag" not in row and row["bytes"] > 0 and row.get("hash") == MD5_OF_NOTHING


def is_perhaps_large(row):
    """Whether what a row is about may have segments."""
    return "slo_etag" in row or hides_size(row) or not 0 < row["bytes"] < PERHAPS_LARGE


def _page(client, container, terms, size):
    query = "format=json&limit={0}".format(size)
    for key, value in terms:
        if value:
            query += "&{0}={1}".format(key, quote(value))
    answer = client.request("GET", query=query, accept=(404,), container=container, check=is_list)
    return [] if answer.status in (204, 404) else answer.json()


def _seconds(iso):
    """`2014-11-20T05:40:00.123456` in seconds since the epoch; None for what is no such time."""
    try:
        whole = calendar.timegm(
            (int(iso[0:4]), int(iso[5:7]), int(iso[8:10]), int(iso[11:13]), int(iso[14:16]), int(iso[17:19]))
        )
        return whole + float("0" + iso[19:].rstrip("Z"))
    except (TypeError, ValueError):
        return None
