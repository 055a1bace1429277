"""`/v2/`: whether this is a registry (the spec's "Determining Support")."""

from __future__ import annotations

from werkzeug.wrappers import Response

from .resource import Resource

__all__ = ["Base"]


class Base(Resource):
    def get(self) -> Response:
        return Response("{}\n", content_type="application/json")
