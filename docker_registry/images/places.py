"""Where images are copied from and to: what all places have in common, and a repository of this registry."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

from docker_registry.core.exceptions import UsageError
from docker_registry.core.types import Readable
from docker_registry.distribution.model.digest import Digest, DigestError
from docker_registry.distribution.model.manifest import Manifest, ManifestError, stored_manifest

from .inside import Inside

__all__ = [
    "MANIFEST_MAX",
    "Pieces",
    "Place",
    "Repository",
    "Source",
    "SpoiledError",
    "Stored",
    "parse_digest",
    "parse_stored",
]

MANIFEST_MAX = 4 << 20  # bytes


class Stored(NamedTuple):
    """A manifest of a place."""

    digest: Digest
    manifest: Manifest


class SpoiledError(UsageError):
    """What was to be put has other bytes than its digest says."""


class Source(Protocol):
    """Blobs, and manifests under tags, to be read. What is wrong is raised as UsageError."""

    @property
    def where(self) -> str:
        """What people call it."""

    def tags(self) -> list[str]:
        """In lexical order."""

    def manifest(self, reference: str) -> Stored:
        """By tag or digest."""

    def blob(self, digest: Digest) -> AbstractContextManager[tuple[Readable, int]]:
        """The bytes of a blob, and how many there are; whoever reads them checks them."""

    def referrers(self, digest: Digest) -> list[Digest]:
        """The manifests that say that they are about this one."""


class Place(Source, Protocol):
    """One that can be written to."""

    def has_blob(self, digest: Digest) -> bool: ...

    def put_blob(self, digest: Digest, body: Readable, size: int) -> None:
        """Takes nothing that has another digest; raises SpoiledError for it."""

    def put_manifest(self, stored: Stored, tags: list[str]) -> None:
        """All that it names must be there."""


class Repository:
    """One of the registry's."""

    def __init__(self, registry: Inside, name: str):
        self.registry = registry
        self.name = self.where = name
        self._path = f"/v2/{name}"

    def tags(self) -> list[str]:
        return list(self._listed("tags/list", "tags", str, n="1000"))

    def manifest(self, reference: str) -> Stored:
        answer = self.registry.call("GET", f"{self._path}/manifests/{reference}", 200)
        return parse_stored(answer.get_data(), Digest.parse(answer.headers["Docker-Content-Digest"]), self.name)

    @contextmanager
    def blob(self, digest: Digest) -> Iterator[tuple[Readable, int]]:
        answer = self.registry.call("GET", f"{self._path}/blobs/{digest}", 200)
        try:
            yield Pieces(answer.iter_encoded()), int(answer.headers["Content-Length"])
        finally:
            answer.close()

    def has_blob(self, digest: Digest) -> bool:
        return self.registry.call("HEAD", f"{self._path}/blobs/{digest}", 200, 404).status_code == 200

    def referrers(self, digest: Digest) -> list[Digest]:
        entries = self._listed(f"referrers/{digest}", "manifests", itemgetter("digest"))
        return [parse_digest(entry["digest"], self.name) for entry in entries]

    def _listed(self, path: str, field: str, key: Callable[[Any], str], **query: str) -> Iterator[Any]:
        """The entries of a list, page by page; `key` is what a page is asked for behind."""
        while True:
            answer = self.registry.call("GET", f"{self._path}/{path}", 200, query=query)
            page = json.loads(answer.get_data())[field] or []
            yield from page
            if "Link" not in answer.headers or not page:
                return
            query["last"] = key(page[-1])

    def mount(self, digest: Digest, source: Repository) -> bool:
        """Take a blob over from another repository without its bytes; whether that could be done."""
        query = {"mount": str(digest), "from": source.name}
        return self.registry.call("POST", f"{self._path}/blobs/uploads/", 201, 202, query=query).status_code == 201

    def put_blob(self, digest: Digest, body: Readable, size: int) -> None:
        query = {"digest": str(digest)}
        answer = self.registry.call("POST", f"{self._path}/blobs/uploads/", 201, 400, query=query, body=body, size=size)
        if answer.status_code == 400:  # all else that is sent is as it must be
            raise SpoiledError(f"{digest} was sent with other bytes; nothing was kept of it")

    def put_manifest(self, stored: Stored, tags: list[str]) -> None:
        body = stored.manifest.body
        for reference in tags or [str(stored.digest)]:
            self.registry.call(
                "PUT",
                f"{self._path}/manifests/{reference}",
                201,
                headers={"Content-Type": stored.manifest.media_type},
                body=Pieces(iter([body])),
                size=len(body),
            )


class Pieces:
    """Bytes that come in pieces, to be read."""

    def __init__(self, pieces: Iterator[bytes]):
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        """At most one piece."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = piece
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


def parse_stored(body: bytes, digest: Digest, where: str) -> Stored:
    """Raises UsageError for what is no manifest."""
    try:
        return Stored(digest, stored_manifest(body))
    except ManifestError as error:
        raise UsageError(f"{where}: {digest} is no image: {error}") from None


def parse_digest(text: object, where: object) -> Digest:
    """Raises UsageError, which says where it stands."""
    try:
        return Digest.parse(str(text))
    except DigestError as error:
        raise UsageError(f"{where}: {error}") from None
