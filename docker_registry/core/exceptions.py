"""What a driver may raise: the exception names of docker-registry-core."""

from __future__ import annotations

__all__ = [
    "BrokenError",
    "ConfigError",
    "ConnectionError",
    "FileNotFoundError",
    "MissingError",
    "NotImplementedError",
    "UnreachableError",
    "UnspecifiedError",
    "UsageError",
    "WrongArgumentsError",
]


class UnspecifiedError(Exception):
    """The root of all errors a driver raises on purpose."""

    def __init__(self, *args: object, message: str = "No details") -> None:
        super().__init__(*args)
        self.message = message


class UsageError(UnspecifiedError):
    """The caller asked for something that cannot be had as asked."""


class NotImplementedError(UsageError):
    """This driver does not offer the operation."""


class FileNotFoundError(UsageError):
    """The storage answered that nothing is there. Never raised for an outage."""


class WrongArgumentsError(UsageError):
    """An argument has the wrong type or value, such as a range past the end."""


class ConfigError(UsageError):
    """The configuration is wrong; the text names the option and what to write."""


class ConnectionError(UnspecifiedError):
    """The storage could not do its part."""


class UnreachableError(ConnectionError):
    """No answer, a time-out, or the storage's own failure after all retries."""


class MissingError(ConnectionError):
    """The storage answers, but lacks a resource that must be there (an endpoint, a container)."""


class BrokenError(ConnectionError):
    """The storage refused the request, or what it returned cannot be trusted."""
