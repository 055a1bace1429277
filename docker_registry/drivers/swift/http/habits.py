"""What one Swift is known to do of what this driver would like to rely on.

OpenStack's Swift, Ceph's gateway and others differ where it hurts: one ignores a condition, another cuts its listings.
No version tells. What is known comes from `/info`, where OpenStack's Swift names a limit as no other does, and from
the answers seen since. What is not known is not relied on.
"""

from __future__ import unicode_literals

__all__ = ["Habits"]

PAGE = 10000  # rows of a listing
SEGMENTS = 1000  # of a manifest
# Of a bulk delete. Ceph's gateway passes over those behind the first 1024, and says nothing; OpenStack's Swift takes
# 10,000, but sends no byte before all are gone, so each request must be over before a time-out.
NAMES = 500
OPENSTACKS_OWN = "max_object_name_length"  # Ceph's gateway has `max_object_name_size`


class Habits(object):
    """Of one server. Each habit is True, False, or None where it is not known.

    `info` is a function that returns what the server says of itself, a mapping, empty where it says nothing.
    """

    def __init__(self, info):
        self._info = info
        self._seen = {}

    @property
    def fills_pages(self):
        """Whether a page of a listing that is not full is the last one; an empty one always is."""
        return self._known("fills_pages")

    @property
    def keeps_conditions(self):
        """Whether `If-None-Match: *` keeps a PUT from replacing what is there."""
        return self._known("keeps_conditions")

    @property
    def gives_manifests(self):
        """Whether a static large object tells its segments (`?multipart-manifest=get`)."""
        return self._known("gives_manifests")

    @property
    def nests_manifests(self):
        """Whether a segment of a static large object may be one itself."""
        return self._known("nests_manifests")

    @property
    def matches_large(self):
        """Whether `If-Match` compares with the ETag that a large object says it has."""
        return self._known("matches_large")

    @property
    def signs_by_container(self):
        """Whether a key of the container signs URLs, beside one of the account."""
        return self._known("signs_by_container")

    def saw(self, habit, works):
        """Note what an answer showed of a habit, unless that is known: one odd answer is no habit."""
        if self._known(habit) is None:
            self._seen[habit] = works

    @property
    def rows_told(self):
        """How many rows the server says a page of a listing has; None where it does not say."""
        return self._limit("swift", "container_listing_limit")

    @property
    def page(self):
        """How many rows to ask for at a time."""
        return self.rows_told or PAGE

    @property
    def segments(self):
        """How many segments a manifest may have."""
        return self._limit("slo", "max_manifest_segments") or SEGMENTS

    @property
    def names_at_once(self):
        """How many names one bulk delete takes; 0 where the server has none."""
        if "bulk_delete" not in self._info():
            return 0
        return min(NAMES, self._limit("bulk_delete", "max_deletes_per_request") or NAMES)

    @property
    def signing_digests(self):
        """The digests by which signed URLs may be signed; empty where the server reads none."""
        info = self._info()
        said = info.get("tempurl", {})
        if (info and "tempurl" not in info) or "GET" not in said.get("methods", ["GET"]):
            return ()
        # A server that does not say knows SHA-1 only: an older Swift, or Ceph's gateway.
        return said.get("allowed_digests", ("sha1",))

    def _known(self, habit):
        return True if self._limit("swift", OPENSTACKS_OWN) else self._seen.get(habit)

    def _limit(self, section, name):
        return self._info().get(section, {}).get(name)
