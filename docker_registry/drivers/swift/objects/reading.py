"""Reading an object: ranges, and bodies that go on after their connection broke."""

from __future__ import unicode_literals

import logging

from docker_registry.core.exceptions import BrokenError, UnreachableError, WrongArgumentsError

from ..compat import Reader, resolve_range, say
from ..http import errors

__all__ = ["open_object"]

logger = logging.getLogger(__name__)


def open_object(client, name, bytes_range, chunk_size, retries, query="", container=None):
    """A Reader of an object, or of a range of it, that yields up to `chunk_size` bytes at a time.

    A body that breaks is asked for again from the byte it reached, as long as
    the object is the same (`If-Match`), up to `retries` times without progress.
    """
    headers = {} if bytes_range is None else {"Range": _header(bytes_range)}
    answer = client.open(name, query, headers, container=container)
    try:
        size = _size(answer, name)
        first, last = (0, size - 1) if bytes_range is None else resolve_range(bytes_range, size)
        body = _Body(client, name, container, query, answer, first, last + 1, retries)
    except BaseException:
        answer.stream.close()
        raise
    return Reader(size, last + 1 - first, body.chunks(chunk_size), body.close)


def _header(bytes_range):
    first, last = bytes_range
    backwards = first is not None and (first < 0 or (last is not None and last < first))
    if backwards or (first is None and not (last and last > 0)):
        raise WrongArgumentsError("the range %s has no byte" % (bytes_range,))
    return "bytes={0}-{1}".format("" if first is None else first, "" if last is None else last)


def _size(answer, name):
    """The size of the whole object, which a range's answer says too."""
    headers = answer.headers
    said = headers["content-range"].rpartition("/")[2] if answer.status == 206 else headers.get("content-length")
    if said is None or not said.isdigit():
        raise BrokenError(say("GET {0}: Swift does not say how large it is", name))
    return int(said)


def _start(answer):
    """The position in the object at which an answer's body starts."""
    if answer.status != 206:
        return 0
    return int(answer.headers["content-range"].partition(" ")[2].partition("-")[0])


class _Body(object):
    """The bytes of an object from `position` to before `end`."""

    def __init__(self, client, name, container, query, answer, position, end, retries):
        self._client = client
        self._name = name
        self._container = container
        self._query = query
        self._etag = answer.headers.get("etag")
        self._position = position
        self._end = end
        self._retries = retries
        self._stream = answer.stream
        self._use(answer)

    def chunks(self, size):
        try:
            failures = 0
            why = None  # type: object
            while self._position < self._end:
                try:
                    chunk = self._stream.read(min(size, self._end - self._position))
                    why = None if chunk else "the body ended early"
                except errors.LIBRARY as error:
                    chunk, why = b"", error
                if chunk:
                    failures = 0
                    self._position += len(chunk)
                    yield chunk
                else:
                    failures += 1
                    self._resume(why, failures)
            self._stream.finish()
        finally:
            self.close()

    def close(self):
        self._stream.close()

    def _use(self, answer):
        """Read on from an answer whose body starts at the position or before it."""
        self._stream = answer.stream
        skip = self._position - _start(answer)
        while skip > 0:
            skipped = len(self._stream.read(min(skip, 1 << 20)))
            if not skipped:
                raise UnreachableError(say("GET {0}: the body ended early", self._name))
            skip -= skipped

    def _resume(self, why, failures):
        self._stream.close()
        doing = say("GET {0} from byte {1} of {2}", self._name, self._position, self._end)
        if failures > self._retries or not self._etag:
            raise UnreachableError(say("{0}: {1}", doing, why))
        logger.warning("%s: %s; going on", doing, why)
        headers = {"Range": "bytes={0}-{1}".format(self._position, self._end - 1), "If-Match": self._etag}
        answer = self._client.open(self._name, self._query, headers, (404, 412), self._container)
        if answer.stream is None:
            raise BrokenError(say("{0}: the object was replaced or removed meanwhile", doing))
        try:
            self._use(answer)
        except errors.LIBRARY as error:
            logger.warning("%s: %s", doing, error)
