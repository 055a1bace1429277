"""A real Swift of several nodes on loopback, to be broken on purpose: no root, nothing beside PyPI's `swift` but rsync.

A node is an account, a container and an object server with their replicators and
updaters, an object auditor and an rsync daemon, each a process; in front are one
or more proxies. Nodes are 127.0.0.11, .12, ...

`SwiftCluster`, on the caller's side, imports neither Swift nor eventlet.
"""

from .handle import SwiftCluster
from .options import ClusterOptions

__all__ = ["ClusterOptions", "SwiftCluster"]
