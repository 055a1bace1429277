"""The doors that the settings ask for."""

from __future__ import annotations

from collections.abc import Callable

from docker_registry.core.exceptions import ConfigError
from docker_registry.settings import KeystoneDoor, Settings

from .basic import Basic, Passwords
from .gate import Door, Gate
from .policy import Policy

__all__ = ["open_gate"]


def open_gate(settings: Settings, is_revoked: Callable[[str], bool] = lambda _: False) -> Gate:
    """`is_revoked` tells of a robot's password by its id. Raises ConfigError for files that cannot be read."""
    auth = settings.auth
    doors: list[Door] = []
    known: list[Passwords] = []
    if auth.htpasswd:
        from .htpasswd import Htpasswd

        known.append(Htpasswd(auth.htpasswd))
    if auth.keystone:
        known.append(_keystone(auth.keystone))
    if auth.robots:
        from .robots import Robots

        revoked = frozenset(auth.revoked)
        known.append(Robots(settings.secrets, lambda identity: identity in revoked or is_revoked(identity)))
    if known:
        doors.append(Basic(auth.realm, known))
    if auth.token:
        from .token import Token

        doors.append(Token(auth.token))
    by_groups = bool(auth.token and auth.token.groups)
    policy = Policy(auth.policy, auth.immutable, auth.groups, auth.read_only, rules_tokens=by_groups)
    return Gate(doors, policy, by_certificate=auth.certificates, by_proxy=bool(auth.header))


def _keystone(door: KeystoneDoor) -> Passwords:
    try:
        from .keystone import Keystone
    except ImportError as error:
        package = "docker-registry-driver-swift[keystone]"
        raise ConfigError(f"auth.keystone: needs {error.name}: pip install '{package}'") from None
    return Keystone(door)
