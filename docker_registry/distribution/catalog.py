"""..."""

from __future__ import annotations

from .resource import Resource

__all__ = ["Catalog"]


class Catalog(Resource):
    pass
