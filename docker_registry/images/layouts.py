"""A folder with an OCI image layout, as skopeo, podman, buildah and oras read and write it.

It is the OCI image specification's ("OCI Image Layout Specification", 1.1):
`oci-layout`, `index.json` with a descriptor for each tag, and `blobs/`. What is
about another manifest (its `subject`) has a descriptor without a tag there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from docker_registry.core.exceptions import UsageError
from docker_registry.core.types import Readable
from docker_registry.distribution.model import grammar
from docker_registry.distribution.model.digest import Digest, new_hash

from .files import whole
from .places import MANIFEST_MAX, Pieces, SpoiledError, Stored, parse_digest, parse_stored

__all__ = ["Layout"]

_BLOCK = 1 << 20  # bytes
_INDEX_MAX = 64 << 20  # bytes of an index.json
_REF_NAME = "org.opencontainers.image.ref.name"
_LAYOUT = {"imageLayoutVersion": "1.0.0"}


class Layout:
    """A folder; made when something is put into it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.where = str(folder)
        self._subjects: dict[Digest, Digest | None] = {}

    def tags(self) -> list[str]:
        self._check_there()
        return sorted({tag for entry in self._entries() if (tag := _tag(entry))})

    def manifest(self, reference: str) -> Stored:
        digest = parse_digest(reference, self.folder) if ":" in reference else self._meaning(reference)
        with self.blob(digest) as (file, size):
            if size > MANIFEST_MAX:
                raise UsageError(f"{self.folder}: {digest} has {size} bytes, too many for a manifest")
            body = file.read(size)
        if Digest.of(body, digest.algorithm) != digest:
            raise UsageError(f"{self.folder}: {digest} has other bytes")
        return parse_stored(body, digest, str(self.folder))

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
        path = self._path(digest)
        _make(path.parent)
        with whole(path) as file:
            if _hash(body, digest, file) != digest.hex or file.tell() != size:
                raise SpoiledError(f"{digest} was sent with other bytes; nothing was kept of it")

    def put_manifest(self, stored: Stored, tags: list[str]) -> None:
        body = stored.manifest.body
        self.put_blob(stored.digest, Pieces(iter([body])), len(body))
        if tags:
            self._list(stored, [{"annotations": {_REF_NAME: tag}} for tag in tags], tags)
        elif stored.manifest.subject:
            self._list(stored, [{}], [])

    def referrers(self, digest: Digest) -> list[Digest]:
        untagged = [parse_digest(entry.get("digest"), self.folder) for entry in self._entries() if not _tag(entry)]
        return [each for each in dict.fromkeys(untagged) if self._subject(each) == digest]

    def _subject(self, digest: Digest) -> Digest | None:
        if digest not in self._subjects:
            self._subjects[digest] = self.manifest(str(digest)).manifest.subject
        return self._subjects[digest]

    def _list(self, stored: Stored, new: list[dict[str, Any]], tags: list[str]) -> None:
        """Put descriptors of a manifest into the index, in the place of those that have these tags."""
        descriptor: dict[str, Any] = {"mediaType": stored.manifest.media_type, "digest": str(stored.digest)}
        descriptor["size"] = len(stored.manifest.body)
        former = self._entries()
        entries = [entry for entry in former if not (_tag(entry) and _tag(entry) in tags)]
        entries += [entry for entry in ({**descriptor, **each} for each in new) if entry not in entries]
        if entries == former:
            return
        self._write("oci-layout", _LAYOUT)
        media_type = "application/vnd.oci.image.index.v1+json"
        self._write("index.json", {"schemaVersion": 2, "mediaType": media_type, "manifests": entries})

    def _write(self, name: str, document: dict[str, Any]) -> None:
        with whole(self.folder / name) as file:
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
        self._check_there()
        entries = self._entries()
        found = (
            [entry for entry in entries if _tag(entry) == tag]
            if tag
            else [entry for entry in entries if _tag(entry)] or entries
        )
        if len(found) != 1:
            known = ", ".join(self.tags()) or "nothing"
            raise UsageError(f"{self.folder} has no image {tag}" if tag else f"{self.folder}: name one of {known}")
        return parse_digest(found[0].get("digest"), self.folder)

    def _check_there(self) -> None:
        """Raises UsageError, for who reads; who writes makes what is missing."""
        if not self.folder.exists():
            raise UsageError(f"there is no folder {self.folder}")
        if not (self.folder / "index.json").exists():
            raise UsageError(f"{self.folder} is no OCI layout: it has no index.json")

    def _path(self, digest: Digest) -> Path:
        return self.folder / "blobs" / digest.algorithm / digest.hex


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write into {folder}: {error.strerror}") from None


def _tag(entry: dict[str, Any]) -> str:
    annotations = entry.get("annotations")
    name = annotations.get(_REF_NAME) if isinstance(annotations, dict) else None
    return name if isinstance(name, str) and grammar.is_tag(name) else ""


def _hash(source: Readable, digest: Digest, target: IO[bytes] | None) -> str:
    """The hash of all of `source`, which is written to `target` on the way."""
    hashed = new_hash(digest.algorithm)
    while block := source.read(_BLOCK):
        hashed.update(block)
        if target:
            target.write(block)
    return hashed.hexdigest()
