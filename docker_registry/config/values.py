"""Single values of a config file: checked, converted, and never repeated in an error when they may be secret."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, TypeVar

from docker_registry.core.exceptions import ConfigError

__all__ = ["Options", "flag", "headers", "hint", "networks", "path_prefix", "seconds", "size", "text", "whole", "word"]

T = TypeVar("T")

_SIZE = re.compile(r"(\d+) *(|[kmgt]i?b?|b)", re.IGNORECASE)
_POWERS = {"": 0, "b": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LINE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")  # what goes into a header
_EACH_ANSWERS_OWN = {
    "connection",
    "content-length",
    "content-range",
    "content-type",
    "docker-content-digest",
    "location",
}
_EACH_ANSWERS_OWN |= {"range", "transfer-encoding"}


class Options:
    """One mapping of a config file, read option by option.

    `where` is how errors call the mapping: "config.yml, flavor swift". What
    nobody took is left in `rest`, so that no option is ever overlooked.
    """

    def __init__(self, values: object, where: str):
        if not isinstance(values, Mapping):
            raise ConfigError(f"{where}: must be a mapping of options")
        self.where = where
        self._values = {str(key): value for key, value in values.items() if value is not None}

    def take(self, name: str, convert: Callable[[Any], T], default: T) -> T:
        """An option's value, converted; raises ConfigError naming the option when it does not fit."""
        if name not in self._values:
            return default
        try:
            return convert(self._values.pop(name))
        except ValueError as error:
            raise ConfigError(f"{self.where}: {name}: {error}") from None

    def section(self, name: str) -> Options:
        return Options(self._values.pop(name, {}), f"{self.where}, {name}")

    def rest(self) -> dict[str, Any]:
        """What was not taken and is set."""
        return dict(self._values)

    def refuse_rest(self, known: Iterable[str]) -> None:
        """Raises ConfigError for the options that nobody took, with the nearest of the known ones."""
        for name in self._values:
            raise ConfigError(f"{self.where}: unknown option {name}{hint(name, known)}")


def hint(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the one probably meant."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


def text(value: Any) -> str:
    if isinstance(value, bool | list | dict):
        raise ValueError("must be text")
    return str(value)


def flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "yes", "on", "1", "false", "no", "off", "0"):
        return value.lower() in ("true", "yes", "on", "1")
    raise ValueError("must be true or false")


def word(*choices: str) -> Callable[[Any], str]:
    def convert(value: Any) -> str:
        if str(value).lower() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return str(value).lower()

    return convert


def whole(first: int, last: int) -> Callable[[Any], int]:
    def convert(value: Any) -> int:
        if isinstance(value, bool) or not re.fullmatch(r"\d+", str(value)) or not first <= int(value) <= last:
            raise ValueError(f"must be a whole number from {first} to {last}")
        return int(value)

    return convert


def size(value: Any) -> int:
    """Bytes: a number, or one with a unit of 1024 (`4MiB`, `64m`)."""
    match = _SIZE.fullmatch(str(value).strip())
    if isinstance(value, bool) or not match:
        raise ValueError("must be a number of bytes, such as 4194304 or 4MiB")
    return int(match[1]) * int(1024 ** _POWERS[match[2][:1].lower()])


def seconds(value: Any) -> float:
    """Seconds: a number, or Go's notation (`1h30m`)."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    written = str(value).strip()
    if re.fullmatch(r"\d+(\.\d+)?", written):
        return float(written)
    parts = _DURATION.findall(written)
    if not parts or "".join(number + unit for number, unit in parts) != written:
        raise ValueError("must be a number of seconds, or a time such as 90s or 1h30m")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def networks(value: Any) -> tuple[IPv4Network | IPv6Network, ...]:
    """Networks or single addresses: a list, or text with commas."""
    items = value if isinstance(value, list) else str(value).split(",")
    try:
        return tuple(ip_network(str(item).strip()) for item in items if str(item).strip())
    except ValueError as error:
        raise ValueError(f"must be addresses or networks such as 10.0.0.0/8: {error}") from None


def path_prefix(value: Any) -> str:
    """A URL's path in front of /v2/: "" or "/some/where"."""
    stripped = text(value).strip("/")
    if not re.fullmatch(r"[A-Za-z0-9._~/-]*", stripped):
        raise ValueError("must be a path such as /registry")
    return f"/{stripped}" if stripped else ""


def headers(value: Any) -> tuple[tuple[str, str], ...]:
    """Response headers: a mapping of names to a value or a list of values, each of which becomes a line."""
    if not isinstance(value, Mapping):
        raise ValueError("must be a mapping of header names to their values")
    pairs = []
    for name, given in value.items():
        if not _TOKEN.fullmatch(str(name)):
            raise ValueError(f"{name!r} cannot be the name of a header")
        if str(name).lower() in _EACH_ANSWERS_OWN:
            raise ValueError(f"{name} is different in each answer and cannot be set")
        pairs += [(str(name), _header_value(name, item)) for item in (given if isinstance(given, list) else [given])]
    return tuple(pairs)


def _header_value(name: object, item: Any) -> str:
    if isinstance(item, bool):
        return str(item).lower()  # as it was written: YAML made it a bool
    if not isinstance(item, str | int | float) or not _LINE.fullmatch(str(item)):
        raise ValueError(f"{name}: a value must be one line of text")
    return str(item)
