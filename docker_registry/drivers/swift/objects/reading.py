"""Reading an object: small ones whole, ranges, and bodies that go on after their connection broke."""

from __future__ import unicode_literals

import logging
import re

from docker_registry.concurrency import acting, deadline
from docker_registry.core.exceptions import BrokenError, UnreachableError, WrongArgumentsError

from ..compat import Reader, md5, resolve_range, say
from ..http import errors
from ..http.client import Answer
from ..http.errors import WrongAnswer
from ..http.pool import BODY
from .large import is_large

__all__ = ["MD5", "is_object", "open_object", "read_object", "read_whole"]

logger = logging.getLogger(__name__)

MD5 = re.compile(r'"?([0-9a-f]{32})"?$')
_SPAN = re.compile(r"bytes (\d+)-(\d+)/(\d+)$")


def read_object(client, name, headers=None):
    """The bytes of a small object, compared with the length and the MD5 that Swift says they have."""
    return read_whole(client, name, headers).body


def read_whole(client, name, headers=None):
    """The Answer with which Swift gives a small object."""
    return client.request("GET", name, headers=headers, check=_check_whole)


def is_object(answer):
    """A 2xx without an ETag does not tell of an object, least of all that it is empty; a large one may have none."""
    if not (answer.headers.get("etag") or is_large(answer.headers)):
        raise WrongAnswer("it has no ETag")


def _check_whole(answer):
    length, etag = answer.headers.get("content-length"), answer.headers.get("etag")
    if answer.status != 200 or (length is not None and length != str(len(answer.body))):
        raise WrongAnswer(say("{0} with {1} bytes of {2}", answer.status, len(answer.body), length))
    if is_large(answer.headers):
        return  # its ETag is that of its segments
    is_object(answer)
    match = MD5.match(etag)
    if match and match.group(1) != md5(answer.body).hexdigest():
        raise WrongAnswer(say("its bytes have another MD5 than its ETag {0}", etag))


def open_object(client, name, bytes_range, chunk_size, retries, query="", container=None, kind=BODY):
    """A Reader of an object, or of a range of it, that yields up to `chunk_size` bytes at a time.

    A body that breaks is asked for again from the byte it reached, as long as
    the object is the same (`If-Match`), up to `retries` times without progress.
    Where the server compares something else than a large object's ETag, what
    the answers say is compared here.
    """
    headers = {} if bytes_range is None else {"Range": _header(bytes_range)}
    answer = client.open(name, query, headers, container=container, kind=kind, check=is_object)
    try:
        size = _size(answer, name)
        first, last = (0, size - 1) if bytes_range is None else resolve_range(bytes_range, size)
        body = _ResumingBody(client, name, container, query, answer, first, last + 1, retries, kind)
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
    if answer.status == 206:
        return _span(answer, name)[1]
    said = answer.headers.get("content-length", "")
    if not said.isdigit():
        raise BrokenError(say("GET {0}: Swift does not say how large it is", name))
    return int(said)


def _span(answer, name):
    """The position in the object at which an answer's body starts, and the object's size where the answer is a part."""
    if answer.status != 206:
        return 0, None
    match = _SPAN.match(answer.headers.get("content-range", ""))
    if not match:
        raise UnreachableError(say("GET {0}: Swift does not say which part it sends", name))
    return int(match.group(1)), int(match.group(3))


def _version(answer, name):
    """What tells one object under a name from the next."""
    return answer.headers.get("etag"), answer.headers.get("x-timestamp"), _size(answer, name)


class _ResumingBody(object):
    """The bytes of an object from `position` to before `end`."""

    def __init__(self, client, name, container, query, answer, position, end, retries, kind):
        self._client = client
        self._name = name
        self._container = container
        self._query = query
        self._etag = answer.headers.get("etag")
        self._version = _version(answer, name)
        self._is_large = is_large(answer.headers)
        self._position = position
        self._end = end
        self._retries = retries
        self._kind = kind
        self._deadline = deadline.current()
        self._caller = acting.current()  # who reads on when the request that opened it is over
        self._use(answer)

    def chunks(self, size):
        try:
            failures = 0
            why = None  # type: object
            while self._position < self._end:
                try:
                    self._skip()
                    chunk = self._stream.read(min(size, self._end - self._position))
                    why = None if chunk else "the body ended early"
                except errors.LIBRARY as error:
                    chunk, why = b"", error
                if chunk:
                    failures = 0
                    self._position += len(chunk)
                    yield chunk
                    if self._deadline is not None:
                        self._deadline.renew()
                else:
                    failures += not isinstance(why, errors.Taken)
                    self._resume(why, failures)
            self._stream.finish()
        finally:
            self.close()

    def close(self):
        self._stream.close()

    def _use(self, answer):
        """Read on from an answer whose body starts at the position or before it."""
        self._stream = answer.stream
        self._ahead = self._position - _span(answer, self._name)[0]
        if self._ahead < 0:
            raise UnreachableError(say("GET {0}: Swift sends another part than it was asked for", self._name))

    def _skip(self):
        """Read what lies before the position."""
        while self._ahead:
            skipped = len(self._stream.read(min(self._ahead, 1 << 20)))
            if not skipped:
                return
            self._ahead -= skipped

    def _resume(self, why, failures):
        self._stream.close()
        doing = say("GET {0} from byte {1} of {2}", self._name, self._position, self._end)
        if failures > self._retries or not self._etag:
            raise UnreachableError(say("{0}: {1}", doing, why))
        # A client that reads slowly is no fault, and must not fill the log.
        logger.log(logging.DEBUG if isinstance(why, errors.Taken) else logging.WARNING, "%s: %s; going on", doing, why)
        answer = self._ask_again()
        if answer.stream is None or answer.headers.get("etag") != self._etag:
            if answer.stream is not None:
                answer.stream.close()
            raise BrokenError(say("{0}: the object was replaced or removed meanwhile", doing))
        self._use(answer)

    def _ask_again(self):
        """The answer from the position on: 412 or another ETag for another object, 404 for none."""
        headers = {"Range": "bytes={0}-{1}".format(self._position, self._end - 1)}
        habits = self._client.habits
        may_match = not self._is_large or habits.matches_large is not False
        if may_match:
            answer = self._open(dict(headers, **{str("If-Match"): self._etag}))
            if answer.status != 412 or not self._is_large or habits.matches_large:
                return answer
        answer = self._open(headers)
        if answer.stream is not None and _version(answer, self._name) != self._version:
            answer.stream.close()
            return Answer(412, answer.headers)
        habits.saw("matches_large", False)
        return answer

    def _open(self, headers):
        with deadline.until(self._deadline), acting.within(self._caller):
            return self._client.open(self._name, self._query, headers, (404, 412), self._container, self._kind)
