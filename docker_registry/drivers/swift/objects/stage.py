"""The two-step write: cut a stream into segments, send them while it is read, then name the whole.

Up to one segment stays in memory until the stage is closed, so that a small
file becomes one plain object with one PUT. Every stage writes its segments
under an identity of its own: nobody else ever uses these names.
"""

from __future__ import unicode_literals

import binascii
import logging
import os

from docker_registry.concurrency import deadline
from docker_registry.concurrency.greenlets import breathe
from docker_registry.concurrency.hashing import BackgroundHash
from docker_registry.concurrency.workers import WorkerPool
from docker_registry.core.exceptions import BrokenError, MissingError, UsageError

from ..compat import Blocks, Part, Stage, md5
from .memory import Lease
from .merging import Merger
from .objects import Content
from .segments import MANIFEST

__all__ = ["SegmentedStage"]

logger = logging.getLogger(__name__)

BLOCK = 1 << 20  # bytes asked of a stream at a time
SMALL = 16 << 10  # bytes; a stream that gives fewer gets its blocks joined
CLEANING = 10.0  # seconds for removing what an abandoned stage has sent
PATIENCE = 1.0  # seconds that a stream without any memory waits, before it takes one block beyond the budget


class SegmentedStage(Stage):
    """A stage over segments in Swift, see `docker_registry.core.staging.Stage`.

    `files` give the whole its name, `segments` take the bytes, `budget` lends the memory that they wait in;
    `settings` are the driver's.
    """

    def __init__(self, files, segments, budget, settings, parts=()):
        self._files = files
        self._segments = segments
        self._budget = budget
        self._segment_size = settings.segment_size
        self._new_md5 = _new_md5 if settings.checksums else _NoChecksum
        self._id = binascii.hexlify(os.urandom(16)).decode("ascii")
        self._given = [Part(*part) for part in parts]
        self._mine = []
        self._count = 0
        self._etags = {}
        self._buffer = self._new_buffer()
        self._workers = WorkerPool(settings.concurrency)
        self._merger = Merger(segments, budget, self._put_merged)
        self._tried = None
        self._in_doubt = False

    @property
    def size(self):  # type: ignore[override]
        return sum(part.size for part in self._given + self._mine) + self._buffer.size

    def fill(self, fp):
        before = self.size
        with self._budget.stream():
            while self._fill_block(fp):
                pass
        return self.size - before

    def _fill_block(self, fp):
        """Take the next bytes; whether there were any."""
        limit = min(self._segment_size, self._budget.portion() or self._segment_size)
        room = limit - self._buffer.size
        want = min(BLOCK, room if room > 0 else limit)
        self._make_room(want)
        block = fp.read(want)
        deadline.renew()
        if block:
            if self._buffer.size + len(block) > limit:
                self._send_buffer()
                self._buffer.lease.overdraw(len(block))
            self._buffer.append(block)
            # A client that is always ready would else keep everybody else from sending.
            breathe()
        return bool(block)

    def read(self):
        self._workers.join()
        for part in self._given + self._mine:
            for chunk in self._segments.read(part):
                yield chunk
        for block in self._buffer.blocks:
            yield block

    def keep(self):
        self._send_buffer()
        self._workers.join()
        self._given, self._mine = self._given + self._mine, []
        return list(self._given)

    def commit(self, path, immutable=False):
        self._files.check(path)
        content, merged = self._content()
        # Until there is a clear answer, the closing PUT may have worked, or still be on its way.
        self._tried, self._in_doubt = path, True
        try:
            self._files.commit(path, content, immutable)
        except (UsageError, MissingError, BrokenError):
            self._in_doubt = content.unanswered
            raise
        self._drop(merged)
        self._given, self._mine = [], []
        self._buffer.clear()

    def discard(self):
        self._mine = self._given + self._mine
        self._given = []
        self._abandon()

    def _abandon(self):
        with deadline.apart(CLEANING):
            self._clean_up()

    def _clean_up(self):
        try:
            self._workers.join()
        except Exception as error:  # noqa: BLE001  whatever it is, the others get removed
            logger.info("a segment of an abandoned stage failed: %s", error)
        mine, self._mine = self._mine + self._merger.parts, []
        self._buffer.clear()
        if self._in_doubt and mine:
            logger.warning("%s segments stay until garbage collection: their commit had no answer", len(mine))
        elif self._tried is not None:
            self._files.abandon(self._tried, mine)
        else:
            for why in self._segments.delete(mine).values():
                logger.warning("a segment stays until garbage collection: %s", why)

    def _make_room(self, want):
        """Get memory for `want` further bytes, by sending what is there if need be.

        Nothing here waits for another stream without an end to it, so that
        streams cannot block each other for good.
        """
        lease = self._buffer.lease
        while not lease.cover(self._buffer.size + want):
            if self._workers.busy:
                self._workers.wait_one()
            elif self._buffer.size:
                self._send_buffer()
                lease = self._buffer.lease
            else:
                if not lease.cover(want, PATIENCE):
                    lease.overdraw(want)
                return

    def _send_buffer(self):
        """Hand what is in memory over to the pool, as a segment."""
        if not self._buffer.size:
            return
        buffer, self._buffer = self._buffer, self._new_buffer()
        part = self._new_part("", buffer.size)
        try:
            self._workers.submit(self._send, part, buffer)
        except BaseException:
            buffer.clear()
            raise

    def _new_part(self, kind, size):
        part = Part("{0}/{1}{2:08d}".format(self._id, kind, self._count), size)
        self._count += 1
        self._mine.append(part)
        return part

    def _new_buffer(self):
        return _Buffer(Lease(self._budget), self._new_md5)

    def _send(self, part, buffer):
        try:
            self._etags[part.name] = self._segments.put(part, buffer.body(), buffer.md5.hexdigest())
        finally:
            buffer.clear()

    def _content(self):
        """What the closing PUT has to send, and the parts that it does without since others have their bytes."""
        if not any(part.size for part in self._given + self._mine):
            return Content(
                self._buffer.body(), self._buffer.size, etag=self._buffer.md5.hexdigest(), commit=self._id
            ), []
        self._send_buffer()
        self._workers.join()
        size, whole = self.size, [part for part in self._given + self._mine if part.size]
        parts = self._fitted(whole)
        manifest, etag = self._segments.manifest(parts, self._etags, lambda: self._new_part("manifest-", 0))
        listed = self._put_list(parts) if self._segments.needs_list else None
        every = self._given + self._mine + self._merger.parts
        content = Content(manifest, size, MANIFEST, None, every, self._id, etag, listed)
        return content, [part for part in whole if part not in parts]

    def _fitted(self, parts):
        """The parts, or fewer and larger ones where the server takes no file of so many."""
        most = self._segments.most
        return parts if most is None or len(parts) <= most else self._merger.merge(parts, most, self._segment_size)

    def _put_merged(self, body, etag):
        part = Part("{0}/merged-{1:08d}".format(self._id, len(self._merger.parts)), len(body))
        self._etags[part.name] = self._segments.put(part, body, etag)
        return part

    def _put_list(self, parts):
        """Have the parts be found again on a server that gives no manifests."""
        listed = self._segments.put_list(self._id, parts)
        if listed not in self._mine:
            self._mine.append(listed)
        return listed.name

    def _drop(self, merged):
        """Delete parts whose bytes were committed as those of others."""
        for why in self._segments.delete(merged).values() if merged else ():
            logger.warning("a segment stays until garbage collection: %s", why)


def _new_md5():
    return BackgroundHash(md5())


class _NoChecksum(object):
    """What stands in for an MD5 where none is wanted."""

    def update(self, block):
        pass

    def hexdigest(self):
        return None


class _Buffer(object):
    """The segment that is being filled: its bytes, their MD5 if it is wanted, and the memory they were granted."""

    def __init__(self, lease, new_md5):
        self.lease = lease
        self._new_md5 = new_md5
        self.md5 = new_md5()
        self.size = 0
        self.blocks = []

    def append(self, block):
        if self.blocks and len(self.blocks[-1]) < SMALL:
            self.blocks[-1] += block
        else:
            self.blocks.append(block)
        self.md5.update(block)
        self.size += len(block)

    def body(self):
        """All of it, to be sent as it lies in memory."""
        return Blocks(self.blocks) if self.size else b""

    def clear(self):
        self.size = 0
        self.blocks = []
        self.md5 = self._new_md5()
        self.lease.end()
