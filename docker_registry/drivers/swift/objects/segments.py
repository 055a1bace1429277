"""Segments in Swift by the names of their parts: sent, named in a manifest, read back, deleted."""

from __future__ import unicode_literals

import json

from ..compat import Part, md5
from .reading import open_object

__all__ = ["Segments"]

CHUNK = 256 << 10  # bytes read at a time
MANIFEST = "multipart-manifest=put"


class Segments(object):
    """The segments below one root. `retries` are the further tries of a body that breaks."""

    def __init__(self, client, names, large, retries):
        self._client = client
        self._names = names
        self._large = large
        self._retries = retries

    def put(self, part, body, etag):
        """Send a segment; returns the ETag that Swift answers, which must be `etag`, its MD5, where that is given."""
        _, name = self._names.located(part.name)
        answer = self._client.put(name, body, headers={"ETag": etag} if etag else None, etag=etag)
        return answer.headers["etag"].strip('"')

    def read(self, part):
        """Generate the bytes of a segment."""
        container, name = self._names.located(part.name)
        with open_object(self._client, name, None, CHUNK, self._retries, container=container) as reader:
            for chunk in reader:
                yield chunk

    def delete(self, parts):
        """Delete segments; returns those that could not be, and why."""
        return self._large.delete_parts(part.name for part in parts)

    def manifest(self, parts, etags, new_part):
        """The manifest of a file of these parts, as its closing PUT sends it, and the ETag that Swift makes of it.

        `etags` are MD5s by names of parts; without all of them the ETag is None.

        Where they are too many for one, manifests of their own stand for them, under the parts that `new_part` names.
        """
        limit = self._client.habits.segments
        rows = [self._row(part, part.size, etags.get(part.name)) for part in parts if part.size]
        while len(rows) > limit:
            rows = [self._nest(new_part(), rows[start : start + limit]) for start in range(0, len(rows), limit)]
        return _body(rows), _etag(rows)

    @property
    def needs_list(self):
        """Whether a list of parts has to be written, since the server is not known to give manifests."""
        return not self._client.habits.gives_manifests

    def put_list(self, commit, parts):
        """Write the list of a commit's parts, by which `LargeObjects` finds them again; returns the part that it is."""
        part = Part(commit + "/parts", 0)
        self._large.write_list(part, parts)
        return part

    @property
    def most(self):
        """How many segments a file may have; None for any number, as far as manifests may be nested."""
        habits = self._client.habits
        return None if habits.nests_manifests else habits.segments

    def _nest(self, part, rows):
        """Put a manifest of some rows; returns the row that stands for them."""
        _, name = self._names.located(part.name)
        self._client.put(name, _body(rows), MANIFEST, etag=_etag(rows))
        return self._row(part, sum(row["size_bytes"] for row in rows), None)

    def _row(self, part, size, etag):
        row = {"path": "/{0}/{1}".format(*self._names.located(part.name)), "size_bytes": size}
        if etag:
            row["etag"] = etag
        return row


def _etag(rows):
    """The ETag that Swift makes of a manifest with these rows; None where one of theirs is not known."""
    if not all("etag" in row for row in rows):
        return None
    return md5("".join(row["etag"] for row in rows).encode("ascii")).hexdigest()


def _body(rows):
    return json.dumps(rows).encode("ascii")
