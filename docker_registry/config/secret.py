"""The keys that sign URLs of uploads and robots' passwords: several where they rotate, one derived where none is."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

from docker_registry.core.exceptions import ConfigError
from docker_registry.drivers.swift.settings import config
from docker_registry.settings import Settings

from .values import text

__all__ = ["ROBOTS_UNSIGNED", "UNSHARED", "doubts", "fingerprint", "needs_own", "secrets", "with_secret"]

ROBOTS_UNSIGNED = (
    "robots without secret_key (http.secret): their passwords are signed with a key made of Swift's password, and end"
    " when that changes; set one"
)
UNSHARED = (
    "no secret_key: URLs of uploads are signed with a key of this start, so uploads do not outlive a restart;"
    " set secret_key to the same text wherever several registries share this storage"
)

_SHORT = 16  # bytes; "placeholder" and "change-me" have fewer
_WEAK = (
    f"secret_key (http.secret) has fewer than {_SHORT} characters, and whoever guesses it can {{deeds}}:"
    " write a random text of 32 characters"
)
_FORGE_UPLOADS = "forge URLs of uploads, by which the registry reads and removes files"
_FORGE_ROBOTS = "log in as any robot, with a password for any repository that no list shows, and "


def doubts(settings: Settings, unset: Mapping[str, str]) -> list[str]:
    """What an operator should be told of the secret, a line each; `unset` as in `Loaded`."""
    found = []
    robots, variable = settings.auth.robots, unset.get("secret_key")
    if any(0 < len(secret) < _SHORT for secret in settings.secrets):
        found.append(_WEAK.format(deeds=f"{_FORGE_ROBOTS if robots else ''}{_FORGE_UPLOADS}"))
    if variable and not settings.secret and not needs_own(settings):
        found.append(f"secret_key: {variable} is not set, so the secret is derived from the credentials for Swift")
    if robots and not settings.secret:
        found.append(ROBOTS_UNSIGNED)
    return found


def secrets(value: Any) -> tuple[bytes, ...]:
    """A text, or a list of texts: the first signs, all verify."""
    if not isinstance(value, list):
        return (text(value).encode(),)
    if not value or not all(isinstance(item, str | int | float) and str(item) for item in value):
        raise ValueError("must be a text, or a list of texts of which none is empty")
    return tuple(text(item).encode() for item in value)


def fingerprint(secret: bytes) -> str:
    """What a secret can be told by, and not found by: trying one text takes some 50 ms."""
    return hashlib.scrypt(secret, salt=b"docker-registry-swift fingerprint 1", n=2**14, r=8, p=1, dklen=6).hex()


def needs_own(settings: Settings) -> bool:
    """Whether nothing is there to derive a secret from: only Swift's credentials are known to be secret.

    What else a driver is told (a folder, a bucket) may be known to anybody, and
    who can guess the secret can make a registry read and remove files.
    """
    return not settings.secret and settings.storage != "swift"


def with_secret(settings: Settings) -> Settings:
    """The same settings with a secret.

    It is derived from the credentials with which the driver reaches Swift, so
    all replicas on one Swift have the same one. scrypt keeps whoever sees a
    signed URL from guessing the password behind it. Raises ConfigError where
    there is nothing to derive it from.
    """
    if settings.secret:
        return settings
    return dataclasses.replace(settings, secret=_derived(settings))


def _derived(settings: Settings) -> bytes:
    driver = config.read(settings.driver)  # type: ignore[no-untyped-call]  # it runs on Python 2 too
    credential = driver.password or driver.application_credential_secret
    if not credential:
        raise ConfigError(
            "secret_key (http.secret) is missing, and there is no password to derive it from: write any random"
            " text of 32 characters, the same for all replicas"
        )
    context = f"upload URLs of {driver.container} in {driver.auth_url or driver.storage_url}, {settings.storage_path}"
    return hashlib.scrypt(credential.encode(), salt=context.encode(), n=2**14, r=8, p=1, dklen=32)
