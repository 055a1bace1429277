"""Where a repository is kept: one container of the storage, and what is built over it once."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from docker_registry.core.driver import Base as Driver
from docker_registry.settings import DEFAULT, MIB, ContainerRule, Settings

from .homes import Homes
from .storage.blob_writer import BlobWriter
from .storage.cache import Cache, Memory, OfCallers, Section
from .storage.parsing import Parsing
from .storage.store import Store
from .storage.upload_sessions import Sessions

__all__ = ["Container", "Containers"]


@dataclass(frozen=True)
class Container:
    """Blobs, manifests and tags of some repositories; nothing in it is known to the others."""

    name: str
    driver: Driver
    store: Store
    sessions: Sessions
    blob_writer: BlobWriter


class Containers:
    """All of a registry's. `others` are the drivers of `settings.containers`, in their order."""

    def __init__(self, default: Driver, others: Iterable[Driver], settings: Settings, parsing: Parsing):
        self._settings = settings
        self._parsing = parsing
        self._homes = Homes(settings.containers)
        self.cache = Cache(settings.cache_bytes)
        self.default = self._open(DEFAULT, default, settings.secrets)
        self._apart = {
            rule.name: self._open(rule.name, driver, _keys(settings, rule))
            for rule, driver in zip(settings.containers, others, strict=True)
        }

    def __iter__(self) -> Iterator[Container]:
        return iter((self.default, *self._apart.values()))

    def of(self, repository: str) -> Container:
        """Where a repository is kept."""
        return self._apart.get(self._homes.of(repository), self.default)

    def apart(self, cache: Cache | Section) -> Memory:
        """The same cache, where nobody is served what was asked in another's name."""
        return OfCallers(cache) if self._settings.auth.acts_for_callers else cache

    def _open(self, name: str, driver: Driver, secrets: Sequence[bytes]) -> Container:
        settings = self._settings
        cache = self.apart(Section(self.cache, name) if settings.containers else self.cache)
        # A limit that was lowered must not hide what was pushed before.
        limit = max(settings.manifest_size_limit, 4 * MIB)
        store = Store(driver, cache, settings.link_ttl, limit, self._parsing)
        sessions = Sessions(driver, secrets, settings.upload_ttl)
        return Container(name, driver, store, sessions, BlobWriter(driver, store, sessions))


def _keys(settings: Settings, rule: ContainerRule) -> list[bytes]:
    """What sign uploads into a container: one that was begun in another, before the rules changed, ends there."""
    place = f"{rule.name}\0{rule.storage_path}\0{rule.place}"
    purpose = b"docker-registry-swift container\0" + place.encode()
    return [hmac.digest(secret, purpose, "sha256") for secret in settings.secrets]
