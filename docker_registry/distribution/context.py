"""What all requests of a process share: the storage, and what is built over it once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from docker_registry.core.driver import Base as Driver
from docker_registry.core.exceptions import ConfigError
from docker_registry.settings import MIB, Settings

from .auth.gate import Gate
from .auth.opening import open_gate
from .container import Containers
from .events.events import Events
from .expiry import Expiry
from .limits import Limits
from .quotas import Quotas
from .storage.memory_bound import MemoryBound
from .storage.parsing import Parsing
from .storage.robot_book import Revocations

__all__ = ["Context"]

_MANIFESTS = 64 * MIB  # bytes of manifests on their way in


@dataclass(frozen=True)
class Context:
    """Handed to every handler."""

    settings: Settings
    gate: Gate
    limits: Limits
    containers: Containers
    manifest_memory: MemoryBound
    parsing: Parsing
    expiry: Expiry
    quotas: Quotas
    events: Events

    @classmethod
    def over(cls, driver: Driver, settings: Settings, others: Iterable[Driver] = ()) -> Context:
        """Everything that `settings` ask for, over one driver, and one for each of `settings.containers`.

        Raises ConfigError.
        """
        parsing = Parsing()
        containers = Containers(driver, others, settings, parsing)
        # One manifest of the largest size always fits.
        memory = MemoryBound(max(_MANIFESTS, settings.manifest_size_limit))
        gate, limits = open_gate(settings, Revocations(driver).contain), Limits(settings.limits)
        expiry = Expiry(settings.expire, gate.policy, parsing)
        if settings.expire and not all(container.driver.supports_expiry for container in containers):
            raise ConfigError(f"registry.expire: storage {settings.storage} has no files that vanish; remove it")
        if settings.auth.acts_for_callers and not all(container.driver.supports_callers for container in containers):
            raise ConfigError(
                f"auth.keystone.own_token: storage {settings.storage} takes no token of a user; remove it"
            )
        quotas = Quotas(settings.quotas, driver)
        return cls(settings, gate, limits, containers, memory, parsing, expiry, quotas, Events(settings))
