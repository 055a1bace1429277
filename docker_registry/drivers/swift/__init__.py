# -*- coding: utf-8 -*-
"""The `swift` storage driver: docker-registry on OpenStack Swift."""

from .storage import Storage

__all__ = ["Storage"]
