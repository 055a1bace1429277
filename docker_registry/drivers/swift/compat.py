"""What differs between Pythons, and the interface beyond v1 for Python 2.

There `docker_registry.core` is docker-registry-core's, which ends with the v1
interface; the values and the stage that it does not know are here.
"""

from __future__ import unicode_literals

import hashlib
import io
import sys
import time

from docker_registry.core import exceptions

if sys.version_info >= (3,):
    import http.client as http_client
    from urllib import parse as urls

    from docker_registry.core.busy import BusyError
    from docker_registry.core.driver import resolve_range
    from docker_registry.core.quota import QuotaError
    from docker_registry.core.refused import CallerRefusedError
    from docker_registry.core.staging import Stage
    from docker_registry.core.types import Entry, Part, Reader, Stat

    monotonic = time.monotonic

    def md5(data=b""):
        """An MD5 of some bytes so far; it guards against accidents, so FIPS mode may leave it on."""
        return hashlib.md5(data, usedforsecurity=False)

    def unwired(value):
        """A header's value, which http.client takes for Latin-1, as the UTF-8 that it is."""
        return value.encode("latin-1").decode("utf8", "replace")

    def outgoing(body):
        """A body as http.client takes it."""
        return body

    END_OF_ANSWER = "_close_conn"

    class _Raw(io.RawIOBase):
        """What lies below the buffer of an answer's file; it can be told to read no more."""

        def __init__(self, raw):
            self._raw = raw
            self.is_over = False

        def readable(self):
            return True

        def readinto(self, into):
            return None if self.is_over else self._raw.readinto(into)

        def close(self):
            io.RawIOBase.close(self)
            self._raw.close()

    class AnswerFile(io.BufferedReader):
        """The file from which http.client reads an answer."""

        def __init__(self, fp):
            io.BufferedReader.__init__(self, _Raw(fp.detach()))

        def has_more(self):
            """Whether more has come than was read; nothing can be read after the question."""
            self.raw.is_over = True  # type: ignore[attr-defined]
            return bool(self.peek(1))

else:
    import urllib as urls
    from collections import namedtuple

    import httplib as http_client

    md5 = hashlib.md5
    monotonic = time.time
    unwired = str
    END_OF_ANSWER = "close"

    class AnswerFile(object):
        """The file from which httplib reads an answer."""

        def __init__(self, fp):
            self._fp = fp
            self.read, self.readline, self.close = fp.read, fp.readline, fp.close

        def peek(self):
            """What has been read ahead."""
            return self._fp._rbuf.getvalue()

        def has_more(self):
            """Whether more has come than was read."""
            return bool(self._fp._rbuf.getvalue())

    class _File(object):
        """Blocks as a file that gives one at a time, however few bytes it is asked for: httplib asks for 8 KiB."""

        def __init__(self, blocks):
            self._blocks = iter(blocks)

        def read(self, _size):
            return next((block for block in self._blocks if block), b"")

    def outgoing(body):
        """A body as httplib takes it."""
        return _File(body) if isinstance(body, Blocks) else body

    class BusyError(exceptions.UnreachableError):
        """More clients read at a time than are served at a time."""

    class QuotaError(exceptions.BrokenError):
        """The storage takes nothing more: a quota is used up."""

    class CallerRefusedError(exceptions.BrokenError):
        """The storage refuses what somebody asked for by their own token, or, with `has_ended`, the token."""

        has_ended = False

    Stat = namedtuple("Stat", "size modified")
    Entry = namedtuple("Entry", "path size modified md5 segmented expires")
    Part = namedtuple("Part", "name size")

    class Reader(object):
        """An open file: iterate it once, then (or on giving up) close it."""

        def __init__(self, size, length, chunks, close):
            self.size = size
            self.length = length
            self._chunks = chunks
            self.close = close

        def __iter__(self):
            return self._chunks

        def __enter__(self):
            return self

        def __exit__(self, *exc_info):
            self.close()

    class Stage(object):
        """Bytes on their way to a name; leaving its block removes what was neither kept nor committed."""

        def __enter__(self):
            return self

        def __exit__(self, *exc_info):
            self._abandon()

    def resolve_range(bytes_range, size):
        """The inclusive first and last byte that a range means in a file of `size` bytes."""
        first, last = bytes_range
        if first is None:
            first, last = max(size - (last or 0), 0), size - 1
        elif last is None or last >= size:
            last = size - 1
        if first < 0 or first > last:
            raise exceptions.WrongArgumentsError(
                "the range {0} has no byte of a file of {1} bytes".format(bytes_range, size)
            )
        return first, last


__all__ = [
    "END_OF_ANSWER",
    "AnswerFile",
    "Blocks",
    "BusyError",
    "CallerRefusedError",
    "Entry",
    "Part",
    "QuotaError",
    "Reader",
    "Stage",
    "Stat",
    "http_client",
    "md5",
    "monotonic",
    "outgoing",
    "plain",
    "quote",
    "resolve_range",
    "say",
    "shown",
    "text",
    "unquote",
    "unwired",
]


_ESCAPED = ("ascii", "backslashreplace")


class Blocks(object):
    """A request's body in pieces, which are sent as they lie in memory, as often as it takes."""

    def __init__(self, blocks):
        self._blocks = blocks

    def __len__(self):
        return sum(len(block) for block in self._blocks)

    def __iter__(self):
        return iter(self._blocks)


def text(value):
    """Text of what may be UTF-8 bytes, as `str` is on Python 2."""
    return value.decode("utf8") if isinstance(value, bytes) else value


def quote(value, safe=""):
    """Text as it stands in a URL, all quoted but letters, digits, `_.-` and what is `safe`."""
    return urls.quote(value.encode("utf8"), safe=str(safe))


def unquote(value):
    """The text that a URL's part stands for."""
    return text(urls.unquote(str(value)))


def say(template, *values):
    """A message as an exception wants it, whatever the values are.

    That is native text which can be printed anywhere. On Python 2, where `str`
    of an error with any other than ASCII fails, the rest is escaped.
    """
    return plain(template.format(*[shown(value) for value in values]))


def plain(message):
    """A message as `say` makes it, of text that is composed already."""
    return message if sys.version_info >= (3,) else shown(message).encode(*_ESCAPED)


def shown(value):
    """Any value as text. On Python 2 `str` of an error fails for text beyond ASCII, and `unicode` for such bytes."""
    if not isinstance(value, (bytes, type(""))):
        try:
            value = type("")(value)
        except UnicodeError:
            value = str(value)
    return value.decode("utf8", "replace") if isinstance(value, bytes) else value
