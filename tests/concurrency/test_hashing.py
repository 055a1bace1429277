"""Hashing beside the I/O: any cut gives the hash of the whole, and little waits."""

from __future__ import unicode_literals

import hashlib
import subprocess
import sys
import threading

import pytest

from docker_registry.concurrency import hashing
from docker_registry.concurrency.hashing import BackgroundHash
from docker_registry.concurrency.native import NativeThreads


@pytest.mark.parametrize(
    "blocks", [[], [1], [1000] * 3000, [300 << 10], [1 << 20] * 5, [3 << 20, 1, 70000], [0, 262144]]
)
def test_any_cut(blocks):
    background, whole = BackgroundHash(hashlib.md5()), hashlib.md5()
    for number, size in enumerate(blocks):
        block = bytes(bytearray([number % 251])) * size
        background.update(block)
        whole.update(block)
    assert background.hexdigest() == background.hexdigest() == whole.hexdigest()
    background.update(b"more")
    whole.update(b"more")
    assert background.hexdigest() == whole.hexdigest()


class Slow(object):
    """A hash that counts what it is fed, and by which threads."""

    def __init__(self):
        self.fed, self.largest = 0, 0

    def update(self, data):
        self.fed += len(data)
        self.largest = max(self.largest, len(data))


def test_at_most_the_backlog_waits():
    slow = Slow()
    background = BackgroundHash(slow)
    for _ in range(1000):
        background.update(b"x" * 65536)
        assert background._size < hashing.BACKLOG
    assert background.finish() is slow
    assert slow.fed == 1000 * 65536
    assert hashing.BLOCK <= slow.largest <= hashing.BACKLOG


def test_many_streams_share_the_threads(monkeypatch):
    monkeypatch.setattr(hashing, "_THREADS", NativeThreads(2))
    before = threading.active_count()
    streams = [BackgroundHash(hashlib.sha256()) for _ in range(20)]
    for _ in range(5):
        for stream in streams:
            stream.update(b"x" * (1 << 20))
    # In a process that gevent has patched these threads are not counted at all.
    assert threading.active_count() <= before + 2
    assert {stream.hexdigest() for stream in streams} == {hashlib.sha256(b"x" * (5 << 20)).hexdigest()}


class Broken(object):
    def update(self, data):
        raise MemoryError("no memory for hashing")

    def hexdigest(self):
        return "of less than was fed"


def test_a_failure_in_the_thread_reaches_whoever_asks_as_often_as_they_do():
    background = BackgroundHash(Broken())
    background.update(b"x" * hashing.BLOCK)
    for _ in range(2):
        with pytest.raises(MemoryError):
            background.hexdigest()


FORKED = """
import hashlib, os, signal
from docker_registry.concurrency import hashing
block = b"x" * hashing.BACKLOG
background = hashing.BackgroundHash(hashlib.md5())
background.update(block)
background.finish()
# On Python 2 a lock of the queue is taken while a thread of the pool looks for its next call.
queue = hashing._THREADS._pool()._work_queue
if hasattr(queue, "mutex"):
    queue.mutex.acquire()
child = os.fork()
if child == 0:
    signal.alarm(20)
    background.update(block)
    os._exit(0 if background.hexdigest() == hashlib.md5(block * 2).hexdigest() else 1)
status = os.waitpid(child, 0)[1]
if hasattr(queue, "mutex"):
    queue.mutex.release()
assert status == 0
"""


def test_a_forked_process_hashes_on():
    # In a process of its own: what other tests' threads hold while it forks would stay held.
    subprocess.check_call([sys.executable, "-W", "ignore", "-c", FORKED])
