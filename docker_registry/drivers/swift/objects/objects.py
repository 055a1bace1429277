"""Single objects: look at one, put content under a name safely, take one away."""

from __future__ import unicode_literals

import logging

from docker_registry.core.exceptions import BrokenError, FileNotFoundError, UnreachableError

from ..compat import md5, say
from ..http.client import Answer
from .large import is_large

__all__ = ["NEWEST", "Content", "Objects", "size_of"]

logger = logging.getLogger(__name__)

# Makes Swift ask all replicas and answer as the newest one does; without it, the first that answers may be an old one.
NEWEST = {"X-Newest": "true"}
COMMIT = "X-Object-Meta-Commit"
# A name may appear and vanish between a refused PUT and the look at why; so often in a row is no accident.
ROUNDS = 5
TAKEN = Answer(412, {})
REMOVED = Answer(204, {})


class Content(object):
    """What a PUT sends: a plain object's bytes, or a manifest's (then with a `query`).

    `size` is that of the file; `parts` are the segments that it consists of;
    `commit` is the identity by which its writer knows it again. `etag` is that
    of a plain object's bytes, `manifest_etag` the one that Swift makes of a
    manifest's segments, as far as they are known.
    """

    def __init__(self, body, size, query="", etag=None, parts=(), commit=None, manifest_etag=None):
        self.body = body
        self.size = size
        self.query = query
        self.etag = etag
        self.parts = parts
        self.commit = commit
        self.stored_as = etag or manifest_etag

    @classmethod
    def plain(cls, data):
        return cls(data, len(data), etag=md5(data).hexdigest())

    def headers(self, only_new):
        headers = {"If-None-Match": "*"} if only_new else {}
        if self.etag:
            headers["ETag"] = self.etag
        if self.commit:
            headers[COMMIT] = self.commit
        return headers


class Objects(object):
    """Objects by their names. Nothing here leaves segments behind that it knows to be no one's."""

    def __init__(self, client, large):
        self._client = client
        self._large = large

    def head(self, name, how=None):
        """The headers of an object, asked for with the headers `how`; None where there is none."""
        answer = self._client.request("HEAD", name, headers=how, accept=(404,))
        return None if answer.status == 404 else answer.headers

    def write(self, name, content):
        """Put content under a name: 1 request where nothing is there, 2 where the same is, else 3 and old segments."""
        if self._put_new(name, content):
            return
        there = self.head(name)
        if there is None or not self._is_same(there, content):
            self._replace(name, content, there)

    def replace(self, name, content):
        """Put content under a name whether or not something is there: 2 requests, and old segments."""
        self._replace(name, content, self.head(name))

    def overwrite(self, name, content):
        """Put content under a name that has no segments, whatever is there: 1 request."""
        self._put(name, content)

    def settle(self, name, content):
        """Put content under a name that determines it; whether it is this very content that is there now.

        A file of the same size stays, one of another size is damaged and
        gives way. 1 request where nothing is there.
        """
        for _ in range(ROUNDS):
            if self._put_new(name, content):
                return True
            there = self.head(name)
            if there is None:
                continue
            if there.get(COMMIT.lower()) == content.commit:
                return True
            if size_of(name, there) != content.size:
                self._replace(name, content, there)
                return True
            if self._keep(name, there):
                return False
        raise UnreachableError(say("PUT {0}: it keeps appearing and vanishing", name))

    def remove(self, name):
        """Delete an object and its segments; whether there was one. At most 2 requests unless it is dynamic."""
        there = self.head(name)
        if there is None:
            return False
        self._large.remove(name, there)
        return True

    def remove_plain(self, name):
        """Delete an object that has no segments; whether there was one. 1 request."""

        def look():
            # Sent again, the request would find nothing, and say so, after its own success.
            return None if self.head(name) else REMOVED

        return self._client.request("DELETE", name, accept=(404,), doubt=look).status != 404

    def _put_new(self, name, content):
        def look():
            return None if self.head(name) is None else TAKEN

        answer = self._put(name, content, (412,), look, only_new=True)
        return answer.status != TAKEN.status

    def _put(self, name, content, accept=(), doubt=None, only_new=False):
        headers = content.headers(only_new)
        return self._client.put(name, content.body, content.query, headers, accept, doubt, content.stored_as)

    def _replace(self, name, content, there):
        old = self._old_parts(name, there) if there is not None and is_large(there) else ()
        self._put(name, content)
        self._large.forget(name, old)

    def _old_parts(self, name, there):
        try:
            return self._large.parts(name, there)
        except (BrokenError, FileNotFoundError) as error:
            # What cannot be read must not hinder the write that heals it.
            logger.warning("%s is replaced; its old segments stay until garbage collection: %s", name, error)
            return ()

    def _is_same(self, there, content):
        return content.etag == there.get("etag", "").strip('"') and not is_large(there) and "x-delete-at" not in there

    def _keep(self, name, there):
        """Rescue what is there from a garbage collector that marked it; whether it is still there."""
        if "x-delete-at" not in there:
            return True
        answer = self._client.request("POST", name, headers={"X-Remove-Delete-At": "now"}, accept=(404,))
        return answer.status != 404


def size_of(name, headers):
    """The size in bytes that HEAD said."""
    if "content-length" not in headers:
        # So Swift answers for a dynamic large object of more segments than a page of a listing has.
        raise BrokenError(say("HEAD {0}: Swift does not say how large it is", name))
    return int(headers["content-length"])
