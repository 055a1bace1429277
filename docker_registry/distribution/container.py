"""Where a repository is kept: one container of the storage, and what is built over it once."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from docker_registry.core.driver import Base as Driver
from docker_registry.settings import DEFAULT, MIB, ContainerRule, Settings

from .auth.patterns import Pattern
from .storage.blob_writer import BlobWriter
from .storage.cache import Cache, Section
from .storage.parsing import Parsing
from .storage.store import Store
from .storage.upload_sessions import Sessions

__all__ = ["Container", "open_containers"]


@dataclass(frozen=True)
class Container:
    """Blobs, manifests and tags of some repositories; nothing in it is known to the others."""

    name: str  # "" where it is the only one
    patterns: tuple[Pattern, ...]  # of its repositories; () for those that no other has
    driver: Driver
    store: Store
    sessions: Sessions
    blob_writer: BlobWriter

    def has(self, repository: str) -> bool:
        return not self.patterns or any(pattern.matches(repository) for pattern in self.patterns)


def open_containers(
    default: Driver, others: Iterable[Driver], settings: Settings, parsing: Parsing
) -> tuple[Container, ...]:
    """In the order in which they are asked whether they have a repository, the default one last.

    `others` are the drivers of `settings.containers`, in their order.
    """
    rules, cache = settings.containers, Cache(settings.cache_bytes)
    if not rules:
        return (_open("", (), default, cache, settings.secrets, settings, parsing),)
    kept_apart = [
        _open(rule.name, rule.repositories, driver, Section(cache, rule.name), _keys(settings, rule), settings, parsing)
        for rule, driver in zip(rules, others, strict=True)
    ]
    return (*kept_apart, _open(DEFAULT, (), default, Section(cache, DEFAULT), settings.secrets, settings, parsing))


def _open(
    name: str,
    repositories: Iterable[str],
    driver: Driver,
    cache: Cache | Section,
    secrets: Sequence[bytes],
    settings: Settings,
    parsing: Parsing,
) -> Container:
    # A limit that was lowered must not hide what was pushed before.
    limit = max(settings.manifest_size_limit, 4 * MIB)
    store = Store(driver, cache, settings.link_ttl, limit, parsing)
    sessions = Sessions(driver, secrets, settings.upload_ttl)
    patterns = tuple(map(Pattern, repositories))
    return Container(name, patterns, driver, store, sessions, BlobWriter(driver, store, sessions))


def _keys(settings: Settings, rule: ContainerRule) -> list[bytes]:
    """What sign uploads into a container: one that was begun in another, before the rules changed, ends there."""
    place = f"{rule.name}\0{rule.storage_path}\0{rule.place}"
    purpose = b"docker-registry-swift container\0" + place.encode()
    return [hmac.digest(secret, purpose, "sha256") for secret in settings.secrets]
