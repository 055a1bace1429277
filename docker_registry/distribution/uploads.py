"""Not there yet."""

from .resource import Resource


class Uploads(Resource):
    pass


class Upload(Resource):
    pass
