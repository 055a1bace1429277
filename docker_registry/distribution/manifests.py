"""..."""

from __future__ import annotations

from .resource import Resource

__all__ = ["Manifests"]


class Manifests(Resource):
    pass
