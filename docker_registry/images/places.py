"""Where images are copied from and to: a repository of the registry, or a folder with an OCI image layout.

The layout is the OCI image specification's ("OCI Image Layout Specification",
1.1): `oci-layout`, `index.json` with a descriptor for each tag, and `blobs/`.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

from docker_registry.core.exceptions import UsageError
from docker_registry.core.types import Readable
from docker_registry.distribution.model import grammar
from docker_registry.distribution.model.digest import Digest, DigestError, new_hash
from docker_registry.distribution.model.manifest import Manifest, ManifestError, stored_manifest

from .inside import Inside

__all__ = ["Layout", "Place", "Repository", "Stored"]

_BLOCK = 1 << 20  # bytes
_INDEX_MAX = 64 << 20  # bytes of an index.json
_MANIFEST_MAX = 4 << 20  # bytes
_REF_NAME = "org.opencontainers.image.ref.name"
_LAYOUT = {"imageLayoutVersion": "1.0.0"}


class Stored(NamedTuple):
    """A manifest of a place."""

    digest: Digest
    manifest: Manifest


class Place(Protocol):
    """Blobs, and manifests under tags. What is wrong is raised as UsageError."""

    def tags(self) -> list[str]:
        """In lexical order."""

    def manifest(self, reference: str) -> Stored:
        """By tag or digest."""

    def blob(self, digest: Digest) -> AbstractContextManager[tuple[Readable, int]]:
        """The bytes of a blob, and how many there are; whoever reads them checks them."""

    def has_blob(self, digest: Digest) -> bool: ...

    def put_blob(self, digest: Digest, body: Readable, size: int) -> None:
        """Takes nothing that has another digest."""

    def put_manifest(self, stored: Stored, tags: list[str]) -> None:
        """All that it names must be there."""


class Repository:
    """One of the registry's."""

    def __init__(self, registry: Inside, name: str):
        self.registry = registry
        self.name = name
        self._path = f"/v2/{name}"

    def tags(self) -> list[str]:
        found: list[str] = []
        while True:
            last = {"last": found[-1]} if found else {}
            answer = self.registry.call("GET", f"{self._path}/tags/list", 200, query={"n": "1000", **last})
            page = json.loads(answer.get_data())["tags"] or []
            found += page
            if "Link" not in answer.headers or not page:
                return found

    def manifest(self, reference: str) -> Stored:
        answer = self.registry.call("GET", f"{self._path}/manifests/{reference}", 200)
        return _stored(answer.get_data(), Digest.parse(answer.headers["Docker-Content-Digest"]), self.name)

    @contextmanager
    def blob(self, digest: Digest) -> Iterator[tuple[Readable, int]]:
        answer = self.registry.call("GET", f"{self._path}/blobs/{digest}", 200)
        try:
            yield _Body(answer.iter_encoded()), int(answer.headers["Content-Length"])
        finally:
            answer.close()

    def has_blob(self, digest: Digest) -> bool:
        return self.registry.call("HEAD", f"{self._path}/blobs/{digest}", 200, 404).status_code == 200

    def mount(self, digest: Digest, source: Repository) -> bool:
        """Take a blob over from another repository without its bytes; whether that could be done."""
        query = {"mount": str(digest), "from": source.name}
        return self.registry.call("POST", f"{self._path}/blobs/uploads/", 201, 202, query=query).status_code == 201

    def put_blob(self, digest: Digest, body: Readable, size: int) -> None:
        query = {"digest": str(digest)}
        self.registry.call("POST", f"{self._path}/blobs/uploads/", 201, query=query, body=body, size=size)

    def put_manifest(self, stored: Stored, tags: list[str]) -> None:
        body = stored.manifest.body
        for reference in tags or [str(stored.digest)]:
            self.registry.call(
                "PUT",
                f"{self._path}/manifests/{reference}",
                201,
                headers={"Content-Type": stored.manifest.media_type},
                body=_Body(iter([body])),
                size=len(body),
            )


class Layout:
    """A folder; made when something is put into it."""

    def __init__(self, folder: Path):
        self.folder = folder

    def tags(self) -> list[str]:
        return sorted({tag for entry in self._entries() if (tag := _tag(entry))})

    def manifest(self, reference: str) -> Stored:
        digest = _digest(reference, self.folder) if ":" in reference else self._meaning(reference)
        with self.blob(digest) as (file, size):
            if size > _MANIFEST_MAX:
                raise UsageError(f"{self.folder}: {digest} has {size} bytes, too many for a manifest")
            body = file.read(size)
        if Digest.of(body, digest.algorithm) != digest:
            raise UsageError(f"{self.folder}: {digest} has other bytes")
        return _stored(body, digest, str(self.folder))

    @contextmanager
    def blob(self, digest: Digest) -> Iterator[tuple[Readable, int]]:
        try:
            with self._path(digest).open("rb") as file:
                yield file, os.fstat(file.fileno()).st_size
        except FileNotFoundError:
            raise UsageError(f"{self.folder} has no blob {digest}") from None
        except OSError as error:
            raise UsageError(f"cannot read {self._path(digest)}: {error.strerror}") from None

    def has_blob(self, digest: Digest) -> bool:
        """Only whole blobs get their names here; what another program left is read once more."""
        try:
            with self._path(digest).open("rb") as file:
                return _hash(file, digest, None) == digest.hex
        except OSError:
            return False

    def put_blob(self, digest: Digest, body: Readable, size: int) -> None:
        with _whole(self._path(digest)) as file:
            if _hash(body, digest, file) != digest.hex or file.tell() != size:
                raise UsageError(f"{digest} was sent with other bytes; nothing was kept of it")

    def put_manifest(self, stored: Stored, tags: list[str]) -> None:
        body = stored.manifest.body
        self.put_blob(stored.digest, _Body(iter([body])), len(body))
        if tags:
            self._tag(stored, tags)

    def _tag(self, stored: Stored, tags: list[str]) -> None:
        descriptor: dict[str, Any] = {"mediaType": stored.manifest.media_type, "digest": str(stored.digest)}
        descriptor["size"] = len(stored.manifest.body)
        entries = [entry for entry in self._entries() if _tag(entry) not in tags]
        entries += [{**descriptor, "annotations": {_REF_NAME: tag}} for tag in tags]
        self._write("oci-layout", _LAYOUT)
        media_type = "application/vnd.oci.image.index.v1+json"
        self._write("index.json", {"schemaVersion": 2, "mediaType": media_type, "manifests": entries})

    def _write(self, name: str, document: dict[str, Any]) -> None:
        with _whole(self.folder / name) as file:
            file.write(json.dumps(document).encode())

    def _entries(self) -> list[dict[str, Any]]:
        path = self.folder / "index.json"
        try:
            with path.open("rb") as file:
                entries = json.loads(file.read(_INDEX_MAX))["manifests"]
            return [entry for entry in entries if isinstance(entry, dict)]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            raise UsageError(f"{path} cannot be read as the index of an OCI layout") from None

    def _meaning(self, tag: str) -> Digest:
        """Of a tag; "" is for the only image there is."""
        entries = self._entries()
        found = [entry for entry in entries if _tag(entry) == tag] if tag else entries
        if len(found) != 1:
            known = ", ".join(self.tags()) or "nothing"
            raise UsageError(f"{self.folder} has no image {tag}" if tag else f"{self.folder}: name one of {known}")
        return _digest(found[0].get("digest"), self.folder)

    def _path(self, digest: Digest) -> Path:
        return self.folder / "blobs" / digest.algorithm / digest.hex


class _Body:
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


def _stored(body: bytes, digest: Digest, where: str) -> Stored:
    try:
        return Stored(digest, stored_manifest(body))
    except ManifestError as error:
        raise UsageError(f"{where}: {digest} is no image: {error}") from None


def _tag(entry: dict[str, Any]) -> str:
    annotations = entry.get("annotations")
    name = annotations.get(_REF_NAME) if isinstance(annotations, dict) else None
    return name if isinstance(name, str) and grammar.is_tag(name) else ""


def _digest(text: object, where: Path) -> Digest:
    try:
        return Digest.parse(str(text))
    except DigestError as error:
        raise UsageError(f"{where}: {error}") from None


def _hash(source: Readable, digest: Digest, target: IO[bytes] | None) -> str:
    """The hash of all of `source`, which is written to `target` on the way."""
    hashed = new_hash(digest.algorithm)
    while block := source.read(_BLOCK):
        hashed.update(block)
        if target:
            target.write(block)
    return hashed.hexdigest()


@contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    """A file that has its name once it is whole."""
    name = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fchmod(file.fileno(), 0o644)
        os.replace(name, path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
    finally:
        # Where it did not get its name.
        if name is not None:
            with suppress(OSError):
                os.unlink(name)
