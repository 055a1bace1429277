"""Large objects, whoever wrote them: which segments they have, and removing them with these.

A static one (SLO) lists its segments in its manifest; its segments may be
manifests themselves. A dynamic one (DLO) has a prefix, and consists of
whatever a listing shows under it.
"""

from __future__ import unicode_literals

import logging

from docker_registry.core.exceptions import BrokenError, UnspecifiedError

from ..compat import Part, say, unquote
from ..http import listing
from ..http.answers import is_report
from ..http.deletion import check_multistatus, delete_each

__all__ = ["NEWEST", "LargeObjects", "is_dynamic", "is_large", "is_static"]

logger = logging.getLogger(__name__)

# Makes Swift ask all replicas and answer as the newest one does; without it, the first that answers may be an old one.
NEWEST = {"X-Newest": "true"}
DEEPEST = 10  # manifests within manifests, as in Swift itself


def is_static(headers):
    return headers.get("x-static-large-object", "").lower() == "true"


def is_dynamic(headers):
    return "x-object-manifest" in headers


def is_large(headers):
    return is_static(headers) or is_dynamic(headers)


class LargeObjects(object):
    """What there is to know and to do about manifests. `limit` is how many requests may be in flight."""

    def __init__(self, client, names, limit):
        self._client = client
        self._names = names
        self._limit = limit

    def parts(self, name, headers):
        """The parts of a large object in order, given what HEAD said; None for a plain object.

        A manifest within the manifest comes as a part of 0 bytes before its own parts.
        """
        if is_static(headers):
            return list(self._static(self._client.container, name, 0))
        if is_dynamic(headers):
            return list(self._dynamic(name, headers))
        return None

    def prefix(self, name, headers):
        """What the parts of a dynamic large object begin with, given what HEAD said; None for any other object."""
        return self._names.part(*_target(name, headers)) if is_dynamic(headers) else None

    def remove(self, name, headers):
        """Delete an object with all its segments, given what HEAD said."""
        if is_static(headers):
            self._remove_static(name)
            return
        segments = self.parts(name, headers) or ()
        # The manifest first: without it, nobody sees the file shrink.
        self._client.request("DELETE", name, accept=(404,))
        failed = self.delete_parts(part.name for part in segments)
        if failed:
            raise BrokenError(
                say("DELETE {0}: it is gone, but {1} of its segments are not: {2}", name, len(failed), _one(failed))
            )

    def delete_parts(self, parts):
        """Delete segments by the names of their parts; returns those that could not be, and why."""
        places = {self._names.located(part): part for part in parts}
        failed = delete_each(self._client, places, self._limit)
        return {places[place]: error for place, error in failed.items()}

    def sweep(self, name, parts, live):
        """Delete those of `parts` that the object `name` does not have, given what HEAD said of it (None: it is gone).

        What cannot be deleted, or not be told, stays for garbage collection.
        """
        if not parts:
            return
        try:
            has = self._owner(name, live)
            failed = self.delete_parts(part.name for part in parts if not has(part.name))
        except UnspecifiedError as error:
            failed = {parts[0].name: error}
        if failed:
            logger.warning("segments once of %s stay until garbage collection: %s", name, _one(failed))

    def _owner(self, name, headers):
        """A function that says of a part's name whether a large object has it, given what HEAD said."""
        if headers is None:
            return lambda part: False
        prefix = self.prefix(name, headers)
        if prefix is not None:
            # Not by a listing, which may lag behind.
            return lambda part: part.startswith(prefix)
        names = {part.name for part in self.parts(name, headers) or ()}
        return lambda part: part in names

    def _static(self, container, name, depth):
        if depth > DEEPEST:
            raise BrokenError(say("{0}: manifests are nested more than {1} deep", name, DEEPEST))
        for row in self._manifest(container, name):
            if "name" not in row:
                continue  # data within the manifest itself
            inner, _, segment = row["name"].lstrip("/").partition("/")
            part = self._names.part(inner, segment)
            if not row.get("sub_slo"):
                yield Part(part, row["bytes"])
                continue
            yield Part(part, 0)
            for below in self._static(inner, segment, depth + 1):
                yield below

    def _manifest(self, container, name):
        manifest = self._client.get_json(name, "multipart-manifest=get", container, NEWEST)
        if manifest is None:
            # Ceph's gateway may not know the query, and sends the object itself.
            raise BrokenError(say("{0}: this server does not give the manifests of large objects", name))
        return manifest

    def _dynamic(self, name, headers):
        container, prefix = _target(name, headers)
        for row in listing.rows(self._client, prefix, container=container):
            if (container, row["name"]) != (self._client.container, name):
                yield Part(self._names.part(container, row["name"]), row["bytes"])

    def _remove_static(self, name):
        answer = self._client.request(
            "DELETE",
            name,
            "multipart-manifest=delete",
            dict(NEWEST, Accept="application/json"),
            accept=(404,),
            check=is_report,
        )
        if answer.status == 200:
            check_multistatus(say("DELETE {0}", name), answer.json())


def _target(name, headers):
    """Container and prefix of a dynamic large object's segments."""
    manifest = headers["x-object-manifest"]
    container, _, prefix = unquote(manifest).partition("/")
    if not prefix:
        raise BrokenError(say("{0}: a manifest without a prefix, {1}", name, manifest))
    return container, prefix


def _one(failed):
    return sorted("%s" % error for error in failed.values())[0]
