"""urllib3's connection, made strict: a pooled connection that is out of step gives each request another one's answer.

An answer counts only if it is the final one, its head is whole, and it began
after the request was sent. A connection is used again only if the answer was
read to its end and nothing lies behind it.
"""

from __future__ import unicode_literals

import io
import re
import socket

from ..compat import END_OF_ANSWER, AnswerFile, http_client
from .errors import WrongAnswer

__all__ = ["Terms", "strict"]

INTERIM = 20  # answers in front of the final one, at most
LINES = 102  # of a head
LINE = 65536  # bytes
BLOCK = 1 << 20  # bytes that are sent within one time-out
_BLANK = (b"\r\n", b"\n")
# A whole and sound head, without folded lines; of bounded size, since it is looked for in a buffer.
_HEAD = re.compile(b"HTTP/1[.][01] [^\r\n]*\r\n(?:[^:\\s][^:\r\n]*:[^\r\n]*\r\n){0,100}\r\n")


class Terms(object):
    """What holds for the request at hand: `timeout` in seconds for each wait behind the connecting.

    `sock` is the socket in use.
    """

    def __init__(self):
        self.timeout = None
        self.sock = None


def strict(kind):
    """A strict class of connections, made of one of urllib3's. Its instances take their `terms` as an argument."""
    if issubclass(kind, _Connection):
        return kind
    if kind not in _strict:
        _strict[kind] = type(str("Strict" + kind.__name__), (_Connection, kind), {})
    return _strict[kind]


_strict = {}  # type: dict[type, type]


class _Connection(object):
    def __init__(self, *args, **kwargs):
        self._terms = kwargs.pop("terms")
        self._sending = self._sent = self._early = False
        super(_Connection, self).__init__(*args, **kwargs)

    def connect(self):
        super(_Connection, self).connect()
        # urllib3 would go on under the time-out of the connecting.
        self.sock.settimeout(self._terms.timeout)
        self._terms.sock = self.sock

    def request(self, *args, **kwargs):
        self._sending = self._sent = self._early = False
        if self.sock is not None:
            self.sock.settimeout(self._terms.timeout)
        super(_Connection, self).request(*args, **kwargs)
        self._sent = True

    def send(self, data):
        if isinstance(data, bytes) and len(data) > BLOCK:
            # The time-out of a `sendall` is that of all its bytes.
            for start in range(0, len(data), BLOCK):
                self._send(memoryview(data)[start : start + BLOCK])
        else:
            self._send(data)

    def _send(self, data):
        if self._sending and not self._early:
            self._early = _is_plain(self.sock) and _has_more(self.sock)
        super(_Connection, self).send(data)
        self._sending = True

    def response_class(self, *args, **kwargs):
        return _Answer(self, *args, **kwargs)

    @property
    def is_out_of_step(self):
        return self._early or not self._sent


class _Answer(http_client.HTTPResponse, object):
    def __init__(self, owner, *args, **kwargs):
        http_client.HTTPResponse.__init__(self, *args, **kwargs)
        self.strict = True  # else Python 2 takes any bytes for an answer
        self.fp = AnswerFile(self.fp)
        self._owner = owner
        self._has_vague_end = False
        self._is_begun = False

    def begin(self):
        head, interim = _read_head(self.fp), 0
        while _is_interim(head):
            interim += 1
            if interim > INTERIM:
                raise WrongAnswer("interim answers without an end")
            head = _read_head(self.fp)
        self._parse(head)
        if 200 <= self.status < 300 and self._owner.is_out_of_step and not interim:
            raise WrongAnswer("it came before the request was sent")
        head = head.lower()
        # Two lengths, or an encoding that is not known here: where the answer ends is a guess.
        self._has_vague_end = b"\ntransfer-encoding:" in head and (not self.chunked or b"\ncontent-length:" in head)
        self._is_begun = True

    def _parse(self, head):
        """Let the library read a head, which takes cut and damaged ones for whole."""
        lines, self.fp = self.fp, io.BytesIO(head)
        mine = self.fp
        try:
            http_client.HTTPResponse.begin(self)
        finally:
            if self.fp is mine:
                self.fp = lines
            else:
                lines.close()

    def _end(self):
        owner, self._owner = self._owner, None
        spoilt = self._is_begun and owner is not None and not self.will_close
        spoilt = spoilt and (owner.is_out_of_step or self._has_vague_end or self.fp is None or self.fp.has_more())
        _end_of_library(self)
        if spoilt:
            owner.close()


# What the library calls when a body was read to its end, or is given up.
_end_of_library = getattr(http_client.HTTPResponse, END_OF_ANSWER)
setattr(_Answer, END_OF_ANSWER, _Answer._end)


def _read_head(fp):
    """The lines up to an empty one; nothing where the server hung up in front of them."""
    come = fp.peek()
    head = _HEAD.match(come)
    if head:
        return fp.read(head.end())  # in one piece, as nearly all come
    line = fp.readline(LINE)
    lines = [line]
    if not line:
        return b""
    while line not in _BLANK:
        line = fp.readline(LINE)
        lines.append(line)
        if not line or len(lines) > LINES:
            raise WrongAnswer("its head is cut")
        if b":" not in line and line not in _BLANK and line[:1] not in (b" ", b"\t"):
            raise WrongAnswer("its head is damaged")
    return b"".join(lines)


def _is_interim(head):
    """Whether the head is that of an answer in front of the final one."""
    if not head.startswith((b"HTTP/1.1 1", b"HTTP/1.0 1")):
        return False
    if head[9:12] == b"101":
        raise WrongAnswer("101, another protocol that nobody asked for")
    return True


def _is_plain(sock):
    """Whether bytes on a socket are the server's own, and not TLS's."""
    return isinstance(sock, socket.socket) and not hasattr(sock, "cipher")


def _has_more(sock):
    """Whether bytes have arrived, or the end."""
    patience = sock.gettimeout()
    sock.settimeout(0)
    try:
        sock.recv(1, socket.MSG_PEEK)
        return True
    except socket.error:
        return False
    finally:
        sock.settimeout(patience)
