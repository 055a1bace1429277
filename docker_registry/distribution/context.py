"""What all requests of a process share: the storage, and what is built over it once."""

from __future__ import annotations

from dataclasses import dataclass

from docker_registry.core.driver import Base as Driver
from docker_registry.core.exceptions import ConfigError
from docker_registry.settings import MIB, Settings

from .auth.gate import Gate
from .auth.opening import open_gate
from .expiry import Expiry
from .storage.blob_writer import BlobWriter
from .storage.cache import Cache
from .storage.memory_bound import MemoryBound
from .storage.parsing import Parsing
from .storage.store import Store
from .storage.upload_sessions import Sessions

__all__ = ["Context"]

_MANIFESTS = 64 * MIB  # bytes of manifests on their way in


@dataclass(frozen=True)
class Context:
    """Handed to every handler."""

    driver: Driver
    settings: Settings
    gate: Gate
    store: Store
    sessions: Sessions
    blob_writer: BlobWriter
    manifest_memory: MemoryBound
    parsing: Parsing
    expiry: Expiry

    @classmethod
    def over(cls, driver: Driver, settings: Settings) -> Context:
        """Everything that `settings` ask for, over one driver. Raises ConfigError."""
        if settings.expire and not driver.supports_expiry:
            raise ConfigError(f"registry.expire: storage {settings.storage} has no files that vanish; remove it")
        # A limit that was lowered must not hide what was pushed before.
        limit = max(settings.manifest_size_limit, 4 * MIB)
        parsing = Parsing()
        store = Store(driver, Cache(settings.cache_bytes), settings.link_ttl, limit, parsing)
        sessions = Sessions(driver, settings.secret, settings.upload_ttl)
        writer = BlobWriter(driver, store, sessions)
        # One manifest of the largest size always fits.
        memory = MemoryBound(max(_MANIFESTS, settings.manifest_size_limit))
        expiry = Expiry(settings.expire)
        return cls(driver, settings, open_gate(settings), store, sessions, writer, memory, parsing, expiry)
