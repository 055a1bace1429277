"""One worker's part in watching the server: it writes down what it counts, and shares the second port."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import gevent.socket
from gevent.pool import Pool

from docker_registry.metrics.board import Board
from docker_registry.metrics.figures import Figures, Totals
from docker_registry.settings import Settings

from ..acceptor import Server
from ..handler import Handler
from . import sources
from .port import DebugPort
from .traffic import Traffic

__all__ = ["Watch"]

log = logging.getLogger(__name__)

_EVERY = 1.0  # s
_CONNECTIONS = 64  # to the second port, at a time


class _Quiet(Handler):
    """Who watches asks all the time: no line for that."""

    def log_request(self) -> None:
        pass


class Watch:
    """`place` and `serial` are this worker's on the board; `app` is what `assembly` made, or any other application."""

    def __init__(self, board: Board, place: int, serial: int, figures: Figures):
        self._board = board
        self._place = (place, serial)
        self._figures = figures
        self._published = 0.0
        self._server: Server | None = None
        if not place:
            log.warning("too many workers at a time: what this one counts is not among the metrics")

    def start(self, settings: Settings, listener: socket.socket, app: Any, servers: Sequence[Server]) -> None:
        self._figures.ask(sources.of_process)
        self._figures.ask(partial(sources.of_servers, servers, settings.connections))
        traffic = Traffic(self._figures)
        for server in servers:
            server.traffic = traffic
        health, readiness = getattr(app, "health", None), getattr(app, "readiness", None)
        metrics_path = settings.debug.metrics if settings.debug else ""
        port = DebugPort(metrics_path, self._totals, health, readiness, lambda: self._board.is_stopping)
        # The master made it before anything was patched.
        mine = gevent.socket.socket(listener.family, listener.type, fileno=os.dup(listener.fileno()))
        self._server = Server(
            settings,
            mine,
            application=port,
            spawn=Pool(_CONNECTIONS),
            log=None,
            error_log=log,
            handler_class=_Quiet,
        )
        self._server.start()

    def note(self) -> None:
        """Write down what was counted, now and then."""
        if time.monotonic() - self._published >= _EVERY:
            self._publish()

    def begin_to_end(self) -> None:
        """This worker drains: others answer on the second port, unless they drain too."""
        if self._server and not self._board.is_stopping:
            self._server.drain()

    def end(self) -> None:
        self._publish()

    def _publish(self) -> None:
        self._published = time.monotonic()
        if not self._board.publish(*self._place, self._figures.snapshot()) and self._place[0]:
            log.warning("this worker has more numbers than fit their place: they stay as they were")

    def _totals(self) -> Totals:
        # What is read here was written down first: whichever worker is asked next, no counter falls.
        self._publish()
        return self._board.read()
