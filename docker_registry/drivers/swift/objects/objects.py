"""Single objects: look at one, put content under a name safely, take one away."""

from __future__ import unicode_literals

import logging

from docker_registry.core.exceptions import BrokenError, FileNotFoundError, UnreachableError, UnspecifiedError

from ..compat import md5, say
from ..http.client import Answer
from ..http.deletion import delete_each_once
from ..http.listing import expiring_type
from .large import COMMIT, LISTED, NEWEST, is_large
from .reading import MD5, is_object, read_object, read_whole

__all__ = ["Content", "Objects", "size_of"]

logger = logging.getLogger(__name__)

# A name may appear and vanish between a refused PUT and the look at why; so often in a row is no accident.
ROUNDS = 5
TAKEN = Answer(412, {})
REMOVED = Answer(204, {})
DONE = Answer(201, {})


class Content(object):
    """What a PUT sends: a plain object's bytes, or a manifest's (then with a `query`).

    `size` is that of the file; `parts` are the segments that it consists of;
    `commit` is the identity by which its writer knows it again. `unanswered`
    is set when a PUT of it broke off without an answer: it may have worked, or
    still be on its way. `etag` is that of a plain object's bytes,
    `manifest_etag` the one that Swift makes of a manifest's segments, None
    where it is not known. `listed` is the part that lists the others, where
    the server will not tell them. `expires` is when it is to vanish, in whole
    seconds since the epoch.
    """

    def __init__(
        self, body, size, query="", etag=None, parts=(), commit=None, manifest_etag=None, listed=None, expires=None
    ):
        self.body = body
        self.size = size
        self.query = query
        self.etag = etag
        self.parts = parts
        self.commit = commit
        self.listed = listed
        self.expires = expires
        self.unanswered = False
        self.stored_as = etag or manifest_etag

    @classmethod
    def plain(cls, data, expires=None):
        return cls(data, len(data), etag=md5(data).hexdigest(), expires=expires)

    def headers(self, only_new):
        headers = {"If-None-Match": "*"} if only_new else {}
        if self.etag:
            headers["ETag"] = self.etag
        if self.commit:
            headers[COMMIT] = self.commit
        if self.listed:
            headers[LISTED] = self.listed
        if self.expires is not None:
            headers["X-Delete-At"] = "{0}".format(self.expires)
            headers["Content-Type"] = expiring_type(self.expires)
        return headers

    def doubtless_parts(self):
        """The parts that no PUT of this content can bring to life any more, once another object is live."""
        return [] if self.unanswered else list(self.parts)

    def may_stay(self, name, headers):
        """Whether an object whose name determines its bytes may have this content's, given what HEAD said of it.

        Not with another size, or another MD5. Where both cannot be compared, since they are cut differently, what has
        segments or was committed stays; a plain object that was not came here by another way.
        """
        if size_of(name, headers) != self.size:
            return False
        match = MD5.match(headers.get("etag", ""))
        if self.etag and match and not is_large(headers):
            return match.group(1) == self.etag
        return is_large(headers) or COMMIT.lower() in headers

    def is_in(self, headers):
        """Whether an object is this content, given what HEAD said of it (None: there is none)."""
        if headers is None:
            return False
        if self.wrote(headers):
            return True
        return self.etag == headers.get("etag", "").strip('"') and not is_large(headers)

    def wrote(self, headers):
        """Whether a PUT of this very content made an object, given what HEAD said of it."""
        return self.commit is not None and headers.get(COMMIT.lower()) == self.commit


class Objects(object):
    """Objects by their names. Nothing here leaves segments behind that it knows to be no one's.

    Several writers may meet over one name, without a lock: Swift keeps what was put last. So each looks at what is live
    after it has put a manifest, or replaced one, and removes what that does not name: the segments of what it replaced,
    and its own where another came after it. A writer that looked before another, already under way, put its own over it
    leaves segments to garbage collection.

    Every look that decides over a deletion, or that something may stay, asks for the newest.
    """

    def __init__(self, client, large):
        self._client = client
        self._large = large

    def get(self, name, how=None):
        """The whole of a small object, asked for with the headers `how`."""
        return read_object(self._client, name, how)

    def ask(self, name, how=None):
        """The Answer with the whole of a small object, asked for with the headers `how`."""
        return read_whole(self._client, name, how)

    def head(self, name, how=None):
        """The headers of an object, asked for with the headers `how`; None where there is none."""
        answer = self._client.request("HEAD", name, headers=how, accept=(404,), check=is_object)
        return None if answer.status == 404 else answer.headers

    def write(self, name, content):
        """Put content without segments: 1 request where nothing is there, 2 where the same is, else 3.

        Where what was there had segments, further ones look for these.
        """
        if self._put_new(name, content):
            return
        former = self._look(name)
        if not content.is_in(former) or "x-delete-at" in former:
            self._replace(name, content, former)

    def replace(self, name, content):
        """Put content whether or not something is there: 2 requests, a look after it where segments are at stake."""
        self._replace(name, content, self._look(name))

    def overwrite(self, name, content):
        """Put content under a name that has no segments, whatever is there: 1 request."""
        self._put(name, content)

    def overwrite_once(self, name, content):
        """The same by one request, which is not sent again."""
        self._client.put(name, content.body, headers=content.headers(only_new=False), etag=content.stored_as, once=True)

    def settle(self, name, content):
        """Put content under a name that determines it, unless it is there.

        What may have the same bytes stays, and the segments of this content go;
        what cannot is damaged and gives way. 1 request where nothing is there,
        2 where nobody could foretell the ETag: two writers that overlap there
        may both succeed, and the segments of the one that is not live are left
        to garbage collection.
        """
        for _ in range(ROUNDS):
            if self._put_new(name, content):
                self._confirm(name, content)
                return
            there = self._look(name)
            if there is None:
                continue
            if content.wrote(there):
                return
            if not content.may_stay(name, there):
                self._replace(name, content, there)
                self._confirm(name, content)
                return
            if self._keep(name, there):
                self._large.sweep(name, content.doubtless_parts(), there)
                return
        raise UnreachableError(say("PUT {0}: it keeps appearing and vanishing", name))

    def remove(self, name):
        """Delete an object and its segments; whether there was one. At most 2 requests unless it is dynamic."""
        there = self._look(name)
        if there is None:
            return False
        self._large.remove(name, there)
        return True

    def remove_plain(self, name):
        """Delete an object that has no segments; whether there was one. 1 request."""

        def look():
            # Sent again, the request would find nothing, and say so, after its own success.
            return None if self._look(name) else REMOVED

        return self._client.request("DELETE", name, accept=(404,), doubt=look).status != 404

    def remove_once(self, name):
        """Delete one object by one request, which is not sent again; its segments stay. Whether there was one."""
        return self._client.request("DELETE", name, accept=(404,), once=True).status != 404

    def remove_each_once(self, names):
        """Delete objects, each asked for once; their segments stay. Returns those that failed, and why."""
        places = [(self._client.container, name) for name in names]
        return {name: error for (_, name), error in delete_each_once(self._client, places).items()}

    def forget(self, name, parts):
        """Delete segments of an abandoned write under a name, unless what is live there has them."""
        if not parts:
            return
        try:
            live = self._look(name)
        except UnspecifiedError as error:
            logger.warning("segments meant for %s stay until garbage collection: %s", name, error)
            return
        self._large.sweep(name, parts, live)

    def _look(self, name):
        """The headers of the newest object, or None: what decisions hang on."""
        return self.head(name, NEWEST)

    def _put_new(self, name, content):
        """Put content where nothing is; whether that was so.

        Where the server is not known to keep the condition, this looks first, and after it where segments are at stake.
        """
        is_kept = self._client.habits.keeps_conditions
        if not is_kept and self._look(name) is not None:
            return False

        def look():
            content.unanswered = True
            return None if self._look(name) is None else TAKEN

        headers = content.headers(only_new=True)
        answer = self._client.put(name, content.body, content.query, headers, (412,), look, content.stored_as)
        if answer.status == TAKEN.status:
            if answer is not TAKEN:
                self._client.habits.saw("keeps_conditions", True)
            return False
        if content.parts and not is_kept:
            self._look_back(name, content, None, ())
        return True

    def _put(self, name, content, former=None):
        """Put content whatever is there; `former` is what HEAD said before."""

        def look():
            content.unanswered = True
            # A manifest that another writer has seen and replaced meanwhile must not come back: that one removes its
            # segments. With something new there, this PUT is done: it is live, or it was replaced.
            return DONE if content.parts and _version(self._look(name)) != _version(former) else None

        headers = content.headers(only_new=False)
        self._client.put(name, content.body, content.query, headers, doubt=look, etag=content.stored_as)

    def _confirm(self, name, content):
        """See that a manifest is there whose ETag could not be compared with the answer's. Raises UnreachableError."""
        if content.stored_as or not content.parts:
            return
        there = self._look(name)
        if there is None or size_of(name, there) != content.size:
            raise UnreachableError(say("PUT {0}: 201, but what was sent is not there", name))

    def _replace(self, name, content, former):
        old = self._old_parts(name, former) if former is not None and is_large(former) else ()
        self._put(name, content, former)
        if old or content.parts:
            self._look_back(name, content, former, old)

    def _look_back(self, name, content, former, old):
        """Delete what a PUT has left to no one; `former` is what HEAD said before it, `old` are the parts that had."""
        try:
            live = self._look(name)
        except UnspecifiedError as error:
            logger.warning("segments once of %s may stay until garbage collection: %s", name, error)
            return
        if content.is_in(live):
            mine = {part.name for part in content.parts}
            self._large.sweep(name, [part for part in old if part.name not in mine], None)
        elif live is None or _version(live) == _version(former):
            # As if nothing had been put: the replicas that took it do not answer. Who removes it removes its segments.
            logger.warning("segments of %s may stay until garbage collection: it is not there yet", name)
        else:
            self._large.sweep(name, list(old) + content.doubtless_parts(), live)

    def _old_parts(self, name, former):
        try:
            return self._large.parts(name, former)
        except (BrokenError, FileNotFoundError) as error:
            # What cannot be read must not hinder the write that heals it.
            logger.warning("%s is replaced; its old segments stay until garbage collection: %s", name, error)
            return ()

    def _keep(self, name, there):
        """Rescue what is there from a garbage collector that marked it; whether it is still there."""
        if "x-delete-at" not in there:
            return True
        answer = self._client.request("POST", name, headers={"X-Remove-Delete-At": "now"}, accept=(404,))
        return answer.status != 404


def _version(headers):
    """What tells one object under a name from the next, given what HEAD said."""
    return headers and tuple(headers.get(key) for key in ("x-timestamp", "etag", COMMIT.lower()))


def size_of(name, headers):
    """The size in bytes that HEAD said."""
    if "content-length" not in headers:
        # So Swift answers for a dynamic large object of more segments than a page of a listing has.
        raise BrokenError(say("HEAD {0}: Swift does not say how large it is", name))
    return int(headers["content-length"])
