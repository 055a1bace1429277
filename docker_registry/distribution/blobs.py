"""Not there yet."""

from .resource import Resource


class Blobs(Resource):
    pass
