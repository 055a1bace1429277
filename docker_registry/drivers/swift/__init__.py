# -*- coding: utf-8 -*-
"""The `swift` storage driver: docker-registry on OpenStack Swift.

On Python 3 `Storage` is imported when it is asked for, and not before: who only
reads options, such as the process that forks workers which gevent is still to
patch, imports no sockets.
"""

import sys

__all__ = ["Storage"]

if sys.version_info < (3,):
    from .storage import Storage
else:
    from docker_registry.own_core import check_core

    check_core()

    def __getattr__(name):
        if name != "Storage":
            raise AttributeError("module %r has no attribute %r" % (__name__, name))
        from .storage import Storage

        return Storage
