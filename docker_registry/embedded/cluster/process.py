"""What one forked process of a cluster becomes: a server, a daemon, or rsync."""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import signal
from typing import Any

from swift.common import daemon, wsgi

from ..preparation import prepare
from . import partition
from .layout import AUDITOR, DAEMONS, Layout
from .options import ClusterOptions

__all__ = ["become", "preload"]

SERVED = (
    "swift.common.middleware.bulk",
    "swift.common.middleware.copy",
    "swift.common.middleware.slo",
    "swift.common.middleware.tempauth",
    "swift.common.middleware.tempurl",
    "swift.proxy.server",
    "swift.account.server",
    "swift.container.server",
    "swift.obj.server",
)
END_WITH_PARENT = 1  # prctl's PR_SET_PDEATHSIG


def preload() -> None:
    """Import what the processes need before they are forked: they share the memory."""
    for module in SERVED:
        importlib.import_module(module)
    for name in (*DAEMONS, AUDITOR):
        _daemon(name)
    gc.collect()
    gc.freeze()


def become(options: ClusterOptions, layout: Layout, member: str, name: str, once: bool) -> None:
    """Be the process `name` of a member, until it ends; `once` is for a daemon that does one round."""
    ctypes.CDLL(None).prctl(END_WITH_PARENT, signal.SIGKILL)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    log = layout.log(name)
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)  # rsync would take a socket for its only client
    os.dup2(os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 1), 2)
    os.closerange(3, 256)
    what = name.removeprefix(f"{member}-")
    if what == "rsync":
        conf = layout.conf(name)
        os.execvp("rsync", ["rsync", "--daemon", "--no-detach", f"--config={conf}"])  # noqa: S606
    prepare(layout.etc, log, options.fsync)
    os.setsid = lambda: None  # Swift would leave the group of its member
    partition.obey(layout.cuts, layout.address(member))
    if what == "proxy-server":
        wsgi.run_wsgi(str(layout.conf(member)), what)
        return
    conf = layout.conf(f"{member}-{what.partition('-')[0]}")
    if what.endswith("-server"):
        wsgi.run_wsgi(str(conf), what)
    else:
        daemon.run_daemon(_daemon(what), str(conf), section_name=what, once=once)


def _daemon(name: str) -> Any:
    """The class of `object-updater` is swift.obj.updater.ObjectUpdater."""
    kind, what = name.split("-")
    module = importlib.import_module(f"swift.{'obj' if kind == 'object' else kind}.{what}")
    return getattr(module, kind.title() + what.title())
