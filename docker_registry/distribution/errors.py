"""What can go wrong, as the client is told: one closed table, one exception, one form.

The form and the codes are the distribution spec's ("Error Codes"). Some wire
codes serve several situations with different statuses; each has its own row.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import Enum
from http import HTTPStatus
from typing import Any

from werkzeug.wrappers import Response

__all__ = ["Code", "RegistryError"]


class Code(Enum):
    """Wire code, HTTP status, default message."""

    BLOB_TOO_LARGE = "SIZE_INVALID", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "blob too large"
    BLOB_UNKNOWN = "BLOB_UNKNOWN", HTTPStatus.NOT_FOUND, "blob unknown to registry"
    BLOB_UPLOAD_INVALID = "BLOB_UPLOAD_INVALID", HTTPStatus.BAD_REQUEST, "blob upload invalid"
    BLOB_UPLOAD_UNKNOWN = "BLOB_UPLOAD_UNKNOWN", HTTPStatus.NOT_FOUND, "blob upload unknown to registry"
    DENIED = "DENIED", HTTPStatus.FORBIDDEN, "requested access to the resource is denied"
    DIGEST_INVALID = "DIGEST_INVALID", HTTPStatus.BAD_REQUEST, "provided digest did not match uploaded content"
    LOGIN_UNCHECKED = "UNAVAILABLE", HTTPStatus.SERVICE_UNAVAILABLE, "the login cannot be checked now, try again"
    MANIFEST_BLOB_UNKNOWN = (
        "MANIFEST_BLOB_UNKNOWN",
        HTTPStatus.BAD_REQUEST,
        "manifest references a manifest or blob unknown to registry",
    )
    MANIFEST_INVALID = "MANIFEST_INVALID", HTTPStatus.BAD_REQUEST, "manifest invalid"
    MANIFEST_TOO_LARGE = "SIZE_INVALID", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "manifest too large"
    MANIFEST_UNKNOWN = "MANIFEST_UNKNOWN", HTTPStatus.NOT_FOUND, "manifest unknown to registry"
    METHOD_UNSUPPORTED = "UNSUPPORTED", HTTPStatus.METHOD_NOT_ALLOWED, "the operation is unsupported"
    NAME_INVALID = "NAME_INVALID", HTTPStatus.BAD_REQUEST, "invalid repository name"
    NAME_UNKNOWN = "NAME_UNKNOWN", HTTPStatus.NOT_FOUND, "repository name not known to registry"
    PAGINATION_NUMBER_INVALID = (
        "PAGINATION_NUMBER_INVALID",
        HTTPStatus.BAD_REQUEST,
        "invalid number of results requested",
    )
    PATH_UNKNOWN = "UNSUPPORTED", HTTPStatus.NOT_FOUND, "no API endpoint has this path"
    RANGE_INVALID = (
        "BLOB_UPLOAD_INVALID",
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        "the range does not fit what is there",
    )
    REQUEST_INVALID = "UNSUPPORTED", HTTPStatus.BAD_REQUEST, "the request cannot be understood"
    SIZE_INVALID = "SIZE_INVALID", HTTPStatus.BAD_REQUEST, "provided length did not match content length"
    STORAGE_REFUSED = (
        "UNKNOWN",
        HTTPStatus.BAD_GATEWAY,
        "the storage refused to do its part, the registry's log says what it needs",
    )
    TAG_INVALID = "TAG_INVALID", HTTPStatus.BAD_REQUEST, "invalid tag"
    TOO_MANY_TAGS = "TAG_INVALID", HTTPStatus.REQUEST_URI_TOO_LONG, "too many tags"
    TOOMANYREQUESTS = "TOOMANYREQUESTS", HTTPStatus.TOO_MANY_REQUESTS, "too many requests"
    UNAUTHORIZED = "UNAUTHORIZED", HTTPStatus.UNAUTHORIZED, "authentication required"
    UNAVAILABLE = "UNAVAILABLE", HTTPStatus.SERVICE_UNAVAILABLE, "the storage does not answer, try again"
    UNKNOWN = "UNKNOWN", HTTPStatus.INTERNAL_SERVER_ERROR, "internal error, the registry's log says more"

    def __init__(self, wire: str, status: HTTPStatus, message: str):
        self.wire = wire
        self.status = status
        self.message = message


class RegistryError(Exception):
    """An answer other than success; handlers raise it and `app` renders it.

    `message` is for people and replaces the table's, `detail` is for programs
    (anything JSON can hold), `headers` go out with the answer.
    """

    def __init__(
        self,
        code: Code,
        message: str | None = None,
        detail: Any = None,
        headers: Mapping[str, str] | None = None,
    ):
        super().__init__(message or code.message)
        self.code = code
        self.headers = dict(headers or {})
        self.entries = [_entry(code, message, detail)]

    @classmethod
    def several(cls, code: Code, faults: Iterable[tuple[str, Any]]) -> RegistryError:
        """One error for several (message, detail) of the same code, each told apart."""
        faults = list(faults)
        error = cls(code, "; ".join(message for message, _ in faults))
        error.entries = [_entry(code, message, detail) for message, detail in faults]
        return error

    def response(self) -> Response:
        """The answer in the spec's JSON form."""
        body = json.dumps({"errors": self.entries}) + "\n"
        return Response(body, self.code.status, self.headers, content_type="application/json")


def _entry(code: Code, message: str | None, detail: Any) -> dict[str, Any]:
    entry = {"code": code.wire, "message": message or code.message}
    if detail is not None:
        entry["detail"] = detail
    return entry
