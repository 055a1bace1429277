"""The options of a cluster."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..options import EmbeddedError, SwiftOptions

__all__ = ["ClusterOptions"]

MOST_NODES = 9


@dataclass(frozen=True)
class ClusterOptions(SwiftOptions):
    """How to run one cluster. `port` is that of the first proxy, `tasks_interval` the pause of each daemon's rounds."""

    fsync: bool = False
    tasks_interval: float = 1.0
    nodes: int = 3
    replicas: int = 3
    proxies: int = 1
    daemons: bool = True  # False: replicators and updaters run only when they are told to
    restart: float = 0.0  # seconds after which what was killed from outside is started again; 0 for never
    settings: dict[str, str] = field(
        default_factory=dict
    )  # over `files.SETTINGS`, such as {"proxy.node_timeout": "10"}

    def __post_init__(self) -> None:
        if not 1 <= self.replicas <= self.nodes <= MOST_NODES:
            raise EmbeddedError(
                f"{self.replicas} replicas on {self.nodes} nodes: a cluster has up to {MOST_NODES} nodes,"
                " and no more replicas than nodes"
            )
