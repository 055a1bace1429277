# -*- coding: utf-8 -*-
"""The `swift` storage driver: docker-registry on OpenStack Swift."""

import sys

if sys.version_info >= (3,):
    from docker_registry.own_core import check_core

    check_core()

from .storage import Storage

__all__ = ["Storage"]
