"""..."""

from __future__ import annotations

from .resource import Resource

__all__ = ["Tags"]


class Tags(Resource):
    pass
