"""Pulling and deleting blobs: `/v2/<name>/blobs/<digest>`."""

from __future__ import annotations

from werkzeug.wrappers import Response

from docker_registry.core.exceptions import FileNotFoundError, WrongArgumentsError
from docker_registry.core.types import BytesRange, Reader

from ..errors import Code, RegistryError
from ..events import event
from ..model import layout, ranges
from ..model.digest import Digest
from ..resource import Resource
from ..storage.verifying import verified

__all__ = ["Blobs"]

_FOREVER = "max-age=31536000, immutable"  # a digest means these bytes and no others


class Blobs(Resource):
    label = "blob"

    def head(self, name: str, digest: Digest) -> Response:
        found = self.store.find_blob(name, digest)
        if found is None:
            raise _unknown(digest)
        self._tell_of_pull(name, digest, found[1])
        return self._not_modified(digest) or self._answer(digest, found[1])

    def get(self, name: str, digest: Digest) -> Response:
        """The bytes, or the part that Range asks for; or where the storage itself serves them."""
        stored = self.store.layer(name, digest)
        if stored is None:
            raise _unknown(digest)
        not_modified = self._not_modified(digest)
        if not_modified is not None:
            self._tell_of_pull(name, digest, self.store.known_size(stored))
            return not_modified
        url = self.driver.content_redirect_url(layout.blob_data(stored)) if self.settings.redirect else None
        if url is not None:
            self._tell_of_pull(name, digest, self.store.known_size(stored))
            return Response(status=307, headers={"Location": url, "Docker-Content-Digest": str(digest)})
        return self._serve(name, digest, stored)

    def delete(self, name: str, digest: Digest) -> Response:
        """Take the blob out of this repository; its bytes are left to garbage collection."""
        if not self.settings.delete_enabled:
            raise RegistryError(
                Code.METHOD_UNSUPPORTED, "deleting is disabled in this registry", headers={"Allow": "GET, HEAD"}
            )
        if self.gate.policy.has_immutable_tags(name):
            raise self.denied(f"{name} has immutable tags, whose images need their blobs", "immutable")
        if not self.store.has_link(layout.layer_link(name, digest)):
            raise _unknown(digest)
        self.store.unlink_layer(name, digest)
        self.audit(f"deleted the blob {name}@{digest}", name, "delete")
        self.tell("delete", event.of_removed(name, digest))
        return Response(status=202)

    def _tell_of_pull(self, name: str, digest: Digest, size: int | None) -> None:
        if self.context.events.is_on:
            url = self.whole_url(f"/v2/{name}/blobs/{digest}")
            self.tell("pull", event.of_blob(name, digest, size, url))

    def _not_modified(self, digest: Digest) -> Response | None:
        """The answer to a client that has the blob (RFC 9110 13.1.2: compared weakly)."""
        if self.request.if_none_match.contains_weak(str(digest)):
            return Response(status=304, headers=_validators(digest))
        return None

    def _serve(self, name: str, digest: Digest, stored: Digest) -> Response:
        try:
            bytes_range = self._wanted(digest)
            reader = self.driver.open_for_client(layout.blob_data(stored), bytes_range)
            if reader.size == 0 and not stored.is_of_nothing:
                reader.close()
                raise FileNotFoundError(f"{stored} has no bytes")
        except FileNotFoundError:
            self.store.lost_blob(stored)
            raise _unknown(digest) from None
        except (WrongArgumentsError, ranges.UnsatisfiableError):
            raise self._unsatisfiable(digest, stored) from None
        self.store.saw_blob(stored, reader.size)
        self._tell_of_pull(name, digest, reader.size)
        if self.settings.verify_blobs and reader.length == reader.size:
            reader = verified(reader, stored)
        response = self._answer(digest, reader.length, reader)
        if bytes_range is not None:
            first = reader.size - reader.length if bytes_range[0] is None else bytes_range[0]
            response.status_code = 206
            response.headers["Content-Range"] = ranges.content_range(first, reader.length, reader.size)
        return response

    def _wanted(self, digest: Digest) -> BytesRange | None:
        condition = self.request.headers.get("If-Range")
        if condition not in (None, _etag(digest)):
            return None
        return ranges.parse_range(self.request.headers.get("Range"))

    def _unsatisfiable(self, digest: Digest, stored: Digest) -> RegistryError:
        size = self.store.blob_size(stored)
        if size is None:
            return _unknown(digest)
        return RegistryError(
            Code.RANGE_INVALID, f"the blob has {size} bytes", headers={"Content-Range": f"bytes */{size}"}
        )

    def _answer(self, digest: Digest, length: int, reader: Reader | None = None) -> Response:
        response = Response(reader, headers=_validators(digest), content_type="application/octet-stream")
        response.headers["Content-Length"] = str(length)
        response.headers["Accept-Ranges"] = "bytes"
        return response


def _validators(digest: Digest) -> dict[str, str]:
    return {"ETag": _etag(digest), "Cache-Control": _FOREVER, "Docker-Content-Digest": str(digest)}


def _etag(digest: Digest) -> str:
    return f'"{digest}"'


def _unknown(digest: Digest) -> RegistryError:
    return RegistryError(Code.BLOB_UNKNOWN, detail={"digest": str(digest)})
