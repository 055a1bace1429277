"""A real, single-node OpenStack Swift on loopback: no root, no memcached, nothing to install but PyPI's `swift`.

Swift runs on eventlet, so it always lives in a process of its own; this
package, on the caller's side, imports neither.
"""

from .options import AuthFilter, EmbeddedError, SwiftOptions
from .process import EmbeddedSwift, SwiftProcess, run
from .requestlog import Request, Requests

__all__ = ["AuthFilter", "EmbeddedError", "EmbeddedSwift", "Request", "Requests", "SwiftOptions", "SwiftProcess", "run"]
