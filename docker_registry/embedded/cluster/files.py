"""The files that the members of a cluster read: time-outs, pipelines, rings."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from typing import Any

from swift.common.ring import RingBuilder

from .. import configuration
from .layout import AUDITOR, DAEMONS, SERVERS, Layout
from .options import ClusterOptions

__all__ = ["SETTINGS", "write"]

# What differs from Swift's defaults, which the comments name first. Each wait must be shorter than the one around it,
# or a healthy server is blamed for the one that hangs behind it.
SETTINGS: dict[str, dict[str, Any]] = {
    "proxy": {
        "conn_timeout": 2,  # 0.5: on a busy machine it could end for a healthy node; one that is dead refuses at once
        "node_timeout": 5,  # 10: each PUT waits so long for a node that hangs
        "recoverable_node_timeout": 3,  # node_timeout: GET and HEAD have other replicas to ask
        "error_suppression_limit": 3,  # 10: after so many errors a node is left alone ...
        "error_suppression_interval": 20,  # 60: ... for so long; more than the errors take, or there is no end of them
    },
    "account": {},
    "container": {"node_timeout": 2},  # 3: a new container waits so long for each account server that hangs
    "object": {
        "node_timeout": 2,  # 3
        "container_update_timeout": 0.5,  # 1: each PUT and DELETE waits so long for a container server that hangs
        "replication_concurrency_per_device": 4,  # 1: two nodes that bring a third up to date would lock each other out
        "replication_lock_timeout": 2,  # 15
    },
    "account-replicator": {"node_timeout": 3, "databases_per_second": 1000},
    "container-replicator": {"node_timeout": 3, "databases_per_second": 1000},
    "container-updater": {"node_timeout": 2, "containers_per_second": 1000, "account_suppression_time": 1},
    # http_timeout 60, node_timeout 10: so long for each partition, when a peer hangs.
    "object-replicator": {"sync_method": "ssync", "http_timeout": 3, "node_timeout": 3},
    "object-updater": {"node_timeout": 2, "objects_per_second": 1000},
    AUDITOR: {
        "files_per_second": 1000,
        "bytes_per_second": 100 << 20,
        "zero_byte_files_per_second": 0,
    },  # 0: no second process,
}
PART_POWER = 3
CACHE = "file_cache\nfolder = {folder}"
# Only root may name a user, and must: rsync would be nobody.
AS_ROOT = "uid = 0\ngid = 0\n"
RSYNC = """address = {address}
port = {port}
reverse lookup = no
log file = {log}
[node]
path = {devices}
read only = no
use chroot = no
{user}"""


def write(options: ClusterOptions, layout: Layout, ports: Mapping[str, int]) -> None:
    """Write all of them anew; `ports` has one entry for each kind of server, for rsync and for each proxy."""
    layout.conf("swift").write_text(configuration.swift_conf(options, ["standard"]))
    layout.requests.unlink(missing_ok=True)
    for kind in SERVERS:
        _write_ring(options, layout, kind, ports[kind])
    for proxy in layout.proxies:
        _write_proxy(options, layout, proxy, ports[proxy])
    for node in layout.nodes:
        for kind in SERVERS:
            _write_server(options, layout, node, kind, ports)
        _write_rsync(layout, node, ports["rsync"])


def _common(layout: Layout) -> dict[str, Any]:
    return {
        "swift_dir": layout.etc,
        "user": getpass.getuser(),  # else Swift looks for a user called swift
        "workers": 0,  # serve in the process that was started
        "log_level": "WARNING",
        "client_timeout": 300,
    }


def _write_proxy(options: ClusterOptions, layout: Layout, proxy: str, port: int) -> None:
    patience = "\n".join(f"{key} = {value}" for key, value in _settings(options, "proxy").items())
    app = configuration.app(options, patience, CACHE.format(folder=layout.cache))
    common = _common(layout)
    default = {"user": common["user"], "workers": 0, "bind_ip": "127.0.0.1", "bind_port": port}
    path = layout.conf(proxy)
    path.touch(mode=0o600)  # it holds the password
    lines = "\n".join(f"{key} = {value}" for key, value in default.items())
    path.write_text(configuration.proxy_conf(options, layout.etc, app, layout.requests, lines))


def _write_server(options: ClusterOptions, layout: Layout, node: str, kind: str, ports: Mapping[str, int]) -> None:
    """One file for a server and its daemons: they too find their disk by the address and the port."""
    default = {
        **_common(layout),
        "devices": layout.device(node).parent,
        "mount_check": "false",
        "fallocate_reserve": 0,
        "recon_cache_path": layout.root / node,
        "bind_ip": layout.address(node),
        "bind_port": ports[kind],
    }
    every = {
        "interval": options.tasks_interval,
        "rsync_module": f"rsync://{{replication_ip}}:{ports['rsync']}/node",
        "concurrency": 4,
    }
    text = _section("DEFAULT", default) + _section("pipeline:main", {"pipeline": f"{kind}-server"})
    served = {"use": f"egg:swift#{kind}", "log_requests": "false", **_settings(options, kind)}
    text += _section(f"app:{kind}-server", served)
    for daemon in (*DAEMONS, AUDITOR):
        if daemon.startswith(kind):
            text += _section(daemon, {**every, **_settings(options, daemon)})
    layout.conf(f"{node}-{kind}").write_text(text)


def _write_rsync(layout: Layout, node: str, port: int) -> None:
    layout.conf(f"{node}-rsync").write_text(
        RSYNC.format(
            address=layout.address(node),
            port=port,
            log=layout.log(f"{node}-rsync"),
            devices=layout.device(node).parent,
            user="" if os.getuid() else AS_ROOT,
        )
    )


def _settings(options: ClusterOptions, section: str) -> dict[str, Any]:
    prefix = f"{section}."
    over = {key.removeprefix(prefix): value for key, value in options.settings.items() if key.startswith(prefix)}
    return {**SETTINGS[section], **over}


def _section(name: str, settings: Mapping[str, Any]) -> str:
    return f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items())


def _write_ring(options: ClusterOptions, layout: Layout, kind: str, port: int) -> None:
    """A zone a node. Ports may change from start to start; the placement does not."""
    builder = RingBuilder(part_power=PART_POWER, replicas=options.replicas, min_part_hours=0)
    for number, node in enumerate(layout.nodes):
        device = {"id": number, "region": 1, "zone": number + 1, "weight": 1.0, "device": layout.device(node).name}
        builder.add_dev({**device, "ip": layout.address(node), "port": port})
    builder.rebalance(seed=0)
    builder.get_ring().save(str(layout.etc / f"{kind}.ring.gz"))
