"""Blobs, manifests and tags over a driver: what is linked, what is there, what was just seen.

Two questions are kept apart everywhere. A *link* says that a repository may
serve a digest; other processes can remove it, so it is remembered for seconds
only. *Data* says that the bytes are there; that is immutable as long as a link
exists, so a reader may take it from the cache however old it is.

What is remembered serves reads. Whoever is about to promise something new (a
link, a manifest) asks with `fresh=True`: then only what this process itself
wrote in the last `OWN` seconds needs no look, and every look asks for the
newest. A look that says no is believed at once, whatever was remembered. What
garbage collection has announced gets a veto before it is looked at or written:
see `vetoes`; what was remembered of it does not count.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, TypeVar

from docker_registry.concurrency.workers import gather
from docker_registry.core.driver import Base as Driver
from docker_registry.core.exceptions import FileNotFoundError, UnspecifiedError

from ..model import layout
from ..model.digest import Digest, DigestError
from ..model.manifest import Manifest, ManifestError, adopted_manifest, stored_manifest
from .cache import FOREVER, Memory
from .parsing import Parsing
from .vetoes import Vetoes

__all__ = ["DamagedError", "Store"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

NOW = -1.0  # s: nothing remembered is so young
OWN = 30.0  # s for which what this process wrote needs no second look


class DamagedError(Exception):
    """Stored bytes are not what their name says; the text names the file."""


class Store:
    """`link_ttl` is in seconds; `manifest_limit` in bytes, the most that is read as a manifest."""

    def __init__(self, driver: Driver, cache: Memory, link_ttl: float, manifest_limit: int, parsing: Parsing):
        self.driver = driver
        self.cache = cache
        self.vetoes = Vetoes(driver, cache)
        self.clock = time.time  # seconds since the epoch, by which tags expire
        self._link_ttl = link_ttl
        self._manifest_limit = manifest_limit
        self._parsing = parsing

    # Links.

    def read_link(self, path: str) -> Digest | None:
        """The digest that a link holds now; None where there is no link.

        Raises DamagedError when it holds something else.
        """
        return self._ask_link(path, self.driver.get_newest)

    def _ask_link(self, path: str, read: Callable[[str], bytes]) -> Digest | None:
        try:
            content = read(path)
        except FileNotFoundError:
            self._forget_link(path)
            return None
        try:
            return Digest.parse(content.decode("ascii", "replace").strip())
        except DigestError as error:
            raise DamagedError(f"the link {path} is damaged ({error}); fsck --repair says and does more") from None

    def has_link(self, path: str) -> bool:
        """Whether a link is there now, whatever it holds."""
        try:
            return self.read_link(path) is not None
        except DamagedError:
            return True

    def write_link(self, path: str, digest: Digest) -> None:
        """Write or replace a link; what it promises must have been seen first, within one `vetoes.promise`."""
        self.vetoes.check(path)
        self._overwrite(path, digest)
        self.cache.put(("link", path), digest)
        self.cache.put(("own", path), digest)

    def _overwrite(self, path: str, digest: Digest, expires: float | None = None) -> None:
        content = str(digest).encode("ascii")
        if expires is None:
            self.driver.overwrite(path, content)
        else:
            self.driver.overwrite_until(path, content, expires)

    def remove_link(self, path: str) -> bool:
        """Whether there was one."""
        try:
            self.driver.remove_small(path)
        except FileNotFoundError:
            return False
        finally:
            self._forget_link(path)
        return True

    def _forget_link(self, path: str) -> None:
        self.cache.forget(("link", path))
        self.cache.forget(("own", path))

    def _link(self, path: str, digest: Digest, max_age: float, newest: bool) -> Digest | None:
        """What the link of `digest` holds, at most `max_age` seconds ago."""
        read = self.driver.get_newest if newest else self.driver.get_content
        stored = self._remember(("link", path), lambda: self._ask_link(path, read), max_age)
        if stored is not None and stored != digest and stored.algorithm == digest.algorithm:
            raise DamagedError(f"the link {path} holds {stored}; fsck --repair mends it")
        return stored

    def _fresh_link(self, path: str, digest: Digest) -> Digest | None:
        if self.vetoes.check(path):
            self._forget_link(path)
        own: Digest | None = self.cache.get(("own", path), OWN)
        return own or self._link(path, digest, NOW, newest=True)

    def layer(self, name: str, digest: Digest, fresh: bool = False, newest: bool = False) -> Digest | None:
        """Under which digest a blob of a repository is stored, or None; at most `link_ttl` old, unless `fresh`.

        Distribution 2.x stores a blob pushed with another algorithm under its
        sha256, and links it under both.
        """
        path = layout.layer_link(name, digest)
        return self._fresh_link(path, digest) if fresh else self._link(path, digest, self._link_ttl, newest)

    def link_layer(self, name: str, digest: Digest) -> None:
        """Make a blob part of a repository; its data must have been seen, see `blob_size(fresh=True)`."""
        self.write_link(layout.layer_link(name, digest), digest)

    def unlink_layer(self, name: str, digest: Digest) -> bool:
        """Take a blob out of a repository; whether it was in it."""
        return self.remove_link(layout.layer_link(name, digest))

    def revision(self, name: str, digest: Digest, fresh: bool = False) -> Digest | None:
        """Under which digest a manifest of a repository is stored, or None; at most `link_ttl` old, unless `fresh`.

        Distribution 2.1 put the links of manifests among those of layers, where
        those of blobs are: what is only there must be as a push of it must be.
        """
        path = layout.revision_link(name, digest)
        found = self._fresh_link(path, digest) if fresh else self._link(path, digest, self._link_ttl, newest=False)
        if found is not None:
            return found
        adopted = self.layer(name, digest, fresh)
        return adopted if adopted is not None and self.is_sound(adopted) else None

    def link_revision(self, name: str, digest: Digest) -> None:
        """Make a manifest part of a repository; its data and all it refers to must have been seen."""
        self.write_link(layout.revision_link(name, digest), digest)

    # Data.

    def blob_size(self, digest: Digest, fresh: bool = False) -> int | None:
        """A blob's size in bytes, or None where its data is not there; at most `link_ttl` old.

        For `fresh` it also does that this process stored the blob in the last `OWN` seconds.
        """
        if fresh:
            self.keep_blob(digest)
        own: int | None = self.cache.get(("own", digest), OWN) if fresh else None
        if own is not None:
            return own
        size = self._remember(("size", digest), lambda: self._ask_size(digest), self._link_ttl)
        if size is None:
            self.lost_blob(digest)
        return size

    def known_size(self, digest: Digest) -> int | None:
        """A blob's size, where this process happens to remember it."""
        size: int | None = self.cache.get(("size", digest))
        return size

    def _ask_size(self, digest: Digest) -> int | None:
        size = self.driver.stat(layout.blob_data(digest), newest=True).size
        # A dynamic large object that lost its segments: to be pushed again, which heals it.
        return None if size == 0 and not digest.is_of_nothing else size

    def keep_blob(self, digest: Digest) -> bool:
        """Before a blob's data is looked at or written, for a promise; whether it was about to go: then look."""
        listed = self.vetoes.check(layout.blob_data(digest))
        if listed:
            self.lost_blob(digest)
        return listed

    def saw_blob(self, digest: Digest, size: int) -> None:
        """The storage has just said that a blob's data is there."""
        self.cache.put(("size", digest), size)

    def stored_blob(self, digest: Digest, size: int) -> None:
        """The storage has just confirmed a blob's data to this process, which sent it."""
        self.saw_blob(digest, size)
        self.cache.put(("own", digest), size)

    def lost_blob(self, digest: Digest) -> None:
        """The storage has just said that a blob's data is not there, whatever was remembered."""
        for fact in ("size", "own", "manifest"):
            self.cache.forget((fact, digest))

    def find_blob(self, name: str, digest: Digest, fresh: bool = False) -> tuple[Digest, int] | None:
        """Under which digest a repository's blob is stored, and its size; the link is asked first.

        Nothing of it is older than `link_ttl`: the client that asks may not
        push the blob. `fresh`: it is about to be promised.
        """
        stored = self.layer(name, digest, fresh, newest=True)
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
        return self._remember(("manifest", digest), lambda: self._read_manifest(digest), FOREVER)

    def tagged_manifest(self, name: str, digest: Digest) -> tuple[Digest, Manifest | None] | None:
        """What a tag of a repository means: under which digest it is stored, and the manifest (None: its data is gone).

        None where the repository has that manifest no more: no tag outlives its
        manifest. Link and data are asked for side by side. Raises as `manifest` does.
        """
        if self.cache.get(("manifest", digest)) is not None:
            stored = self.revision(name, digest)
            return None if stored is None else (stored, self.manifest(stored))
        calls: list[Callable[[], Any]] = [
            partial(self.revision, name, digest),
            partial(self._manifest_or_error, digest),
        ]
        stored, found = gather(calls)
        if stored is None:
            return None
        if stored != digest:
            return stored, self.manifest(stored)
        if isinstance(found, Exception):
            raise found
        return stored, found

    def _manifest_or_error(self, digest: Digest) -> Manifest | Exception | None:
        try:
            return self.manifest(digest)
        except (DamagedError, ManifestError, UnspecifiedError) as error:
            return error

    def is_sound(self, digest: Digest) -> bool:
        """Whether a blob would be taken as a manifest; for ever so, since it is known by its digest."""
        return bool(self._remember(("sound", digest), lambda: self._judge(digest), FOREVER))

    def _judge(self, digest: Digest) -> bool:
        try:
            known = self.cache.get(("manifest", digest))
            body = known.body if known else self._read_body(digest)
            with self._parsing.turn(len(body)):
                manifest = adopted_manifest(body)
        except (DamagedError, ManifestError) as error:
            logger.info("%s is linked as a blob, and not served as a manifest: %s", digest, error)
            return False
        self.cache.put(("manifest", digest), manifest)
        return True

    def _read_manifest(self, digest: Digest) -> Manifest:
        return stored_manifest(self._read_body(digest))

    def _read_body(self, digest: Digest) -> bytes:
        path = layout.blob_data(digest)
        with self.driver.open(path) as reader:
            if reader.size > self._manifest_limit:
                raise ManifestError(f"{digest} has {reader.size} bytes, too many for a manifest")
            body = b"".join(reader)
        if Digest.of(body, digest.algorithm) != digest:
            # Spoilt on their way, or in one of several replicas? This asks the newest, and compares its MD5.
            body = self.driver.get_newest(path)
        if Digest.of(body, digest.algorithm) != digest:
            raise DamagedError(f"the bytes of {path} do not have the digest in its name; push the manifest again")
        return body

    def write_manifest(self, digest: Digest, manifest: Manifest) -> None:
        """Store a manifest's bytes; nobody is served them before a link says so.

        They replace what is there without asking: the same bytes, or damaged
        ones, in one request instead of two.
        """
        self.keep_blob(digest)
        self.driver.overwrite(layout.blob_data(digest), manifest.body)
        self.cache.put(("manifest", digest), manifest)
        self.stored_blob(digest, len(manifest.body))

    # Tags.

    def tag(self, name: str, tag: str) -> Digest | None:
        """What a tag means now; never remembered, since any replica may move it."""
        path = layout.tag_current(name, tag)
        try:
            return self.cache.ask(("tag", path), lambda: _found(self.read_link(path)))
        except FileNotFoundError:
            return None

    def set_tag(self, name: str, tag: str, digest: Digest, expires: float | None = None) -> None:
        """Let a tag mean a manifest that the repository has, for ever or until a time (seconds since the epoch)."""
        self._overwrite(layout.tag_current(name, tag), digest, expires)

    def note_tag(self, name: str, tag: str, digest: Digest, expires: float | None = None) -> None:
        """Write into a tag's history that it means, or is about to mean, a manifest."""
        self._overwrite(layout.tag_index_link(name, tag, digest), digest, expires)

    def _remember(self, key: Hashable, ask: Callable[[], T | None], max_age: float) -> T | None:
        """An answer of `ask` at most `max_age` seconds old; that nothing is there is never remembered."""
        try:
            return self.cache.fetch(key, lambda: _found(ask()), max_age)
        except FileNotFoundError:
            self.cache.forget(key)
            return None


def _found(value: T | None) -> T:
    if value is None:
        raise FileNotFoundError
    return value
