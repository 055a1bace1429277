"""Blobs, manifests and tags over a driver: what is linked, what is there, what was just seen.

Two questions are kept apart everywhere. A *link* says that a repository may
serve a digest; other processes can remove it, so it is remembered for seconds
only. *Data* says that the bytes are there; that is immutable as long as a link
exists, so a reader may take it from the cache however old it is. Whoever is
about to promise something new (a link, a manifest) asks with `fresh=True`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from typing import TypeVar

from docker_registry.core.driver import Base as Driver
from docker_registry.core.exceptions import FileNotFoundError

from ..model import layout
from ..model.digest import Digest, DigestError
from ..model.manifest import Manifest, ManifestError, parse_manifest
from .cache import FOREVER, Cache

__all__ = ["DamagedError", "Store"]

logger = logging.getLogger(__name__)

T = TypeVar("T")


class DamagedError(Exception):
    """Stored bytes are not what their name says; the text names the file."""


class Store:
    """`link_ttl` is in seconds; `manifest_limit` in bytes, the most that is read as a manifest."""

    def __init__(self, driver: Driver, cache: Cache, link_ttl: float, manifest_limit: int):
        self.driver = driver
        self.cache = cache
        self._link_ttl = link_ttl
        self._manifest_limit = manifest_limit

    # Links.

    def read_link(self, path: str) -> Digest | None:
        """The digest that a link holds, asked now; None where there is no (whole) link."""
        try:
            text = self.driver.get_content(path)
        except FileNotFoundError:
            return None
        try:
            return Digest.parse(text.decode("ascii", "replace").strip())
        except DigestError as error:
            logger.warning("%s is taken for missing: %s", path, error)
            return None

    def write_link(self, path: str, digest: Digest) -> None:
        """Write or replace a link; what it promises must have been seen first."""
        self.driver.overwrite(path, str(digest).encode("ascii"))

    def _write_known_link(self, path: str, digest: Digest) -> None:
        self.write_link(path, digest)
        self.cache.put(("link", path), digest)

    def remove_link(self, path: str) -> bool:
        """Whether there was one."""
        try:
            self.driver.remove(path)
        except FileNotFoundError:
            return False
        finally:
            self.cache.forget(("link", path))
        return True

    def _link(self, path: str) -> Digest | None:
        return self._remember(("link", path), lambda: self.read_link(path), self._link_ttl)

    def layer(self, name: str, digest: Digest) -> Digest | None:
        """Under which digest a blob of a repository is stored, or None; at most `link_ttl` old.

        Distribution 2.x stores a blob pushed with another algorithm under its
        sha256, and links it under both.
        """
        return self._link(layout.layer_link(name, digest))

    def link_layer(self, name: str, digest: Digest) -> None:
        """Make a blob part of a repository; its data must have been seen, see `blob_size(fresh=True)`."""
        self._write_known_link(layout.layer_link(name, digest), digest)

    def unlink_layer(self, name: str, digest: Digest) -> bool:
        """Take a blob out of a repository; whether it was in it."""
        return self.remove_link(layout.layer_link(name, digest))

    def revision(self, name: str, digest: Digest) -> Digest | None:
        """Under which digest a manifest of a repository is stored, or None; at most `link_ttl` old.

        Distribution 2.1 put the links of manifests among those of layers.
        """
        return self._link(layout.revision_link(name, digest)) or self.layer(name, digest)

    def link_revision(self, name: str, digest: Digest) -> None:
        """Make a manifest part of a repository; its data and all it refers to must have been seen."""
        self._write_known_link(layout.revision_link(name, digest), digest)

    # Data.

    def blob_size(self, digest: Digest, fresh: bool = False) -> int | None:
        """A blob's size in bytes, or None where its data is not there.

        `fresh` asks the storage unless it said so in the last `link_ttl` seconds.
        """
        return self._remember(("size", digest), lambda: self._ask_size(digest), self._link_ttl if fresh else FOREVER)

    def _ask_size(self, digest: Digest) -> int | None:
        size = self.driver.stat(layout.blob_data(digest)).size
        # A dynamic large object that lost its segments: to be pushed again, which heals it.
        return None if size == 0 and not digest.is_of_nothing else size

    def saw_blob(self, digest: Digest, size: int) -> None:
        """The storage has just confirmed a blob's data."""
        self.cache.put(("size", digest), size)

    def lost_blob(self, digest: Digest) -> None:
        """The storage has just said that a blob's data is not there, whatever was remembered."""
        self.cache.forget(("size", digest))
        self.cache.forget(("manifest", digest))

    def find_blob(self, name: str, digest: Digest, fresh: bool = False) -> tuple[Digest, int] | None:
        """Under which digest a repository's blob is stored, and its size; the link is asked first."""
        stored = self.layer(name, digest)
        if stored is None:
            return None
        size = self.blob_size(stored, fresh)
        return None if size is None else (stored, size)

    # Manifests.

    def manifest(self, digest: Digest) -> Manifest | None:
        """A stored manifest whose bytes were checked against their digest, or None where there is none.

        Raises DamagedError when the bytes are others, ManifestError when they
        are no manifest that this registry serves.
        """
        return self._remember(("manifest", digest), lambda: self._read_manifest(digest), FOREVER, lambda m: m.weight)

    def _read_manifest(self, digest: Digest) -> Manifest:
        path = layout.blob_data(digest)
        with self.driver.open(path) as reader:
            if reader.size > self._manifest_limit:
                raise ManifestError(f"{digest} has {reader.size} bytes, too many for a manifest")
            body = b"".join(reader)
        if Digest.of(body, digest.algorithm) != digest:
            raise DamagedError(f"the bytes of {path} do not have the digest in its name; push the manifest again")
        return parse_manifest(body)

    def write_manifest(self, digest: Digest, manifest: Manifest) -> None:
        """Store a manifest's bytes; nobody is served them before a link says so.

        They replace what is there without asking: the same bytes, or damaged
        ones, in one request instead of two.
        """
        self.driver.overwrite(layout.blob_data(digest), manifest.body)
        self.cache.put(("manifest", digest), manifest, manifest.weight)
        self.saw_blob(digest, len(manifest.body))

    # Tags.

    def tag(self, name: str, tag: str) -> Digest | None:
        """What a tag means now; never remembered, since any replica may move it."""
        path = layout.tag_current(name, tag)
        try:
            return self.cache.ask(("tag", path), lambda: _found(self.read_link(path)))
        except FileNotFoundError:
            return None

    def _remember(
        self, key: Hashable, ask: Callable[[], T | None], max_age: float, size: Callable[[T], int] = lambda _: 0
    ) -> T | None:
        """An answer of `ask` at most `max_age` seconds old; that nothing is there is never remembered."""
        try:
            return self.cache.fetch(key, lambda: _found(ask()), max_age, size)
        except FileNotFoundError:
            return None


def _found(value: T | None) -> T:
    if value is None:
        raise FileNotFoundError
    return value
