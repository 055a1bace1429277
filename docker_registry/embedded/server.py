"""The process in which Swift lives: all four servers, or the object server in a child of its own."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
from typing import Any, NoReturn

import eventlet
import eventlet.debug
import eventlet.greenio
import eventlet.hubs
import eventlet.wsgi
from swift.common import constraints, utils
from swift.common import wsgi as swift_wsgi
from swift.common.http_protocol import SwiftHttpProtocol
from swift.common.utils import NullLogger

from . import configuration
from .background_tasks import BackgroundTasks
from .options import EmbeddedError, SwiftOptions
from .preparation import claim, prepare

__all__ = ["serve"]

KINDS = ("account", "container", "object", "proxy")
START_TIMEOUT = 60  # seconds; the process kills itself rather than hang unready
WATCH_INTERVAL = 0.5  # seconds between looks at whether parent and child are still there


def serve(options: SwiftOptions, parent: int) -> NoReturn:
    """Serve until a signal comes or the process `parent` has ended. Raises EmbeddedError when it cannot start."""
    signal.alarm(START_TIMEOUT)
    layout = configuration.Layout(options)
    claim(layout.root, layout.make)
    sockets = {kind: _listen(options.port if kind == "proxy" else 0) for kind in KINDS}
    port = sockets["proxy"].getsockname()[1]
    configuration.write(options, {kind: sockets[kind].getsockname()[1] for kind in KINDS})
    prepare(layout.etc, layout.log, options.fsync)
    me = os.getpid()
    mine, child = _divide(options)
    _end_with(child)
    _patch()
    for kind in KINDS:
        if kind in mine:
            eventlet.spawn(_serve_one, sockets[kind], _app(kind, options))
        else:
            sockets[kind].close()
    eventlet.sleep(0)
    signal.alarm(0)
    if "proxy" in mine:
        if options.tasks_interval:
            eventlet.spawn(BackgroundTasks(options).run)
        print(f"ready http://127.0.0.1:{port}", flush=True)
    _silence(layout)
    _watch(parent if "proxy" in mine else me, child)


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted sockets inherit it
    try:
        listener.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            raise EmbeddedError(f"port {port} of 127.0.0.1 is in use: choose another, or 0 for any free one") from None
        raise EmbeddedError(f"cannot listen on port {port} of 127.0.0.1: {error}") from None
    listener.listen(1024)
    return listener


def _divide(options: SwiftOptions) -> tuple[tuple[str, ...], int | None]:
    """Fork where the object server gets its own process; returns the kinds to serve here, and the child's id."""
    if not options.object_server:
        return KINDS, None
    child = os.fork()
    if child:
        return tuple(kind for kind in KINDS if kind != "object"), child
    return ("object",), None


def _watch(parent: int, child: int | None) -> NoReturn:
    """Until the parent or the child has ended: one half of a Swift cannot serve."""
    while os.getppid() == parent:
        eventlet.sleep(WATCH_INTERVAL)
        if child and os.waitpid(child, os.WNOHANG)[0]:
            os._exit(1)
    _end(child)


def _end_with(child: int | None) -> None:
    def stop(*_: Any) -> NoReturn:
        _end(child)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _end(child: int | None) -> NoReturn:
    """All that was acknowledged is on disk: there is nothing to save."""
    if child:
        try:
            os.kill(child, signal.SIGTERM)
            os.waitpid(child, 0)
        except OSError:
            pass
    os._exit(0)


def _patch() -> None:
    utils.monkey_patch()
    eventlet.hubs.use_hub(utils.get_hub())
    eventlet.debug.hub_exceptions(False)


def _app(kind: str, options: SwiftOptions) -> Any:
    if kind == "proxy":
        return swift_wsgi.loadapp(str(configuration.Layout(options).proxy_conf), {"log_name": "proxy"})
    from swift.account.server import AccountController
    from swift.container.server import ContainerController
    from swift.obj.server import ObjectController

    controllers = {"account": AccountController, "container": ContainerController, "object": ObjectController}
    return controllers[kind](configuration.backend(options))


def _serve_one(listener: socket.socket, app: Any) -> None:
    eventlet.wsgi.server(
        eventlet.greenio.GreenSocket(listener),
        app,
        NullLogger(),
        max_size=1024,
        protocol=SwiftHttpProtocol,
        capitalize_response_headers=False,
        socket_timeout=300,
        url_length_limit=constraints.MAX_REQUEST_LINE,
    )


def _silence(layout: configuration.Layout) -> None:
    """Send stdout and stderr to the log from now on, since nobody reads them any more."""
    sys.stdout.flush()
    log = os.open(layout.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
