"""Large objects, whoever wrote them: which segments they have, and removing them with these.

A static one (SLO) lists its segments in its manifest; its segments may be
manifests themselves. A dynamic one (DLO) has a prefix, and consists of
whatever a listing shows under it.

Ceph's gateway keeps an SLO's manifest to itself. There the list of parts is an
object of its own beside the segments, and a part of 0 bytes like a manifest
within the manifest; the SLO's metadata leads to it.
"""

from __future__ import unicode_literals

import json
import logging
import re

from docker_registry.core.exceptions import BrokenError, UnspecifiedError

from ..compat import Part, md5, say, unquote
from ..http import listing
from ..http.answers import is_list, is_report
from ..http.deletion import check_multistatus, delete_each, refuses_only

__all__ = ["COMMIT", "LISTED", "NEWEST", "LargeObjects", "is_dynamic", "is_large", "is_static"]

logger = logging.getLogger(__name__)

# Makes Swift ask all replicas and answer as the newest one does; without it, the first that answers may be an old one.
NEWEST = {"X-Newest": "true"}
COMMIT = "X-Object-Meta-Commit"
LISTED = "X-Object-Meta-Parts"  # names the part that is the list of a static object's parts
_ID = re.compile(r"[0-9a-f]{32}\Z")
_LIST = re.compile(r"[0-9a-f]{32}/parts\Z")
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
            return self._static_parts(name, headers)
        if is_dynamic(headers):
            return list(self._dynamic(name, headers))
        return None

    def prefix(self, name, headers):
        """What the parts of a dynamic large object begin with, given what HEAD said; None for any other object."""
        return self._names.part(*_target(name, headers)) if is_dynamic(headers) else None

    def write_list(self, part, parts):
        """Write the list of an object's parts, itself the part `part`, before the object."""
        body = json.dumps([[each.name, each.size] for each in parts if each.size]).encode("ascii")
        etag = md5(body).hexdigest()
        headers = {"Content-Type": "application/json", "ETag": etag}
        self._client.put(self._names.located(part.name)[1], body, headers=headers, etag=etag)

    def remove(self, name, headers):
        """Delete an object with all its segments, given what HEAD said."""
        if is_static(headers):
            self._remove_static(name)
            listed = _list_of(headers)
            if listed:
                self._client.request("DELETE", self._names.located(listed)[1], accept=(404,))
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

    def _static_parts(self, name, headers):
        habits, listed, manifest = self._client.habits, _list_of(headers), None
        if listed:
            parts = self._listed(listed, headers)
            if parts is not None:
                return parts
        if habits.gives_manifests is not False:
            manifest = self._manifest(self._client.container, name)
            # An empty answer, or the object itself, where the server does not know the question.
            habits.saw("gives_manifests", manifest is not None)
        if manifest is not None:
            return list(self._static(name, manifest, 0))
        parts = self._in_folder(headers)
        if parts is None:
            why = "this server does not give the manifests of large objects, and there is no list of its segments"
            raise BrokenError(say("{0}: {1}", name, why))
        return parts

    def _listed(self, listed, headers):
        """The parts of an object by the list that was written before it; None where that is gone, or another's."""
        place = self._names.located(listed)[1]
        answer = self._client.request("GET", place, headers=NEWEST, accept=(404,), check=is_list)
        found = [Part(*pair) for pair in answer.json()] if answer.status == 200 else []
        if str(sum(part.size for part in found)) != headers.get("content-length"):
            return None
        return [Part(listed, 0)] + found

    def _in_folder(self, headers):
        """The parts of an object whose commit sent all of them itself, so that they are in a folder of its id.

        None where they are not proven: an object's ETag is the MD5 of those of its parts.
        """
        commit = headers.get(COMMIT.lower(), "")
        if not _ID.match(commit):
            return None
        container, folder = self._names.located(commit + "/")
        rows = listing.rows(self._client, folder, container=container)
        rows = [row for row in rows if not row["name"].endswith("/parts")]
        etag = md5("".join(row["hash"] for row in rows).encode("ascii")).hexdigest()
        size = str(sum(row["bytes"] for row in rows))
        if (etag, size) != (headers.get("etag", "").strip('"'), headers.get("content-length")):
            return None
        return [Part(self._names.part(container, row["name"]), row["bytes"]) for row in rows]

    def _static(self, name, manifest, depth):
        if depth > DEEPEST:
            raise BrokenError(say("{0}: manifests are nested more than {1} deep", name, DEEPEST))
        for row in manifest:
            if "name" not in row:
                continue  # data within the manifest itself
            inner, _, segment = row["name"].lstrip("/").partition("/")
            part = self._names.part(inner, segment)
            if not row.get("sub_slo"):
                yield Part(part, row["bytes"])
                continue
            yield Part(part, 0)
            manifest = self._manifest(inner, segment)
            if manifest is None:
                raise BrokenError(say("{0}: this server does not give the manifest within its manifest", name))
            for below in self._static(segment, manifest, depth + 1):
                yield below

    def _manifest(self, container, name):
        return self._client.get_json(name, "multipart-manifest=get", container, NEWEST)

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
            report = answer.json()
            # Ceph's gateway refuses to delete what is not there (any more).
            if not refuses_only(report, (self._client.container, name)) or self._is_there(name):
                check_multistatus(say("DELETE {0}", name), report)

    def _is_there(self, name):
        return self._client.request("HEAD", name, headers=NEWEST, accept=(404,)).status != 404


def _list_of(headers):
    """The part that is the list of a static object's parts, given what HEAD said; None where there is none."""
    listed = headers.get(LISTED.lower(), "")
    return listed if _LIST.match(listed) else None


def _target(name, headers):
    """Container and prefix of a dynamic large object's segments."""
    manifest = headers["x-object-manifest"]
    container, _, prefix = unquote(manifest).partition("/")
    if not prefix:
        raise BrokenError(say("{0}: a manifest without a prefix, {1}", name, manifest))
    return container, prefix


def _one(failed):
    return sorted("%s" % error for error in failed.values())[0]
