"""Native threads: how many, whose errors, and after a fork."""

from __future__ import unicode_literals

import os
import threading

import pytest

from docker_registry.concurrency.greenlets import is_patched
from docker_registry.concurrency.native import NativeThreads

THREAD = str("thread" if str is bytes else "_thread")


def ident():
    """The native thread's."""
    if is_patched():
        from gevent import monkey

        return monkey.get_original(THREAD, str("get_ident"))()
    return threading.current_thread().ident


def test_what_a_call_returns_and_raises_comes_back():
    threads = NativeThreads(1)
    assert threads.call(divmod, 7, 2) == (3, 1)
    wait = threads.start(divmod, 1, 0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            wait()


def test_calls_run_elsewhere_in_so_many_threads_and_no_more():
    threads, seen = NativeThreads(2), set()
    for wait in [threads.start(lambda: seen.add(ident())) for _ in range(50)]:
        wait()
    assert ident() not in seen
    assert 1 <= len(seen) <= 2


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own():
    threads = NativeThreads(1)
    assert threads.call(os.getpid) == os.getpid()
    child = os.fork()
    if child == 0:
        # Nothing of pytest's may run here; were there no thread, the alarm would end it.
        import signal

        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(20)
        os._exit(0 if threads.call(os.getpid) == os.getpid() else 1)
    assert os.waitpid(child, 0)[1] == 0
