"""Where a repository is kept: one container of the storage, and what is built over it once."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from docker_registry.core.driver import Base as Driver
from docker_registry.settings import DEFAULT, MIB, ContainerRule, Settings

from .storage.blob_writer import BlobWriter
from .storage.cache import Cache, Section
from .storage.parsing import Parsing
from .storage.store import Store
from .storage.upload_sessions import Sessions

__all__ = ["Container", "open_containers"]


@dataclass(frozen=True)
class Container:
    """Blobs, manifests and tags of some repositories; nothing in it is known to the others."""

    name: str
    driver: Driver
    store: Store
    sessions: Sessions
    blob_writer: BlobWriter


def open_containers(
    default: Driver, others: Iterable[Driver], settings: Settings, parsing: Parsing
) -> dict[str, Container]:
    """By their names. `others` are the drivers of `settings.containers`, in their order."""
    rules, cache = settings.containers, Cache(settings.cache_bytes)

    def opened(name: str, driver: Driver, secret: bytes) -> Container:
        facts = Section(cache, name) if rules else cache
        # A limit that was lowered must not hide what was pushed before.
        limit = max(settings.manifest_size_limit, 4 * MIB)
        store = Store(driver, facts, settings.link_ttl, limit, parsing)
        sessions = Sessions(driver, secret, settings.upload_ttl)
        return Container(name, driver, store, sessions, BlobWriter(driver, store, sessions))

    containers = [opened(DEFAULT, default, settings.secret)]
    containers += [opened(rule.name, driver, _key(settings, rule)) for rule, driver in zip(rules, others, strict=True)]
    return {container.name: container for container in containers}


def _key(settings: Settings, rule: ContainerRule) -> bytes:
    """What signs uploads into a container: one that was begun in another, before the rules changed, ends there."""
    place = f"{rule.name}\0{rule.storage_path}\0{rule.place}"
    return hmac.digest(settings.secret, b"docker-registry-swift container\0" + place.encode(), "sha256")
