"""The registry as a server: gunicorn's master, and workers of gevent's pywsgi.

The master imports nothing that gevent has to patch, and starts no event loop:
each worker patches itself after the fork, and only then loads the registry
and its driver.
"""

from __future__ import annotations

import errno
import logging
import os
import resource
import signal
import socket
import stat
import time
from collections.abc import Callable
from typing import Any

import gevent
from gevent.pool import Pool
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.http.wsgi import base_environ
from gunicorn.workers.ggevent import GeventPyWSGIWorker

from docker_registry.core.exceptions import ConfigError, UnspecifiedError
from docker_registry.metrics.board import Board
from docker_registry.metrics.figures import Figures
from docker_registry.settings import Settings

from . import logs
from .acceptor import Server
from .allocator import keep_freed_memory
from .housekeeping import Housekeeping, chores

__all__ = ["bind", "bind_debug", "listen", "run"]

log = logging.getLogger(__name__)

BACKLOG = 2048  # connections that wait to be accepted
HANG = 120  # s without a sign of life after which a worker is killed
POLL = 0.1  # s
FLUSH = 10.0  # s for events of notifications that wait when a worker ends
# s from SIGTERM on in which an idle connection may still have a request: a proxy that has not noticed yet sends it
# there, and may not send it again elsewhere.
LAST_CALL = 1.0
PLACES = 16  # on the board, beside four for each worker: old ones drain while new ones serve, chores run
SHARED_MEMORY = "/dev/shm"  # noqa: S108  gunicorn makes and unlinks its file safely
KEPT = 256 << 20  # bytes of freed memory that a worker keeps for the next request


Reread = Callable[[], Settings]
Load = Callable[[Settings, Figures], Any]


def _assemble(settings: Settings, figures: Figures) -> Any:
    from .assembly import assemble  # not before the worker is patched

    return assemble(settings, figures)


def bind(settings: Settings) -> socket.socket:
    """Take the address that the settings name; nobody is let in before `listen`. Raises ConfigError."""
    if settings.socket:
        return _bind_unix(settings.socket)
    return _bind(settings.host, settings.port, "--host", "--port")


def bind_debug(settings: Settings) -> socket.socket | None:
    """The same for the second port; None where the settings name none."""
    debug = settings.debug
    return _bind(debug.host, debug.port, "debug.addr", "debug.addr") if debug else None


def _bind(host: str, port: int, of_host: str, of_port: str) -> socket.socket:
    """`of_host` and `of_port` are the options that choose them."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        advice = _what_helps(error, of_host, of_port)
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}{advice}") from None
    return listener


def _what_helps(error: OSError, of_host: str, of_port: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"; choose another with {of_port}, or stop what listens there"
    if error.errno == errno.EACCES:
        return f"; choose a port from 1024 on with {of_port}, or give it the right to lower ones"
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return f"; this machine has no such address: choose one of its own with {of_host}, or 0.0.0.0 for all"
    return ""


def _bind_unix(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if _is_left_over(path):
            os.unlink(path)
        listener.bind(path)
    except OSError as error:
        listener.close()
        raise ConfigError(f"cannot listen on {path}: {error.strerror}") from None
    return listener


def _is_left_over(path: str) -> bool:
    """Whether a socket is there on which nobody listens any more."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(path)
    except ConnectionRefusedError:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        pass
    return False


def listen(listener: socket.socket) -> None:
    """Let clients connect; they are answered once `run` has started a worker."""
    listener.listen(BACKLOG)


def run(
    settings: Settings,
    listener: socket.socket,
    reread: Reread,
    load: Load = _assemble,
    debug: socket.socket | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; does not return.

    `load` makes the WSGI application, in each worker. SIGHUP calls `reread`
    and starts new workers with what it returns, while the old ones finish;
    when it raises, the old settings stay. `debug` is the second port's listener.
    """
    logs.configure(settings)
    _Master(_Application(settings, listener, reread, load, debug)).run()


class _Application(BaseApplication):  # type: ignore[misc]
    def __init__(
        self,
        settings: Settings,
        listener: socket.socket,
        reread: Reread,
        load: Load,
        debug: socket.socket | None,
    ):
        self.settings = settings
        self.debug = debug
        self.board = Board(PLACES + 4 * settings.workers)
        self.figures = Figures()
        self._listener = listener
        self._reread = reread
        self._load = load
        super().__init__()

    def load_config(self) -> None:
        options = {
            "bind": f"fd://{self._listener.fileno()}",
            "workers": self.settings.workers,
            "worker_class": _Worker,
            "worker_connections": self.settings.connections,
            "timeout": HANG,
            # The workers keep to the settings; this is for one that does not.
            "graceful_timeout": int(self.settings.graceful_timeout) + 5 + int(FLUSH),
            "logger_class": _Log,
            "proc_name": "docker-registry-swift",
            "control_socket_disable": True,
            # Workers give their sign of life by a file, also where the root is read-only.
            "worker_tmp_dir": SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None,
            "pre_fork": _give_place,
            "post_fork": _heed_signals,
            "child_exit": _bury,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def sockets(self) -> list[int]:
        """The file descriptors on which the master listens."""
        return [each.fileno() for each in (self._listener, self.debug) if each is not None]

    def load(self) -> Any:
        self.figures = Figures()
        return self._load(self.settings, self.figures)

    def reload(self) -> None:
        try:
            self.settings = self._reread()
        except UnspecifiedError as error:
            logs.configure(self.settings)
            log.error("SIGHUP: the settings stay as they were: %s", error)
        else:
            logs.configure(self.settings)
            log.info("SIGHUP: the config file is read again; new workers start, and the old ones finish")
        self.do_load_config()


def _give_place(master: Arbiter, worker: Any) -> None:
    worker.place, worker.serial = master.app.board.take_place()


def _bury(master: Arbiter, worker: Any) -> None:
    master.app.board.bury(worker.place)


def _heed_signals(_master: Arbiter, _worker: Any) -> None:
    # Until a worker has its own handlers it would put signals in its copy of the master's queue, unread.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


class _Master(Arbiter):  # type: ignore[misc]
    def __init__(self, app: _Application):
        super().__init__(app)
        self._housekeeping = Housekeeping(app.board)

    def manage_workers(self) -> None:
        super().manage_workers()
        settings = self.app.settings
        self._housekeeping.tend(chores(settings), settings, self.app.sockets())

    def stop(self, graceful: bool = True) -> None:
        self._housekeeping.stop()
        super().stop(graceful)

    def handle_term(self) -> None:
        patience = self.app.settings.graceful_timeout
        self.app.board.stop()
        log.info("SIGTERM: listening no more; requests in flight have %.0f s to finish", patience)
        super().handle_term()

    def handle_usr2(self) -> None:
        log.warning("SIGUSR2 is not handled: SIGHUP reads the config file again, and starts new workers")


class _Log:
    """gunicorn's logger, without its own files and formats: all lines go where `logs` sends them."""

    def __init__(self, cfg: Any):
        self.cfg = cfg
        self.error_log = logging.getLogger("gunicorn.error")

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg

    def reopen_files(self) -> None:
        pass

    def close_on_exec(self) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self.error_log, name)


class _Worker(GeventPyWSGIWorker):  # type: ignore[misc]
    """Serves until told to stop, then lets requests in flight finish."""

    def run(self) -> None:
        settings: Settings = self.app.settings
        keep_freed_memory(KEPT)
        _allow_open_files()
        servers = [self._serve(listener, settings) for listener in self.sockets]
        watch = self._watch(servers)
        log.debug("worker %s serves", os.getpid())
        while self.alive:
            self.notify()
            for server in servers:
                server.connections.end_unwanted()
            if watch:
                watch.note()
            gevent.sleep(POLL)
        if watch:
            watch.begin_to_end()
        self._stop(servers, settings.graceful_timeout)
        self._close(self.wsgi)
        if watch:
            watch.end()

    def notify(self) -> None:
        """A sign of life for the master. Where that was killed, end as if told to: gunicorn's own cuts requests off."""
        self.tmp.notify()
        if self.alive and self.ppid != os.getppid():
            log.error("the master has ended, and this worker ends too, after requests in flight")
            self.alive: bool = False

    def handle_quit(self, _number: int, _frame: Any) -> None:
        # Ctrl-C sends two of these, from the terminal and from the master; an orderly exit trips over the second.
        os._exit(0)

    def _serve(self, listener: Any, settings: Settings) -> Server:
        listener.setblocking(True)
        environ = {**base_environ(self.cfg), "wsgi.multithread": True, "SERVER_NAME": settings.host}
        server = Server(
            settings,
            listener,
            application=self.wsgi,
            spawn=Pool(self.worker_connections),
            log=None,
            error_log=self.log,
            environ=environ,
        )
        if settings.tls:
            from .tls import Certificates  # not before the worker is patched

            server.certificates = Certificates(settings.tls)
            server.environ["wsgi.url_scheme"] = "https"
        server.start()
        return server

    def _close(self, app: Any) -> None:
        """Let the application send what it still has to, while the master sees that this worker lives."""
        close = getattr(app, "close", None)
        if close is not None:
            self.notify()
            close(FLUSH)

    def _watch(self, servers: list[Server]) -> Any:
        """None where there is no second port."""
        if self.app.debug is None:
            return None
        from .debug.watching import Watch  # not before the worker is patched

        watch = Watch(self.app.board, self.place, self.serial, self.app.figures)
        watch.start(self.app.settings, self.app.debug, self.wsgi, servers)
        return watch

    def _stop(self, servers: list[Server], patience: float) -> None:
        for server in servers:
            server.drain()
        deadline = time.monotonic() + patience
        last_call = time.monotonic() + min(LAST_CALL, patience)
        while (busy := sum(len(server.pool) for server in servers)) and time.monotonic() < deadline:
            self.notify()
            gevent.sleep(POLL)
            if time.monotonic() > last_call:
                for server in servers:
                    server.connections.end_idle()
        if busy:
            log.warning("%s connections were still busy after %.0f s", busy, patience)
            for server in servers:
                server.stop(timeout=1)


def _allow_open_files() -> None:
    # What a process may open is often 1024, to spare programs that use select(): clients alone would use it up.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
