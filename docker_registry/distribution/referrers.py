"""..."""

from __future__ import annotations

from .resource import Resource

__all__ = ["Referrers"]


class Referrers(Resource):
    pass
