"""The files that Swift reads: swift.conf, the proxy's pipelines, and the rings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from swift.common.ring import RingBuilder

from .options import EmbeddedError, SwiftOptions
from .tempauth import tempauth

__all__ = ["POLICIES", "Layout", "app", "backend", "internal_conf", "proxy_conf", "swift_conf", "write"]

POLICIES = ("standard", "archive")  # the first is the default
CODED = "erasure"  # 2 + 1 fragments of each object
DISKS = ("disk", "disk2", "disk3")  # the first has everything but fragments, which need one each
# Where objects lie on disk follows from this: it must never change, or old data is not found.
HASH = "embedded"

SWIFT_CONF = """[swift-hash]
swift_hash_path_prefix = {hash}
swift_hash_path_suffix = {hash}

[swift-constraints]
{constraints}
"""

POLICY = """
[storage-policy:{index}]
name = {name}
default = {default}
{more}"""
ERASURE_CODING = """policy_type = erasure_coding
ec_type = liberasurecode_rs_vand
ec_num_data_fragments = 2
ec_num_parity_fragments = 1
"""

APP = """
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
client_chunk_size = {chunk}
object_chunk_size = {chunk}
{patience}

[filter:cache]
paste.filter_factory = docker_registry.embedded.filters:{cache}

[filter:catch_errors]
use = egg:swift#catch_errors
"""
# With a single node, one error would otherwise make every request fail for a minute.
PATIENCE = """conn_timeout = 5
node_timeout = 120
recoverable_node_timeout = 120
error_suppression_interval = 0
"""

# The proxy that the background tasks use.
INTERNAL_CONF = """[DEFAULT]
swift_dir = {etc}
log_level = WARNING

[pipeline:main]
pipeline = catch_errors cache proxy-server
{app}"""

PROXY_CONF = """[DEFAULT]
swift_dir = {etc}
log_level = WARNING
client_timeout = 300
{default}

[pipeline:main]
pipeline = {log} catch_errors gatekeeper healthcheck cache listing_formats bulk tempurl {auth} copy \
container-quotas account-quotas slo dlo versioned_writes symlink proxy-server

{app}
[filter:request_log]
paste.filter_factory = docker_registry.embedded.filters:request_log
path = {request_log}

[filter:tempurl]
use = egg:swift#tempurl
allowed_digests = sha1 sha256 sha512

# One request a second after the tenth segment is the default: it throttles every large blob.
[filter:slo]
use = egg:swift#slo
rate_limit_after_segment = 1000000

[filter:dlo]
use = egg:swift#dlo
rate_limit_after_segment = 1000000

[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true

{plain}
{auth_sections}
"""

PLAIN_FILTERS = {
    "gatekeeper": "gatekeeper",
    "healthcheck": "healthcheck",
    "listing_formats": "listing_formats",
    "bulk": "bulk",
    "copy": "copy",
    "container-quotas": "container_quotas",
    "account-quotas": "account_quotas",
    "symlink": "symlink",
}


class Layout:
    """Where things are below the data directory."""

    def __init__(self, options: SwiftOptions):
        if set(options.data_dir) & set("%#\n"):
            raise EmbeddedError(f"the path of the data must not contain '%' or '#': {options.data_dir}")
        self.root = Path(options.data_dir)
        self.etc = self.root / "etc"
        self.devices = self.root / "node"
        self.recon = self.root / "recon"
        self.log = self.root / "swift.log"
        self.requests = self.root / "requests.log"
        self.proxy_conf = self.etc / "proxy-server.conf"
        self.internal_conf = self.etc / "internal-client.conf"

    def make(self) -> None:
        for folder in (self.etc, self.recon, *(self.devices / disk for disk in DISKS)):
            folder.mkdir(parents=True, exist_ok=True)


def backend(options: SwiftOptions) -> dict[str, str]:
    """The configuration of the account, container and object servers, and of the background tasks."""
    layout, chunk = Layout(options), str(options.chunk_size)
    return {
        "devices": str(layout.devices),
        "swift_dir": str(layout.etc),
        "recon_cache_path": str(layout.recon),
        "bind_ip": "127.0.0.1",
        "mount_check": "false",
        "fallocate_reserve": "0",
        "conn_timeout": "5",
        "node_timeout": "120",
        "container_update_timeout": "30",
        "client_timeout": "300",
        "network_chunk_size": chunk,
        "disk_chunk_size": chunk,
        "log_level": "WARNING",
        "log_requests": "false",
    }


def write(options: SwiftOptions, ports: Mapping[str, int]) -> None:
    """Write all files anew; `ports` has one entry per kind of server."""
    layout = Layout(options)
    (layout.etc / "swift.conf").write_text(swift_conf(options, [*POLICIES, CODED]))
    proxy = app(options, PATIENCE, "memory_cache")
    layout.internal_conf.write_text(internal_conf(layout.etc, proxy))
    layout.proxy_conf.touch(mode=0o600)  # it holds the password
    layout.proxy_conf.write_text(proxy_conf(options, layout.etc, proxy, layout.requests))
    layout.requests.unlink(missing_ok=True)
    for kind in ("account", "container", "object"):
        _write_ring(layout, kind, ports[kind])
    for index in range(1, len(POLICIES)):
        _write_ring(layout, f"object-{index}", ports["object"])
    _write_ring(layout, f"object-{len(POLICIES)}", ports["object"], DISKS)


def swift_conf(options: SwiftOptions, policies: Sequence[str]) -> str:
    """What all servers must agree on."""
    constraints = "\n".join(f"{name} = {value}" for name, value in options.constraints.items())
    return SWIFT_CONF.format(hash=HASH, constraints=constraints) + "".join(
        POLICY.format(
            index=index,
            name=name,
            default="no" if index else "yes",
            more=ERASURE_CODING if name == CODED else "",
        )
        for index, name in enumerate(policies)
    )


def app(options: SwiftOptions, patience: str, cache: str) -> str:
    """The end of a proxy's pipeline, with its time-outs; `cache` is one of `filters`, with its settings."""
    return APP.format(chunk=options.chunk_size, patience=patience, cache=cache)


def internal_conf(etc: Path, app: str) -> str:
    return INTERNAL_CONF.format(etc=etc, app=app)


def proxy_conf(options: SwiftOptions, etc: Path, app: str, requests: Path, default: str = "") -> str:
    """The proxy that clients use; `requests` takes the log of requests, `default` is more for that section."""
    auth = options.auth or tempauth(options)
    return PROXY_CONF.format(
        etc=etc,
        app=app,
        default=default,
        log="request_log" if options.request_log else "",
        request_log=requests,
        auth=auth.pipeline,
        auth_sections=auth.sections,
        plain="\n".join(f"[filter:{name}]\nuse = egg:swift#{egg}" for name, egg in PLAIN_FILTERS.items()),
    )


def _write_ring(layout: Layout, name: str, port: int, disks: Sequence[str] = DISKS[:1]) -> None:
    """A replica or fragment on each disk. It holds the port, so it is made at each start; the placement stays."""
    builder = RingBuilder(part_power=4, replicas=len(disks), min_part_hours=0)
    for number, disk in enumerate(disks):
        place = {"id": number, "region": 1, "zone": number + 1, "ip": "127.0.0.1", "port": port, "weight": 1.0}
        builder.add_dev({**place, "device": disk})
    builder.rebalance(seed=0)
    builder.get_ring().save(str(layout.etc / f"{name}.ring.gz"))
