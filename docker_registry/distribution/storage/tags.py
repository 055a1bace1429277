"""The tags of a repository as a listing shows them: without those whose time has come, or that left only a history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .store import Store

__all__ = ["ListedTag", "listed_tags"]

_CURRENT = "/current/link"
_HISTORY = "/index/"  # however long it is, it comes as one row


class ListedTag(NamedTuple):
    """One tag. A hint, never a proof: listings lag behind."""

    name: str
    md5: str | None  # hex, of the digest that it means, as text; None where the listing does not say
    pushed: float | None  # seconds since the epoch
    expires: float | None  # the same; None for never


def listed_tags(store: Store, folder: str, after: str = "", page: int | None = None) -> Iterator[ListedTag]:
    """The tags in a folder (`layout.tags` of a repository), in the order of tag + "/".

    Only those behind `after` in that order are promised.
    `page` is how many the caller is likely to take. A storage goes on listing
    what has expired for a while, but says so: no tag is listed that a GET would not find.
    """
    rows = 2 * page if page else None  # a tag has a link and a history
    for entry in store.driver.walk_outside(folder, _HISTORY, after, rows):
        tag, _, rest = entry.path[len(folder) + 1 :].partition("/")
        if f"/{rest}" == _CURRENT and (entry.expires is None or entry.expires > store.clock()):
            yield ListedTag(tag, entry.md5, entry.modified, entry.expires)
