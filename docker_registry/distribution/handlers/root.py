"""`/`: what answers here, for people and for probes that ask no other path."""

from __future__ import annotations

from werkzeug.wrappers import Response

from ..resource import Resource

__all__ = ["Root"]


class Root(Resource):
    is_open = True

    def get(self) -> Response:
        return Response(f"A container registry; its API is below {self.path('/v2/')}\n", content_type="text/plain")
