"""`/v2/`: whether this is a registry (the spec's "Determining Support")."""

from __future__ import annotations

from werkzeug.wrappers import Response

from ..resource import Resource

__all__ = ["Version"]


class Version(Resource):
    label = "base"

    def get(self) -> Response:
        return Response("{}\n", content_type="application/json")
